//! tower's `Timeout`: a failure further in, a cancelled call further out.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::advance;
use tokio_test::{assert_pending, task};
use tower::timeout::error::Elapsed;
use tower::{BoxError, Service, ServiceBuilder};
use tower_tenant_breaker::{CircuitOpen, CircuitState, Dependency};

use crate::job::{Hang, Job, OPEN, Succeed, job, printer, two_strikes};
use crate::{Limited, call, declare, in_time, layer, limited, once, ready_to_probe};

const LIMIT: Duration = Duration::from_secs(1);

mod inside {
    use super::*;

    promises! {
        all: |printer, inner| ServiceBuilder::new().layer(layer(printer)).timeout(LIMIT).service(inner)
    }
}

mod outside {
    use super::*;

    promises! {
        all: |printer, inner| ServiceBuilder::new().timeout(LIMIT).layer(layer(printer)).service(inner)
    }
}

fn further_in(
    printer: &Dependency,
    inner: Limited,
) -> impl Service<Job, Response = String, Error = BoxError> + Clone {
    ServiceBuilder::new()
        .layer(layer(printer))
        .timeout(LIMIT)
        .service(inner)
}

fn further_out(
    printer: &Dependency,
    inner: Limited,
) -> impl Service<Job, Response = String, Error = BoxError> + Clone {
    ServiceBuilder::new()
        .timeout(LIMIT)
        .layer(layer(printer))
        .service(inner)
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_times_out_further_in_has_failed_and_gives_its_place_back() {
    let printer = printer();
    let mut service = further_in(&printer, limited(1).1);
    ready_to_probe(&printer, "acme").await;

    let error = call(&mut service, job("acme", Hang)).await.unwrap_err();
    assert!(error.is::<Elapsed>(), "{error}");
    assert_eq!(printer.state("acme"), CircuitState::Open);
    assert_eq!(printer.snapshot().totals.probe_failures, 1);

    advance(2 * OPEN).await;
    call(&mut service, job("acme", Succeed)).await.unwrap();
    assert_eq!(printer.state("acme"), CircuitState::Closed);
}

// tower's `Timeout` counts from the call on, and readiness comes before it.
#[tokio::test(start_paused = true)]
async fn a_timeout_further_in_does_not_bound_the_wait_for_what_is_behind_it() {
    let printer = printer();
    let (semaphore, inner) = limited(1);
    let _held = Arc::clone(&semaphore).acquire_owned().await;

    let mut service = further_in(&printer, inner);
    let mut waiting = task::spawn(call(&mut service, job("acme", Succeed)));
    assert_pending!(waiting.poll());
    advance(10 * LIMIT).await;
    assert!(!waiting.is_woken());
    assert_pending!(waiting.poll());
}

#[tokio::test(start_paused = true)]
async fn a_timeout_further_out_bounds_that_wait_and_leaves_no_reservation() {
    let printer = printer();
    let (semaphore, inner) = limited(1);
    let held = Arc::clone(&semaphore).acquire_owned().await;

    let mut service = further_out(&printer, inner);
    let error = in_time(call(&mut service, job("acme", Succeed)))
        .await
        .unwrap_err();
    assert!(error.is::<Elapsed>(), "{error}");
    drop(held);
    assert_eq!(semaphore.available_permits(), 1);
    call(&mut service, job("acme", Succeed)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_timeout_further_out_is_a_cancelled_call_and_a_run_of_them_trips() {
    let printer = declare(two_strikes().abandoned_run(3));
    let service = further_out(&printer, limited(1).1);
    for cancelled in 1..=3 {
        assert_eq!(printer.state("acme"), CircuitState::Closed);
        let error = once(&service, job("acme", Hang)).await.unwrap_err();
        assert!(error.is::<Elapsed>(), "{error}");
        let totals = printer.snapshot().totals;
        let failures = if cancelled < 3 { 0 } else { 3 };
        assert_eq!((totals.cancelled, totals.failures), (cancelled, failures));
    }
    assert_eq!(printer.state("acme"), CircuitState::Open);
    let error = once(&service, job("acme", Hang)).await.unwrap_err();
    assert!(error.is::<CircuitOpen>(), "at once: {error}");
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_a_timeout_further_out_drops_gives_its_place_back() {
    let printer = printer();
    let service = further_out(&printer, limited(1).1);
    ready_to_probe(&printer, "acme").await;

    let error = once(&service, job("acme", Hang)).await.unwrap_err();
    assert!(error.is::<Elapsed>(), "{error}");
    assert_eq!(printer.state("acme"), CircuitState::HalfOpen);
    once(&service, job("acme", Succeed)).await.unwrap();
    assert_eq!(printer.state("acme"), CircuitState::Closed);
}
