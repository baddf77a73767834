//! A dependency that is down for many tenants: when that is seen, what it means for all, and how it ends.

mod by_hand;
mod detection;
mod events;
mod minted;
mod newcomers;
mod overrides;
mod probing;
mod races;
mod recovery;
mod windows;

use std::ops::Range;
use std::time::Duration;

use tokio::time::advance;
use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitOpen, CircuitState, Dependency, OpenPeriod, OutagePolicy,
    Outcome, Permit, Policy, PolicyBuilder, Probing, Reason, Rejection,
};

const SECOND: Duration = Duration::from_secs(1);
const WINDOW: Duration = Duration::from_secs(10);
const PERIOD: Duration = Duration::from_secs(4);
const NANO: Duration = Duration::from_nanos(1);

/// Three tenants that make up a fifth of the active ones are an outage.
fn outage() -> OutagePolicy {
    OutagePolicy::default()
        .min_tenants(3)
        .min_share(0.2)
        .open_for(OpenPeriod::exponential(PERIOD, 10 * PERIOD).jitter(0.0))
        .recovery_spread(Duration::ZERO)
}

/// Two failures in a row open for four seconds, two successes close.
fn policy() -> PolicyBuilder {
    Policy::builder()
        .window(WINDOW)
        .without_failure_rate()
        .consecutive_failures(2)
        .open_for(OpenPeriod::exponential(PERIOD, 10 * PERIOD).jitter(0.0))
        .half_open_max_calls(2)
        .success_threshold(2)
        .outage(outage())
}

fn declare(policy: PolicyBuilder) -> Dependency {
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    let policy = policy.build().unwrap();
    registry.dependency_with("search", policy).unwrap()
}

/// A dependency of whose tenants each has made a call that succeeded.
fn with_tenants(policy: PolicyBuilder, tenants: Range<usize>) -> Dependency {
    let search = declare(policy);
    succeed(&search, tenants);
    search
}

/// Ten tenants, three of which have just lost their circuits.
fn in_outage(policy: PolicyBuilder) -> Dependency {
    let search = with_tenants(policy, 0..10);
    trip(&search, 0..3);
    assert!(search.outage().is_some());
    search
}

fn name(tenant: usize) -> String {
    format!("tenant {tenant}")
}

fn acquire(search: &Dependency, tenant: usize) -> Result<Permit, Rejection> {
    search.acquire(&name(tenant))
}

fn record(search: &Dependency, tenants: Range<usize>, outcome: Outcome) {
    for tenant in tenants {
        acquire(search, tenant).unwrap().record(outcome);
    }
}

fn succeed(search: &Dependency, tenants: Range<usize>) {
    record(search, tenants, Outcome::Success);
}

/// Opens the circuits of these tenants by failures.
fn trip(search: &Dependency, tenants: Range<usize>) {
    for tenant in tenants {
        record(search, tenant..tenant + 1, Outcome::failure());
        record(search, tenant..tenant + 1, Outcome::failure());
        assert_eq!(search.state(&name(tenant)), CircuitState::Open);
    }
}

fn refused(search: &Dependency, tenant: usize) -> CircuitOpen {
    match acquire(search, tenant) {
        Err(Rejection::Open(open)) => open,
        other => panic!("not refused: {other:?}"),
    }
}

fn reason(search: &Dependency, tenant: usize) -> Reason {
    refused(search, tenant).reason()
}

/// Two probes, by whichever tenant, that find the dependency back.
fn heal(search: &Dependency, tenant: usize) {
    succeed(search, tenant..tenant + 1);
    succeed(search, tenant..tenant + 1);
    assert!(search.outage().is_none());
}
