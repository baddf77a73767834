use std::time::Duration;

use tokio::time::advance;

use super::GOOD;
use crate::circuit::Circuit;
use crate::{CircuitBreakerRegistry, CircuitState, LatencyRule, Outcome, Policy};

#[tokio::test(start_paused = true)]
async fn a_call_that_lasts_as_long_as_a_rule_allows_leaves_a_quiet_circuit_small() {
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    let rule = LatencyRule::p95(Duration::from_millis(100));
    let policy = Policy::builder().without_latency().latency(rule);
    let search = registry.dependency_with("search", policy.build().unwrap());
    let search = search.unwrap();
    // The edge of a bucket, and not the threshold as it was written.
    let limit = Duration::from_nanos(search.context().lowest_threshold());
    for longer in [Duration::ZERO, Duration::from_nanos(1)] {
        let call = search.acquire("acme").unwrap();
        advance(limit + longer).await;
        call.record(Outcome::Success);
        let circuit = search.inner.circuits.get("acme").unwrap();
        assert_eq!(circuit.rare.get().is_some(), !longer.is_zero());
    }
}

#[tokio::test(start_paused = true)]
async fn a_slot_that_a_straggler_began_is_begun_anew_by_a_call_of_the_generation_that_is() {
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    let search = registry.dependency("search").unwrap();
    let succeed = || search.acquire("acme").unwrap().record(Outcome::Success);
    succeed();
    search.circuit("acme").reset();
    let circuit = search.inner.circuits.get("acme").unwrap();
    let now = search.context().now();
    let slot = search.context().slot(now);
    // It has looked at the generation before the reset, and counts after it.
    assert!(circuit.count_in_window(slot, 0, now, 0, GOOD));
    succeed();
    let snapshot = search.circuit("acme").snapshot().unwrap();
    assert_eq!((snapshot.window.calls, snapshot.totals.late), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_success_as_long_as_a_rule_of_the_tenants_own_allows_has_no_rule_asked() {
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    let search = registry.dependency("search").unwrap();
    let policy = Policy::builder()
        .without_consecutive_failures()
        .failure_rate(0.5)
        .min_calls(10)
        .latency(LatencyRule::p95(Duration::from_millis(100)));
    let acme = search.circuit("acme");
    acme.set_policy(policy.build().unwrap()).unwrap();
    for _ in 0..9 {
        search.acquire("acme").unwrap().record(Outcome::failure());
    }
    let circuit = search.inner.circuits.get("acme").unwrap();
    let limit = Duration::from_nanos(circuit.rules().lowest_threshold);
    for (longer, state) in [(0, CircuitState::Closed), (1, CircuitState::Open)] {
        let call = search.acquire("acme").unwrap();
        advance(limit + Duration::from_nanos(longer)).await;
        call.record(Outcome::Success);
        assert_eq!(acme.state(), state, "{longer} ns over it");
    }
}

fn with_one_success() -> Circuit {
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    let search = registry.dependency("search").unwrap();
    search.acquire("acme").unwrap().record(Outcome::Success);
    search.inner.circuits.get("acme").unwrap()
}

#[test]
fn of_failures_that_find_the_first_window_idle_at_once_one_begins_the_run() {
    let circuit = with_one_success();
    for failures in 1..=2 {
        circuit.begin_run(circuit.rare(), 0, 0);
        let run = circuit.runs.update(0, |run| run.failed(1));
        assert_eq!(run.failures, failures);
    }
}

#[test]
fn a_failure_that_finds_the_first_window_idle_adds_to_the_run_that_abandoned_calls_began() {
    let circuit = with_one_success();
    let run = circuit.abandon_after_idle(circuit.rare(), 0, 0, true, 1);
    assert_eq!(run.failures, 1);
    circuit.begin_run(circuit.rare(), 0, 0);
    assert_eq!(circuit.runs.get(0).failures, 1);
}
