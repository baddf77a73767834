//! `Hedge`: further in, two attempts are one call; further out, each is a call, and a rejection of the second
//! beats a healthy first. It is no `Clone`, so it is behind a `Buffer`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use static_assertions::assert_not_impl_any;
use tokio::time::{Instant, sleep};
use tower::hedge::{Hedge, Policy};
use tower::{BoxError, Layer, Service, ServiceBuilder, service_fn};
use tower_tenant_breaker::{CircuitOpen, CircuitState, Dependency, Reason};

use crate::job::{Fail, Job, Order, OutOfPaper, Succeed, job, printer, two_strikes, work};
use crate::{Limited, call, declare, layer, once, ready_to_probe};

const SECOND: Duration = Duration::from_secs(1);
/// Longer than any of the tests: the latencies that a hedge begins with must not go out of date.
const LONG: Duration = Duration::from_secs(1_000_000);

assert_not_impl_any!(Hedge<Limited, Always>: Clone);

/// Every call may be hedged.
#[derive(Clone, Debug)]
struct Always;

impl Policy<Job> for Always {
    fn clone_request(&self, job: &Job) -> Option<Job> {
        Some(job.clone())
    }

    fn can_retry(&self, _job: &Job) -> bool {
        true
    }
}

/// Every call whose second attempt the circuit would admit.
#[derive(Clone, Debug)]
struct WhereAdmitted(Dependency);

impl Policy<Job> for WhereAdmitted {
    fn clone_request(&self, job: &Job) -> Option<Job> {
        Some(job.clone())
    }

    fn can_retry(&self, job: &Job) -> bool {
        let tenant = job.owner.as_deref().unwrap_or_default();
        self.0.circuit(tenant).would_admit()
    }
}

/// The second attempt begins a second after the first.
fn hedge<S, P>(inner: S, policy: P) -> Hedge<S, P>
where
    S: Service<Job, Error: Into<BoxError>> + Clone,
    P: Policy<Job> + Clone,
{
    Hedge::new_with_mock_latencies(inner, policy, 10, 0.9, LONG, &[1_000; 10])
}

mod inside {
    use super::*;

    promises! {
        all but one_tenants_pending_inner_holds_up_nobody: |printer, inner| ServiceBuilder::new()
            .layer(layer(printer))
            .buffer(1)
            .service(hedge(inner, Always))
    }
}

mod outside {
    use super::*;

    promises! {
        all: |printer, inner| ServiceBuilder::new()
            .buffer(1)
            .service(hedge(layer(printer).layer(inner), Always))
    }
}

/// A printer whose n-th attempt takes so long and ends so; and how many there were.
fn attempts<const N: usize>(
    plan: [(Duration, Order); N],
) -> (
    Arc<AtomicUsize>,
    impl Service<Job, Response = String, Error = OutOfPaper, Future: Send> + Clone + Send + 'static,
) {
    let begun = Arc::new(AtomicUsize::new(0));
    let attempt = Arc::clone(&begun);
    let service = service_fn(move |job| {
        let (time, order) = plan[attempt.fetch_add(1, Relaxed)];
        async move {
            sleep(time).await;
            work(Job { order, ..job }).await
        }
    });
    (begun, service)
}

/// Would succeed, in five seconds.
const HEALTHY: (Duration, Order) = (Duration::from_secs(5), Succeed);

// ===== tower's own rule: the first answer wins, whatever it says =====

