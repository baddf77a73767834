//! The retry policy that leaves rejections to the circuit: how long it waits for one, and when it gives up.

#![cfg(feature = "retry")]

mod job;
mod stubborn;

use std::collections::BTreeSet;
use std::time::Duration;

use job::{Fail, Hang, Job, OPEN, Owner, Succeed, job, open, printer, registry, two_strikes, work};
use stubborn::{BACKOFF, Script, Stubborn};
use tokio::time::{Instant, advance};
use tokio_test::{assert_pending, task};
use tower::retry::Policy;
use tower::{BoxError, Service, ServiceBuilder};
use tower_tenant_breaker::retry::RespectCircuit;
use tower_tenant_breaker::{
    CircuitState, Dependency, ErrIsFailure, Outcome, Override, Permit, PolicyBuilder, Probing,
    Reason, TenantCircuitBreakerLayer,
};

const MILLI: Duration = Duration::from_millis(1);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn layer(printer: &Dependency) -> TenantCircuitBreakerLayer<Dependency, Owner, ErrIsFailure> {
    TenantCircuitBreakerLayer::new(printer.clone(), Owner).classify(ErrIsFailure)
}

fn patient(allowance: Duration) -> RespectCircuit<Stubborn> {
    RespectCircuit::new(Stubborn::new(0))
        .wait_up_to(allowance)
        .unwrap()
}

fn dependency(policy: PolicyBuilder) -> Dependency {
    let policy = policy.build().unwrap();
    registry().dependency_with("plotter", policy).unwrap()
}

/// How long the policy waits after another rejection of acme's; none where it gives up.
async fn wait(policy: &mut RespectCircuit<Stubborn>, printer: &Dependency) -> Option<Duration> {
    let mut rejected: Result<String, BoxError> = Err(printer.acquire("acme").unwrap_err().into());
    let waiting = policy.retry(&mut job("acme", Succeed), &mut rejected)?;
    let begun = Instant::now();
    waiting.await;
    Some(Instant::now().saturating_duration_since(begun))
}

// ===== how long it waits =====

