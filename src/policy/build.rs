//! From fields to a policy: the bounds, and what follows from others.

use std::time::Duration;

use super::error::{PolicyError, check};
use super::open_period::OPEN_FOR;
use super::{LatencyRule, Lease, Policy, PolicyBuilder};
use crate::reason::MAX_LATENCY_RULES;
use crate::time::DAY;

const DEFAULT_LATENCY: LatencyRule = LatencyRule::p95(Duration::from_secs(3));
const DEFAULT_LEASE: Duration = Duration::from_secs(60);

impl PolicyBuilder {
    /// Builds the policy.
    ///
    /// # Errors
    ///
    /// [`PolicyError`], naming the first field that is out of its bounds, its value and the bounds.
    pub fn build(self) -> Result<Policy, PolicyError> {
        let counts = 1..=65_535;
        let places = 1..=255;
        let optional = |value: Option<u32>| value.is_none_or(|value| counts.contains(&value));
        check(
            self.window >= Duration::from_millis(10) && self.window <= DAY,
            "window",
            self.window,
            "from 10 ms to 24 h",
        )?;
        check(
            optional(self.failure_threshold),
            "failure_threshold",
            self.failure_threshold.unwrap_or_default(),
            "from 1 to 65535",
        )?;
        check(
            self.failure_rate
                .is_none_or(|rate| rate > 0.0 && rate <= 1.0),
            "failure_rate",
            self.failure_rate.unwrap_or_default(),
            "over 0 and up to 1",
        )?;
        check(
            counts.contains(&self.min_calls),
            "min_calls",
            self.min_calls,
            "from 1 to 65535",
        )?;
        check(
            optional(self.consecutive_failures),
            "consecutive_failures",
            self.consecutive_failures.unwrap_or_default(),
            "from 1 to 65535",
        )?;
        self.histogram.validate()?;
        let rules = self.latency_rules();
        check(
            rules.len() <= MAX_LATENCY_RULES,
            "latency",
            rules.len(),
            "at most 4 rules",
        )?;
        for rule in rules {
            rule.validate(&self.histogram)?;
        }
        self.open_for.validate(OPEN_FOR)?;
        check(
            places.contains(&self.half_open_max_calls),
            "half_open_max_calls",
            self.half_open_max_calls,
            "from 1 to 255",
        )?;
        check(
            places.contains(&self.success_threshold),
            "success_threshold",
            self.success_threshold,
            "from 1 to 255",
        )?;
        check(
            self.hint_cap <= DAY,
            "hint_cap",
            self.hint_cap,
            "up to 24 h",
        )?;
        check(
            self.abandoned_run <= 255,
            "abandoned_run",
            self.abandoned_run,
            "up to 255",
        )?;
        check(
            self.probe_lease
                .is_none_or(|lease| !lease.is_zero() && lease <= DAY),
            "probe_lease",
            self.probe_lease.unwrap_or_default(),
            "over 0 and up to 24 h",
        )?;
        check(
            self.max_in_flight != Some(0),
            "max_in_flight",
            self.max_in_flight.unwrap_or_default(),
            "at least 1",
        )?;
        if let Some(ramp) = &self.ramp {
            ramp.validate()?;
        }
        if let Some(outage) = &self.outage {
            outage.validate()?;
        }
        Ok(self.defaults())
    }

    fn latency_rules(&self) -> &[LatencyRule] {
        self.latency.as_deref().unwrap_or(&[DEFAULT_LATENCY])
    }

    /// The policy, for fields that are known to be in their bounds: checked ones, and the defaults.
    pub(super) fn defaults(self) -> Policy {
        let latency: Vec<_> = self
            .latency_rules()
            .iter()
            .map(|rule| rule.compile(&self.histogram))
            .collect();
        let largest = latency.iter().map(|rule| rule.threshold).max();
        let twice = Duration::from_nanos(largest.unwrap_or_default().saturating_mul(2));
        Policy {
            window: self.window,
            failure_threshold: self.failure_threshold,
            failure_rate: self.failure_rate,
            min_calls: self.min_calls,
            consecutive_failures: self.consecutive_failures,
            latency,
            histogram: self.histogram,
            open_for: self.open_for,
            half_open_max_calls: u8::try_from(self.half_open_max_calls).unwrap_or(u8::MAX),
            success_threshold: u8::try_from(self.success_threshold).unwrap_or(u8::MAX),
            hint_cap: self.hint_cap,
            trip_on_hint: self.trip_on_hint,
            abandoned_run: u8::try_from(self.abandoned_run).unwrap_or(u8::MAX),
            probe_lease: Lease {
                lasts: self
                    .probe_lease
                    .unwrap_or(DEFAULT_LEASE.max(twice).min(DAY)),
                is_derived: self.probe_lease.is_none(),
            },
            initial_state: self.initial_state,
            max_in_flight: self.max_in_flight,
            overflow: self.overflow,
            ramp: self.ramp,
            outage: self.outage,
        }
    }
}
