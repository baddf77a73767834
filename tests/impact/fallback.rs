use tower::{BoxError, Layer, Service, service_fn};
use tower_tenant_breaker::impact::Turn;
use tower_tenant_breaker::{
    CallError, Cause, CircuitOpen, ErrIsFailure, TenantCircuitBreakerLayer,
};

use super::job::{Fail, Job, Owner, Succeed, job, work};
use super::*;

type Plain = TenantCircuitBreakerLayer<Dependency, Owner, ErrIsFailure>;

fn printer() -> (CircuitBreakerRegistry, Plain) {
    let registry = registry(impact());
    let printer = declare(&registry, "printer", strict());
    let layer = TenantCircuitBreakerLayer::new(printer, Owner).classify(ErrIsFailure);
    (registry, layer)
}

#[tokio::test(start_paused = true)]
async fn a_rejected_call_that_a_fallback_answers_is_served() {
    let (registry, layer) = printer();
    let fallback = |_: Job, _: CircuitOpen| async { Ok("from the cache".to_owned()) };
    let mut service = layer.fallback(fallback).layer(service_fn(work));
    for _ in 0..3 {
        assert!(service.call(job("acme", Fail)).await.is_err());
    }
    for _ in 0..4 {
        service.call(job("acme", Succeed)).await.unwrap();
    }
    assert_eq!(figures(counts(&registry)), [3, 3, 0, 4, 4]);
}

#[tokio::test(start_paused = true)]
async fn a_failed_call_that_a_fallback_answers_is_served() {
    let (registry, layer) = printer();
    let fallback = |_: Job, _: Cause<String>| async { Ok("later".to_owned()) };
    let mut service = layer.fallback_on_failure(fallback).layer(service_fn(work));
    for _ in 0..5 {
        service.call(job("acme", Fail)).await.unwrap();
    }
    assert_eq!(figures(counts(&registry)), [3, 3, 0, 2, 5]);
}

#[tokio::test(start_paused = true)]
async fn a_fallback_that_fails_or_is_dropped_serves_nothing() {
    let (registry, layer) = printer();
    let fallback = |job: Job, cause: Cause<String>| async move {
        if job.tool == "slow" {
            std::future::pending::<()>().await;
        }
        cause.into_result()
    };
    let mut service = layer.fallback_on_failure(fallback).layer(service_fn(work));
    assert!(service.call(job("acme", Fail)).await.is_err());
    let slow = Job {
        tool: "slow".into(),
        ..job("acme", Fail)
    };
    let dropped = tokio::time::timeout(SECOND, service.call(slow)).await;
    assert!(dropped.is_err());
    assert_eq!(figures(counts(&registry)), [2, 2, 0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_the_circuit_ignores_is_not_served_by_its_fallback() {
    let registry = registry(impact());
    let printer = declare(&registry, "printer", strict());
    let ignore = |_: Result<&String, &BoxError>| Outcome::Ignored;
    let mut service = TenantCircuitBreakerLayer::new(printer, Owner)
        .classify(ignore)
        .fallback_on_failure(|_: Job, _: Cause<String>| async { Ok("later".to_owned()) })
        .layer(service_fn(work));
    service.call(job("acme", Fail)).await.unwrap();
    assert!(registry.impact().rows().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_response_to_a_rejection_is_no_fallback() {
    let (registry, layer) = printer();
    let mut service = layer
        .respond_with(|_: &CircuitOpen| "busy".to_owned())
        .layer(service_fn(work));
    for _ in 0..3 {
        assert!(service.call(job("acme", Fail)).await.is_err());
    }
    service.call(job("acme", Succeed)).await.unwrap();
    assert_eq!(figures(counts(&registry)), [3, 3, 0, 1, 0]);
}

#[tokio::test(start_paused = true)]
async fn what_call_or_gives_serves_failed_and_rejected_calls() {
    let registry = registry(impact());
    let search = declare(&registry, "search", strict());
    let down = async || Err::<u32, _>(std::io::Error::other("down"));
    for _ in 0..5 {
        search.call_or("acme", down(), |_| async { 0 }).await;
    }
    assert_eq!(figures(counts(&registry)), [3, 3, 0, 2, 5]);
    let invalid = |why| async move {
        assert!(matches!(why, CallError::<std::io::Error>::Rejected(_)));
        0
    };
    search.call_or("", down(), invalid).await;
    assert_eq!(figures(counts(&registry)), [3, 3, 0, 2, 5]);
}

#[tokio::test(start_paused = true)]
async fn a_tenant_without_a_circuit_may_be_served_too() {
    let (registry, layer) = printer();
    registry.get("printer").unwrap().force_open("maintenance");
    let fallback = |_: Job, _: CircuitOpen| async { Ok("from the cache".to_owned()) };
    let mut service = layer.fallback(fallback).layer(service_fn(work));
    let turn = Turn::scope("17", async { service.call(job("acme", Succeed)).await });
    turn.await.unwrap();
    assert_eq!(figures(counts(&registry)), [0, 0, 0, 1, 1]);
    assert_eq!(counts(&registry).turns.count, 1);
}
