//! What law 12 says of panics: the inner's is its failure, every other one is ours and neutral.

mod job;

use std::future::{Ready, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll};

use job::{Fail, Hang, Job, OPEN, OutOfPaper, Owner, Panic, Succeed, job, open, printer, work};
use tokio_test::{assert_pending, assert_ready_ok, task};
use tower::{BoxError, Layer, Service, service_fn};
use tower_tenant_breaker::{
    Cause, CircuitState, Dependency, ErrIsFailure, EveryRequest, Failover, MissingTenant, Outcome,
    Tenant, TenantCircuitBreakerLayer, tenant_fn,
};

fn layer(printer: &Dependency) -> TenantCircuitBreakerLayer<Dependency, Owner, ErrIsFailure> {
    TenantCircuitBreakerLayer::new(printer.clone(), Owner).classify(ErrIsFailure)
}

/// (failures, ignored, cancelled) of all tenants.
fn counted(printer: &Dependency) -> (u64, u64, u64) {
    let totals = printer.snapshot().totals;
    (totals.failures, totals.ignored, totals.cancelled)
}

#[track_caller]
fn unwinds<T>(code: impl FnOnce() -> T) {
    assert!(
        catch_unwind(AssertUnwindSafe(code)).is_err(),
        "the panic keeps unwinding"
    );
}

#[test]
fn a_panic_that_leaves_the_inners_call_is_a_failure() {
    let printer = printer();
    let mut service =
        layer(&printer).layer(service_fn(|_: Job| -> Ready<Result<(), OutOfPaper>> {
            panic!("paper jam")
        }));
    unwinds(|| service.call(job("acme", Panic)));
    assert_eq!(counted(&printer), (1, 0, 0));
    unwinds(|| service.call(job("acme", Panic)));
    assert_eq!(printer.state("acme"), CircuitState::Open);
}

#[test]
fn a_panic_that_leaves_the_inners_poll_is_a_failure_also_where_it_was_caught_before_the_drop() {
    let printer = printer();
    let mut service = layer(&printer).layer(service_fn(work));
    let mut call = task::spawn(service.call(job("acme", Panic)));
    unwinds(|| call.poll());
    // This thread does not panic any more, and the call was a failure all the same.
    drop(call);
    assert_eq!(counted(&printer), (1, 0, 0));
}

/// An error that cannot even be told.
struct Unspeakable;

impl From<Unspeakable> for BoxError {
    fn from(_: Unspeakable) -> Self {
        panic!("no words")
    }
}

#[test]
fn a_panic_over_how_the_inners_error_is_told_is_a_failure_too() {
    let inner = || service_fn(|_: Job| ready(Err::<String, _>(Unspeakable)));
    let near = printer();
    let mut service = layer(&near).layer(inner());
    let mut call = task::spawn(service.call(job("acme", Fail)));
    unwinds(|| call.poll());
    drop(call);
    assert_eq!(counted(&near), (1, 0, 0));

    let far = printer();
    let mut failover = Failover::builder(Owner)
        .provider(far.clone(), inner())
        .classify(ErrIsFailure)
        .resend(EveryRequest)
        .build()
        .unwrap();
    let mut call = task::spawn(failover.call(job("acme", Fail)));
    unwinds(|| call.poll());
    drop(call);
    assert_eq!(counted(&far), (1, 0, 0));
}

#[test]
fn a_panic_in_a_call_that_had_to_wait_is_a_failure() {
    #[derive(Clone)]
    struct Slow(bool);
    impl Service<Job> for Slow {
        type Response = ();
        type Error = OutOfPaper;
        type Future = Ready<Result<(), OutOfPaper>>;
        fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), OutOfPaper>> {
            match std::mem::replace(&mut self.0, true) {
                true => Poll::Ready(Ok(())),
                false => Poll::Pending,
            }
        }
        fn call(&mut self, _job: Job) -> Self::Future {
            panic!("paper jam")
        }
    }

    let printer = printer();
    let mut service = layer(&printer).layer(Slow(false));
    let mut call = task::spawn(service.call(job("acme", Panic)));
    unwinds(|| call.poll());
    drop(call);
    assert_eq!(counted(&printer), (1, 0, 0));
}

