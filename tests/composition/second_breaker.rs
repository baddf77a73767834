//! A second breaker: of another dependency it is a neighbour as any other; of the same one it is a mistake.
//! `tower_laws.rs` has that a rejection further in is ignored further out.

use tokio::time::advance;
use tower::{BoxError, Layer, Service, ServiceBuilder};
use tower_tenant_breaker::{CircuitState, Dependency, Reason};

use crate::job::{Fail, Job, OPEN, Succeed, job, open, printer, registry, two_strikes};
use crate::{declare, layer, limited, once, ready_to_probe, rejection};

/// The dependency of the other breaker, which trips for its own reasons only.
fn never_trips() -> Dependency {
    declare(two_strikes().without_consecutive_failures())
}

mod inside {
    use super::*;

    promises! {
        all: |printer, inner| ServiceBuilder::new()
            .layer(layer(printer))
            .layer(layer(&never_trips()))
            .service(inner)
    }
}

mod outside {
    use super::*;

    promises! {
        all: |printer, inner| ServiceBuilder::new()
            .layer(layer(&never_trips()))
            .layer(layer(printer))
            .service(inner)
    }
}

/// Two dependencies, the first further out, and the service that both are around.
fn two() -> (
    [Dependency; 2],
    impl Service<Job, Response = String, Error = BoxError> + Clone,
) {
    let registry = registry();
    let [far, near] = ["gateway", "printer"].map(|name| registry.dependency(name).unwrap());
    let service = ServiceBuilder::new()
        .layer(layer(&far))
        .layer(layer(&near))
        .service(limited(1).1);
    ([far, near], service)
}

#[tokio::test(start_paused = true)]
async fn a_rejection_names_the_dependency_of_the_breaker_that_made_it() {
    let ([far, near], service) = two();
    open(&near, "acme");
    assert_eq!(rejection(&service, "acme").await.dependency(), "printer");
    open(&far, "acme");
    assert_eq!(rejection(&service, "acme").await.dependency(), "gateway");
    assert_eq!(
        near.snapshot().totals.rejected,
        1,
        "the second was not asked"
    );
}

#[tokio::test(start_paused = true)]
async fn a_failure_counts_in_both() {
    let ([far, near], service) = two();
    for _ in 0..2 {
        let failed = once(&service, job("acme", Fail)).await;
        assert!(failed.is_err());
    }
    for dependency in [&far, &near] {
        assert_eq!(dependency.snapshot().totals.failures, 2);
        assert_eq!(dependency.state("acme"), CircuitState::Open);
    }
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_rejected_further_in_proves_nothing_and_gives_its_place_back() {
    let ([far, near], service) = two();
    ready_to_probe(&far, "acme").await;
    open(&near, "acme");
    for ignored in 1..=3 {
        assert_eq!(rejection(&service, "acme").await.dependency(), "printer");
        assert_eq!(far.snapshot().totals.ignored, ignored);
        assert_eq!(far.state("acme"), CircuitState::HalfOpen);
    }
    advance(OPEN).await;
    once(&service, job("acme", Succeed)).await.unwrap();
    for dependency in [&far, &near] {
        assert_eq!(dependency.state("acme"), CircuitState::Closed);
    }
}

#[cfg(feature = "http")]
#[tokio::test(start_paused = true)]
async fn a_rejection_that_was_answered_further_in_is_a_failure_further_out() {
    use http::StatusCode;
    use tower_tenant_breaker::http::problem_response;

    use crate::over_http;

    let (far, near) = (printer(), printer());
    let service = over_http::service(
        ServiceBuilder::new()
            .layer(over_http::layer(&far))
            .layer(over_http::layer(&near).respond_with(problem_response::<String>))
            .service(over_http::inner(limited(1).1)),
    );
    open(&near, "acme");
    for failures in 1..=2 {
        let response = once(&service, job("acme", Succeed)).await.unwrap();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(far.snapshot().totals.failures, failures);
    }
    assert_eq!(far.state("acme"), CircuitState::Open);
}

// ===== the same dependency twice =====

fn twice(printer: &Dependency) -> impl Service<Job, Response = String, Error = BoxError> + Clone {
    ServiceBuilder::new()
        .layer(layer(printer))
        .layer(layer(printer))
        .service(limited(1).1)
}

#[tokio::test(start_paused = true)]
async fn the_same_dependency_twice_counts_every_call_twice() {
    let printer = printer();
    let service = twice(&printer);
    once(&service, job("acme", Succeed)).await.unwrap();
    assert_eq!(printer.snapshot().totals.calls, 2);
    // So one failure is two strikes.
    assert!(once(&service, job("acme", Fail)).await.is_err());
    assert_eq!(printer.state("acme"), CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn the_same_dependency_twice_with_one_place_for_a_probe_never_closes() {
    let printer = printer();
    let service = twice(&printer);
    ready_to_probe(&printer, "acme").await;
    for _ in 0..10 {
        let full = rejection(&service, "acme").await;
        assert_eq!(full.reason(), Reason::HalfOpenFull);
        assert_eq!(printer.state("acme"), CircuitState::HalfOpen);
    }
    // Around one service alone it would.
    let alone = layer(&printer).layer(limited(1).1);
    once(&alone, job("acme", Succeed)).await.unwrap();
    assert_eq!(printer.state("acme"), CircuitState::Closed);
}
