//! tower's retry inside the breaker and outside: which error arrives, what is counted, and that nothing stays
//! behind.

#![cfg(feature = "retry")]

mod diary;
mod job;
mod stubborn;

use std::task::Poll;
use std::time::Duration;

use diary::Diary;
use job::{Fail, Hang, OPEN, OutOfPaper, Owner, Succeed, job, open, printer, registry};
use job::{two_strikes, work};
use stubborn::{BACKOFF, Ledger, Script, Stubborn};
use tokio::time::advance;
use tokio_test::{assert_pending, assert_ready_err, assert_ready_ok, task};
use tower::{BoxError, Service, ServiceBuilder};
use tower_tenant_breaker::retry::RespectCircuit;
use tower_tenant_breaker::{
    CircuitOpen, CircuitState, Dependency, ErrIsFailure, LatencyRule, Outcome, Reason,
    TenantCircuitBreakerLayer,
};

const AT_ONCE: Duration = Duration::ZERO;

fn layer(printer: &Dependency) -> TenantCircuitBreakerLayer<Dependency, Owner, ErrIsFailure> {
    TenantCircuitBreakerLayer::new(printer.clone(), Owner).classify(ErrIsFailure)
}

/// A dependency with a circuit whose open period is just over.
async fn ready_to_probe() -> Dependency {
    let printer = printer();
    open(&printer, "acme");
    advance(OPEN).await;
    printer
}

fn reason(printer: &Dependency) -> Option<Reason> {
    let rejection = printer.acquire("acme").err()?;
    rejection.circuit_open().map(CircuitOpen::reason)
}

// ===== inside =====

#[tokio::test(start_paused = true)]
async fn inside_a_call_is_one_failure_however_many_attempts_it_took() {
    let printer = printer();
    let script = Script::default();
    let mut service = ServiceBuilder::new()
        .layer(layer(&printer))
        .retry(Stubborn::new(6))
        .service(script.play(AT_ONCE));

    let error = service.call(job("acme", Fail)).await.unwrap_err();
    assert!(error.is::<OutOfPaper>(), "{error}");
    assert_eq!(script.attempts(), 7);
    let totals = printer.snapshot().totals;
    assert_eq!((totals.calls, totals.failures), (1, 1));
    assert_eq!(printer.state("acme"), CircuitState::Closed);

    service.call(job("acme", Fail)).await.unwrap_err();
    assert_eq!(printer.state("acme"), CircuitState::Open);
    assert_eq!(script.attempts(), 14);
}

#[tokio::test(start_paused = true)]
async fn inside_with_a_budget_a_call_is_one_failure_however_many_attempts_it_could_pay_for() {
    let printer = printer();
    let script = Script::default();
    let budget = Ledger::of_ten();
    let mut service = ServiceBuilder::new()
        .layer(layer(&printer))
        .retry(Stubborn::with_budget(&budget))
        .service(script.play(AT_ONCE));

    service.call(job("acme", Fail)).await.unwrap_err();
    assert_eq!((budget.withdrawals(), budget.refusals()), (10, 1));
    assert_eq!(script.attempts(), 11);
    let totals = printer.snapshot().totals;
    assert_eq!((totals.calls, totals.failures), (1, 1));

    service.call(job("acme", Fail)).await.unwrap_err();
    assert_eq!(script.attempts(), 12, "nothing is left to retry with");
    assert_eq!(printer.state("acme"), CircuitState::Open);

    service.call(job("acme", Fail)).await.unwrap_err();
    assert_eq!(budget.refusals(), 2, "a rejection does not get as far");
}