#[test]
fn a_panic_in_the_inners_readiness_is_a_failure() {
    #[derive(Clone)]
    struct Jammed;
    impl Service<Job> for Jammed {
        type Response = ();
        type Error = OutOfPaper;
        type Future = Ready<Result<(), OutOfPaper>>;
        fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), OutOfPaper>> {
            panic!("paper jam")
        }
        fn call(&mut self, _job: Job) -> Self::Future {
            ready(Ok(()))
        }
    }

    let printer = printer();
    unwinds(|| layer(&printer).layer(Jammed).call(job("acme", Succeed)));
    assert_eq!(counted(&printer), (1, 0, 0));
}

#[test]
fn a_call_that_is_dropped_while_its_thread_panics_over_something_else_is_cancelled() {
    let printer = printer();
    let mut service = layer(&printer).layer(service_fn(work));
    unwinds(|| {
        let mut call = task::spawn(service.call(job("acme", Hang)));
        assert_pending!(call.poll());
        panic!("something else");
    });
    assert_eq!(counted(&printer), (0, 0, 1));
}

#[test]
fn a_panic_that_stays_within_the_inner_is_none_of_ours() {
    let printer = printer();
    let mut service = layer(&printer).layer(service_fn(|_: Job| async {
        catch_unwind(|| panic!("paper jam")).unwrap_err();
        Ok::<_, OutOfPaper>("unjammed")
    }));
    assert_ready_ok!(task::spawn(service.call(job("acme", Succeed))).poll());
    assert_eq!(counted(&printer), (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_the_classifier_is_neutral_and_gives_the_place_back() {
    let printer = printer();
    open(&printer, "acme");
    tokio::time::advance(OPEN).await;
    let layer = TenantCircuitBreakerLayer::new(printer.clone(), Owner);
    let failures = printer.snapshot().totals.failures;

    let panics = |_: Result<&String, &BoxError>| -> Outcome { panic!("in the classifier") };
    let mut service = layer.clone().classify(panics).layer(service_fn(work));
    let mut call = task::spawn(service.call(job("acme", Succeed)));
    unwinds(|| call.poll());
    // The call itself is still held: the place does not wait for its drop.
    assert_eq!(counted(&printer), (failures, 1, 0));
    assert_eq!(printer.state("acme"), CircuitState::HalfOpen);

    let mut service = layer.classify(ErrIsFailure).layer(service_fn(work));
    service.call(job("acme", Succeed)).await.unwrap();
    assert_eq!(printer.state("acme"), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_panic_over_what_to_keep_is_neutral_and_gives_the_place_back() {
    let printer = printer();
    open(&printer, "acme");
    tokio::time::advance(OPEN).await;
    let failures = printer.snapshot().totals.failures;
    let mut service = layer(&printer)
        .fallback_keeping(
            |job: &Job| assert_eq!(job.order, Succeed, "in the fallback"),
            |(), _: Cause<String>| async { Ok(String::new()) },
        )
        .layer(service_fn(work));

    unwinds(|| service.call(job("acme", Hang)));
    assert_eq!(counted(&printer), (failures, 1, 0));
    service.call(job("acme", Succeed)).await.unwrap();
    assert_eq!(printer.state("acme"), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_the_extractor_is_neutral() {
    let printer = printer();
    let extractor = tenant_fn(|job: &Job| -> Result<Tenant<'_>, MissingTenant> {
        assert_ne!(job.order, Panic, "in the extractor");
        Ok("acme".into())
    });
    let mut service = TenantCircuitBreakerLayer::new(printer.clone(), extractor)
        .classify(ErrIsFailure)
        .layer(service_fn(work));

    for _ in 0..3 {
        unwinds(|| service.call(job("acme", Panic)));
    }
    assert_eq!(counted(&printer), (0, 0, 0));
    assert!(printer.is_empty());
    service.call(job("acme", Succeed)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_a_fallback_is_neutral() {
    let printer = printer();
    let mut service = layer(&printer)
        .fallback_on_failure(|_: Job, cause: Cause<String>| {
            assert!(matches!(cause, Cause::Rejected(_)), "in the fallback");
            async { panic!("in the fallback's future") as Result<String, BoxError> }
        })
        .layer(service_fn(work));

    for failures in 1..=2 {
        let mut call = task::spawn(service.call(job("acme", Fail)));
        unwinds(|| call.poll());
        drop(call);
        assert_eq!(
            counted(&printer),
            (failures, 0, 0),
            "the call's own failure, once"
        );
    }
    let mut call = task::spawn(service.call(job("acme", Fail)));
    unwinds(|| call.poll());
    drop(call);
    assert_eq!(counted(&printer), (2, 0, 0));
}
