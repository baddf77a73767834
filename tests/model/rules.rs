//! The rules of a model circuit: plain numbers, and the policy of the crate that says the same.

use std::time::Duration;

use proptest::prelude::*;
use tower_tenant_breaker::{
    CircuitState, LatencyRule, OpenPeriod, OutagePolicy, Policy, PolicyBuilder,
};

/// Count and rate: both must hold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct CountAndRate {
    pub(crate) failures: u32,
    pub(crate) rate: f64,
    pub(crate) min_calls: u32,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Latency {
    pub(crate) quantile: f64,
    pub(crate) threshold: u64,
    pub(crate) min_calls: u32,
}

/// The share of calls admitted at first, and how long it takes to grow to all of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ramp {
    pub(crate) start: f64,
    pub(crate) over: u64,
}

/// All times in nanoseconds.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) window: u64,
    pub(crate) count_and_rate: Option<CountAndRate>,
    pub(crate) consecutive: Option<u32>,
    pub(crate) latency: Vec<Latency>,
    pub(crate) digits: u8,
    pub(crate) first_period: u64,
    pub(crate) longest_period: u64,
    pub(crate) multiplier: f64,
    pub(crate) places: u32,
    pub(crate) successes: u32,
    pub(crate) hint_cap: u64,
    pub(crate) trip_on_hint: bool,
    pub(crate) abandoned_run: u32,
    pub(crate) lease: Option<u64>,
    pub(crate) initial: CircuitState,
    pub(crate) max_in_flight: Option<u32>,
    pub(crate) ramp: Option<Ramp>,
}

impl Rules {
    pub(crate) fn slot(&self) -> u64 {
        self.window / 10
    }

    /// The length of the open period that comes after so many openings, without jitter.
    pub(crate) fn period(&self, openings: u32) -> u64 {
        let mut period = self.first_period as f64;
        for _ in 0..openings {
            period = (period * self.multiplier).min(self.longest_period as f64);
        }
        period as u64
    }

    pub(crate) fn lease(&self) -> u64 {
        let twice = 2 * self.largest_threshold().unwrap_or(0);
        self.lease.unwrap_or(twice.max(60_000_000_000))
    }

    pub(crate) fn largest_threshold(&self) -> Option<u64> {
        self.latency.iter().map(|rule| rule.threshold).max()
    }

    /// By which rules a call that took so long is slow.
    pub(crate) fn slow(&self, took: u64) -> [bool; 4] {
        let mut slow = [false; 4];
        for (slow, rule) in slow.iter_mut().zip(&self.latency) {
            *slow = took > rule.threshold;
        }
        slow
    }

    /// Whether what was counted by the other rules means the same by these.
    pub(crate) fn count_like(&self, other: &Self) -> bool {
        self.window == other.window
            && self.count_and_rate == other.count_and_rate
            && self.consecutive == other.consecutive
            && self.latency == other.latency
            && self.digits == other.digits
            && self.abandoned_run == other.abandoned_run
    }

    /// These rules, but all that says how calls are counted from the others.
    pub(crate) fn counting_like(&self, other: &Self) -> Self {
        Self {
            window: other.window,
            count_and_rate: other.count_and_rate,
            consecutive: other.consecutive,
            latency: other.latency.clone(),
            digits: other.digits,
            abandoned_run: other.abandoned_run,
            ..self.clone()
        }
    }

    /// The same rules as a policy of the crate.
    pub(crate) fn policy(&self) -> Policy {
        self.builder()
            .build()
            .expect("the rules are within all bounds")
    }

    pub(crate) fn builder(&self) -> PolicyBuilder {
        let period = OpenPeriod::exponential(nanos(self.first_period), nanos(self.longest_period))
            .multiplier(self.multiplier)
            // Deadlines must be known to the nanosecond.
            .jitter(0.0);
        let mut builder = Policy::builder()
            .window(nanos(self.window))
            .without_failure_rate()
            .without_consecutive_failures()
            .without_latency()
            .histogram(
                Duration::from_micros(10),
                Duration::from_secs(300),
                self.digits,
            )
            .open_for(period)
            .half_open_max_calls(self.places)
            .success_threshold(self.successes)
            .hint_cap(nanos(self.hint_cap))
            .trip_on_hint(self.trip_on_hint)
            .abandoned_run(self.abandoned_run)
            .initial_state(self.initial)
            // For the spread of a recovery alone: one tenant is no outage.
            .outage(OutagePolicy::default().recovery_spread(Duration::ZERO));
        if let Some(rule) = self.count_and_rate {
            builder = builder
                .failure_threshold(rule.failures)
                .failure_rate(rule.rate)
                .min_calls(rule.min_calls);
        }
        if let Some(failures) = self.consecutive {
            builder = builder.consecutive_failures(failures);
        }
        for rule in &self.latency {
            let threshold = nanos(rule.threshold);
            builder = builder
                .latency(LatencyRule::quantile(rule.quantile, threshold).min_calls(rule.min_calls));
        }
        if let Some(lease) = self.lease {
            builder = builder.probe_lease(nanos(lease));
        }
        if let Some(calls) = self.max_in_flight {
            builder = builder.max_in_flight(calls);
        }
        if let Some(ramp) = self.ramp {
            builder = builder.ramp(ramp.start, nanos(ramp.over));
        }
        builder
    }

