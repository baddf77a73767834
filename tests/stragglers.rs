//! Law 11: a permit of an older generation is counted as late, and changes nothing else.

use std::time::Duration;

use tokio::time::advance;
use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitSnapshot, CircuitState, Dependency, OpenPeriod, Outcome, Permit,
    Policy, PolicyBuilder, Reason,
};

const PERIOD: Duration = Duration::from_secs(10);

/// One failure opens for ten seconds, one success closes.
fn policy() -> PolicyBuilder {
    Policy::builder()
        .consecutive_failures(1)
        .open_for(OpenPeriod::fixed(PERIOD).jitter(0.0))
        .half_open_max_calls(1)
        .success_threshold(1)
}

fn dependency(policy: PolicyBuilder) -> Dependency {
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    let policy = policy.build().unwrap();
    registry.dependency_with("search", policy).unwrap()
}

fn acquire(search: &Dependency) -> Permit {
    search.acquire("acme").unwrap()
}

fn snapshot(search: &Dependency) -> CircuitSnapshot {
    search.circuit("acme").snapshot().unwrap()
}

fn is_full(search: &Dependency) -> bool {
    search
        .acquire("acme")
        .is_err_and(|rejection| rejection.circuit_open().unwrap().reason() == Reason::HalfOpenFull)
}

/// Every way in which a call can end; `None` is cancelled.
const ENDINGS: [Option<Outcome>; 5] = [
    Some(Outcome::Success),
    Some(Outcome::failure()),
    Some(Outcome::throttled()),
    Some(Outcome::Ignored),
    None,
];

fn end(permit: Permit, ending: Option<Outcome>) {
    match ending {
        Some(outcome) => permit.record(outcome),
        None => drop(permit),
    }
}

/// Lets the stragglers end, and asserts that they leave no trace but their number.
fn end_without_a_trace(search: &Dependency, stragglers: Vec<Permit>) {
    let before = snapshot(search);
    let late = stragglers.len() as u64;
    for (permit, ending) in stragglers.into_iter().zip(ENDINGS.into_iter().cycle()) {
        end(permit, ending);
    }
    let after = snapshot(search);
    assert_eq!(after.state, before.state);
    assert_eq!(after.generation, before.generation);
    assert_eq!(after.window, before.window);
    assert_eq!(after.retry_after, before.retry_after);
    assert_eq!(after.last_success, before.last_success);
    assert_eq!(after.last_failure, before.last_failure);
    assert_eq!(after.last_trip, before.last_trip);
    let mut totals = after.totals;
    totals.late -= late;
    assert_eq!(totals, before.totals);
}

#[tokio::test(start_paused = true)]
async fn stragglers_that_end_while_open_are_counted_as_late_and_change_nothing() {
    let search = dependency(policy());
    let stragglers: Vec<_> = ENDINGS.iter().map(|_| acquire(&search)).collect();
    acquire(&search).record(Outcome::failure());
    // Slow ones too.
    advance(Duration::from_secs(5)).await;
    assert_eq!(search.state("acme"), CircuitState::Open);
    end_without_a_trace(&search, stragglers);
}

#[tokio::test(start_paused = true)]
async fn stragglers_that_end_while_half_open_neither_close_nor_open_nor_free_a_place() {
    let search = dependency(policy());
    let stragglers: Vec<_> = ENDINGS.iter().map(|_| acquire(&search)).collect();
    acquire(&search).record(Outcome::failure());
    advance(PERIOD).await;
    let _probe = acquire(&search);
    assert_eq!(search.state("acme"), CircuitState::HalfOpen);
    end_without_a_trace(&search, stragglers);
    assert!(is_full(&search));
}

#[tokio::test(start_paused = true)]
async fn stragglers_that_end_in_a_later_closed_generation_are_not_in_its_window() {
    let search = dependency(policy());
    let stragglers: Vec<_> = ENDINGS.iter().map(|_| acquire(&search)).collect();
    acquire(&search).record(Outcome::failure());
    advance(PERIOD).await;
    acquire(&search).record(Outcome::Success);
    assert_eq!(search.state("acme"), CircuitState::Closed);
    end_without_a_trace(&search, stragglers);
    assert_eq!(snapshot(&search).window.calls, 0);
}

