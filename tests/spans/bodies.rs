//! Calls that their body settles: the span lasts until it does.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use bytes::Bytes;
use futures_util::stream;
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::{Full, StreamBody};
use tower::{BoxError, Layer, Service, service_fn};
use tower_tenant_breaker::http::body::{JudgeData, SettleAt};
use tower_tenant_breaker::{FixedTenant, Outcome, TenantCircuitBreakerLayer};
use tracing::Level;

use crate::exported::{Exported, events, of_span};
use crate::job::printer;

type Step = Result<&'static str, &'static str>;

/// The answer of a call whose body takes these steps and then hangs.
async fn answered(at: SettleAt, status: u16, steps: &'static [Step]) -> impl Body<Data = Bytes> {
    let inner = service_fn(move |_: Request<()>| async move {
        let mut steps = steps.iter();
        let frames = stream::poll_fn(move |_| {
            tracing::info!("polled");
            match steps.next() {
                Some(Ok("")) => Poll::Ready(None),
                Some(Ok(data)) => {
                    Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(data.as_bytes())))))
                }
                Some(Err(error)) => Poll::Ready(Some(Err(BoxError::from(*error)))),
                None => Poll::Pending,
            }
        });
        let mut response = Response::new(StreamBody::new(frames));
        *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
        Ok::<_, Infallible>(response)
    });
    let mut service = TenantCircuitBreakerLayer::new(printer(), FixedTenant::new("acme"))
        .observe_body(at)
        .span_per_call()
        .layer(inner);
    service.call(Request::new(())).await.unwrap().into_body()
}

/// Polls so often.
fn read(body: impl Body<Data = Bytes>, polls: usize, after: impl FnOnce()) {
    let mut body = pin!(body);
    let waker = std::task::Waker::noop();
    for _ in 0..polls {
        let _ = body
            .as_mut()
            .poll_frame(&mut std::task::Context::from_waker(waker));
    }
    after();
}

#[tokio::test(start_paused = true)]
async fn a_span_lasts_until_the_body_settles_its_call_and_says_how() {
    let exported = Exported::up_to(Level::TRACE);
    let cases: [(SettleAt, &'static [Step], usize, &str); 4] = [
        (SettleAt::End, &[Ok("a"), Ok("")], 2, "success"),
        (SettleAt::End, &[Ok("a"), Err("broke")], 2, "failure"),
        (
            SettleAt::EndTimedAtFirstData,
            &[Ok("a"), Err("broke")],
            2,
            "failure",
        ),
        (SettleAt::FirstData, &[Ok("a"), Err("broke")], 1, "success"),
    ];
    for (at, steps, polls, outcome) in cases {
        let body = answered(at, 200, steps).await;
        assert!(exported.calls().is_empty(), "it ended with the head");
        read(body, polls, || {
            let call = exported.one_call();
            assert_eq!(of_span(&call, "outcome"), outcome);
            assert_eq!(events(&call, "polled").len(), polls);
            assert_eq!(events(&call, "circuit_breaker.call_ended").len(), 1);
        });
        assert!(exported.calls().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_that_is_bad_ends_the_span() {
    let exported = Exported::up_to(Level::TRACE);
    let body = answered(SettleAt::End, 503, &[Ok("sorry")]).await;
    assert_eq!(of_span(&exported.one_call(), "outcome"), "failure");
    drop(body);
    assert!(exported.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_dropped_unsettled_ends_the_span_as_cancelled() {
    let exported = Exported::up_to(Level::TRACE);
    for polls in [0, 1, 2] {
        let body = answered(SettleAt::End, 200, &[Ok("a")]).await;
        read(body, polls, || assert!(exported.calls().is_empty()));
        assert_eq!(of_span(&exported.one_call(), "outcome"), "cancelled");
    }
}

#[tokio::test(start_paused = true)]
async fn a_judge_that_panics_in_a_body_ends_the_span_as_ignored() {
    let exported = Exported::up_to(Level::TRACE);
    let inner = service_fn(|_: Request<()>| async {
        let data = Bytes::from_static(b"data");
        Ok::<_, Infallible>(Response::new(Full::new(data)))
    });
    let judge = JudgeData::new(|_: &Bytes| -> Option<Outcome> { panic!("the judge's own") });
    let mut service = TenantCircuitBreakerLayer::new(printer(), FixedTenant::new("acme"))
        .observe_body_with(SettleAt::End, judge)
        .span_per_call()
        .layer(inner);
    let body = service.call(Request::new(())).await.unwrap().into_body();
    let unwound = catch_unwind(AssertUnwindSafe(|| read(body, 1, || {})));
    assert!(unwound.is_err());
    assert_eq!(of_span(&exported.one_call(), "outcome"), "ignored");
}
