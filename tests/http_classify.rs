//! What an HTTP response, or an error, means to a circuit.
#![cfg(feature = "http")]

use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

use http::{HeaderValue, Response, StatusCode};
use tower::BoxError;
use tower::load_shed::error::Overloaded;
use tower::timeout::error::Elapsed;
use tower_tenant_breaker::http::HttpClassify;
use tower_tenant_breaker::{
    CircuitBreakerRegistry, Classify, DefaultClassify, ErrIsFailure, MissingReason, MissingTenant,
    Outcome, Policy, Rejection,
};

fn response(status: u16, headers: &[(&'static str, &str)]) -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    for (name, value) in headers {
        let value = HeaderValue::from_str(value).unwrap();
        response.headers_mut().append(*name, value);
    }
    response
}

fn judged<C>(classify: &C, response: &Response<()>) -> Outcome
where
    C: Classify<Response<()>, BoxError>,
{
    classify.classify(Ok(response))
}

fn by_default(status: u16, headers: &[(&'static str, &str)]) -> Outcome {
    judged(&DefaultClassify, &response(status, headers))
}

fn failed(error: BoxError) -> Outcome {
    let outcome = ErrIsFailure.classify(Err::<&(), _>(&error));
    let of_http = DefaultClassify.classify(Err::<&Response<()>, _>(&error));
    assert_eq!(outcome, of_http);
    let of_table = HttpClassify::new().classify(Err::<&Response<()>, _>(&error));
    assert_eq!(outcome, of_table);
    outcome
}

const GRPC: (&str, &str) = ("content-type", "application/grpc");
const IN_SEVEN: (&str, &str) = ("retry-after", "7");

// ===== statuses =====

#[test]
fn every_status_has_the_meaning_that_the_table_gives_it() {
    for status in 100..=999 {
        let expected = match status {
            408 | 500..=599 => Outcome::failure(),
            429 => Outcome::throttled(),
            _ => Outcome::Success,
        };
        assert_eq!(by_default(status, &[]), expected, "{status}");
        let new = judged(&HttpClassify::new(), &response(status, &[]));
        assert_eq!(new, expected, "{status}");
    }
}

#[test]
fn hints_are_read_from_429_503_and_529_alone() {
    let hint = Duration::from_secs(7);
    for status in 100..=999 {
        let expected = match status {
            429 => Outcome::throttled().with_retry_after(hint),
            503 | 529 => Outcome::failure().with_retry_after(hint),
            _ => by_default(status, &[]),
        };
        assert_eq!(by_default(status, &[IN_SEVEN]), expected, "{status}");
    }
    let garbage = by_default(503, &[("retry-after", "soon")]);
    assert_eq!(garbage, Outcome::failure());
}

#[test]
fn a_status_can_be_given_another_meaning_and_the_others_keep_theirs() {
    const CLASSIFY: HttpClassify = HttpClassify::new()
        .success_on(StatusCode::NOT_IMPLEMENTED)
        .failure_on(StatusCode::NOT_FOUND)
        .throttled_on(StatusCode::FORBIDDEN)
        .ignored_on(StatusCode::SERVICE_UNAVAILABLE)
        .ignored_on(StatusCode::TOO_MANY_REQUESTS)
        .failure_on(StatusCode::TOO_MANY_REQUESTS);
    let hint = Duration::from_secs(7);
    for status in 100..=999 {
        let expected = match status {
            501 => Outcome::Success,
            404 => Outcome::failure().with_retry_after(hint),
            403 => Outcome::throttled().with_retry_after(hint),
            503 => Outcome::Ignored,
            // What is said last.
            429 => Outcome::failure().with_retry_after(hint),
            _ => by_default(status, &[IN_SEVEN]),
        };
        let outcome = judged(&CLASSIFY, &response(status, &[IN_SEVEN]));
        assert_eq!(outcome, expected, "{status}");
    }
    assert_eq!(
        format!(
            "{:?}",
            HttpClassify::new().failure_on(StatusCode::NOT_FOUND)
        ),
        "HttpClassify({404: Failure})"
    );
}

#[test]
fn a_closure_is_asked_first_and_what_it_does_not_know_is_judged_as_usual() {
    let teapot = |result: Result<&Response<()>, &BoxError>| match result {
        Ok(response) if response.status() == StatusCode::IM_A_TEAPOT => Some(Outcome::failure()),
        Ok(_) => None,
        Err(error) => error.is::<io::Error>().then_some(Outcome::Ignored),
    };

    let classify = DefaultClassify.ask_first(teapot);
    assert_eq!(judged(&classify, &response(418, &[])), Outcome::failure());
    assert_eq!(judged(&classify, &response(503, &[])), Outcome::failure());
    assert_eq!(judged(&classify, &response(404, &[])), Outcome::Success);
    let io: BoxError = io::Error::other("reset").into();
    let other: BoxError = "reset".into();
    assert_eq!(classify.classify(Err(&io)), Outcome::Ignored);
    assert_eq!(classify.classify(Err(&other)), Outcome::failure());

    let with_table = HttpClassify::new()
        .failure_on(StatusCode::NOT_FOUND)
        .ask_first(teapot);
    assert_eq!(judged(&with_table, &response(418, &[])), Outcome::failure());
    assert_eq!(judged(&with_table, &response(404, &[])), Outcome::failure());
    assert_eq!(judged(&with_table, &response(410, &[])), Outcome::Success);
}

// ===== gRPC =====

#[test]
fn a_grpc_response_is_judged_by_the_status_in_its_head() {
    for code in 0..=16 {
        let expected = match code {
            1 => Outcome::Cancelled,
            2 | 4 | 7 | 13 | 14 | 15 => Outcome::failure(),
            8 => Outcome::throttled(),
            _ => Outcome::Success,
        };
        for http in [200, 404, 429, 503] {
            let outcome = by_default(http, &[GRPC, ("grpc-status", &code.to_string())]);
            assert_eq!(outcome, expected, "grpc {code}, http {http}");
        }
    }
}

#[test]
fn a_grpc_status_that_is_none_is_a_failure() {
    for garbage in ["", "17", "-1", "00", "014", "14 ", "OK", "Unavailable"] {
        let outcome = by_default(200, &[GRPC, ("grpc-status", garbage)]);
        assert_eq!(outcome, Outcome::failure(), "{garbage:?}");
    }
}

#[test]
fn a_grpc_response_without_a_status_in_its_head_is_a_success_whatever_http_says() {
    for http in [200, 408, 429, 503] {
        assert_eq!(by_default(http, &[GRPC, IN_SEVEN]), Outcome::Success);
    }
    // What was said of HTTP's statuses was not said of gRPC.
    let classify = HttpClassify::new().failure_on(StatusCode::OK);
    assert_eq!(judged(&classify, &response(200, &[GRPC])), Outcome::Success);
}

#[test]
fn grpc_is_known_by_its_content_type() {
    for (content_type, is_grpc) in [
        ("application/grpc", true),
        ("application/grpc+proto", true),
        ("application/grpc;charset=utf-8", true),
        ("application/grpc ; charset=utf-8", true),
        ("Application/gRPC+JSON", true),
        ("application/grpc-web", false),
        ("application/grpc-web+proto", false),
        ("application/grpcurl", false),
        ("application/grp", false),
        ("text/html", false),
    ] {
        let headers = [("content-type", content_type), ("grpc-status", "0")];
        let expected = match is_grpc {
            true => Outcome::Success,
            false => Outcome::failure(),
        };
        assert_eq!(by_default(503, &headers), expected, "{content_type}");
    }
    // A proxy's own answer is not gRPC, even to a gRPC call.
    assert_eq!(by_default(503, &[("grpc-status", "0")]), Outcome::failure());
}

#[test]
fn a_grpc_hint_is_read_from_failed_and_throttled_calls() {
    let pushback = ("grpc-retry-pushback-ms", "1500");
    let hint = Duration::from_millis(1_500);
    for (code, expected) in [
        ("14", Outcome::failure().with_retry_after(hint)),
        ("8", Outcome::throttled().with_retry_after(hint)),
        ("0", Outcome::Success),
        ("5", Outcome::Success),
    ] {
        let outcome = by_default(200, &[GRPC, ("grpc-status", code), pushback]);
        assert_eq!(outcome, expected);
    }
    // Negative: "do not retry", which says nothing of when.
    let never = ("grpc-retry-pushback-ms", "-1");
    let outcome = by_default(200, &[GRPC, ("grpc-status", "14"), never]);
    assert_eq!(outcome, Outcome::failure());
}

// ===== errors =====

/// An error around another.
#[derive(Debug)]
struct Around(BoxError);

impl fmt::Display for Around {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("around")
    }
}

impl Error for Around {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.0)
    }
}

