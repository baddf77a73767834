//! The end of a good call goes a short way where it can: where the thread knows the slot, and the slot has begun. What
//! a call must not overlook holds there too, as it does for the first calls of a slot.
//!
//! No log may listen in this process: then no call goes that way.

use std::time::Duration;

use tokio::time::advance;
use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitSnapshot, CircuitState, Dependency, LatencyRule, OpenPeriod,
    Outcome, Override, Permit, Policy, PolicyBuilder,
};

/// Two failures in a row open, and no rule else.
fn policy() -> PolicyBuilder {
    Policy::builder()
        .window(Duration::from_secs(600))
        .without_failure_rate()
        .consecutive_failures(2)
        .without_latency()
        .open_for(OpenPeriod::fixed(Duration::from_secs(10)).jitter(0.0))
}

fn registry() -> CircuitBreakerRegistry {
    CircuitBreakerRegistry::builder().build().unwrap()
}

fn declare(registry: &CircuitBreakerRegistry, name: &str, policy: PolicyBuilder) -> Dependency {
    let policy = policy.build().unwrap();
    registry.dependency_with(name, policy).unwrap()
}

fn dependency() -> Dependency {
    declare(&registry(), "search", policy())
}

fn acquire(search: &Dependency) -> Permit {
    search.acquire("acme").unwrap()
}

/// From then on, good calls in this slot go the short way: the first begins the slot, and its end is what the thread
/// knows the slot by.
fn warm(search: &Dependency) {
    for _ in 0..3 {
        acquire(search).record(Outcome::Success);
    }
}

fn snapshot(search: &Dependency) -> CircuitSnapshot {
    search.circuit("acme").snapshot().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_good_straggler_is_late_and_is_not_in_the_window_of_the_next_generation() {
    let search = dependency();
    warm(&search);
    let straggler = acquire(&search);
    search.circuit("acme").reset();
    warm(&search);
    straggler.record(Outcome::Success);
    let after = snapshot(&search);
    assert_eq!((after.window.calls, after.totals.late), (3, 1));
}

#[tokio::test(start_paused = true)]
async fn good_calls_give_their_places_among_those_in_flight_back() {
    let search = declare(&registry(), "search", policy().max_in_flight(1));
    for _ in 0..10 {
        warm(&search);
    }
    assert_eq!(snapshot(&search).totals.rejected, 0);
}

#[tokio::test(start_paused = true)]
async fn a_good_call_that_ends_while_its_dependency_is_disabled_is_not_recorded() {
    let search = dependency();
    warm(&search);
    let earlier = acquire(&search);
    search.set(Override::Disabled);
    earlier.record(Outcome::Success);
    search.clear();
    assert_eq!(snapshot(&search).window.calls, 3);
}

#[tokio::test(start_paused = true)]
async fn a_good_call_ends_a_run_of_failures() {
    let search = dependency();
    warm(&search);
    for _ in 0..5 {
        acquire(&search).record(Outcome::failure());
        acquire(&search).record(Outcome::Success);
    }
    assert_eq!(search.state("acme"), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_good_call_is_the_last_success_of_a_circuit_that_only_failed_in_its_slot() {
    let search = dependency();
    warm(&search);
    search.acquire("globex").unwrap().record(Outcome::failure());
    search.acquire("globex").unwrap().record(Outcome::Success);
    let globex = search.circuit("globex").snapshot().unwrap();
    assert!(globex.last_success.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_call_is_slow_by_its_own_dependency_though_the_thread_knows_others() {
    let registry = registry();
    let slow_over = |millis| LatencyRule::p99(Duration::from_millis(millis));
    let of = |name: &str, millis| declare(&registry, name, policy().latency(slow_over(millis)));
    // A thread keeps few: with so many between them, some two are kept in one place.
    for between in 0..16 {
        let strict = of(&format!("strict {between}"), 100);
        for n in 0..between % 4 {
            of(&format!("other {between} {n}"), 100);
        }
        let patient = of(&format!("patient {between}"), 60_000);
        acquire(&strict).record(Outcome::Success);
        advance(Duration::from_millis(50)).await;
        warm(&patient);
        let call = acquire(&strict);
        advance(Duration::from_millis(500)).await;
        call.record(Outcome::Success);
        assert_eq!(snapshot(&strict).window.slow[0], 1, "{between} between");
    }
}
