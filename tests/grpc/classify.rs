//! What heads, statuses and errors mean, and how refusals are told, without a socket.

use std::convert::Infallible;
use std::error::Error;
use std::future::ready;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::Response;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use tonic::metadata::MetadataMap;
use tonic::{Code, Status};
use tower::load_shed::error::Overloaded;
use tower::{BoxError, Layer, Service, service_fn};
use tower_tenant_breaker::grpc::{GrpcClassify, StatusError, error_response, status_error};
use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitOpen, Classify, ErrIsFailure, FixedTenant, MissingReason,
    MissingTenant, Outcome, Rejection, TenantCircuitBreakerLayer,
};

use crate::stack::{dependency, three_in_a_row, totals};

fn of_head(status: u16, headers: &[(&str, &str)]) -> Outcome {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    let response = response.body(()).unwrap();
    GrpcClassify::new().classify(Ok::<_, &BoxError>(&response))
}

fn of_error<E: 'static>(error: E) -> Outcome {
    GrpcClassify::new().classify(Err::<&tonic::Response<()>, _>(&error))
}

fn rejection() -> Rejection {
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    let search = registry.dependency("search").unwrap();
    search.circuit("acme").open().unwrap();
    search.acquire("acme").unwrap_err()
}

#[test]
fn an_answer_of_something_that_speaks_no_grpc_has_the_code_that_grpc_gives_it() {
    for (status, expected) in [
        (200, Outcome::Success),
        (204, Outcome::Success),
        (302, Outcome::failure()),
        (304, Outcome::Success),
        (400, Outcome::failure()),
        (401, Outcome::Success),
        (403, Outcome::failure()),
        (404, Outcome::Success),
        (429, Outcome::failure()),
        (500, Outcome::failure()),
        (502, Outcome::failure()),
        (503, Outcome::failure()),
        (504, Outcome::failure()),
    ] {
        assert_eq!(of_head(status, &[]), expected, "{status}");
    }
    let seven = Outcome::failure().with_retry_after(Duration::from_secs(7));
    assert_eq!(of_head(503, &[("retry-after", "7")]), seven);
    // What has a status of its own is believed.
    assert_eq!(of_head(503, &[("grpc-status", "0")]), Outcome::Success);
}

#[test]
fn what_is_said_of_a_code_holds_for_what_has_it_by_grpc_s_own_mapping() {
    for (status, code) in [
        (400, Code::Internal),
        (401, Code::Unauthenticated),
        (403, Code::PermissionDenied),
        (404, Code::Unimplemented),
        (429, Code::Unavailable),
        (502, Code::Unavailable),
        (503, Code::Unavailable),
        (504, Code::Unavailable),
        (500, Code::Unknown),
    ] {
        let response = Response::builder().status(status).body(()).unwrap();
        let classify = GrpcClassify::new().throttled_on(code);
        let outcome = classify.classify(Ok::<_, &BoxError>(&response));
        assert_eq!(outcome, Outcome::throttled(), "{status}");
    }
}

#[test]
fn a_status_means_the_same_in_a_head_and_as_an_error_however_it_is_wrapped() {
    for code in 0..=16 {
        let expected = of_head(200, &[("grpc-status", &code.to_string())]);
        let status = || Status::new(Code::from_i32(code), "");
        assert_eq!(of_error(status()), expected, "{code}");
        assert_eq!(of_error(BoxError::from(status())), expected, "{code}");
        let wrapped = BoxError::from(std::io::Error::other(status()));
        assert_eq!(of_error(wrapped), expected, "{code}");
    }
}

#[test]
fn a_pushback_among_the_metadata_of_a_status_is_a_hint() {
    let mut metadata = MetadataMap::new();
    metadata.insert("grpc-retry-pushback-ms", "1500".parse().unwrap());
    for (code, hint) in [
        (Code::Unavailable, true),
        (Code::ResourceExhausted, true),
        (Code::Ok, false),
    ] {
        let outcome = of_error(Status::with_metadata(code, "", metadata.clone()));
        assert_eq!(
            outcome.retry_after(),
            hint.then_some(Duration::from_millis(1500)),
            "{code:?}"
        );
    }
}

#[test]
fn what_this_side_refused_is_ignored_though_it_is_told_as_a_status() {
    for ours in [
        BoxError::from(rejection()),
        Overloaded::new().into(),
        MissingTenant::new(MissingReason::Absent).into(),
    ] {
        let told = status_error(ours);
        assert!(told.is::<StatusError>());
        assert_eq!(of_error(told), Outcome::Ignored);
    }
    // As tonic hands it to the caller.
    let status = Status::from_error(status_error(rejection().into()));
    assert_eq!(
        ErrIsFailure.classify(Err::<&(), _>(&status)),
        Outcome::Ignored
    );
    assert_eq!(of_error(status), Outcome::Ignored);
    assert_eq!(of_error("reset".to_owned()), Outcome::failure());
}

