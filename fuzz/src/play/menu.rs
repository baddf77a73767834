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

/// What a policy says, as it is written above, or by the documented defaults.
pub struct Figures {
    /// How many probes there are at a time.
    pub places: usize,
    /// How long a probe that does not end keeps its place.
    pub lease: Duration,
    /// How many probes close the circuit.
    pub success_threshold: u32,
    /// How many failures in a row open it.
    pub consecutive_failures: Option<u32>,
    pub max_in_flight: Option<usize>,
    /// A probe that takes no longer is not slow.
    pub slow: Option<Duration>,
}

pub fn figures(number: usize) -> Figures {
    let default = Figures {
        places: 3,
        lease: 60 * SECOND,
        success_threshold: 2,
        consecutive_failures: Some(5),
        max_in_flight: None,
        slow: Some(3 * SECOND),
    };
    match number {
        0 => Figures {
            places: 1,
            success_threshold: 1,
            consecutive_failures: Some(2),
            ..default
        },
        1 => Figures {
            places: 2,
            ..default
        },
        2 => Figures {
            lease: 5 * SECOND,
            slow: Some(900 * MS),
            ..default
        },
        4 => Figures {
            consecutive_failures: Some(1),
            max_in_flight: Some(2),
            ..default
        },
        5 => Figures {
            consecutive_failures: Some(1),
            ..default
        },
        6 => Figures {
            consecutive_failures: Some(1),
            max_in_flight: Some(1),
            ..default
        },
        7 => Figures {
            consecutive_failures: None,
            slow: None,
            ..default
        },
        8 => {
            let slow = Policy::low_traffic().build().ok();
            let slow = slow.and_then(|policy| policy.latency_threshold(0));
            Figures {
                // Twice the threshold, which is snapped up to the edge of its bucket.
                lease: 2 * slow.unwrap_or_default(),
                consecutive_failures: Some(3),
                slow,
                ..default
            }
        }
        _ => default,
    }
}

/// After its open period, a circuit is kept for a window and the longest period: the shortest of all.
pub const STAYS: Duration = Duration::from_secs(11);

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
