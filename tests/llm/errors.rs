//! The bodies of errors: what is read of them, and that they are handed on as they came.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http_body::Body;
use http_body_util::{BodyExt, Full};
use proptest::prelude::*;
use tokio_test::{assert_pending, assert_ready_ok, task};
use tower_tenant_breaker::agent::llm::HandedOnBody;

use super::*;
use crate::script::{Break, Data, End, Script, Step, Trailers, Wait, poll, script};

const JSON: (&str, &str) = ("content-type", "application/json; charset=utf-8");
const QUOTA: &str = r#"{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#;

/// The answer as it leaves the layer, if it does so without waiting.
fn read<B>(answer: Response<B>) -> Response<HandedOnBody<B>>
where
    B: Body<Data: AsRef<[u8]>> + Unpin,
{
    let mut answer = Some(answer);
    let inner = service_fn(move |()| ready(Ok::<_, Infallible>(answer.take().unwrap())));
    let mut service = ProviderErrorLayer::new().layer(inner);
    assert_ready_ok!(task::spawn(service.call(())).poll())
}

fn kind<B>(answer: &Response<B>) -> Option<ProviderErrorKind> {
    answer.extensions().get().map(ProviderError::kind)
}

/// All that a body gives: its data, its trailers, and whether it broke off.
fn rest<B: Body<Data = Bytes> + Unpin>(body: &mut B) -> (Vec<u8>, Option<http::HeaderMap>, bool) {
    let (mut data, mut trailers) = (Vec::new(), None);
    loop {
        match poll(body) {
            std::task::Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                Ok(piece) => data.extend_from_slice(&piece),
                Err(frame) => trailers = frame.into_trailers().ok(),
            },
            std::task::Poll::Ready(Some(Err(_))) => return (data, trailers, true),
            std::task::Poll::Ready(None) => return (data, trailers, false),
            std::task::Poll::Pending => panic!("it waits"),
        }
    }
}

#[test]
fn the_kind_of_an_error_is_noted_and_its_body_handed_on_byte_for_byte() {
    for size in [1, 7, QUOTA.len()] {
        let pieces: Vec<&'static str> = QUOTA
            .as_bytes()
            .chunks(size)
            .map(|piece| str::from_utf8(piece).unwrap())
            .collect();
        let mut steps: Vec<Step> = pieces.into_iter().map(Data).collect();
        steps.extend([Trailers(&[("server-timing", "db")]), End]);
        let answer = read(answer(429, &[JSON], script(&steps)));
        assert_eq!(
            kind(&answer),
            Some(ProviderErrorKind::QuotaExhausted),
            "in pieces of {size}"
        );
        let (head, mut body) = answer.into_parts();
        assert_eq!(head.status, 429);
        assert_eq!(head.headers.len(), 1);
        let (data, trailers, broke) = rest(&mut body);
        assert_eq!((&data[..], broke), (QUOTA.as_bytes(), false));
        assert_eq!(trailers.unwrap()["server-timing"], "db");
        assert!(body.is_end_stream());
    }
}

#[test]
fn a_body_that_breaks_off_is_handed_on_with_its_error_and_judged_by_what_there_was() {
    let answer = read(answer(429, &[JSON], script(&[Data(QUOTA), Break])));
    assert_eq!(kind(&answer), Some(ProviderErrorKind::QuotaExhausted));
    let mut body = answer.into_body();
    assert!(!body.is_end_stream());
    let (data, _, broke) = rest(&mut body);
    assert_eq!((&data[..], broke), (QUOTA.as_bytes(), true));
    assert!(matches!(poll(&mut body), std::task::Poll::Ready(None)));
}

