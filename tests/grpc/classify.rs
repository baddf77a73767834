//! What heads, statuses and errors mean, and how refusals are told, without a socket.

use std::time::Duration;

use http::Response;
use tonic::metadata::MetadataMap;
use tonic::{Code, Status};
use tower::BoxError;
use tower::load_shed::error::Overloaded;
use tower_tenant_breaker::grpc::{GrpcClassify, StatusError, error_response, status_error};
use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitOpen, Classify, ErrIsFailure, MissingReason, MissingTenant,
    Outcome, Rejection,
};

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
    assert!(!status.to_string().contains("acme"), "{status}");
}
