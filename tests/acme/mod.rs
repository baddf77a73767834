//! A dependency whose circuits trip after three failures, and what the circuit of one tenant shows. Shared by
//! the tests of what people read; each uses a part of it.

#![allow(dead_code, unreachable_pub)]

use std::time::Duration;

use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitSnapshot, CircuitState, Dependency, LatencyRule, OpenPeriod,
    Outcome, Permit, Policy, PolicyBuilder,
};

pub const SECOND: Duration = Duration::from_secs(1);
pub const WINDOW: Duration = Duration::from_secs(10);
pub const PERIOD: Duration = Duration::from_secs(4);

pub fn policy() -> PolicyBuilder {
    Policy::builder()
        .window(WINDOW)
        .without_failure_rate()
        .consecutive_failures(3)
        .latency(LatencyRule::p95(SECOND).min_calls(60_000))
        .open_for(OpenPeriod::fixed(PERIOD).jitter(0.0))
        .half_open_max_calls(2)
        .success_threshold(2)
        .abandoned_run(3)
}

pub fn registry() -> CircuitBreakerRegistry {
    CircuitBreakerRegistry::builder().build().unwrap()
}

pub fn dependency() -> Dependency {
    let policy = policy().build().unwrap();
    registry().dependency_with("search", policy).unwrap()
}

pub fn acquire(dependency: &Dependency) -> Permit {
    dependency.acquire("acme").unwrap()
}

pub fn record(dependency: &Dependency, outcome: Outcome) {
    acquire(dependency).record(outcome);
}

pub fn trip(dependency: &Dependency) {
    for _ in 0..3 {
        record(dependency, Outcome::failure());
    }
    assert_eq!(dependency.state("acme"), CircuitState::Open);
}

pub fn circuit(dependency: &Dependency) -> CircuitSnapshot {
    dependency.circuit("acme").snapshot().unwrap()
}