#[test]
fn an_error_is_a_failure_and_so_is_a_timeout() {
    assert_eq!(failed("connection reset".into()), Outcome::failure());
    assert_eq!(failed(Elapsed::new().into()), Outcome::failure());
    let timed_out = io::Error::from(io::ErrorKind::TimedOut);
    assert_eq!(failed(timed_out.into()), Outcome::failure());
    assert_eq!(failed(Around("reset".into()).into()), Outcome::failure());
}

#[test]
fn what_this_side_refused_is_ignored_however_deep_it_lies() {
    fn refusals() -> [BoxError; 2] {
        [
            Overloaded::new().into(),
            MissingTenant::new(MissingReason::Absent).into(),
        ]
    }
    for refusal in refusals() {
        assert_eq!(failed(refusal), Outcome::Ignored);
    }
    for refusal in refusals() {
        let deep = Around(Around(refusal).into());
        assert_eq!(failed(deep.into()), Outcome::Ignored);
    }
    for refusal in refusals() {
        let deep = Around(io::Error::other(refusal).into());
        assert_eq!(failed(deep.into()), Outcome::Ignored);
    }
}

#[tokio::test(start_paused = true)]
async fn the_refusals_of_a_breaker_further_in_are_ignored() {
    let registry = CircuitBreakerRegistry::builder()
        .max_dependencies(0)
        .build()
        .unwrap();
    let policy = Policy::builder().build().unwrap();
    let inner = registry.dependency_with("inner", policy).unwrap();
    inner.circuit("acme").open().unwrap();

    let rejection = inner.acquire("acme").unwrap_err();
    let Rejection::Open(open) = rejection.clone() else {
        panic!("{rejection:?}");
    };
    let invalid = inner.acquire("").unwrap_err();
    let unknown = registry.dependency("unknown").unwrap_err();
    let refusals = || -> [BoxError; 4] {
        [
            open.clone().into(),
            rejection.clone().into(),
            invalid.clone().into(),
            unknown.clone().into(),
        ]
    };
    for refusal in refusals() {
        assert_eq!(failed(refusal), Outcome::Ignored);
    }
    for refusal in refusals() {
        let deep = Around(Around(refusal).into());
        assert_eq!(failed(deep.into()), Outcome::Ignored);
    }
    // Unboxed, as the core's own callers meet them.
    let unboxed = ErrIsFailure.classify(Err::<&(), _>(&open));
    assert_eq!(unboxed, Outcome::Ignored);
    let unboxed = ErrIsFailure.classify(Err::<&(), _>(&rejection));
    assert_eq!(unboxed, Outcome::Ignored);
}

