//! `ConcurrencyLimit`: further in, calls wait for it within the breaker; further out, before it, and those
//! that will be rejected wait as well. `tower_laws.rs` has what a rejected and a cancelled call leave behind.

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::time::advance;
use tokio_test::{assert_pending, task};
use tower::limit::ConcurrencyLimit;
use tower::load_shed::error::Overloaded;
use tower::{Layer, Service, ServiceBuilder, ServiceExt};
use tower_tenant_breaker::{CircuitState, LatencyRule, Reason};

use crate::diary::Diary;
use crate::job::{Hang, Job, Succeed, job, open, printer, two_strikes};
use crate::{call, declare, in_time, layer, limited, once, rejection, settle};

mod inside {
    use super::*;

    promises! {
        all: |printer, inner| ServiceBuilder::new()
            .layer(layer(printer))
            .concurrency_limit(2)
            .service(inner)
    }
}

mod outside {
    use super::*;

    promises! {
        all: |printer, inner| ServiceBuilder::new()
            .concurrency_limit(2)
            .layer(layer(printer))
            .service(inner)
    }
}

// ===== further in =====

#[tokio::test(start_paused = true)]
async fn the_wait_for_a_limit_further_in_is_latency_of_the_call() {
    let rule = LatencyRule::p50(Duration::from_secs(1)).min_calls(1);
    let printer = declare(two_strikes().latency(rule));
    let (semaphore, inner) = limited(1);
    let busy = Arc::clone(&semaphore).acquire_owned().await;

    let mut service = layer(&printer).layer(inner);
    let mut waiting = task::spawn(service.call(job("acme", Succeed)));
    assert_pending!(waiting.poll());
    advance(Duration::from_secs(2)).await;
    drop(busy);
    in_time(waiting).await.unwrap();
    assert_eq!(printer.snapshot().totals.slow, 1);
    let trip = printer.circuit("acme").snapshot().unwrap().last_trip;
    assert_eq!(trip.unwrap().reason, Reason::Latency { rule: 0 });
}

#[tokio::test(start_paused = true)]
async fn a_tenant_that_hangs_in_a_limit_further_in_makes_others_wait_until_its_circuit_is_open() {
    let printer = declare(two_strikes().abandoned_run(2));
    let service = layer(&printer).layer(limited(2).1);
    let call = |tenant, order| {
        let mut call = task::spawn(service.clone().oneshot(job(tenant, order)));
        assert_pending!(call.poll());
        call
    };
    let hanging = ["sick", "sick"].map(|tenant| call(tenant, Hang));
    let well = call("well", Succeed);
    settle().await;
    assert!(!well.is_woken());

    drop(hanging);
    assert_eq!(printer.state("sick"), CircuitState::Open);
    assert!(well.is_woken());
    in_time(well).await.unwrap();
    // Its further calls take no place.
    for _ in 0..10 {
        rejection(&service, "sick").await;
    }
    once(&service, job("well", Succeed)).await.unwrap();
}

