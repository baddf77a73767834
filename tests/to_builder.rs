//! A policy that there is, with one field changed.

use std::time::Duration;

use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitState, LatencyRule, Outcome, Policy, PolicyBuilder,
};

const SLOW: LatencyRule = LatencyRule::p95(Duration::from_secs(100));
const DEFAULT_LEASE: Duration = Duration::from_secs(60);

fn built(policy: PolicyBuilder) -> Policy {
    policy.build().unwrap()
}

/// As `policy`, and then built and begun again from what was built.
fn again(policy: PolicyBuilder) -> PolicyBuilder {
    built(policy).to_builder()
}

#[test]
fn what_is_built_of_it_is_the_policy() {
    for policy in [
        Policy::builder(),
        Policy::low_traffic(),
        Policy::builder().without_failure_rate().failure_rate(0.25),
        Policy::builder()
            .without_failure_rate()
            .without_consecutive_failures()
            .without_latency(),
    ] {
        assert_eq!(built(again(policy.clone())), built(policy));
    }
}

#[test]
fn a_lease_that_was_never_set_follows_the_latency_rules() {
    let slow = |policy: PolicyBuilder| built(policy.without_latency().latency(SLOW));
    let derived = slow(Policy::builder());
    assert_eq!(slow(again(Policy::builder())), derived);
    assert_eq!(slow(again(again(Policy::builder()))), derived);
    let shorter = again(Policy::builder().latency(SLOW)).without_latency();
    assert_eq!(built(shorter), built(Policy::builder().without_latency()));
}

#[test]
fn a_lease_that_was_set_stays_though_it_is_the_derived_one() {
    let set = || Policy::builder().probe_lease(DEFAULT_LEASE);
    assert_eq!(built(set()), Policy::default());
    let slow = |policy: PolicyBuilder| built(policy.without_latency().latency(SLOW));
    assert_eq!(slow(again(set())), slow(set()));
    assert_ne!(slow(again(set())), slow(Policy::builder()));
}

#[test]
fn a_latency_rule_is_added_to_those_that_the_policy_has() {
    let rule = LatencyRule::p50(Duration::from_secs(1));
    let both = Policy::builder()
        .latency(LatencyRule::p95(Duration::from_secs(3)))
        .latency(rule);
    assert_eq!(built(again(Policy::builder()).latency(rule)), built(both));
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_holds_is_changed_in_one_field_and_calls_go_by_it() {
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    let policy = Policy::builder()
        .without_failure_rate()
        .consecutive_failures(2)
        .max_in_flight(7);
    let search = registry.dependency_with("search", built(policy)).unwrap();
    let patient = search.policy().to_builder().consecutive_failures(3);
    search.set_policy(built(patient));
    for expected in [
        CircuitState::Closed,
        CircuitState::Closed,
        CircuitState::Open,
    ] {
        search.acquire("acme").unwrap().record(Outcome::failure());
        assert_eq!(search.state("acme"), expected);
    }
    let acme = search.circuit("acme");
    let wider = acme.policy().to_builder().without_max_in_flight();
    acme.set_policy(built(wider.clone())).unwrap();
    assert_eq!(built(wider.max_in_flight(7)), *search.policy());
}