#[test]
fn an_error_can_be_boxed_in_any_way_or_not_at_all() {
    fn of<E: 'static>(error: E) -> Outcome {
        ErrIsFailure.classify(Err::<&(), _>(&error))
    }
    assert_eq!(of(Overloaded::new()), Outcome::Ignored);
    assert_eq!(
        of::<Box<dyn Error>>(Overloaded::new().into()),
        Outcome::Ignored
    );
    let sendable: Box<dyn Error + Send> = Box::new(Overloaded::new());
    assert_eq!(of(sendable), Outcome::Ignored);
    assert_eq!(of(io::Error::other(Overloaded::new())), Outcome::Ignored);
    assert_eq!(
        of(MissingTenant::new(MissingReason::Empty)),
        Outcome::Ignored
    );

    assert_eq!(of::<Box<dyn Error>>("reset".into()), Outcome::failure());
    assert_eq!(of(()), Outcome::failure());
    assert_eq!(of("not even an error"), Outcome::failure());
    // The documented limit: an error of one's own is not walked unless it is boxed.
    assert_eq!(of(Around(Overloaded::new().into())), Outcome::failure());
}

#[test]
fn a_response_of_any_kind_is_a_success_where_only_errors_fail() {
    let outcome = ErrIsFailure.classify(Ok::<_, &BoxError>(&response(503, &[])));
    assert_eq!(outcome, Outcome::Success);
}

#[test]
fn classifiers_can_go_anywhere() {
    fn anywhere<T: Copy + Send + Sync + fmt::Debug + 'static>(_: T) {}
    anywhere(DefaultClassify);
    anywhere(ErrIsFailure);
    anywhere(HttpClassify::default());
    anywhere(DefaultClassify.ask_first(|_: Result<&Response<()>, &BoxError>| None));
    assert_eq!(size_of::<DefaultClassify>(), 0);
    assert_eq!(size_of::<HttpClassify>(), 450);
}