#[tokio::test(start_paused = true)]
async fn a_call_admitted_closed_and_cancelled_half_open_mints_no_permit() {
    let search = dependency(policy());
    let closed: Vec<_> = (0..10).map(|_| acquire(&search)).collect();
    acquire(&search).record(Outcome::failure());
    advance(PERIOD).await;
    let probe = acquire(&search);
    drop(closed);
    assert!(is_full(&search));
    drop(probe);
    let _next = acquire(&search);
    assert!(is_full(&search));
}

#[tokio::test(start_paused = true)]
async fn a_probe_of_an_earlier_half_open_stretch_is_a_straggler_in_the_next() {
    let search = dependency(policy().half_open_max_calls(6));
    acquire(&search).record(Outcome::failure());
    advance(PERIOD).await;
    let stragglers: Vec<_> = ENDINGS.iter().map(|_| acquire(&search)).collect();
    assert!(stragglers.iter().all(Permit::is_probe));
    acquire(&search).record(Outcome::failure());
    advance(PERIOD).await;
    let _probes: Vec<_> = (0..6).map(|_| acquire(&search)).collect();
    end_without_a_trace(&search, stragglers);
    assert!(is_full(&search));
}

#[tokio::test(start_paused = true)]
async fn cancelled_stragglers_are_no_run_of_abandoned_calls() {
    let search = dependency(policy().abandoned_run(3));
    let stragglers: Vec<_> = (0..10).map(|_| acquire(&search)).collect();
    search.circuit("acme").reset();
    drop(acquire(&search));
    drop(acquire(&search));
    drop(stragglers);
    let snapshot = snapshot(&search);
    assert_eq!(snapshot.state, CircuitState::Closed);
    assert_eq!(snapshot.totals.late, 10);
    assert_eq!(snapshot.totals.cancelled, 2);
    assert_eq!(snapshot.window.failures, 0);
}

#[tokio::test(start_paused = true)]
async fn a_straggler_neither_lengthens_nor_ends_the_run_of_failures() {
    let search = dependency(policy().consecutive_failures(3));
    let stragglers = [acquire(&search), acquire(&search)];
    search.circuit("acme").reset();
    acquire(&search).record(Outcome::failure());
    acquire(&search).record(Outcome::failure());
    let [success, failure] = stragglers;
    success.record(Outcome::Success);
    assert_eq!(snapshot(&search).window.consecutive_failures, 2);
    failure.record(Outcome::failure());
    assert_eq!(search.state("acme"), CircuitState::Closed);
    acquire(&search).record(Outcome::failure());
    assert_eq!(search.state("acme"), CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn a_straggler_s_hint_moves_the_deadline_of_an_open_circuit_and_no_other() {
    let search = dependency(policy());
    let mut stragglers: Vec<_> = (0..3).map(|_| acquire(&search)).collect();
    let mut hint = |seconds| {
        let hint = Duration::from_secs(seconds);
        let straggler = stragglers.pop().unwrap();
        straggler.record(Outcome::throttled().with_retry_after(hint));
    };
    acquire(&search).record(Outcome::failure());
    hint(20);
    let left = snapshot(&search).retry_after;
    assert_eq!(left, Some(Duration::from_secs(20)));

    advance(Duration::from_secs(20)).await;
    let probe = acquire(&search);
    hint(500);
    assert_eq!(search.state("acme"), CircuitState::HalfOpen);
    probe.record(Outcome::Success);
    assert_eq!(search.state("acme"), CircuitState::Closed);
    hint(500);
    acquire(&search).record(Outcome::failure());
    assert_eq!(snapshot(&search).retry_after, Some(PERIOD));
    assert_eq!(snapshot(&search).totals.late, 3);
}

#[tokio::test(start_paused = true)]
async fn a_permit_does_not_find_its_own_generation_again_after_many_changes() {
    let search = dependency(policy());
    let changes = [1_u64, 64, 1_024, 1_024, 65_536];
    let mut expected = 0;
    for changes in changes {
        let straggler = acquire(&search);
        let generation = snapshot(&search).generation;
        for _ in 0..changes {
            search.circuit("acme").reset();
        }
        assert_eq!(snapshot(&search).generation, generation + changes);
        straggler.record(Outcome::failure());
        expected += 1;
        assert_eq!(snapshot(&search).totals.late, expected);
        assert_eq!(search.state("acme"), CircuitState::Closed);
    }
}
