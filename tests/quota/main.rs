//! A tenant whose quota is used up: its circuit is held open until somebody resets it.

mod lifting;
mod overrides;
mod racing;
mod sharing;
mod telling;

use std::time::Duration;

use tokio::time::{Instant, advance};
use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitOpen, CircuitSnapshot, CircuitState, Dependency, EffectiveState,
    OpenPeriod, Outcome, Override, OverrideLevel, Permit, Policy, PolicyBuilder, Reason, Rejection,
};

const SECOND: Duration = Duration::from_secs(1);
const WINDOW: Duration = Duration::from_secs(10);
const PERIOD: Duration = Duration::from_secs(4);
const YEAR: Duration = Duration::from_secs(365 * 24 * 3_600);

/// Two failures in a row open for four seconds, one success closes.
fn policy() -> PolicyBuilder {
    Policy::builder()
        .window(WINDOW)
        .without_failure_rate()
        .consecutive_failures(2)
        .open_for(OpenPeriod::fixed(PERIOD).jitter(0.0))
        .half_open_max_calls(1)
        .success_threshold(1)
}

fn declare(policy: PolicyBuilder) -> (CircuitBreakerRegistry, Dependency) {
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    let policy = policy.build().unwrap();
    let llm = registry.dependency_with("llm", policy).unwrap();
    (registry, llm)
}

fn llm() -> Dependency {
    declare(policy()).1
}

fn acquire(llm: &Dependency) -> Permit {
    llm.acquire("acme").unwrap()
}

fn record(llm: &Dependency, outcome: Outcome) {
    acquire(llm).record(outcome);
}

/// Acme has used up its quota.
fn exhaust(llm: &Dependency) {
    record(llm, Outcome::QuotaExhausted);
}

fn rejected(llm: &Dependency) -> CircuitOpen {
    match llm.acquire("acme") {
        Err(Rejection::Open(open)) => open,
        other => panic!("not rejected: {other:?}"),
    }
}

/// Whether the circuit is held since a quota is used up.
fn is_held(llm: &Dependency) -> bool {
    let standing = llm.circuit("acme").override_in_force();
    standing.is_some_and(|standing| standing.reason == Reason::QuotaExhausted)
}

fn snapshot(llm: &Dependency) -> CircuitSnapshot {
    llm.circuit("acme").snapshot().unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_circuit_is_held_open_and_waiting_does_not_help() {
    let llm = llm();
    record(&llm, Outcome::Success);
    advance(SECOND).await;
    let used_up = Instant::now();
    exhaust(&llm);
    for _ in 0..3 {
        let open = rejected(&llm);
        assert_eq!(open.reason(), Reason::QuotaExhausted);
        assert_eq!((open.retry_after(), open.note()), (None, None));
        assert_eq!(open.since(), Some(used_up));
        assert!(!llm.circuit("acme").would_admit());
        advance(YEAR).await;
    }
    assert_eq!(llm.state("acme"), CircuitState::Closed);
    assert_eq!(llm.effective_state("acme"), EffectiveState::ForcedOpen);
    let overridden = snapshot(&llm).overridden.unwrap();
    assert_eq!(overridden.kind, Override::ForcedOpen);
    assert_eq!(overridden.level, OverrideLevel::Circuit);
    assert_eq!(overridden.reason, Reason::QuotaExhausted);
    assert_eq!((overridden.since, overridden.until), (used_up, None));
    assert_eq!(overridden.note, None);
    let totals = snapshot(&llm).totals;
    assert_eq!((totals.throttled, totals.rejected), (1, 3));
}

#[tokio::test(start_paused = true)]
async fn no_other_tenant_and_no_other_dependency_is_held() {
    let (registry, llm) = declare(policy());
    let search = registry.dependency("search").unwrap();
    exhaust(&llm);
    llm.acquire("globex").unwrap().record(Outcome::Success);
    search.acquire("acme").unwrap().record(Outcome::Success);
}

#[tokio::test(start_paused = true)]
async fn it_counts_as_a_throttled_call_does() {
    let by_rate = policy().failure_threshold(2).failure_rate(0.5).min_calls(2);
    let (_registry, llm) = declare(by_rate);
    let other = acquire(&llm);
    exhaust(&llm);
    assert_eq!(llm.state("acme"), CircuitState::Closed);
    other.record(Outcome::QuotaExhausted);
    // Neither was a failure in a row; both make up the rate.
    assert_eq!(llm.state("acme"), CircuitState::Open);
    let trip = snapshot(&llm).last_trip.unwrap();
    assert_eq!(trip.reason, Reason::FailureRate);
    assert_eq!((trip.figures.failures, trip.figures.throttled), (2, 2));
    assert_eq!(rejected(&llm).reason(), Reason::QuotaExhausted);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_finds_it_gives_its_place_back_and_holds_too() {
    let llm = llm();
    record(&llm, Outcome::failure());
    record(&llm, Outcome::failure());
    advance(PERIOD).await;
    let probe = acquire(&llm);
    assert!(probe.is_probe());
    probe.record(Outcome::QuotaExhausted);
    assert_eq!(llm.state("acme"), CircuitState::Open);
    let totals = snapshot(&llm).totals;
    assert_eq!((totals.throttled, totals.probe_failures), (1, 1));
    advance(YEAR).await;
    assert_eq!(rejected(&llm).reason(), Reason::QuotaExhausted);

    // Cleared, the machine holds again, and has its place.
    llm.circuit("acme").clear();
    let probe = acquire(&llm);
    assert!(probe.is_probe());
    probe.record(Outcome::Success);
    assert_eq!(llm.state("acme"), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn calls_in_the_air_go_on_and_are_recorded() {
    let llm = llm();
    let other = acquire(&llm);
    exhaust(&llm);
    other.record(Outcome::Success);
    let totals = snapshot(&llm).totals;
    assert_eq!((totals.calls, totals.late), (2, 0));
    assert!(is_held(&llm));
}