// What makes a limit that tenants share fair, and keeps a tenant's wait from being held against its circuit.
#[tokio::test(start_paused = true)]
async fn max_in_flight_keeps_places_of_a_limit_further_in_for_the_other_tenants() {
    let printer = declare(two_strikes().max_in_flight(1));
    let service = layer(&printer).layer(limited(2).1);
    let mut hanging = task::spawn(service.clone().oneshot(job("sick", Hang)));
    assert_pending!(hanging.poll());

    assert_eq!(
        rejection(&service, "sick").await.reason(),
        Reason::Saturated
    );
    for _ in 0..10 {
        let well = once(&service, job("well", Succeed)).await;
        assert!(well.is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn calls_that_leave_the_queue_of_a_limit_further_in_are_cancelled_and_a_run_of_them_trips() {
    let printer = declare(two_strikes().abandoned_run(3));
    let (semaphore, inner) = limited(1);
    let service = layer(&printer).layer(inner);
    // Not its own: the place is another tenant's.
    let _taken = Arc::clone(&semaphore).acquire_owned().await;
    for _ in 0..3 {
        assert_eq!(printer.state("acme"), CircuitState::Closed);
        let mut waiting = task::spawn(service.clone().oneshot(job("acme", Succeed)));
        assert_pending!(waiting.poll());
    }
    assert_eq!(printer.state("acme"), CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn a_load_shed_over_a_limit_further_in_keeps_the_limit_out_of_the_circuit() {
    let printer = declare(two_strikes().abandoned_run(3));
    let (semaphore, inner) = limited(1);
    let service = ServiceBuilder::new()
        .layer(layer(&printer))
        .load_shed()
        .service(inner);
    let _taken = Arc::clone(&semaphore).acquire_owned().await;
    for _ in 0..10 {
        let error = once(&service, job("acme", Succeed)).await.unwrap_err();
        assert!(error.is::<Overloaded>(), "{error}");
    }
    assert_eq!(printer.snapshot().totals.ignored, 10);
    assert_eq!(printer.state("acme"), CircuitState::Closed);
}

// ===== further out =====

#[tokio::test(start_paused = true)]
async fn behind_a_limit_further_out_not_even_a_rejection_comes_while_a_tenant_hangs() {
    let printer = printer();
    open(&printer, "sick");
    let mut service = ConcurrencyLimit::new(layer(&printer).layer(limited(9).1), 1);
    let ready = service.ready().await.unwrap();
    let mut hanging = task::spawn(ready.call(job("acme", Hang)));
    assert_pending!(hanging.poll());

    let mut rejected = task::spawn(service.clone().oneshot(job("sick", Succeed)));
    assert_pending!(rejected.poll());
    assert_eq!(
        printer.snapshot().totals.rejected,
        0,
        "nobody was asked yet"
    );
    drop(hanging);
    assert!(rejected.is_woken());
    assert!(in_time(rejected).await.is_err());
    assert_eq!(printer.snapshot().totals.rejected, 1);
}

#[tokio::test(start_paused = true)]
async fn a_limit_further_out_gives_its_places_to_calls_that_wait_for_the_inner() {
    let diary = Diary::default();
    diary.expect([Poll::Pending; 4]);
    let mut service = ConcurrencyLimit::new(layer(&printer()).layer(diary.first()), 2);
    let mut waiting = Vec::new();
    for _ in 0..2 {
        let ready = in_time(service.ready()).await.unwrap();
        let mut call = task::spawn(ready.call(job("acme", Succeed)));
        assert_pending!(call.poll());
        waiting.push(call);
    }
    let mut ready = task::spawn(ServiceExt::<Job>::ready(&mut service));
    assert!(ready.poll().is_pending());
    drop(waiting.pop());
    assert!(ready.poll().is_ready());
}

// tower's own, as with a `LoadShed` over the limit: the clone has a place in the queue. Inside the breaker the
// place goes with the call: `inside::a_call_that_is_dropped_while_it_waits_gives_its_place_back`.
#[tokio::test(start_paused = true)]
async fn a_clone_that_leaves_the_queue_of_a_limit_further_out_and_stays_starves_all_others() {
    let mut service = ConcurrencyLimit::new(layer(&printer()).layer(limited(9).1), 1);
    let ready = service.ready().await.unwrap();
    let mut running = task::spawn(ready.call(job("acme", Hang)));
    assert_pending!(running.poll());
    let mut idle = service.clone();
    let mut waiting = task::spawn(call(&mut idle, job("acme", Succeed)));
    assert_pending!(waiting.poll());
    drop(waiting);
    drop(running);

    let mut starving = task::spawn(service.clone().oneshot(job("acme", Succeed)));
    assert_pending!(starving.poll());
    settle().await;
    assert!(!starving.is_woken());
    drop(idle);
    in_time(starving).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_a_load_shed_over_a_limit_further_out_sheds_reaches_no_circuit() {
    let printer = printer();
    let service = ServiceBuilder::new()
        .load_shed()
        .concurrency_limit(1)
        .layer(layer(&printer))
        .service(limited(9).1);
    let mut hanging = task::spawn(service.clone().oneshot(job("acme", Hang)));
    assert_pending!(hanging.poll());
    for _ in 0..10 {
        let error = once(&service, job("globex", Succeed)).await.unwrap_err();
        assert!(error.is::<Overloaded>(), "{error}");
    }
    let totals = printer.snapshot().totals;
    assert_eq!((totals.ignored, totals.rejected), (0, 0));
    assert_eq!(
        printer
            .circuit("globex")
            .snapshot()
            .map(|circuit| circuit.state),
        None
    );

    drop(hanging);
    let mut service = service;
    assert_eq!(
        call(&mut service, job("globex", Succeed)).await.unwrap(),
        "done"
    );
}
