//! What a caller gets over HTTP who was not served.
#![cfg(feature = "http")]

use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

use http::{Response, StatusCode};
use serde_json::{Value, json};
use tower::BoxError;
use tower::load_shed::error::Overloaded;
use tower_tenant_breaker::http::{error_response, problem_response};
use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitOpen, Dependency, MissingReason, MissingTenant, OpenPeriod,
    Outcome, Policy, Rejection,
};

/// A tenant whose id must not get out.
const TENANT: &str = "7f3a9c-tenant";

/// The status, `Retry-After`, and the body of an answer, whose form is checked.
fn read(response: &Response<String>) -> (u16, Option<u64>, Value) {
    let content_type = response.headers().get("content-type").unwrap();
    assert_eq!(content_type, "application/problem+json");
    let body: Value = serde_json::from_str(response.body()).unwrap();
    assert_eq!(body["status"], response.status().as_u16());
    for member in ["type", "title", "detail"] {
        assert!(body[member].as_str().is_some_and(|text| !text.is_empty()));
    }
    let retry_after = response
        .headers()
        .get("retry-after")
        .map(|value| value.to_str().unwrap().parse().unwrap());
    (response.status().as_u16(), retry_after, body)
}

fn answer(error: impl Into<BoxError>) -> (u16, Option<u64>, Value) {
    read(&error_response(error.into()))
}

fn search(name: &str) -> Dependency {
    let policy = Policy::builder()
        .open_for(OpenPeriod::fixed(Duration::from_secs(30)).jitter(0.0))
        .half_open_max_calls(1)
        .build()
        .unwrap();
    CircuitBreakerRegistry::builder()
        .build()
        .unwrap()
        .dependency_with(name, policy)
        .unwrap()
}

fn rejection(dependency: &Dependency) -> CircuitOpen {
    match dependency.acquire(TENANT) {
        Err(Rejection::Open(open)) => open,
        other => panic!("{other:?}"),
    }
}

// ===== problem_response =====

#[tokio::test(start_paused = true)]
async fn a_rejection_is_503_with_the_seconds_that_are_left_and_a_tenth_at_most() {
    let search = search("search");
    let period = Duration::from_secs(300);
    search.circuit(TENANT).open_for(period).unwrap();
    tokio::time::advance(Duration::from_millis(99_500)).await;

    let open = rejection(&search);
    assert_eq!(open.retry_after(), Some(Duration::from_millis(200_500)));
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..100 {
        let (status, retry_after, body) = read(&problem_response(&open));
        assert_eq!(status, 503);
        let seconds = retry_after.unwrap();
        assert!((201..=221).contains(&seconds), "{seconds}");
        assert_eq!(body["retry_after_seconds"], seconds);
        seen.insert(seconds);
    }
    assert!(seen.len() > 5, "clients return in step: {seen:?}");
}

#[tokio::test(start_paused = true)]
async fn the_body_names_dependency_and_reason_and_never_the_tenant() {
    let search = search("search \"eu\"\n");
    search.circuit(TENANT).open().unwrap();
    let open = rejection(&search);
    assert_eq!(open.tenant(), Some(TENANT));

    let response: Response<String> = problem_response(&open);
    let (_, retry_after, body) = read(&response);
    assert!(!response.body().contains(TENANT), "{}", response.body());
    assert!(!format!("{:?}", response.headers()).contains(TENANT));
    let expected = json!({
        "type": "https://docs.rs/tower-tenant-breaker/latest/tower_tenant_breaker/struct.CircuitOpen.html",
        "title": "Circuit open",
        "status": 503,
        "detail": "calls to this dependency are not admitted at present",
        "dependency": "search \"eu\"\n",
        "reason": "by_hand",
        "retry_after_seconds": retry_after.unwrap(),
    });
    assert_eq!(body, expected);
}

