//! The bound on one tenant's calls in the air, whatever the state they began in.

use std::time::Duration;

use tokio::time::advance;
use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitState, Dependency, OpenPeriod, Outcome, Override, Permit,
    Policy, PolicyBuilder, Probing, Reason, Rejection,
};

const PERIOD: Duration = Duration::from_secs(10);

/// Three calls in the air; one failure opens, for ten seconds.
fn policy() -> PolicyBuilder {
    Policy::builder()
        .max_in_flight(3)
        .consecutive_failures(1)
        .open_for(OpenPeriod::fixed(PERIOD).jitter(0.0))
        .half_open_max_calls(5)
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

fn in_flight(search: &Dependency) -> Option<u32> {
    search.circuit("acme").snapshot().unwrap().in_flight
}

fn is_saturated(acquired: Result<Permit, Rejection>) -> bool {
    acquired.is_err_and(|rejection| {
        let open = rejection.circuit_open().unwrap();
        assert_eq!(open.retry_after(), Some(Duration::ZERO));
        open.reason() == Reason::Saturated
    })
}

#[tokio::test(start_paused = true)]
async fn a_call_over_the_bound_is_rejected_as_saturated_and_no_other_tenant_s() {
    let search = dependency(policy());
    let _calls: Vec<_> = (0..3).map(|_| acquire(&search)).collect();
    assert!(is_saturated(search.acquire("acme")));
    assert!(!search.circuit("acme").would_admit());
    assert_eq!(search.state("acme"), CircuitState::Closed);
    assert!(search.acquire("globex").is_ok());
    assert_eq!(in_flight(&search), Some(3));
    assert_eq!(search.snapshot().totals.rejected, 1);
}

#[tokio::test(start_paused = true)]
async fn every_way_in_which_a_call_ends_frees_its_place_once() {
    let search = dependency(policy().consecutive_failures(9).without_failure_rate());
    let endings = [
        Some(Outcome::Success),
        Some(Outcome::failure()),
        Some(Outcome::throttled()),
        Some(Outcome::Ignored),
        None,
    ];
    for ending in endings {
        let mut calls: Vec<_> = (0..3).map(|_| acquire(&search)).collect();
        assert!(is_saturated(search.acquire("acme")));
        let call = calls.pop().unwrap();
        match ending {
            Some(outcome) => call.record(outcome),
            None => drop(call),
        }
        assert_eq!(in_flight(&search), Some(2));
        let _next = acquire(&search);
        assert!(is_saturated(search.acquire("acme")));
    }
    assert_eq!(in_flight(&search), Some(0));
}

#[tokio::test(start_paused = true)]
async fn calls_that_hang_since_the_circuit_was_closed_count_against_probes() {
    let search = dependency(policy());
    let mut hanging: Vec<_> = (0..2).map(|_| acquire(&search)).collect();
    acquire(&search).record(Outcome::failure());
    advance(PERIOD).await;
    let probe = acquire(&search);
    assert!(probe.is_probe());
    // There is a place for a probe, but none in the air.
    assert!(is_saturated(search.acquire("acme")));
    assert!(!search.circuit("acme").would_admit());
    hanging.pop();
    assert!(search.circuit("acme").would_admit());
    let _second = acquire(&search);
    assert!(is_saturated(search.acquire("acme")));
}

#[tokio::test(start_paused = true)]
async fn a_saturated_circuit_stays_open_until_a_probe_really_begins() {
    let search = dependency(policy());
    let _hanging: Vec<_> = (0..2).map(|_| acquire(&search)).collect();
    let third = acquire(&search);
    search.circuit("acme").open().unwrap();
    advance(PERIOD).await;
    assert!(is_saturated(search.acquire("acme")));
    assert_eq!(search.state("acme"), CircuitState::Open);
    drop(third);
    assert!(acquire(&search).is_probe());
}

#[tokio::test(start_paused = true)]
async fn probes_count_against_the_calls_of_the_closed_circuit() {
    let search = dependency(policy());
    acquire(&search).record(Outcome::failure());
    advance(PERIOD).await;
    let _probes = [acquire(&search), acquire(&search)];
    acquire(&search).record(Outcome::Success);
    assert_eq!(search.state("acme"), CircuitState::Closed);
    let _call = acquire(&search);
    assert!(is_saturated(search.acquire("acme")));
}

#[tokio::test(start_paused = true)]
async fn rejected_calls_hold_no_place_in_the_air() {
    let search = dependency(policy().half_open_max_calls(1));
    acquire(&search).record(Outcome::failure());
    assert!(search.acquire("acme").is_err());
    advance(PERIOD).await;
    assert!(search.acquire_barred("acme", Probing::No).is_err());
    let _probe = acquire(&search);
    for _ in 0..10 {
        let rejection = search.acquire("acme").unwrap_err();
        let open = rejection.circuit_open().unwrap();
        assert_eq!(open.reason(), Reason::HalfOpenFull);
    }
    assert_eq!(in_flight(&search), Some(1));
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_ends_frees_the_place_of_a_probe_and_not_that_of_a_call_in_the_air() {
    let policy = policy().half_open_max_calls(2).max_in_flight(2);
    let search = dependency(policy.probe_lease(Duration::from_secs(5)));
    acquire(&search).record(Outcome::failure());
    advance(PERIOD).await;
    let overdue = acquire(&search);
    advance(Duration::from_secs(5)).await;
    let _second = acquire(&search);
    assert!(is_saturated(search.acquire("acme")));
    drop(overdue);
    assert_eq!(in_flight(&search), Some(1));
}

#[tokio::test(start_paused = true)]
async fn what_ends_under_an_override_frees_its_place_too() {
    for kind in [Override::Disabled, Override::ForcedOpen, Override::DryRun] {
        let search = dependency(policy());
        let calls: Vec<_> = (0..3).map(|_| acquire(&search)).collect();
        search.set(kind);
        drop(calls);
        search.clear();
        assert_eq!(in_flight(&search), Some(0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_admits_what_is_saturated() {
    let search = dependency(policy());
    let _calls: Vec<_> = (0..3).map(|_| acquire(&search)).collect();
    search.set(Override::DryRun);
    drop(acquire(&search));
    assert_eq!(in_flight(&search), Some(3));
    assert_eq!(search.snapshot().totals.would_reject, 1);
    search.clear();
    assert!(is_saturated(search.acquire("acme")));
}

#[tokio::test(start_paused = true)]
async fn a_circuit_without_the_bound_counts_no_calls_in_the_air() {
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    let search = registry.dependency("search").unwrap();
    let _calls: Vec<_> = (0..1_000).map(|_| acquire(&search)).collect();
    assert_eq!(in_flight(&search), None);
}

#[tokio::test(start_paused = true)]
async fn a_tenant_s_own_bound_stays_whatever_becomes_of_that_of_the_dependency() {
    let search = dependency(Policy::builder());
    let own = policy().max_in_flight(1).build().unwrap();
    search.circuit("acme").set_policy(own).unwrap();
    let _first = acquire(&search);
    for dependency in [policy(), Policy::builder()] {
        search.set_policy(dependency.build().unwrap());
        assert!(is_saturated(search.acquire("acme")));
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_began_under_the_bound_and_ends_without_it_frees_its_place() {
    let search = dependency(policy().max_in_flight(1));
    let call = acquire(&search);
    search.set_policy(Policy::default());
    // Its slot of the window is begun.
    for _ in 0..2 {
        acquire(&search).record(Outcome::Success);
    }
    call.record(Outcome::Success);
    search.set_policy(policy().max_in_flight(1).build().unwrap());
    assert_eq!(in_flight(&search), Some(0));
    assert!(search.acquire("acme").is_ok());
}