    /// The same rules with the thresholds on the histogram's bucket edges, as the policy has them.
    pub(crate) fn snapped(mut self, policy: &Policy) -> Self {
        for (index, rule) in self.latency.iter_mut().enumerate() {
            let snapped = policy
                .latency_threshold(index)
                .expect("one threshold per rule");
            assert!(
                snapped >= nanos(rule.threshold),
                "thresholds are snapped up"
            );
            rule.threshold = u64::try_from(snapped.as_nanos()).expect("a threshold fits");
        }
        self
    }
}

pub(crate) fn nanos(nanos: u64) -> Duration {
    Duration::from_nanos(nanos)
}

/// Small thresholds, so that a history of some hundred steps sees every rule fire.
pub(crate) fn any_rules() -> impl Strategy<Value = Rules> {
    let trips = (
        prop::sample::select(vec![
            10_000_000_u64,
            100_000_000,
            1_000_000_000,
            60_000_000_000,
        ]),
        prop::option::weighted(0.6, count_and_rate()),
        prop::option::weighted(0.6, 1..=6_u32),
        prop::collection::vec((latency(), 1..=6_u32), 0..=4),
        1..=3_u8,
    );
    let periods = (
        // In tenths of a slot, so that periods are shorter and longer than slots and windows.
        prop::sample::select(vec![4_u64, 10, 25, 100, 230]),
        prop::sample::select(vec![1_u64, 3, 8, 20]),
        prop::sample::select(vec![1.0, 1.5, 2.0, 3.0]),
        prop::option::weighted(0.75, prop::sample::select(vec![5_u64, 10, 35, 100, 200])),
    );
    let recovery = (
        1..=3_u32,
        1..=3_u32,
        0..=4_u32,
        prop::option::weighted(0.3, 1..=5_u32),
    );
    let ramp = (
        prop::sample::select(vec![1e-12, 0.1, 0.25, 1.0 / 3.0, 0.5, 0.99]),
        prop::sample::select(vec![7_u64, 30, 150, 1_000]),
    );
    let recovery = (recovery, prop::option::weighted(0.5, ramp));
    let hints = (
        prop::sample::select(vec![0_u64, 20, 300, 36_000]),
        prop::bool::weighted(0.25),
    );
    let initial = prop_oneof![
        8 => Just(CircuitState::Closed),
        1 => Just(CircuitState::Open),
        1 => Just(CircuitState::HalfOpen),
    ];
    (trips, periods, recovery, hints, initial).prop_map(
        |(trips, periods, recovery, hints, initial)| {
            let (window, count_and_rate, consecutive, latency, digits) = trips;
            let tenths = |tenths: u64| tenths * (window / 100);
            let (first, grown, multiplier, lease) = periods;
            let ((places, successes, abandoned_run, max_in_flight), ramp) = recovery;
            let latency = latency
                .into_iter()
                .map(|((quantile, threshold), min_calls)| Latency {
                    quantile,
                    threshold: tenths(threshold),
                    min_calls,
                });
            Rules {
                window,
                count_and_rate,
                consecutive,
                latency: latency.collect(),
                digits,
                first_period: tenths(first),
                longest_period: tenths(first * grown),
                multiplier,
                places,
                successes,
                hint_cap: tenths(hints.0),
                trip_on_hint: hints.1,
                abandoned_run,
                lease: lease.map(tenths),
                initial,
                max_in_flight,
                ramp: ramp.map(|(start, over)| Ramp {
                    start,
                    over: tenths(over),
                }),
            }
        },
    )
}

fn count_and_rate() -> impl Strategy<Value = CountAndRate> {
    let rates = prop::sample::select(vec![0.1, 0.25, 0.3, 0.5, 2.0 / 3.0, 1.0]);
    (1..=6_u32, rates, 1..=10_u32).prop_map(|(failures, rate, min_calls)| CountAndRate {
        failures,
        rate,
        min_calls,
    })
}

/// A quantile, and a threshold in tenths of a slot.
fn latency() -> impl Strategy<Value = (f64, u64)> {
    let quantiles = prop::sample::select(vec![0.01, 0.3, 0.5, 0.9, 0.95, 0.99, 1.0]);
    (quantiles, prop::sample::select(vec![3_u64, 10, 30, 120]))
}