#[test]
fn beyond_the_bound_a_body_passes_unread() {
    const MOST: usize = ProviderErrorLayer::MAX_READ;
    assert_eq!(MOST, 16_384);
    let padded = |pad: usize| {
        let text: &'static str = Box::leak(format!("{}{QUOTA}", " ".repeat(pad)).into_boxed_str());
        let (first, second) = text.split_at(MOST / 2);
        let (second, third) = second.split_at(second.len().min(MOST / 2));
        (
            text,
            [Data(first), Data(second), Data(third), Data("more"), End],
        )
    };
    let (whole, steps) = padded(MOST - QUOTA.len());
    let inside = read(answer(429, &[JSON], script(&steps)));
    assert_eq!(kind(&inside), Some(ProviderErrorKind::QuotaExhausted));
    let mut expected = whole.as_bytes().to_vec();
    expected.extend_from_slice(b"more");
    assert_eq!(rest(&mut inside.into_body()).0, expected);

    let (_, steps) = padded(MOST);
    // Whoever polled for a third frame would panic.
    let unread = [&steps[..2], &[script::Panic]].concat();
    let outside = read(answer(429, &[JSON], script(&unread)));
    assert_eq!(kind(&outside), None);
    let mut body = outside.into_body();
    for _ in 0..2 {
        assert!(matches!(
            poll(&mut body),
            std::task::Poll::Ready(Some(Ok(_)))
        ));
    }
}

#[test]
fn what_is_torn_to_shreds_is_not_held() {
    let shreds: Vec<Step> = std::iter::repeat_n(Data(" "), 256).chain([Break]).collect();
    let answer = read(answer(429, &[JSON], script(&shreds)));
    assert_eq!(rest(&mut answer.into_body()).0.len(), 256);
}