#[tokio::test(start_paused = true)]
async fn inside_a_success_after_failed_attempts_is_a_success() {
    let printer = printer();
    let script = Script::of([Fail, Fail, Fail, Succeed]);
    let mut service = ServiceBuilder::new()
        .layer(layer(&printer))
        .retry(Stubborn::new(3))
        .service(script.play(AT_ONCE));

    assert_eq!(service.call(job("acme", Fail)).await.unwrap(), "done");
    let totals = printer.snapshot().totals;
    assert_eq!((totals.calls, totals.failures), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn inside_the_latency_is_that_of_all_attempts_and_the_waits_between() {
    let takes = Duration::from_secs(2);
    let policy = |threshold| {
        two_strikes()
            .latency(LatencyRule::p95(threshold).min_calls(1))
            .build()
            .unwrap()
    };
    for (threshold, slow) in [
        (takes * 2 + BACKOFF - Duration::from_millis(50), 1),
        (takes * 2 + BACKOFF + Duration::from_millis(50), 0),
    ] {
        let printer = registry()
            .dependency_with("plotter", policy(threshold))
            .unwrap();
        let script = Script::of([Fail, Succeed]);
        let mut service = ServiceBuilder::new()
            .layer(layer(&printer))
            .retry(Stubborn::new(1))
            .service(script.play(takes));

        assert_eq!(service.call(job("acme", Fail)).await.unwrap(), "done");
        assert_eq!(printer.snapshot().totals.slow, slow, "{threshold:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn inside_a_call_dropped_between_two_attempts_is_cancelled() {
    let printer = printer();
    let script = Script::default();
    let mut service = ServiceBuilder::new()
        .layer(layer(&printer))
        .retry(Stubborn::new(9))
        .service(script.play(AT_ONCE));

    let mut call = task::spawn(service.call(job("acme", Fail)));
    assert_pending!(call.poll());
    assert_eq!(script.attempts(), 1);
    drop(call);
    let totals = printer.snapshot().totals;
    assert_eq!((totals.cancelled, totals.failures), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn inside_a_probe_keeps_its_place_between_attempts_and_gives_it_back_when_dropped() {
    let printer = ready_to_probe().await;
    let mut service = ServiceBuilder::new()
        .layer(layer(&printer))
        .retry(Stubborn::new(9))
        .service_fn(work);

    let mut probe = task::spawn(service.call(job("acme", Fail)));
    assert_pending!(probe.poll());
    assert_eq!(reason(&printer), Some(Reason::HalfOpenFull));
    drop(probe);
    let call = service.call(job("acme", Succeed));
    assert_eq!(assert_ready_ok!(task::spawn(call).poll()), "done");
    assert_eq!(printer.state("acme"), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn inside_a_probe_that_succeeds_at_a_later_attempt_closes() {
    let printer = ready_to_probe().await;
    let script = Script::of([Fail, Fail, Succeed]);
    let mut service = ServiceBuilder::new()
        .layer(layer(&printer))
        .retry(Stubborn::new(2))
        .service(script.play(AT_ONCE));

    assert_eq!(service.call(job("acme", Fail)).await.unwrap(), "done");
    assert_eq!(printer.state("acme"), CircuitState::Closed);
    assert_eq!(printer.snapshot().totals.probes, 1);
}

#[test]
fn inside_a_call_that_waits_for_what_is_retried_does_not_hold_up_another() {
    let diary = Diary::default();
    diary.expect([Poll::Pending]);
    let mut service = ServiceBuilder::new()
        .layer(layer(&printer()))
        .retry(Stubborn::new(9))
        .service(diary.first());

    let mut stuck = task::spawn(service.call(job("stuck", Succeed)));
    assert_eq!(diary.read(), ["0 pending", "0 cloned"]);
    let mut next = task::spawn(service.call(job("next", Succeed)));
    assert_eq!(assert_ready_ok!(next.poll()), 1);
    diary.expect([Poll::Pending]);
    assert_pending!(stuck.poll());
    diary.wake();
    assert!(stuck.is_woken());
    assert_eq!(assert_ready_ok!(stuck.poll()), 0);
}

#[tokio::test(start_paused = true)]
async fn inside_neither_a_rejected_call_nor_one_between_attempts_holds_a_place_further_in() {
    let printer = printer();
    open(&printer, "sick");
    let mut service = ServiceBuilder::new()
        .layer(layer(&printer))
        .retry(Stubborn::new(9))
        .concurrency_limit(1)
        .service_fn(work);

    let mut clones = vec![service.clone(); 8];
    for clone in &mut clones {
        let call = clone.call(job("sick", Succeed));
        let error = assert_ready_err!(task::spawn(call).poll());
        assert!(error.is::<CircuitOpen>(), "{error}");
    }
    let mut between = task::spawn(service.call(job("failing", Fail)));
    assert_pending!(between.poll());
    for tenant in ["well", "sound"] {
        let call = service.call(job(tenant, Succeed));
        assert_eq!(assert_ready_ok!(task::spawn(call).poll()), "done");
    }
}

// ===== outside =====

#[tokio::test(start_paused = true)]
async fn outside_each_attempt_is_an_outcome_and_the_circuit_opens_within_the_call() {
    let printer = printer();
    let script = Script::default();
    let mut service = ServiceBuilder::new()
        .retry(RespectCircuit::new(Stubborn::new(9)))
        .layer(layer(&printer))
        .service(script.play(AT_ONCE));

    let error = service.call(job("acme", Fail)).await.unwrap_err();
    assert_eq!(
        CircuitOpen::find(&*error).unwrap().reason(),
        Reason::ConsecutiveFailures
    );
    let open: CircuitOpen = *error.downcast().unwrap();
    assert_eq!(open.tenant(), Some("acme"));
    assert_eq!(script.attempts(), 2);
    let totals = printer.snapshot().totals;
    assert_eq!((totals.calls, totals.failures, totals.rejected), (2, 2, 1));
}

#[tokio::test(start_paused = true)]
async fn outside_a_success_after_failed_attempts_leaves_these_counted() {
    let printer = printer();
    let script = Script::of([Fail, Succeed]);
    let mut service = ServiceBuilder::new()
        .retry(RespectCircuit::new(Stubborn::new(9)))
        .layer(layer(&printer))
        .service(script.play(AT_ONCE));

    assert_eq!(service.call(job("acme", Fail)).await.unwrap(), "done");
    let totals = printer.snapshot().totals;
    assert_eq!((totals.calls, totals.failures), (2, 1));
    assert_eq!(printer.state("acme"), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn outside_a_last_attempt_that_fails_is_the_error_that_arrives() {
    let printer = printer();
    let mut service = ServiceBuilder::new()
        .retry(RespectCircuit::new(Stubborn::new(1)))
        .layer(layer(&printer))
        .service_fn(work);

    let error = service.call(job("acme", Fail)).await.unwrap_err();
    assert!(error.is::<OutOfPaper>(), "{error}");
    assert_eq!(printer.state("acme"), CircuitState::Open);
}

// The trap that `RespectCircuit` is there for.
#[tokio::test(start_paused = true)]
async fn outside_a_policy_that_knows_no_circuits_spends_the_budget_of_all_on_rejections() {
    let printer = printer();
    open(&printer, "sick");
    let budget = Ledger::of_ten();
    let script = Script::of([Fail]);
    let mut service = ServiceBuilder::new()
        .retry(Stubborn::with_budget(&budget))
        .layer(layer(&printer))
        .service(script.play(AT_ONCE));

    let error = service.call(job("sick", Succeed)).await.unwrap_err();
    assert!(error.is::<CircuitOpen>(), "{error}");
    assert_eq!((budget.withdrawals(), budget.refusals()), (10, 1));
    assert_eq!(printer.snapshot().totals.rejected, 11);
    assert_eq!(script.attempts(), 0);

    let error = service.call(job("well", Succeed)).await.unwrap_err();
    assert!(error.is::<OutOfPaper>(), "a retry would have saved it");
    assert_eq!(budget.refusals(), 2);
}

#[tokio::test(start_paused = true)]
async fn outside_a_policy_that_respects_circuits_keeps_its_budget_for_calls_that_were_made() {
    let printer = printer();
    open(&printer, "sick");
    let budget = Ledger::of_ten();
    let script = Script::of([Fail]);
    let mut service = ServiceBuilder::new()
        .retry(RespectCircuit::new(Stubborn::with_budget(&budget)))
        .layer(layer(&printer))
        .service(script.play(AT_ONCE));

    for _ in 0..50 {
        let error = service.call(job("sick", Succeed)).await.unwrap_err();
        assert!(error.is::<CircuitOpen>(), "{error}");
    }
    assert_eq!((budget.withdrawals(), budget.refusals()), (0, 0));
    assert_eq!(printer.snapshot().totals.rejected, 50);

    assert_eq!(service.call(job("well", Succeed)).await.unwrap(), "done");
    assert_eq!((budget.withdrawals(), budget.deposits()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn outside_a_call_between_attempts_holds_no_place_for_probes() {
    let printer = ready_to_probe().await;
    // Neither good nor bad, so that the circuit stays half-open.
    let breaker = layer(&printer).classify(|_: Result<&String, &BoxError>| Outcome::Ignored);
    let mut service = ServiceBuilder::new()
        .retry(RespectCircuit::new(Stubborn::new(9)))
        .layer(breaker)
        .service_fn(work);

    let mut between = task::spawn(service.call(job("acme", Fail)));
    assert_pending!(between.poll());
    assert_eq!(printer.state("acme"), CircuitState::HalfOpen);
    assert!(printer.circuit("acme").would_admit());
}

#[tokio::test(start_paused = true)]
async fn outside_a_probe_that_is_dropped_gives_its_place_back() {
    let printer = ready_to_probe().await;
    let mut service = ServiceBuilder::new()
        .retry(RespectCircuit::new(Stubborn::new(9)))
        .layer(layer(&printer))
        .service_fn(work);

    let mut probe = task::spawn(service.call(job("acme", Hang)));
    assert_pending!(probe.poll());
    assert_eq!(reason(&printer), Some(Reason::HalfOpenFull));
    drop(probe);
    let call = service.call(job("acme", Succeed));
    assert_eq!(assert_ready_ok!(task::spawn(call).poll()), "done");
    assert_eq!(printer.state("acme"), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn outside_one_tenants_pending_inner_and_anothers_wait_hold_up_no_third() {
    let diary = Diary::default();
    let printer = printer();
    open(&printer, "sick");
    let policy = RespectCircuit::new(Stubborn::new(9)).wait_up_to(OPEN * 2);
    let mut service = ServiceBuilder::new()
        .retry(policy.unwrap())
        .layer(layer(&printer))
        .service(diary.first());

    diary.expect([Poll::Pending]);
    let mut stuck = task::spawn(service.call(job("stuck", Succeed)));
    let mut waits = task::spawn(service.call(job("sick", Succeed)));
    assert_pending!(waits.poll());
    let mut next = task::spawn(service.call(job("next", Succeed)));
    assert_eq!(assert_ready_ok!(next.poll()), 1);
    assert_eq!(assert_ready_ok!(stuck.poll()), 0);
    waits.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn outside_neither_rejected_attempts_nor_calls_between_two_hold_a_place_further_in() {
    let printer = printer();
    open(&printer, "sick");
    let mut service = ServiceBuilder::new()
        .retry(Stubborn::new(9))
        .layer(layer(&printer))
        .concurrency_limit(1)
        .service_fn(work);

    let mut clones = vec![service.clone(); 4];
    let mut calls = Vec::new();
    for (clone, tenant) in clones.iter_mut().zip(["sick", "failing", "sick", "sick"]) {
        let mut call = task::spawn(clone.call(job(tenant, Fail)));
        assert_pending!(call.poll());
        calls.push(call);
    }
    advance(BACKOFF).await;
    for call in &mut calls {
        assert_pending!(call.poll());
    }
    let rejected = printer.snapshot().totals.rejected;
    assert_eq!(rejected, 6, "each of the sick twice");
    for tenant in ["well", "sound"] {
        let call = service.call(job(tenant, Succeed));
        assert_eq!(assert_ready_ok!(task::spawn(call).poll()), "done");
    }
}
