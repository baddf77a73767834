//! What bad calls did to tenants: what is counted, in which hour, and how much of it is kept.

mod allocations;
mod bounds;
mod concurrent;
mod counts;
mod credits;
mod csv;
mod evictions;
mod failover;
mod fallback;
mod hours;
#[path = "../job/mod.rs"]
mod job;
#[cfg(feature = "serde")]
mod json;
mod late;
mod live_policies;
mod minted;
mod turns;
mod without_circuit;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::advance;
use tower_tenant_breaker::impact::{ImpactCounts, ImpactPolicy, ImpactReport, ImpactRow};
use tower_tenant_breaker::{
    CircuitBreakerRegistry, Dependency, Outcome, Policy, PolicyBuilder, RegistryBuilder,
};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const WINDOW: Duration = Duration::from_secs(10);
/// A tenth of the window.
const SLOT: Duration = SECOND;

/// Noon of the 5th of March 2026, by UTC.
fn noon() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_772_712_000)
}

/// The registry is built at half past twelve.
fn impact() -> ImpactPolicy {
    ImpactPolicy::default().wall_clock(noon() + 30 * MINUTE)
}

fn builder(impact: ImpactPolicy) -> RegistryBuilder {
    CircuitBreakerRegistry::builder().impact(impact)
}

fn registry(impact: ImpactPolicy) -> CircuitBreakerRegistry {
    builder(impact).build().unwrap()
}

/// A policy that never trips.
fn patient() -> PolicyBuilder {
    Policy::builder()
        .window(WINDOW)
        .without_failure_rate()
        .without_consecutive_failures()
        .abandoned_run(0)
}

/// Three failures in a row open for a minute.
fn strict() -> PolicyBuilder {
    patient().consecutive_failures(3)
}

fn declare(registry: &CircuitBreakerRegistry, name: &str, policy: PolicyBuilder) -> Dependency {
    registry
        .dependency_with(name, policy.build().unwrap())
        .unwrap()
}

/// A dependency that never trips, of a registry that keeps a ledger.
fn search() -> (CircuitBreakerRegistry, Dependency) {
    let registry = registry(impact());
    let search = declare(&registry, "search", patient());
    (registry, search)
}

fn record(dependency: &Dependency, tenant: &str, outcome: Outcome, times: u32) {
    for _ in 0..times {
        dependency.acquire(tenant).unwrap().record(outcome);
    }
}

fn succeed(dependency: &Dependency, tenant: &str, times: u32) {
    record(dependency, tenant, Outcome::Success, times);
}

fn fail(dependency: &Dependency, tenant: &str, times: u32) {
    record(dependency, tenant, Outcome::failure(), times);
}

fn reject(dependency: &Dependency, tenant: &str, times: u32) {
    for _ in 0..times {
        assert!(dependency.acquire(tenant).is_err());
    }
}

/// The only row.
fn only(report: &ImpactReport) -> &ImpactRow {
    match report.rows() {
        [row] => row,
        rows => panic!("not one row: {rows:?}"),
    }
}

fn counts(registry: &CircuitBreakerRegistry) -> ImpactCounts {
    only(&registry.impact()).counts
}

/// Calls, and those that failed, were slow, were rejected, were served by a fallback.
fn figures(counts: ImpactCounts) -> [u64; 5] {
    let ImpactCounts {
        calls,
        failed,
        slow,
        rejected,
        fallback_served,
        ..
    } = counts;
    [calls, failed, slow, rejected, fallback_served]
}

/// `hour of the day, tenant, calls, failed` of each row.
fn listed(registry: &CircuitBreakerRegistry) -> Vec<(u64, String, u64, u64)> {
    let report = registry.impact();
    let of = |row: &ImpactRow| {
        let since_noon = row.hour_start.duration_since(noon()).unwrap().as_secs();
        assert_eq!(since_noon % 3600, 0, "hours are those of UTC");
        let tenant = row.tenant.clone().unwrap_or_default();
        (
            12 + since_noon / 3600,
            tenant,
            row.counts.calls,
            row.counts.failed,
        )
    };
    report.rows().iter().map(of).collect()
}

async fn pass(time: Duration) {
    advance(time).await;
}
