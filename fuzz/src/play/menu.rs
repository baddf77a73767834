//! The policies and the periods that operations choose from.

use std::time::Duration;

use tower_tenant_breaker::{
    CircuitState, LatencyRule, OpenPeriod, OutagePolicy, Overflow, Policy, PolicyBuilder,
};

pub const POLICIES: usize = 10;

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

pub fn policy(number: usize) -> Policy {
    builder(number).build().expect("a policy within its bounds")
}

fn builder(number: usize) -> PolicyBuilder {
    let fixed = OpenPeriod::fixed(SECOND).jitter(0.0);
    let short = Policy::builder().window(10 * SECOND).open_for(fixed);
    match number {
        0 => short
            .consecutive_failures(2)
            .half_open_max_calls(1)
            .success_threshold(1),
        1 => short
            .failure_threshold(2)
            .failure_rate(0.5)
            .min_calls(2)
            .half_open_max_calls(2)
            .open_for(OpenPeriod::exponential(SECOND, 8 * SECOND)),
        2 => short
            .latency(LatencyRule::quantile(0.5, 100 * MS).min_calls(2))
            .latency(LatencyRule::quantile(0.9, 900 * MS).min_calls(3))
            .half_open_max_calls(3)
            .probe_lease(5 * SECOND),
        3 => short
            .initial_state(CircuitState::HalfOpen)
            .trip_on_hint(true),
        4 => short
            .initial_state(CircuitState::Open)
            .ramp(0.1, 5 * SECOND)
            .consecutive_failures(1)
            .max_in_flight(2),
        5 => {
            let outage = OutagePolicy::default().min_tenants(2).min_share(0.5);
            short.consecutive_failures(1).outage(outage.open_for(fixed))
        }
        6 => short
            .overflow(Overflow::Shared)
            .consecutive_failures(1)
            .max_in_flight(1),
        7 => short
            .without_failure_rate()
            .without_consecutive_failures()
            .without_latency()
            .abandoned_run(2),
        8 => Policy::low_traffic(),
        _ => Policy::builder(),
    }
}

/// How many probes a policy admits at a time.
pub fn places(number: usize) -> usize {
    match number {
        0 => 1,
        1 => 2,
        _ => 3,
    }
}

/// The shortest lease of all.
pub const LEASE: Duration = Duration::from_secs(5);

/// Also the edges of slots, windows and open periods, and what is beyond all bounds.
pub fn period(number: usize) -> Duration {
    const PERIODS: [Duration; 16] = [
        Duration::ZERO,
        Duration::from_nanos(1),
        Duration::from_millis(1),
        Duration::from_millis(150),
        Duration::from_millis(999),
        Duration::from_secs(1),
        Duration::from_millis(2_500),
        Duration::from_secs(5),
        Duration::from_nanos(9_999_999_999),
        Duration::from_secs(10),
        Duration::from_secs(61),
        Duration::from_secs(600),
        Duration::from_secs(3_600),
        Duration::from_secs(86_400),
        Duration::from_secs(30 * 86_400),
        Duration::from_secs(365 * 86_400),
    ];
    PERIODS[number % PERIODS.len()]
}
