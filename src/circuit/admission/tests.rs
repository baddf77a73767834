use std::time::Duration;

use tokio::time::advance;

use crate::policy::OpenPeriod;
use crate::{
    CircuitBreakerRegistry, CircuitState, Dependency, Outcome, Override, Policy, PolicyBuilder,
    Probing, Reason,
};

const SECOND: Duration = Duration::from_secs(1);

/// The first failure opens for ten seconds.
fn fragile() -> PolicyBuilder {
    let open = OpenPeriod::fixed(10 * SECOND).jitter(0.0);
    Policy::builder().consecutive_failures(1).open_for(open)
}

fn declare(policy: PolicyBuilder) -> Dependency {
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    let policy = policy.build().unwrap();
    registry.dependency_with("search", policy).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_circuit_that_is_well_in_a_dry_run_does_without_the_room_that_a_sick_one_takes() {
    let search = declare(Policy::builder());
    search.set(Override::DryRun);
    search.acquire("acme").unwrap().record(Outcome::Success);
    let circuit = search.inner.circuits.get("acme").unwrap();
    assert!(circuit.rare.get().is_none());
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_the_lock_while_a_hint_moves_the_deadline_does_not_probe() {
    let search = declare(fragile());
    search.acquire("acme").unwrap().record(Outcome::failure());
    let circuit = search.inner.circuits.get("acme").unwrap();
    let now = search.context().now();
    let refused = circuit.probe(circuit.rare(), now, Probing::Yes);
    let refusal = refused.unwrap().unwrap_err();
    assert_eq!(refusal.reason(), Reason::ConsecutiveFailures);
    assert_eq!(refusal.retry_after(), Some(10 * SECOND));
    assert_eq!(search.state("acme"), CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn when_a_period_was_over_is_known_however_often_a_call_that_may_not_probe_asks() {
    let search = declare(fragile());
    search.acquire("acme").unwrap().record(Outcome::failure());
    advance(10 * SECOND).await;
    let circuit = search.inner.circuits.get("acme").unwrap();
    let over_at = search.context().now();
    for _ in 0..3 {
        assert!(circuit.decide(over_at, Probing::No).is_err());
        assert_eq!(circuit.rare().machine.lock().over_at, over_at);
    }
}