#[tokio::test(start_paused = true)]
async fn without_a_breaker_a_second_attempt_that_fails_at_once_beats_a_healthy_first() {
    let (begun, inner) = attempts([HEALTHY, (Duration::ZERO, Fail)]);
    let begin = Instant::now();
    let mut service = hedge(inner, Always);
    let error = call(&mut service, job("acme", Succeed)).await.unwrap_err();
    assert!(error.is::<OutOfPaper>(), "{error}");
    assert!(Instant::now() < begin + HEALTHY.0);
    assert_eq!(begun.load(Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn without_a_breaker_a_first_attempt_that_fails_at_once_is_not_hedged() {
    let (begun, inner) = attempts([(Duration::ZERO, Fail), HEALTHY]);
    let mut service = hedge(inner, Always);
    let error = call(&mut service, job("acme", Succeed)).await.unwrap_err();
    assert!(error.is::<OutOfPaper>(), "{error}");
    assert_eq!(begun.load(Relaxed), 1);
}

// ===== further in =====

#[tokio::test(start_paused = true)]
async fn two_attempts_further_in_are_one_call_that_ends_as_the_first_answer_says() {
    let first = [HEALTHY, (SECOND, Succeed)];
    let second = [HEALTHY, (SECOND, Fail)];
    for (plan, failures) in [(first, 0), (second, 1)] {
        let printer = printer();
        let (begun, inner) = attempts(plan);
        let service = ServiceBuilder::new()
            .layer(layer(&printer))
            .buffer(1)
            .service(hedge(inner, Always));
        let result = once(&service, job("acme", Succeed)).await;
        assert_eq!(result.is_err(), failures == 1);
        assert_eq!(begun.load(Relaxed), 2);
        let totals = printer.snapshot().totals;
        assert_eq!((totals.calls, totals.failures), (1, failures));
        assert_eq!(totals.cancelled, 0, "nobody tells of the attempt that lost");
    }
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_hedged_further_in_is_one_probe_and_closes() {
    let printer = printer();
    let (begun, inner) = attempts([HEALTHY, (SECOND, Succeed)]);
    let service = ServiceBuilder::new()
        .layer(layer(&printer))
        .buffer(1)
        .service(hedge(inner, Always));
    ready_to_probe(&printer, "acme").await;
    once(&service, job("acme", Succeed)).await.unwrap();
    assert_eq!(begun.load(Relaxed), 2);
    assert_eq!(printer.snapshot().totals.probes, 1);
    assert_eq!(printer.state("acme"), CircuitState::Closed);
}

// ===== further out =====

#[tokio::test(start_paused = true)]
async fn two_attempts_further_out_are_two_calls_of_which_one_is_cancelled() {
    let printer = printer();
    let (begun, inner) = attempts([HEALTHY, (SECOND, Succeed)]);
    let mut service = hedge(layer(&printer).layer(inner), Always);
    call(&mut service, job("acme", Succeed)).await.unwrap();
    assert_eq!(begun.load(Relaxed), 2);
    let totals = printer.snapshot().totals;
    assert_eq!((totals.calls, totals.cancelled), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn further_out_the_rejection_of_a_second_attempt_beats_a_healthy_first() {
    let printer = declare(two_strikes().max_in_flight(1));
    let (_, inner) = attempts([HEALTHY]);
    let mut service = hedge(layer(&printer).layer(inner), Always);
    let error = call(&mut service, job("acme", Succeed)).await.unwrap_err();
    let open = CircuitOpen::find(&*error).unwrap();
    assert_eq!(open.reason(), Reason::Saturated);
    let totals = printer.snapshot().totals;
    assert_eq!((totals.calls, totals.cancelled), (0, 1));
}

// The dependency is well again, but every probe is dropped before it can say so.
#[tokio::test(start_paused = true)]
async fn further_out_a_hedge_can_keep_a_half_open_circuit_from_ever_closing() {
    let printer = printer();
    let (begun, inner) = attempts([HEALTHY; 10]);
    let mut service = hedge(layer(&printer).layer(inner), Always);
    ready_to_probe(&printer, "acme").await;
    for probes in 1..=10 {
        let error = call(&mut service, job("acme", Succeed)).await.unwrap_err();
        let open = CircuitOpen::find(&*error).unwrap();
        assert_eq!(open.reason(), Reason::HalfOpenFull);
        assert_eq!(printer.state("acme"), CircuitState::HalfOpen);
        assert_eq!(begun.load(Relaxed), probes);
    }
}

#[tokio::test(start_paused = true)]
async fn further_out_a_policy_that_asks_the_circuit_lets_the_healthy_first_win() {
    let printer = printer();
    let (begun, inner) = attempts([HEALTHY, HEALTHY, (SECOND, Succeed)]);
    let policy = WhereAdmitted(printer.clone());
    let mut service = hedge(layer(&printer).layer(inner), policy);
    ready_to_probe(&printer, "acme").await;
    let begin = Instant::now();

    call(&mut service, job("acme", Succeed)).await.unwrap();
    assert!(Instant::now() >= begin + HEALTHY.0);
    assert_eq!(printer.state("acme"), CircuitState::Closed);
    assert_eq!(begun.load(Relaxed), 1);

    // Closed again, calls are hedged again.
    call(&mut service, job("acme", Succeed)).await.unwrap();
    assert_eq!(begun.load(Relaxed), 3);
}
