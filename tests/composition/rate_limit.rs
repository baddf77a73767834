//! `RateLimit`: further in, only calls that were admitted use up the rate; further out, rejected ones too.
//! It is no `Clone`, so it is behind a `Buffer`.

use std::time::Duration;

use static_assertions::assert_not_impl_any;
use tokio::time::Instant;
use tokio_test::{assert_pending, task};
use tower::limit::RateLimit;
use tower::{BoxError, Service, ServiceBuilder};
use tower_tenant_breaker::{Dependency, LatencyRule};

use crate::job::{Job, Succeed, job, open, printer, two_strikes};
use crate::{Limited, declare, layer, limited, once, rejection, settle};

const SECOND: Duration = Duration::from_secs(1);
const PERIOD: Duration = Duration::from_secs(10);

assert_not_impl_any!(RateLimit<Limited>: Clone);

mod inside {
    use super::*;

    promises! {
        all but one_tenants_pending_inner_holds_up_nobody: |printer, inner| ServiceBuilder::new()
            .layer(layer(printer))
            .buffer(1)
            .rate_limit(1_000, SECOND)
            .service(inner)
    }
}

mod outside {
    use super::*;

    promises! {
        all: |printer, inner| ServiceBuilder::new()
            .buffer(1)
            .rate_limit(1_000, SECOND)
            .layer(layer(printer))
            .service(inner)
    }
}

/// Two calls in ten seconds.
fn further_in(
    printer: &Dependency,
) -> impl Service<Job, Response = String, Error = BoxError, Future: Send + 'static> + Clone + use<>
{
    ServiceBuilder::new()
        .layer(layer(printer))
        .buffer(8)
        .rate_limit(2, PERIOD)
        .service(limited(9).1)
}

#[tokio::test(start_paused = true)]
async fn rejected_calls_use_up_no_rate_further_in() {
    let printer = printer();
    let service = further_in(&printer);
    open(&printer, "sick");
    let begin = Instant::now();
    for _ in 0..100 {
        rejection(&service, "sick").await;
    }
    for _ in 0..2 {
        once(&service, job("well", Succeed)).await.unwrap();
    }
    assert_eq!(Instant::now(), begin);
}

#[tokio::test(start_paused = true)]
async fn rejected_calls_use_up_the_rate_further_out_and_others_wait_for_them() {
    let printer = printer();
    let service = ServiceBuilder::new()
        .buffer(8)
        .rate_limit(2, PERIOD)
        .layer(layer(&printer))
        .service(limited(9).1);
    open(&printer, "sick");
    let begin = Instant::now();
    for _ in 0..2 {
        rejection(&service, "sick").await;
    }
    assert_eq!(Instant::now(), begin);
    once(&service, job("well", Succeed)).await.unwrap();
    assert!(Instant::now() >= begin + PERIOD);
}

#[tokio::test(start_paused = true)]
async fn the_wait_for_a_rate_further_in_is_latency_of_the_call() {
    let rule = LatencyRule::p50(SECOND).min_calls(3);
    let printer = declare(two_strikes().latency(rule));
    let service = further_in(&printer);
    for _ in 0..4 {
        once(&service, job("acme", Succeed)).await.unwrap();
    }
    assert_eq!(
        printer.snapshot().totals.slow,
        1,
        "the third waited, and the fourth came after"
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_that_leaves_while_it_waits_further_in_uses_up_no_rate() {
    let printer = printer();
    let mut service = further_in(&printer);
    for _ in 0..2 {
        once(&service, job("acme", Succeed)).await.unwrap();
    }
    for _ in 0..5 {
        let mut waiting = task::spawn(service.call(job("acme", Succeed)));
        assert_pending!(waiting.poll());
        settle().await;
    }
    // Both of the next period's are left.
    let begin = Instant::now();
    for _ in 0..2 {
        once(&service, job("acme", Succeed)).await.unwrap();
    }
    assert!(Instant::now() < begin + PERIOD + SECOND);
    assert_eq!(printer.snapshot().totals.cancelled, 5);
}
