//! `Filter` and `AsyncFilter`: further in, what they refuse is held against the dependency; further out, no
//! circuit hears of it.

use std::future::pending;

use tokio::sync::Semaphore;
use tokio_test::{assert_pending, task};
use tower::filter::{AsyncFilter, Filter};
use tower::{BoxError, Layer, Service, ServiceBuilder, ServiceExt};
use tower_tenant_breaker::CircuitState;

use crate::job::{Fail, Hang, Job, OutOfPaper, Succeed, job, open, printer};
use crate::{call, in_time, layer, limited, once, rejection, settle};

/// Lets every job pass.
fn any(job: Job) -> Result<Job, BoxError> {
    Ok(job)
}

/// Refuses what is sure to fail.
fn sound(job: Job) -> Result<Job, OutOfPaper> {
    if job.order == Fail {
        Err(OutOfPaper)
    } else {
        Ok(job)
    }
}

mod inside {
    use super::*;

    promises! {
        all: |printer, inner| ServiceBuilder::new().layer(layer(printer)).filter(any).service(inner)
    }
}

mod outside {
    use super::*;

    promises! {
        all: |printer, inner| ServiceBuilder::new().filter(any).layer(layer(printer)).service(inner)
    }
}

mod inside_async {
    use super::*;

    promises! {
        all: |printer, inner| layer(printer).layer(AsyncFilter::new(inner, async |job| any(job)))
    }
}

mod outside_async {
    use super::*;

    promises! {
        all: |printer, inner| AsyncFilter::new(layer(printer).layer(inner), async |job| any(job))
    }
}

// ===== further in =====

#[tokio::test(start_paused = true)]
async fn what_a_filter_further_in_refuses_is_a_failure_and_trips() {
    let printer = printer();
    let service = layer(&printer).layer(Filter::new(limited(1).1, sound));
    for failures in 1..=2 {
        let error = once(&service, job("acme", Fail)).await.unwrap_err();
        assert!(error.is::<OutOfPaper>(), "{error}");
        assert_eq!(printer.snapshot().totals.failures, failures);
    }
    assert_eq!(printer.state("acme"), CircuitState::Open);
}

// tower's own: `Filter` asks the inner for readiness, and then does not call it.
#[tokio::test(start_paused = true)]
async fn a_clone_whose_call_a_filter_refused_keeps_the_reservation_without_a_breaker_and_with_one()
{
    async fn keeps<S>(service: S, places: &Semaphore)
    where
        S: Service<Job, Response = String, Error = BoxError> + Clone,
    {
        let mut idle = service.clone();
        assert!(call(&mut idle, job("acme", Fail)).await.is_err());
        assert_eq!(places.available_permits(), 0);
        let mut starving = task::spawn(service.oneshot(job("globex", Succeed)));
        assert_pending!(starving.poll());
        drop(idle);
        in_time(starving).await.unwrap();
    }
    let (places, inner) = limited(1);
    keeps(Filter::new(inner, sound), &places).await;
    let (places, inner) = limited(1);
    keeps(layer(&printer()).layer(Filter::new(inner, sound)), &places).await;
}

#[tokio::test(start_paused = true)]
async fn a_clone_whose_call_an_async_filter_refused_keeps_none() {
    let (places, inner) = limited(1);
    let filter = AsyncFilter::new(inner, async |job| sound(job));
    let mut idle = layer(&printer()).layer(filter);
    assert!(call(&mut idle, job("acme", Fail)).await.is_err());
    assert_eq!(places.available_permits(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_async_filter_further_in_decides_with_a_reservation_in_its_hands() {
    let (places, inner) = limited(1);
    let filter = AsyncFilter::new(inner, async |_: Job| {
        pending::<Result<Job, BoxError>>().await
    });
    let mut service = layer(&printer()).layer(filter);
    let mut undecided = task::spawn(service.call(job("acme", Succeed)));
    assert_pending!(undecided.poll());
    assert_eq!(places.available_permits(), 0);
    drop(undecided);
    assert_eq!(places.available_permits(), 1);
}

// ===== further out =====

#[tokio::test(start_paused = true)]
async fn what_a_filter_further_out_refuses_reaches_no_circuit_and_leaves_no_reservation() {
    let printer = printer();
    let (places, inner) = limited(1);
    let mut service = Filter::new(layer(&printer).layer(inner), sound);
    for _ in 0..10 {
        let error = call(&mut service, job("acme", Fail)).await.unwrap_err();
        assert!(error.is::<OutOfPaper>(), "{error}");
        assert_eq!(places.available_permits(), 1);
    }
    assert!(printer.is_empty());
    call(&mut service, job("acme", Succeed)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_filter_further_out_also_looks_at_calls_that_will_be_rejected() {
    let printer = printer();
    open(&printer, "acme");
    let service = Filter::new(layer(&printer).layer(limited(1).1), sound);
    let error = once(&service, job("acme", Fail)).await.unwrap_err();
    assert!(error.is::<OutOfPaper>(), "{error}");
    rejection(&service, "acme").await;
    assert_eq!(printer.snapshot().totals.rejected, 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_leaves_while_an_async_filter_further_out_decides_was_never_asked_for() {
    let printer = printer();
    let breaker = layer(&printer).layer(limited(1).1);
    let mut service = AsyncFilter::new(breaker, async |job| {
        settle().await;
        any(job)
    });
    let ready = service.ready().await.unwrap();
    let mut undecided = task::spawn(ready.call(job("acme", Hang)));
    assert_pending!(undecided.poll());
    drop(undecided);
    assert!(printer.is_empty());
}
