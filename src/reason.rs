//! Why a circuit is as it is, and the figures that decided.

use std::fmt;

/// Why a circuit changed its state, or why a call was rejected.
///
/// A rejection by an open circuit carries the reason for which the circuit opened.
///
/// With feature `serde` it is written as the string that [`as_str`](Self::as_str) gives; a latency rule's with the number
/// of the rule, as `latency:0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// So many failures in a row.
    ConsecutiveFailures,
    /// So many failures, making up such a share of the window.
    FailureRate,
    /// A latency quantile over its threshold.
    Latency {
        /// Which of the policy's latency rules, counted from 0.
        rule: usize,
    },
    /// The dependency itself asked to be left alone, under `trip_on_hint`.
    Hint,
    /// A probe failed.
    ProbeFailed,
    /// A probe was slow.
    ProbeSlow,
    /// A probe was throttled.
    ProbeThrottled,
    /// So many probes in a row were cancelled.
    ProbesAbandoned,
    /// The policy's initial state.
    Initial,
    /// Opened, half-opened or reset by hand.
    ByHand,
    /// The open period was over, and a probe was there.
    PeriodOver,
    /// Enough probes succeeded.
    Recovered,
    /// An override holds the circuit, the tenant, the dependency or the registry open.
    Forced,
    /// All places for probes are taken.
    HalfOpenFull,
    /// The circuit waits for a probe, and this call was barred from being one.
    Barred,
    /// The tenant has `max_in_flight` calls in the air.
    Saturated,
    /// The dependency is down for many tenants, and is open for all of them.
    Outage,
    /// The circuit has closed, and its share of calls is still growing.
    Recovering,
    /// So many failures in a row while the share of calls was growing.
    Relapsed,
    /// The tenant's quota is used up, and the circuit is held open until somebody resets it; see
    /// [`Outcome::QuotaExhausted`](crate::Outcome::QuotaExhausted).
    QuotaExhausted,
}

impl Reason {
    /// A short name that does not change between releases: for logs, metrics and answers.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::ConsecutiveFailures => "consecutive_failures",
            Self::FailureRate => "failure_rate",
            Self::Latency { .. } => "latency",
            Self::Hint => "hint",
            Self::ProbeFailed => "probe_failed",
            Self::ProbeSlow => "probe_slow",
            Self::ProbeThrottled => "probe_throttled",
            Self::ProbesAbandoned => "probes_abandoned",
            Self::Initial => "initial",
            Self::ByHand => "by_hand",
            Self::PeriodOver => "period_over",
            Self::Recovered => "recovered",
            Self::Forced => "forced",
            Self::HalfOpenFull => "half_open_full",
            Self::Barred => "barred",
            Self::Saturated => "saturated",
            Self::Outage => "outage",
            Self::Recovering => "recovering",
            Self::Relapsed => "relapsed",
            Self::QuotaExhausted => "quota_exhausted",
        }
    }

    /// Whether the dependency failed or was slow: it did not throttle, and nobody did it by hand. A hint alone does not
    /// say what carried it.
    pub(crate) const fn says_down(self) -> bool {
        matches!(
            self,
            Self::ConsecutiveFailures
                | Self::FailureRate
                | Self::Latency { .. }
                | Self::ProbeFailed
                | Self::ProbeSlow
                | Self::ProbesAbandoned
                | Self::Relapsed
        )
    }

    /// Whether calls are admitted again though none of them may probe: an override ends, and so do calls in the air. The
    /// period of a circuit only ends in its waiting for a probe.
    #[cfg(feature = "agent")]
    pub(crate) const fn ends_without_probes(self) -> bool {
        matches!(
            self,
            Self::Forced | Self::QuotaExhausted | Self::Saturated | Self::Recovering
        )
    }

    /// A number for the state word, so that a rejection can name the reason
    /// without a lock.
    pub(crate) const fn to_bits(self) -> u8 {
        match self {
            Self::Initial => 0,
            Self::ConsecutiveFailures => 1,
            Self::FailureRate => 2,
            Self::Hint => 3,
            Self::ProbeFailed => 4,
            Self::ProbeSlow => 5,
            Self::ProbeThrottled => 6,
            Self::ProbesAbandoned => 7,
            Self::ByHand => 8,
            Self::PeriodOver => 9,
            Self::Recovered => 10,
            Self::Forced => 11,
            Self::HalfOpenFull => 12,
            Self::Barred => 13,
            Self::Saturated => 14,
            Self::Outage => 15,
            Self::Recovering => 24,
            Self::Relapsed => 25,
            Self::QuotaExhausted => 26,
            Self::Latency { rule } => 16 + rule as u8,
        }
    }

    pub(crate) const fn from_bits(bits: u8) -> Self {
        match bits {
            1 => Self::ConsecutiveFailures,
            2 => Self::FailureRate,
            3 => Self::Hint,
            4 => Self::ProbeFailed,
            5 => Self::ProbeSlow,
            6 => Self::ProbeThrottled,
            7 => Self::ProbesAbandoned,
            8 => Self::ByHand,
            9 => Self::PeriodOver,
            10 => Self::Recovered,
            11 => Self::Forced,
            12 => Self::HalfOpenFull,
            13 => Self::Barred,
            14 => Self::Saturated,
            15 => Self::Outage,
            24 => Self::Recovering,
            25 => Self::Relapsed,
            26 => Self::QuotaExhausted,
            16..=23 => Self::Latency {
                rule: (bits - 16) as usize,
            },
            _ => Self::Initial,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The most latency rules that a policy can have.
pub const MAX_LATENCY_RULES: usize = 4;

/// What a circuit's window holds at one moment; for a trip, what it held when the rules were asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Figures {
    /// Calls that were counted.
    pub calls: u64,
    /// Calls that failed or were throttled.
    pub failures: u64,
    /// Those of them that were throttled.
    pub throttled: u64,
    /// Failures in a row, up to now; not bound to the window.
    pub consecutive_failures: u32,
    /// Calls over the threshold of each latency rule, in the policy's order.
    pub slow: [u64; MAX_LATENCY_RULES],
}

impl Figures {
    /// The share of failures, from 0 to 1; 0 where nothing was counted.
    ///
    /// Abandoned calls can count as failures in a later slot than the one in which they were counted
    /// as slow calls, and outlive it there; the rate is then 1, not more.
    #[must_use]
    pub fn failure_rate(&self) -> f64 {
        if self.failures == 0 {
            return 0.0;
        }
        self.failures as f64 / self.calls.max(self.failures) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::Reason;

    #[test]
    fn every_reason_survives_the_state_word() {
        for bits in (0..20).chain([24, 25, 26]) {
            let reason = Reason::from_bits(bits);
            assert_eq!(reason.to_bits(), bits, "{reason:?}");
        }
    }
}
