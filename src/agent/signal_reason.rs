use std::fmt;

use serde::{Serialize, Serializer};

use crate::Reason;

/// Why a tool gave no result.
///
/// Written as the string that [`as_str`](Self::as_str) gives.
///
/// ```
/// use tower_tenant_breaker::agent::SignalReason;
///
/// assert_eq!(SignalReason::CircuitOpenFailures.as_str(), "circuit_open_failures");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SignalReason {
    /// The circuit is open, since calls failed.
    CircuitOpenFailures,
    /// The circuit is open, since calls were slow.
    CircuitOpenLatency,
    /// The circuit is open, since the tool asked not to be called for a time.
    CircuitOpenThrottled,
    /// The tool is down for many tenants, and is open for all of them.
    CircuitOpenOutage,
    /// The policy has circuits begin open or half-open, and no call has shown yet that the tool works.
    CircuitOpenUnproven,
    /// Somebody holds the circuit open.
    CircuitForcedOpen,
    /// The tenant's quota is used up.
    QuotaExhausted,
    /// The tenant has as many calls of this tool in the air as it may have.
    TooManyCalls,
    /// The call took longer than the tool's timeout.
    ToolCallTimeout,
    /// The call failed.
    ToolCallFailed,
}

impl SignalReason {
    /// A short name that does not change between releases.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CircuitOpenFailures => "circuit_open_failures",
            Self::CircuitOpenLatency => "circuit_open_latency",
            Self::CircuitOpenThrottled => "circuit_open_throttled",
            Self::CircuitOpenOutage => "circuit_open_outage",
            Self::CircuitOpenUnproven => "circuit_open_unproven",
            Self::CircuitForcedOpen => "circuit_forced_open",
            Self::QuotaExhausted => "quota_exhausted",
            Self::TooManyCalls => "too_many_calls",
            Self::ToolCallTimeout => "tool_call_timeout",
            Self::ToolCallFailed => "tool_call_failed",
        }
    }

    /// Whether the call was admitted.
    pub(super) const fn was_made(self) -> bool {
        matches!(self, Self::ToolCallTimeout | Self::ToolCallFailed)
    }
}

/// What a rejection for this reason is to a model. Where calls only wait for probes of others, the circuit opened for
/// what is most often the reason.
impl From<Reason> for SignalReason {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::Latency { .. } | Reason::ProbeSlow => Self::CircuitOpenLatency,
            Reason::Hint | Reason::ProbeThrottled => Self::CircuitOpenThrottled,
            Reason::Outage => Self::CircuitOpenOutage,
            Reason::Initial => Self::CircuitOpenUnproven,
            Reason::Forced | Reason::ByHand => Self::CircuitForcedOpen,
            Reason::QuotaExhausted => Self::QuotaExhausted,
            Reason::Saturated => Self::TooManyCalls,
            Reason::ConsecutiveFailures
            | Reason::FailureRate
            | Reason::ProbeFailed
            | Reason::ProbesAbandoned
            | Reason::PeriodOver
            | Reason::Recovered
            | Reason::HalfOpenFull
            | Reason::Barred
            | Reason::Recovering
            | Reason::Relapsed => Self::CircuitOpenFailures,
        }
    }
}

impl fmt::Display for SignalReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for SignalReason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests;