#[tokio::test(start_paused = true)]
async fn a_circuit_that_is_forced_open_without_an_end_does_not_say_when_to_return() {
    let search = search("search");
    search.force_open("host 10.0.0.7 is down");
    let response: Response<String> = problem_response(&rejection(&search));
    let (status, retry_after, body) = read(&response);
    assert_eq!((status, retry_after), (503, None));
    assert_eq!(body["reason"], "forced");
    assert!(body.get("retry_after_seconds").is_none());
    // The note is the operator's own.
    assert!(!response.body().contains("10.0.0.7"));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_found_no_place_among_the_probes_may_return_in_a_second() {
    let search = search("search");
    search.circuit(TENANT).open().unwrap();
    tokio::time::advance(Duration::from_secs(31)).await;
    let probe = search.acquire(TENANT).unwrap();
    let open = rejection(&search);
    assert_eq!(open.retry_after(), Some(Duration::ZERO));

    let (status, retry_after, body) = read(&problem_response(&open));
    assert_eq!((status, retry_after), (503, Some(1)));
    assert_eq!(body["reason"], "half_open_full");
    probe.record(Outcome::Success);
}

// ===== error_response =====

#[tokio::test(start_paused = true)]
async fn a_rejection_among_the_errors_is_answered_as_a_rejection() {
    let search = search("search");
    search.circuit(TENANT).open().unwrap();
    let open = rejection(&search);
    for error in [
        BoxError::from(open.clone()),
        BoxError::from(Rejection::Open(open.clone())),
        BoxError::from(Around(open.clone().into())),
        BoxError::from(io::Error::other(open)),
    ] {
        let (status, retry_after, body) = answer(error);
        assert_eq!(status, 503);
        assert!(retry_after.is_some_and(|seconds| (30..=33).contains(&seconds)));
        assert_eq!(body["dependency"], "search");
    }
}

#[tokio::test(start_paused = true)]
async fn an_id_that_no_tenant_can_have_is_400() {
    let search = search("search");
    for id in ["", &"x".repeat(257)] {
        let rejection = search.acquire(id).unwrap_err();
        let Rejection::InvalidTenant(invalid) = rejection.clone() else {
            panic!("{rejection:?}");
        };
        assert_eq!(answer(rejection).0, 400);
        assert_eq!(answer(invalid).0, 400);
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_dependency_is_404_without_the_names_of_the_known_ones() {
    let policy = Policy::builder().build().unwrap();
    let registry = CircuitBreakerRegistry::builder()
        .max_dependencies(0)
        .build()
        .unwrap();
    let _ledger = registry.dependency_with("secret-ledger", policy).unwrap();
    let unknown = registry.dependency("sEarch").unwrap_err();
    assert!(unknown.to_string().contains("secret-ledger"));

    let response: Response<String> = error_response(unknown.into());
    assert_eq!(read(&response).0, 404);
    assert!(!response.body().contains("secret-ledger"));
    assert!(!response.body().contains("sEarch"));
}

#[test]
fn a_missing_tenant_is_400_whatever_the_reason() {
    for reason in [
        MissingReason::Absent,
        MissingReason::Empty,
        MissingReason::TooLong,
        MissingReason::NotUtf8,
        MissingReason::Repeated,
        MissingReason::Malformed,
    ] {
        let (status, retry_after, body) = answer(MissingTenant::new(reason));
        assert_eq!((status, retry_after), (400, None));
        assert_eq!(body["type"], "about:blank");
        assert_eq!(body["title"], "Bad Request");
    }
}

#[tokio::test(start_paused = true)]
async fn a_timeout_is_504_towers_and_tokios_alike() {
    let (status, _, body) = answer(tower::timeout::error::Elapsed::new());
    assert_eq!(status, 504);
    assert_eq!(body["detail"], "the dependency did not answer in time");

    let hanging = std::future::pending::<()>();
    let elapsed = tokio::time::timeout(Duration::from_millis(1), hanging).await;
    let elapsed = elapsed.unwrap_err();
    assert_eq!(answer(Around(elapsed.into())).0, 504);
}

#[test]
fn an_overload_is_503() {
    let (status, _, body) = answer(Overloaded::new());
    assert_eq!(status, 503);
    assert_eq!(body["detail"], "there are too many calls in the air");
    assert_eq!(answer(Around(Overloaded::new().into())).0, 503);
}

#[test]
fn anything_else_is_502_and_says_nothing_of_what_went_wrong() {
    let words = "postgres://admin:hunter2@10.0.0.7 refused";
    for error in [
        BoxError::from(words),
        BoxError::from(io::Error::other(words)),
        BoxError::from(Around(words.into())),
    ] {
        let response: Response<String> = error_response(error);
        let (status, retry_after, body) = read(&response);
        assert_eq!((status, retry_after), (502, None));
        assert_eq!(body["title"], "Bad Gateway");
        for word in ["postgres", "hunter2", "10.0.0.7", "refused", "around"] {
            assert!(!response.body().contains(word), "{}", response.body());
        }
    }
}

#[test]
fn the_answers_fit_the_bodies_of_axum_and_hyper() {
    use http_body_util::Full;
    let overloaded = || BoxError::from(Overloaded::new());
    let axum: axum::response::Response = error_response(overloaded());
    let hyper: Response<Full<hyper::body::Bytes>> = error_response(overloaded());
    assert_eq!(axum.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(hyper.status(), StatusCode::SERVICE_UNAVAILABLE);

    // And they are the functions that a layer takes.
    fn is_respond_with<Res>(_: impl Fn(&CircuitOpen) -> Res + Clone + Send + Sync + 'static) {}
    fn is_respond_to_error<Res>(_: impl Fn(BoxError) -> Res + Clone + Send + Sync + 'static) {}
    is_respond_with(problem_response::<axum::body::Body>);
    is_respond_to_error(error_response::<axum::body::Body>);
}

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
