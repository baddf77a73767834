//! What people read: snapshots as JSON, circuits by pages, how long they were open and took to recover, what the figures
//! say about the policy, what a dry run would have done,
//! and what is forced.

mod dry_run;
mod dry_run_outage;
#[cfg(feature = "serde")]
mod json;
mod overridden;
mod pages;
mod recovery_time;
mod suggest;
mod time_open;

use std::time::Duration;

use tokio::time::advance;
use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitState, Dependency, OpenPeriod, Outcome, Override, Policy,
    PolicyBuilder,
};

const SECOND: Duration = Duration::from_secs(1);
const WINDOW: Duration = Duration::from_secs(10);
const PERIOD: Duration = Duration::from_secs(4);

/// Two failures in a row open for four seconds, one success closes.
fn policy() -> PolicyBuilder {
    Policy::builder()
        .window(WINDOW)
        .without_failure_rate()
        .without_latency()
        .consecutive_failures(2)
        .open_for(OpenPeriod::fixed(PERIOD).jitter(0.0))
        .success_threshold(1)
}

fn declare(policy: PolicyBuilder) -> Dependency {
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    let policy = policy.build().unwrap();
    registry.dependency_with("search", policy).unwrap()
}

fn record(search: &Dependency, tenant: &str, outcome: Outcome) {
    search.acquire(tenant).unwrap().record(outcome);
}

fn succeed(search: &Dependency, tenant: &str) {
    record(search, tenant, Outcome::Success);
}

fn fail(search: &Dependency, tenant: &str) {
    record(search, tenant, Outcome::failure());
}

fn trip(search: &Dependency, tenant: &str) {
    fail(search, tenant);
    fail(search, tenant);
    assert_eq!(search.state(tenant), CircuitState::Open);
}
