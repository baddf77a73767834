//! The calls that take a short path, and that they mean what they would mean on the long one.

mod endings;
mod rejections;
mod twins;

use std::time::Duration;

use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitSnapshot, Dependency, LatencyRule, OpenPeriod, Outcome, Permit,
    Policy, PolicyBuilder,
};

const NANO: Duration = Duration::from_nanos(1);
const SECOND: Duration = Duration::from_secs(1);
const WINDOW: Duration = Duration::from_secs(10);
const PERIOD: Duration = Duration::from_secs(4);
const OUT_OF_REACH: u32 = 65_535;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Three failures in a row open.
fn policy(threshold: Duration) -> PolicyBuilder {
    Policy::builder()
        .window(WINDOW)
        .without_failure_rate()
        .consecutive_failures(3)
        .latency(LatencyRule::p95(threshold).min_calls(OUT_OF_REACH))
        .open_for(OpenPeriod::fixed(PERIOD).jitter(0.0))
        .half_open_max_calls(1)
        .success_threshold(1)
}

fn registry() -> CircuitBreakerRegistry {
    CircuitBreakerRegistry::builder().build().unwrap()
}

fn dependency(policy: PolicyBuilder) -> Dependency {
    let policy = policy.build().unwrap();
    registry().dependency_with("search", policy).unwrap()
}

fn acquire(search: &Dependency) -> Permit {
    search.acquire("acme").unwrap()
}

/// Good calls one after another, so that the slot is begun and the next one may take the short path.
fn warm(search: &Dependency, calls: usize) {
    for _ in 0..calls {
        acquire(search).record(Outcome::Success);
    }
}

fn snapshot(search: &Dependency) -> CircuitSnapshot {
    search.circuit("acme").snapshot().unwrap()
}
