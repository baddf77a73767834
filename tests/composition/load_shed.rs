//! `LoadShed`: what it sheds is ours, not the dependency's. Further in, over a `ConcurrencyLimit`, it wants
//! a clone for each call; further out it has nothing to shed, since the breaker is always ready.

use std::sync::Arc;

use tokio_test::{assert_pending, task};
use tower::load_shed::LoadShed;
use tower::load_shed::error::Overloaded;
use tower::{BoxError, Layer, Service, ServiceBuilder, ServiceExt};
use tower_tenant_breaker::{CircuitOpen, CircuitState, Reason};

use crate::job::{Hang, Job, Succeed, job, open, printer, two_strikes};
use crate::{call, declare, layer, limited, once, ready_to_probe, rejection};

mod inside {
    use super::*;

    // The others are about calls that wait, and here none does.
    promises! {
        these: |printer, inner| ServiceBuilder::new().layer(layer(printer)).load_shed().service(inner),
        the_inners_error_arrives_as_itself_and_trips,
        a_rejection_arrives_as_itself_and_is_counted,
        a_rejected_call_leaves_no_reservation,
        a_probe_that_is_dropped_gives_its_place_back
    }
}

mod outside {
    use super::*;

    promises! {
        all: |printer, inner| ServiceBuilder::new().load_shed().layer(layer(printer)).service(inner)
    }
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_shed_further_in_proves_nothing_and_gives_its_place_back() {
    let printer = printer();
    let (semaphore, inner) = limited(1);
    let service = layer(&printer).layer(LoadShed::new(inner));
    ready_to_probe(&printer, "acme").await;

    let busy = Arc::clone(&semaphore).acquire_owned().await;
    for shed in 1..=3 {
        let error = once(&service, job("acme", Succeed)).await.unwrap_err();
        assert!(error.is::<Overloaded>(), "{error}");
        assert_eq!(printer.snapshot().totals.ignored, shed);
        assert_eq!(printer.state("acme"), CircuitState::HalfOpen);
    }
    drop(busy);
    once(&service, job("acme", Succeed)).await.unwrap();
    assert_eq!(printer.state("acme"), CircuitState::Closed);
}

// ===== tower's own trap: a clone that was shed stays in the queue of the semaphore =====

async fn is_shed<S>(service: &mut S, tenant: &str) -> bool
where
    S: Service<Job, Error = BoxError>,
{
    let result = call(service, job(tenant, Succeed)).await;
    result.is_err_and(|error| error.is::<Overloaded>())
}

/// A clone that was shed stands idle, and though nothing runs any more all others are shed, until it goes.
async fn is_starved_by_an_idle_clone<S>(service: &S, meanwhile: impl AsyncFnOnce(&mut S))
where
    S: Service<Job, Response = String, Error = BoxError> + Clone,
{
    let mut busy = service.clone();
    let mut running = task::spawn(call(&mut busy, job("acme", Hang)));
    assert_pending!(running.poll());
    let mut idle = service.clone();
    assert!(is_shed(&mut idle, "acme").await);
    drop(running);

    meanwhile(&mut idle).await;
    for _ in 0..3 {
        assert!(is_shed(&mut busy, "acme").await);
        assert!(is_shed(&mut service.clone(), "globex").await);
    }
    drop(idle);
    assert!(!is_shed(&mut busy, "acme").await);
}

/// The same with a clone for each call, which goes once it has called.
async fn is_starved_by_nobody<S>(service: &S)
where
    S: Service<Job, Response = String, Error = BoxError> + Clone,
{
    let mut running = task::spawn(service.clone().oneshot(job("acme", Hang)));
    assert_pending!(running.poll());
    for _ in 0..3 {
        let error = once(service, job("acme", Succeed)).await.err().unwrap();
        assert!(error.is::<Overloaded>(), "{error}");
    }
    drop(running);
    let result = once(service, job("globex", Succeed)).await;
    assert!(result.is_ok());
}

#[tokio::test(start_paused = true)]
async fn without_a_breaker_an_idle_clone_that_was_shed_starves_all_others() {
    let service = LoadShed::new(limited(1).1);
    is_starved_by_an_idle_clone(&service, async |_| {}).await;
}

#[tokio::test(start_paused = true)]
async fn with_a_breaker_around_it_an_idle_clone_that_was_shed_still_starves_all_others() {
    let service = layer(&printer()).layer(LoadShed::new(limited(1).1));
    is_starved_by_an_idle_clone(&service, async |_| {}).await;
}

// The bite of an open circuit: it is what keeps the clone idle, however often it is called.
#[tokio::test(start_paused = true)]
async fn a_clone_that_was_shed_and_is_then_only_rejected_starves_all_others_too() {
    let printer = printer();
    let service = layer(&printer).layer(LoadShed::new(limited(1).1));
    is_starved_by_an_idle_clone(&service, async |idle| {
        open(&printer, "sick");
        for _ in 0..3 {
            let error = call(idle, job("sick", Succeed)).await.unwrap_err();
            assert!(error.is::<CircuitOpen>(), "{error}");
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_clone_for_each_call_escapes_the_trap_without_a_breaker_and_with_one() {
    is_starved_by_nobody(&LoadShed::new(limited(1).1)).await;
    is_starved_by_nobody(&layer(&printer()).layer(LoadShed::new(limited(1).1))).await;
}

// ===== further out =====

#[tokio::test(start_paused = true)]
async fn a_load_shed_further_out_sheds_nothing_and_calls_wait_within_the_breaker() {
    let (semaphore, inner) = limited(1);
    let mut service = LoadShed::new(layer(&printer()).layer(inner));
    let _busy = Arc::clone(&semaphore).acquire_owned().await;

    let mut waiting = Vec::new();
    for _ in 0..100 {
        let ready = service.ready().await.unwrap();
        let mut call = task::spawn(ready.call(job("acme", Succeed)));
        assert_pending!(call.poll());
        waiting.push(call);
    }
}

#[tokio::test(start_paused = true)]
async fn max_in_flight_bounds_the_calls_of_a_tenant_that_wait_within_the_breaker() {
    let printer = declare(two_strikes().max_in_flight(3));
    let (semaphore, inner) = limited(1);
    let mut service = LoadShed::new(layer(&printer).layer(inner));
    let busy = Arc::clone(&semaphore).acquire_owned().await;

    let mut waiting = Vec::new();
    for tenant in ["acme", "acme", "acme", "globex"] {
        let ready = service.ready().await.unwrap();
        let mut call = task::spawn(ready.call(job(tenant, Succeed)));
        assert_pending!(call.poll());
        waiting.push(call);
    }
    let saturated = rejection(&service, "acme").await;
    assert_eq!(saturated.reason(), Reason::Saturated);

    drop((waiting, busy));
    let in_flight = printer.circuit("acme").snapshot().unwrap().in_flight;
    assert_eq!(in_flight, Some(0));
    assert!(!is_shed(&mut service, "acme").await);
}