#[tokio::test(start_paused = true)]
async fn without_an_allowance_a_rejection_ends_the_call_at_once() {
    let printer = printer();
    open(&printer, "acme");
    assert_eq!(
        wait(&mut RespectCircuit::new(Stubborn::new(9)), &printer).await,
        None
    );
    assert_eq!(wait(&mut patient(Duration::ZERO), &printer).await, None);
    assert!(wait(&mut patient(OPEN * 2), &printer).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_call_waits_for_the_open_period_to_end_and_at_most_a_tenth_longer() {
    for _ in 0..200 {
        let printer = printer();
        open(&printer, "acme");
        advance(OPEN / 5).await;
        let left = OPEN * 4 / 5;
        let waited = wait(&mut patient(DAY), &printer).await.unwrap();
        assert!(waited >= left, "{waited:?}");
        assert!(waited <= left + left / 10 + MILLI, "{waited:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_for_one_circuit_do_not_return_in_step() {
    let printer = printer();
    printer.circuit("acme").open_for(OPEN).unwrap();
    let mut waits = BTreeSet::new();
    for _ in 0..200 {
        waits.insert(wait(&mut patient(DAY), &printer).await.unwrap().as_millis());
        printer.circuit("acme").open_for(OPEN).unwrap();
    }
    assert!(waits.len() > 50, "{waits:?}");
}

#[tokio::test(start_paused = true)]
async fn a_call_gives_up_at_once_where_the_allowance_ends_before_the_open_period() {
    let printer = printer();
    open(&printer, "acme");
    let short = OPEN - Duration::from_nanos(1);
    assert_eq!(wait(&mut patient(short), &printer).await, None);
    // Where it just suffices, there is no room to be late.
    assert_eq!(wait(&mut patient(OPEN), &printer).await, Some(OPEN));
}

#[tokio::test(start_paused = true)]
async fn all_waits_of_a_request_share_one_allowance() {
    let printer = printer();
    let mut policy = patient(OPEN * 5 / 2);
    for _ in 0..2 {
        printer.circuit("acme").open_for(OPEN).unwrap();
        assert!(wait(&mut policy, &printer).await.is_some());
    }
    printer.circuit("acme").open_for(OPEN).unwrap();
    assert_eq!(wait(&mut policy, &printer).await, None);
}

#[tokio::test(start_paused = true)]
async fn each_request_has_an_allowance_of_its_own() {
    let printer = printer();
    let script = Script::default();
    let mut service = ServiceBuilder::new()
        .retry(patient(OPEN * 3 / 2))
        .layer(layer(&printer))
        .service(script.play(Duration::ZERO));
    for _ in 0..4 {
        printer.circuit("acme").open_for(OPEN).unwrap();
        assert_eq!(service.call(job("acme", Succeed)).await.unwrap(), "done");
    }
    assert_eq!(script.attempts(), 4);
}

#[tokio::test(start_paused = true)]
async fn what_the_policy_waits_is_not_taken_from_the_allowance() {
    let printer = printer();
    // Two failures open the circuit; its period just fits into the allowance.
    let theirs = Stubborn::new(2);
    let policy = RespectCircuit::new(theirs.clone())
        .wait_up_to(OPEN)
        .unwrap();
    let script = Script::of([Fail, Fail, Succeed]);
    let mut service = ServiceBuilder::new()
        .retry(policy)
        .layer(layer(&printer))
        .service(script.play(BACKOFF));
    assert_eq!(service.call(job("acme", Succeed)).await.unwrap(), "done");
    assert_eq!(theirs.shown(), ["out of paper", "out of paper", "done"]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_is_made_as_a_probe_and_served() {
    let printer = printer();
    open(&printer, "acme");
    let mut service = ServiceBuilder::new()
        .retry(patient(OPEN * 2))
        .layer(layer(&printer))
        .service_fn(work);
    assert_eq!(service.call(job("acme", Succeed)).await.unwrap(), "done");
    assert_eq!(printer.state("acme"), CircuitState::Closed);
    let totals = printer.snapshot().totals;
    assert_eq!((totals.rejected, totals.probe_successes), (1, 1));
}

// ===== where a rejection says nothing of time =====

#[tokio::test(start_paused = true)]
async fn a_circuit_that_is_forced_open_is_waited_for_only_if_that_has_an_end() {
    let printer = printer();
    printer.force_open("until told otherwise");
    assert_eq!(wait(&mut patient(DAY), &printer).await, None);

    printer.set_for(Override::ForcedOpen, OPEN);
    assert!(wait(&mut patient(DAY), &printer).await.unwrap() >= OPEN);
    assert!(printer.acquire("acme").is_ok());
}

/// A circuit whose only place for a probe is taken by the permit.
async fn full() -> (Dependency, Permit) {
    let printer = printer();
    open(&printer, "acme");
    advance(OPEN).await;
    let probe = printer.acquire("acme").unwrap();
    let rejection = printer.acquire("acme").unwrap_err();
    let rejection = rejection.circuit_open().unwrap();
    assert_eq!(rejection.reason(), Reason::HalfOpenFull);
    assert_eq!(rejection.retry_after(), Some(Duration::ZERO));
    (printer, probe)
}

#[tokio::test(start_paused = true)]
async fn a_full_half_open_circuit_is_asked_again_after_pauses_that_double_up_to_ten_seconds() {
    let (printer, _probe) = full().await;
    let mut policy = patient(DAY);
    for pause in [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000] {
        let pause = pause * MILLI;
        let waited = wait(&mut policy, &printer).await.unwrap();
        assert!(waited >= pause, "{waited:?}");
        assert!(waited <= pause + pause / 10 + MILLI, "{waited:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_pause_takes_what_is_left_of_the_allowance() {
    let (printer, _probe) = full().await;
    let mut policy = patient(150 * MILLI);
    let first = wait(&mut policy, &printer).await.unwrap();
    assert!(first <= 111 * MILLI, "{first:?}");
    let second = wait(&mut policy, &printer).await.unwrap();
    assert!(second >= 39 * MILLI && second <= 51 * MILLI, "{second:?}");
    assert_eq!(wait(&mut policy, &printer).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_period_that_is_all_but_over_is_no_reason_to_spin() {
    let printer = printer();
    let mut policy = patient(Duration::from_secs(1));
    let mut asked = 0;
    loop {
        // Somebody else's probe fails each time.
        printer
            .circuit("acme")
            .open_for(Duration::from_nanos(1))
            .unwrap();
        if wait(&mut policy, &printer).await.is_none() {
            break;
        }
        asked += 1;
        assert!(asked < 100, "it spins");
    }
    assert_eq!(asked, 4, "after 100, 200 and 400 ms, and what is left");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_may_not_probe_waits_for_the_proof_of_another() {
    let printer = printer();
    open(&printer, "acme");
    advance(OPEN).await;
    let mut service = ServiceBuilder::new()
        .retry(patient(OPEN))
        .layer(layer(&printer).probe_if(|_: &Job| Probing::No))
        .service_fn(work);
    let mut call = task::spawn(service.call(job("acme", Succeed)));
    assert_pending!(call.poll());
    advance(Duration::from_secs(3)).await;
    assert_pending!(call.poll(), "asked, barred, and waits on");

    printer.acquire("acme").unwrap().record(Outcome::Success);
    assert_eq!(call.await.unwrap(), "done");
}

#[tokio::test(start_paused = true)]
async fn a_call_without_a_place_in_the_air_waits_for_one() {
    let plotter = dependency(two_strikes().max_in_flight(1));
    let mut service = ServiceBuilder::new()
        .retry(patient(OPEN))
        .layer(layer(&plotter))
        .service_fn(work);
    let mut holder = task::spawn(service.call(job("acme", Hang)));
    assert_pending!(holder.poll());
    let mut call = task::spawn(service.call(job("acme", Succeed)));
    assert_pending!(call.poll());

    drop(holder);
    let in_flight = plotter.circuit("acme").snapshot().unwrap().in_flight;
    assert_eq!(in_flight, Some(0), "who waits is not in the air");
    assert_eq!(call.await.unwrap(), "done");
    let totals = plotter.snapshot().totals;
    assert_eq!((totals.rejected, totals.calls), (1, 1));
}

// ===== bounds =====

#[test]
fn an_allowance_of_more_than_a_day_is_refused() {
    let policy = || RespectCircuit::new(Stubborn::new(0));
    assert!(policy().wait_up_to(DAY).is_ok());
    assert!(policy().wait_up_to(Duration::ZERO).is_ok());
    let error = policy().wait_up_to(DAY + MILLI).unwrap_err();
    assert_eq!(error.field(), "wait_up_to");
    assert_eq!(
        error.to_string(),
        "wait_up_to is 86400.001s, but must be up to 24 h"
    );
}
