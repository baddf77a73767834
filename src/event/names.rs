//! The names of what is told, for logs, metrics and JSON. They do not change between releases.

use std::fmt;

use super::{EventKind, Origin, OverrideLevel};
use crate::Outcome;

impl EventKind {
    /// `transition`, `outage`, `rejection`, `probe`, `override`, `overflow`, `forgotten` or `evicted`.
    ///
    /// ```
    /// use tower_tenant_breaker::EventKind;
    ///
    /// assert_eq!(EventKind::Rejection.as_str(), "rejection");
    /// ```
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Transition { .. } => "transition",
            Self::Outage { .. } => "outage",
            Self::Rejection => "rejection",
            Self::Probe { .. } => "probe",
            Self::Override { .. } => "override",
            Self::Overflow => "overflow",
            Self::Forgotten => "forgotten",
            Self::Evicted => "evicted",
        }
    }
}

impl OverrideLevel {
    /// `circuit`, `dependency`, `tenant` or `registry`.
    ///
    /// ```
    /// use tower_tenant_breaker::OverrideLevel;
    ///
    /// assert_eq!(OverrideLevel::Registry.as_str(), "registry");
    /// ```
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Circuit => "circuit",
            Self::Dependency => "dependency",
            Self::Tenant => "tenant",
            Self::Registry => "registry",
        }
    }
}

impl Origin {
    /// `automatic`, `by_hand` or `override`.
    ///
    /// ```
    /// use tower_tenant_breaker::Origin;
    ///
    /// assert_eq!(Origin::ByHand.as_str(), "by_hand");
    /// ```
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Automatic => "automatic",
            Self::ByHand => "by_hand",
            Self::Policies => "policies",
            Self::Override => "override",
        }
    }
}

/// By its name alone: what else a kind holds is for those who match on it.
impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for OverrideLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The outcome under which the metrics count the call: a quota that is used up is told as an override.
pub(crate) const fn counted_as(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::QuotaExhausted => of_outcome(Outcome::throttled()),
        outcome => of_outcome(outcome),
    }
}

pub(super) const fn of_outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Success => "success",
        Outcome::Failure { .. } => "failure",
        Outcome::Throttled { .. } => "throttled",
        Outcome::QuotaExhausted => "quota_exhausted",
        Outcome::Cancelled => "cancelled",
        Outcome::Ignored => "ignored",
    }
}
