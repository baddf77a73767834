//! `Balance` (p2c): further in, one circuit for the service as a whole; further out, over a breaker for each
//! endpoint, what is open answers fastest, and draws the traffic. It is no `Clone`, so it is behind a `Buffer`.

use std::convert::Infallible;
use std::task::Poll;
use std::time::Duration;

use static_assertions::assert_not_impl_any;
use tokio::time::sleep;
use tokio_test::{assert_pending, task};
use tower::balance::p2c::Balance;
use tower::discover::ServiceList;
use tower::load::{CompleteOnResponse, Load, PeakEwma, PendingRequests};
use tower::timeout::error::Elapsed;
use tower::{BoxError, Layer, Service, ServiceBuilder, ServiceExt, service_fn};
use tower_tenant_breaker::{CircuitOpen, CircuitState, Dependency};

use crate::diary::Diary;
use crate::job::{Hang, Job, OutOfPaper, Succeed, job, open, printer};
use crate::{Limited, call, layer, limited, once, rejection};

type Endpoints<S, const N: usize> = ServiceList<[S; N]>;

assert_not_impl_any!(Balance<Endpoints<PendingRequests<Limited>, 1>, Job>: Clone);

fn over<S, const N: usize>(endpoints: [S; N]) -> Balance<Endpoints<S, N>, Job>
where
    S: Service<Job, Error: Into<BoxError>> + Load,
{
    Balance::new(ServiceList::new(endpoints))
}

/// Its load is the number of calls that it has not answered.
fn by_pending<S>(endpoint: S) -> PendingRequests<S> {
    PendingRequests::new(endpoint, CompleteOnResponse::default())
}

mod inside {
    use super::*;

    promises! {
        all but one_tenants_pending_inner_holds_up_nobody: |printer, inner| ServiceBuilder::new()
            .layer(layer(printer))
            .buffer(1)
            .service(over([by_pending(inner)]))
    }
}

mod outside {
    use super::*;

    promises! {
        all: |printer, inner| ServiceBuilder::new()
            .buffer(1)
            .service(over([by_pending(layer(printer).layer(inner))]))
    }
}

// ===== further out =====

#[tokio::test(start_paused = true)]
async fn an_endpoint_whose_breaker_is_open_draws_all_calls_while_a_healthy_one_is_busy() {
    let endpoints = [printer(), printer()];
    let mut service = over(
        endpoints
            .each_ref()
            .map(|endpoint| by_pending(layer(endpoint).layer(limited(9).1))),
    );
    // A call for each of them, since the one has more to do than the other after the first.
    let mut calls = Vec::new();
    for _ in 0..2 {
        let ready = service.ready().await.unwrap();
        let mut call = task::spawn(ready.call(job("acme", Hang)));
        assert_pending!(call.poll());
        calls.push(call);
    }
    // Whichever the second went to is busy; the other one's circuit opens.
    drop(calls.remove(0));
    let is_idle = |endpoint: &&Dependency| endpoint.snapshot().totals.cancelled == 1;
    let sick = endpoints.iter().find(is_idle).unwrap();
    open(sick, "acme");

    for rejected in 1..=100 {
        let error = call(&mut service, job("acme", Succeed)).await.unwrap_err();
        assert!(error.is::<CircuitOpen>(), "{error}");
        assert_eq!(sick.snapshot().totals.rejected, rejected);
    }
    drop(calls);
}

#[tokio::test(start_paused = true)]
async fn so_it_does_by_latency_without_any_other_call_in_the_air() {
    let endpoints = [printer(), printer()];
    let inner = service_fn(|_: Job| async {
        sleep(Duration::from_millis(100)).await;
        Ok::<_, Infallible>(())
    });
    let by_latency = |endpoint: &Dependency| {
        let breaker = layer(endpoint).layer(inner);
        let (rtt, decay) = (Duration::from_millis(1), 1e9);
        PeakEwma::new(breaker, rtt, decay, CompleteOnResponse::default())
    };
    let mut service = over(endpoints.each_ref().map(by_latency));
    let [healthy, sick] = &endpoints;
    open(sick, "acme");

    // Until the healthy one has been measured once, it is even odds.
    for _ in 0..100 {
        if healthy.snapshot().totals.calls > 0 {
            break;
        }
        let _ = call(&mut service, job("acme", Succeed)).await;
    }
    for _ in 0..100 {
        assert!(call(&mut service, job("acme", Succeed)).await.is_err());
    }
    assert_eq!(healthy.snapshot().totals.calls, 1);
}

// ===== further in =====

// tower drops an endpoint that breaks, and waits for another one that may never come.
#[tokio::test(start_paused = true)]
async fn a_balance_further_in_that_has_lost_its_endpoints_needs_a_timeout_to_trip() {
    let printer = printer();
    let diary = Diary::default();
    diary.expect([Poll::Ready(Err(OutOfPaper))]);
    let service = ServiceBuilder::new()
        .layer(layer(&printer))
        .timeout(Duration::from_secs(1))
        .buffer(8)
        .service(over([by_pending(diary.first())]));
    for _ in 0..2 {
        let error = once(&service, job("acme", Succeed)).await.unwrap_err();
        assert!(error.is::<Elapsed>(), "{error}");
    }
    assert_eq!(diary.read(), ["0 broken", "0 dropped"]);
    assert_eq!(printer.state("acme"), CircuitState::Open);
    rejection(&service, "acme").await;
}
