//! tower-http's `Timeout`, which answers where tower's gives an error.

use std::time::Duration;

use http::{Response, StatusCode};
use tower::{BoxError, Service, ServiceBuilder};
use tower_http::timeout::TimeoutLayer;
use tower_tenant_breaker::http::problem_response;
use tower_tenant_breaker::{CircuitOpen, CircuitState, Dependency};

use crate::job::{Hang, Job, Succeed, job, printer, two_strikes};
use crate::{declare, limited, once, over_http, ready_to_probe};

const LIMIT: Duration = Duration::from_secs(1);
const TIMED_OUT: StatusCode = StatusCode::REQUEST_TIMEOUT;

fn timeout(status: StatusCode) -> TimeoutLayer {
    TimeoutLayer::with_status_code(status, LIMIT)
}

mod inside {
    use super::*;

    promises! {
        all: |printer, inner| over_http::service(
            ServiceBuilder::new()
                .layer(over_http::layer(printer))
                .layer(timeout(TIMED_OUT))
                .service(over_http::inner(inner)),
        )
    }
}

mod outside {
    use super::*;

    promises! {
        all: |printer, inner| over_http::service(
            ServiceBuilder::new()
                .layer(timeout(TIMED_OUT))
                .layer(over_http::layer(printer))
                .service(over_http::inner(inner)),
        )
    }
}

/// With the timeout further out.
fn further_out(
    printer: &Dependency,
) -> impl Service<Job, Response = Response<String>, Error = BoxError> + Clone {
    over_http::service(
        ServiceBuilder::new()
            .layer(timeout(TIMED_OUT))
            .layer(over_http::layer(printer))
            .service(over_http::inner(limited(1).1)),
    )
}

#[tokio::test(start_paused = true)]
async fn what_a_timeout_further_in_answers_is_a_failure_with_its_usual_statuses() {
    for status in [TIMED_OUT, StatusCode::GATEWAY_TIMEOUT] {
        let printer = printer();
        let service = over_http::service(
            ServiceBuilder::new()
                .layer(over_http::layer(&printer))
                .layer(timeout(status))
                .service(over_http::inner(limited(1).1)),
        );
        for _ in 0..2 {
            let response = once(&service, job("acme", Hang)).await.unwrap();
            assert_eq!(response.status(), status);
        }
        assert_eq!(printer.snapshot().totals.failures, 2);
        assert_eq!(printer.state("acme"), CircuitState::Open);
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_timeout_further_out_answers_was_a_cancelled_call_and_a_run_of_them_trips() {
    let printer = declare(two_strikes().abandoned_run(3));
    let service = further_out(&printer);
    for cancelled in 1..=3 {
        assert_eq!(printer.state("acme"), CircuitState::Closed);
        let response = once(&service, job("acme", Hang)).await.unwrap();
        assert_eq!(response.status(), TIMED_OUT);
        let totals = printer.snapshot().totals;
        let failures = if cancelled < 3 { 0 } else { 3 };
        assert_eq!((totals.cancelled, totals.failures), (cancelled, failures));
    }
    let error = once(&service, job("acme", Hang)).await.unwrap_err();
    assert!(error.is::<CircuitOpen>(), "at once: {error}");
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_a_timeout_further_out_drops_gives_its_place_back() {
    let printer = printer();
    let service = further_out(&printer);
    ready_to_probe(&printer, "acme").await;

    let response = once(&service, job("acme", Hang)).await.unwrap();
    assert_eq!(response.status(), TIMED_OUT);
    assert_eq!(printer.state("acme"), CircuitState::HalfOpen);
    once(&service, job("acme", Succeed)).await.unwrap();
    assert_eq!(printer.state("acme"), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_rejection_that_is_answered_passes_a_timeout_further_out() {
    let printer = printer();
    crate::open(&printer, "acme");
    let service = over_http::service(
        ServiceBuilder::new()
            .layer(timeout(TIMED_OUT))
            .layer(over_http::layer(&printer).respond_with(problem_response::<String>))
            .service(over_http::inner(limited(1).1)),
    );
    let response = once(&service, job("acme", Succeed)).await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(response.headers().contains_key("retry-after"));
}