#[test]
fn refusals_timeouts_and_shed_load_are_told_alike_on_servers_and_on_clients() {
    let registry = CircuitBreakerRegistry::builder()
        .max_dependencies(0)
        .build();
    let unknown = registry.unwrap().dependency("search").unwrap_err();
    type Case = (fn() -> BoxError, Code);
    let cases: [Case; 4] = [
        (|| rejection().into(), Code::Unavailable),
        (
            || MissingTenant::new(MissingReason::Absent).into(),
            Code::InvalidArgument,
        ),
        (
            || tower::timeout::error::Elapsed::new().into(),
            Code::DeadlineExceeded,
        ),
        (|| Overloaded::new().into(), Code::ResourceExhausted),
    ];
    for (error, code) in cases {
        assert_eq!(Status::from_error(status_error(error())).code(), code);
        assert_eq!(answered(error()), code as i32);
    }
    assert_eq!(answered(unknown.into()), Code::Unimplemented as i32);
    // What has a status says it itself; of anything else, no word gets out.
    assert_eq!(
        answered(Status::data_loss("").into()),
        Code::DataLoss as i32
    );
    assert!(status_error(Status::data_loss("").into()).is::<Status>());
    assert!(
        status_error("10.0.0.7 refused".into())
            .to_string()
            .contains("10.0.0.7")
    );
    let response: Response<String> = error_response("10.0.0.7 refused".into());
    assert_eq!(response.headers()["grpc-status"], "2");
    assert!(!format!("{response:?}").contains("10.0.0.7"));
}

fn answered(error: BoxError) -> i32 {
    let response: Response<String> = error_response(error);
    assert_eq!(response.status(), 200);
    let status = response.headers()["grpc-status"].to_str().unwrap();
    status.parse().unwrap()
}

#[test]
fn a_rejection_is_found_in_the_status_that_a_caller_is_given() {
    let status = Status::from_error(status_error(rejection().into()));
    let open = CircuitOpen::find(&status).unwrap();
    assert_eq!(open.tenant(), Some("acme"));
    // As who logs it with all its sources shows it.
    let mut shown: Option<&dyn Error> = Some(&status);
    while let Some(error) = shown {
        assert!(!error.to_string().contains("acme"), "{error}");
        shown = error.source();
    }
}

/// What a call is counted as whose answer has this content type and these frames: calls, failures, ignored.
async fn counted<E: 'static>(
    content_type: &'static str,
    frames: Vec<Result<Frame<Bytes>, E>>,
) -> (u64, u64, u64) {
    let echo = dependency(three_in_a_row());
    let frames = Arc::new(Mutex::new(Some(frames)));
    let inner = service_fn(move |_: http::Request<()>| {
        let frames = frames.lock().unwrap().take().unwrap();
        let response = Response::builder().header("content-type", content_type);
        let body = StreamBody::new(stream::iter(frames));
        ready(Ok::<_, Infallible>(response.body(body).unwrap()))
    });
    let mut service = TenantCircuitBreakerLayer::new(echo.clone(), FixedTenant::new("acme"))
        .classify_grpc(GrpcClassify::new())
        .layer(inner);
    let mut body = pin!(
        service
            .call(http::Request::new(()))
            .await
            .unwrap()
            .into_body()
    );
    while let Some(Ok(_)) = body.frame().await {}
    let totals = totals(&echo);
    (totals.calls, totals.failures, totals.ignored)
}

fn message() -> Frame<Bytes> {
    Frame::data(Bytes::from_static(b"\0\0\0\0\0"))
}

#[tokio::test]
async fn what_speaks_no_grpc_behind_the_same_breaker_needs_no_status() {
    let last = Frame::data(Bytes::from_static(b"\x80\0\0\0\x0fgrpc-status:0\r\n"));
    let web = vec![Ok::<_, Infallible>(message()), Ok(last)];
    assert_eq!(counted("application/grpc-web+proto", web).await, (1, 0, 0));
    let plain = vec![Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"ok")))];
    assert_eq!(counted("text/plain", plain).await, (1, 0, 0));
    assert_eq!(
        counted("application/grpc", vec![Ok::<_, Infallible>(message())]).await,
        (1, 1, 0)
    );
}

#[tokio::test]
async fn a_rejection_further_in_that_ends_a_body_is_ignored_and_other_errors_are_judged_by_their_status()
 {
    let ours = Status::from_error(status_error(rejection().into()));
    assert_eq!(
        counted("application/grpc", vec![Ok(message()), Err(ours)]).await,
        (0, 0, 1)
    );
    let theirs = Status::unavailable("gone");
    assert_eq!(
        counted("application/grpc", vec![Ok(message()), Err(theirs)]).await,
        (1, 1, 0)
    );
    let theirs = Status::not_found("gone");
    assert_eq!(
        counted("application/grpc", vec![Ok(message()), Err(theirs)]).await,
        (1, 0, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn a_pushback_is_rounded_up_so_that_nobody_comes_back_too_early() {
    let echo = dependency(three_in_a_row());
    let half = Duration::from_micros(500);
    echo.circuit("acme").open_for(half).unwrap();
    let rejection = echo.acquire("acme").unwrap_err();
    let status = Status::from_error(status_error(rejection.into()));
    let pushback = status.metadata().get("grpc-retry-pushback-ms").unwrap();
    assert_eq!(pushback, "1");
}

#[tokio::test(start_paused = true)]
async fn where_calls_in_the_air_stand_in_the_way_the_pushback_is_a_second() {
    let echo = dependency(three_in_a_row().max_in_flight(1));
    let _call = echo.acquire("acme").unwrap();
    let rejection = echo.acquire("acme").unwrap_err();
    let status = Status::from_error(status_error(rejection.into()));
    let pushback = status.metadata().get("grpc-retry-pushback-ms").unwrap();
    assert_eq!(pushback, "1000");
}
