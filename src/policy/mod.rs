//! When a circuit trips, how long it stays open, and how it recovers.

mod build;
mod builder;
mod error;
mod latency_rule;
mod open_period;
mod outage_policy;
mod ramp;
mod to_builder;
#[cfg(feature = "serde")]
pub(crate) mod written;

use std::time::Duration;

pub use self::builder::PolicyBuilder;
pub use self::error::PolicyError;
pub(crate) use self::error::check;
pub use self::latency_rule::LatencyRule;
pub(crate) use self::latency_rule::{CompiledLatencyRule, HistogramShape};
pub use self::open_period::OpenPeriod;
pub use self::outage_policy::OutagePolicy;
pub(crate) use self::outage_policy::RECOVERY_SPREAD;
pub(crate) use self::ramp::{ONE, Ramp};
pub(crate) use self::to_builder::Lease;

use crate::CircuitState;
use crate::time::nanos;

/// What happens to a tenant for whose circuit the dependency has no room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Overflow {
    /// Its calls pass and nothing is recorded. Nobody can make a tenant lose a call by minting others.
    #[default]
    Unguarded,
    /// It shares one circuit with all others that found no room. That circuit has no tenant's id, so
    /// no tenant can choose to be in it; but one of them can open it for the others.
    Shared,
}

/// When a circuit trips, how long it stays open, and how it recovers.
///
/// Immutable and checked: [`PolicyBuilder`] has the fields, their defaults and their bounds, and
/// [`to_builder`](Self::to_builder) makes one of a policy.
///
/// ```
/// use tower_tenant_breaker::Policy;
///
/// let policy = Policy::builder().consecutive_failures(3).build()?;
/// assert_ne!(policy, Policy::default());
/// # Ok::<(), tower_tenant_breaker::PolicyError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    pub(crate) window: Duration,
    pub(crate) failure_threshold: Option<u32>,
    pub(crate) failure_rate: Option<f64>,
    pub(crate) min_calls: u32,
    pub(crate) consecutive_failures: Option<u32>,
    pub(crate) latency: Vec<CompiledLatencyRule>,
    pub(crate) histogram: HistogramShape,
    pub(crate) open_for: OpenPeriod,
    pub(crate) half_open_max_calls: u8,
    pub(crate) success_threshold: u8,
    pub(crate) hint_cap: Duration,
    pub(crate) trip_on_hint: bool,
    pub(crate) abandoned_run: u8,
    pub(crate) probe_lease: Lease,
    pub(crate) initial_state: CircuitState,
    pub(crate) max_in_flight: Option<u32>,
    pub(crate) overflow: Overflow,
    pub(crate) ramp: Option<Ramp>,
    pub(crate) outage: Option<OutagePolicy>,
}

impl Policy {
    /// A builder with the defaults.
    pub fn builder() -> PolicyBuilder {
        PolicyBuilder::new()
    }

    /// A builder for dependencies that a tenant calls twice a minute rather than twice a second: tools
    /// and language models.
    ///
    /// Window 10 min; at least 3 failures making up at least half, or 3 in a row; p95 over 30 s at 3
    /// calls. The rest as [`builder`](Self::builder).
    ///
    /// ```
    /// use tower_tenant_breaker::Policy;
    ///
    /// let policy = Policy::low_traffic().trip_on_hint(true).build()?;
    /// # Ok::<(), tower_tenant_breaker::PolicyError>(())
    /// ```
    pub fn low_traffic() -> PolicyBuilder {
        PolicyBuilder::new()
            .window(Duration::from_secs(600))
            .failure_threshold(3)
            .min_calls(3)
            .consecutive_failures(3)
            .latency(LatencyRule::p95(Duration::from_secs(30)).min_calls(3))
    }

    /// Of tools that a dispatcher calls, which finds by its timeouts what hangs: of a turn that is stopped all calls are
    /// cancelled at once, and say nothing of the tool.
    #[cfg(feature = "agent")]
    pub(crate) fn of_tools() -> Self {
        Self::low_traffic().abandoned_run(0).defaults()
    }

    /// The threshold over which a call is slow by the `rule`-th latency rule: the one that was given,
    /// snapped up to the edge of its bucket. `None` where there is no such rule.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tower_tenant_breaker::Policy;
    ///
    /// let threshold = Policy::default().latency_threshold(0).unwrap();
    /// assert!(threshold >= Duration::from_secs(3));
    /// assert!(threshold < Duration::from_millis(3_030));
    /// ```
    #[must_use]
    pub fn latency_threshold(&self, rule: usize) -> Option<Duration> {
        self.latency
            .get(rule)
            .map(|rule| Duration::from_nanos(rule.threshold))
    }

    pub(crate) fn largest_threshold(&self) -> Option<u64> {
        self.latency.iter().map(|rule| rule.threshold).max()
    }

    /// Whether what was counted by the other policy means the same by this one: windows, runs and histograms go on
    /// where it does, and begin anew where it does not.
    pub(crate) fn counts_like(&self, other: &Self) -> bool {
        self.window == other.window
            && self.failure_threshold == other.failure_threshold
            && self.failure_rate == other.failure_rate
            && self.min_calls == other.min_calls
            && self.consecutive_failures == other.consecutive_failures
            && self.latency == other.latency
            && self.histogram == other.histogram
            && self.abandoned_run == other.abandoned_run
    }

    /// How long after its deadline, or the last attempt, a circuit that is not closed may be forgotten.
    pub(crate) fn forgotten_after(&self) -> u64 {
        nanos(self.window).saturating_add(self.open_for.cap())
    }
}

impl Default for Policy {
    /// The defaults of [`PolicyBuilder`].
    fn default() -> Self {
        PolicyBuilder::new().defaults()
    }
}