/// What a body gives, frame for frame, up to its end or an error.
fn frames<B: Body<Data = Bytes> + Unpin>(
    body: &mut B,
) -> Vec<Option<Result<Bytes, Option<http::HeaderMap>>>> {
    let mut frames = Vec::new();
    loop {
        let std::task::Poll::Ready(polled) = poll(body) else {
            panic!("it waits");
        };
        let is_over = !matches!(polled, Some(Ok(_)));
        frames.push(polled.map(|frame| {
            match frame {
                Ok(frame) => frame
                    .into_data()
                    .map_err(|frame| frame.into_trailers().ok()),
                Err(_) => Err(None),
            }
        }));
        if is_over {
            return frames;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn whatever_an_errors_body_is_it_is_handed_on_frame_for_frame(
        lengths in prop_oneof![
            prop::collection::vec(0_usize..9_000, 0..8),
            prop::collection::vec(0_usize..3, 200..300),
        ],
        end in prop_oneof![Just(End), Just(Break), Just(Trailers(&[("server-timing", "db")]))],
    ) {
        const TEXT: &str = match str::from_utf8(&[b'['; 9_000]) {
            Ok(text) => text,
            Err(_) => "",
        };
        let mut steps: Vec<Step> = lengths.iter().map(|length| Data(&TEXT[..*length])).collect();
        steps.extend([end, End]);
        let handed_on = frames(&mut read(answer(429, &[JSON], script(&steps))).into_body());
        let given = frames(&mut script(&steps));
        prop_assert!(handed_on == given);
    }
}

#[test]
fn frames_without_data_are_not_waited_for_without_end() {
    // Whoever polled once more would panic.
    let endless: Vec<Step> = std::iter::repeat_n(Data(""), 256)
        .chain([script::Panic])
        .collect();
    let answer = read(answer(429, &[JSON], script(&endless)));
    assert_eq!(kind(&answer), None);
}

#[test]
fn a_byte_order_mark_is_no_part_of_what_is_said() {
    const MARK: &str = "\u{feff}";
    let answer = read(answer(
        429,
        &[JSON],
        script(&[Data(MARK), Data(QUOTA), End]),
    ));
    assert_eq!(kind(&answer), Some(ProviderErrorKind::QuotaExhausted));
    let whole = [MARK, QUOTA].concat();
    assert_eq!(rest(&mut answer.into_body()).0, whole.as_bytes());
}

#[test]
fn what_is_no_error_in_plain_json_is_not_polled() {
    for (status, headers) in [
        (200, &[JSON][..]),
        (200, &[("content-type", "text/event-stream")]),
        (302, &[JSON]),
        (429, &[("content-type", "text/html")]),
        (429, &[("content-type", "application/jsonp")]),
        (429, &[]),
        (429, &[JSON, ("content-encoding", "gzip")]),
    ] {
        // It would panic.
        let mut answer = read(answer(status, headers, script(&[script::Panic])));
        assert_eq!(kind(&answer), None, "{status} {headers:?}");
        assert_eq!(answer.body_mut().size_hint().exact(), Some(77));
    }
}

#[test]
fn every_name_for_json_is_known() {
    for name in [
        "application/json",
        "Application/JSON;charset=utf-8",
        "application/problem+json",
        "application/x-amz-json-1.1",
    ] {
        let answer = read(answer(
            400,
            &[("content-type", name), ("content-encoding", "identity")],
            script(&[Data(QUOTA), End]),
        ));
        assert_eq!(
            kind(&answer),
            Some(ProviderErrorKind::QuotaExhausted),
            "{name}"
        );
    }
}

#[test]
fn garbage_is_handed_on_and_has_no_kind() {
    for garbage in [
        "",
        "{",
        "[[[[",
        "null",
        "{\"error\":{\"code\":\"new\"}}",
        "<html>",
    ] {
        let answer = read(answer(
            500,
            &[JSON],
            Full::new(Bytes::from_static(garbage.as_bytes())),
        ));
        assert_eq!(kind(&answer), None, "{garbage}");
        assert_eq!(rest(&mut answer.into_body()).0, garbage.as_bytes());
    }
}

#[test]
fn the_size_that_is_promised_is_that_of_all_that_comes() {
    let mut body = read(answer(
        429,
        &[JSON],
        Full::new(Bytes::from_static(QUOTA.as_bytes())),
    ))
    .into_body();
    assert_eq!(body.size_hint().exact(), Some(QUOTA.len() as u64));
    assert!(!body.is_end_stream());
    let _ = poll(&mut body);
    assert_eq!(body.size_hint().exact(), Some(0));
    assert!(body.is_end_stream());
}

#[test]
fn the_size_of_what_ends_with_trailers_is_not_promised() {
    // A server of HTTP/1 that is promised a size has no place for them.
    let steps = [Data(QUOTA), Trailers(&[("server-timing", "db")])];
    let body = script(&steps).of_unknown_length();
    let body = read(answer(429, &[JSON], body)).into_body();
    let hint = body.size_hint();
    assert_eq!((hint.lower(), hint.upper()), (QUOTA.len() as u64, None));
}

#[test]
fn nothing_of_an_error_is_printed_but_its_kind() {
    let answer = read(answer(
        429,
        &[JSON],
        Full::new(Bytes::from_static(QUOTA.as_bytes())),
    ));
    let error: &ProviderError = answer.extensions().get().unwrap();
    assert_eq!(format!("{error:?}"), "ProviderError(QuotaExhausted)");
    assert!(!format!("{:?}", answer.body()).contains("quota"));
}

#[tokio::test(start_paused = true)]
async fn an_error_whose_body_stalls_ends_with_the_timeout_and_its_call_is_dropped() {
    let stalled = || answer(429, &[JSON], script(&[Data("{\"error\":"), Wait, Wait]));
    let inner = service_fn(move |_: Request<()>| ready(Ok::<_, Infallible>(stalled())));
    let provider = provider(llm_policy());
    let mut service = tower::ServiceBuilder::new()
        .layer(breaker(&provider).classify_llm())
        .timeout(SECOND)
        .layer(ProviderErrorLayer::new())
        .service(inner);
    let mut call = task::spawn(service.call(question("acme")));
    assert_pending!(call.poll());
    let error = call.await.unwrap_err();
    assert!(error.is::<tower::timeout::error::Elapsed>());
    assert_eq!(provider.snapshot().totals.failures, 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_is_dropped_with_all_that_it_holds() {
    struct Counted(Arc<AtomicUsize>, Script);
    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    impl Body for Counted {
        type Data = Bytes;
        type Error = script::Broken;
        fn poll_frame(
            mut self: std::pin::Pin<&mut Self>,
            cx: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, script::Broken>>> {
            std::pin::Pin::new(&mut self.1).poll_frame(cx)
        }
    }
    let dropped = Arc::new(AtomicUsize::new(0));
    let body = Counted(dropped.clone(), script(&[Data("{"), Wait]));
    let mut answer = Some(answer(500, &[JSON], body));
    let inner = service_fn(move |()| ready(Ok::<_, Infallible>(answer.take().unwrap())));
    let mut service = ProviderErrorLayer::new().layer(inner);
    let mut call = task::spawn(service.call(()));
    assert_pending!(call.poll());
    drop(call);
    assert_eq!(dropped.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn errors_and_readiness_of_the_inner_service_pass() {
    let failing = service_fn(|()| ready(Err::<Response<Full<Bytes>>, _>("no connection")));
    let error = ProviderErrorLayer::new()
        .layer(failing)
        .oneshot(())
        .await
        .unwrap_err();
    assert_eq!(error, "no connection");

    let full = tower::limit::ConcurrencyLimit::new(
        service_fn(|()| pending::<Result<Response<Full<Bytes>>, Infallible>>()),
        1,
    );
    let mut service = task::spawn(ProviderErrorLayer::new().layer(full));
    tokio_test::assert_ready_ok!(service.enter(|cx, mut service| service.poll_ready(cx)));
    let _call = service.enter(|_, mut service| service.call(()));
    assert_pending!(service.enter(|cx, mut service| service.poll_ready(cx)));
}

#[tokio::test(start_paused = true)]
async fn a_quota_that_is_used_up_is_told_from_a_limit_by_its_body_alone() {
    const LIMIT: &str = r#"{"error":{"message":"Rate limit reached","type":"tokens","param":null,"code":"rate_limit_exceeded"}}"#;
    for (text, expected) in [
        (QUOTA, Outcome::QuotaExhausted),
        (LIMIT, Outcome::throttled()),
    ] {
        let answer = read(answer(
            429,
            &[JSON],
            Full::new(Bytes::from_static(text.as_bytes())),
        ));
        assert_eq!(LlmClassify.classify(Ok::<_, &BoxError>(&answer)), expected);
        let whole = answer.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(whole, text);
    }
}

#[test]
fn what_reads_an_error_and_what_hands_it_on_are_shown_without_its_text() {
    let answer = Response::builder().status(429).header(JSON.0, JSON.1);
    let answer = answer.body(Full::new(Bytes::from_static(QUOTA.as_bytes())));
    let mut answer = Some(answer.unwrap());
    let inner = service_fn(move |()| ready(Ok::<_, Infallible>(answer.take().unwrap())));
    let mut call = task::spawn(ProviderErrorLayer::new().layer(inner).call(()));
    let shown = format!("{:?}", &*call);
    assert_eq!(shown, "ProviderErrorFuture { is_reading: false, .. }");
    let answer = assert_ready_ok!(call.poll());
    let shown = format!("{:?}", answer.body());
    let expected = format!("HandedOnBody {{ held_bytes: {}, .. }}", QUOTA.len());
    assert_eq!(shown, expected);
}

#[tokio::test]
async fn what_has_given_its_result_stays_pending() {
    for (status, body) in [(200, "{}"), (429, QUOTA)] {
        let answer = Response::builder().status(status).header(JSON.0, JSON.1);
        let mut answer = Some(
            answer
                .body(Full::new(Bytes::from_static(body.as_bytes())))
                .unwrap(),
        );
        let inner = service_fn(move |()| ready(Ok::<_, Infallible>(answer.take().unwrap())));
        let mut call = task::spawn(ProviderErrorLayer::new().layer(inner).call(()));
        assert_ready_ok!(call.poll());
        assert_pending!(call.poll());
    }
}
