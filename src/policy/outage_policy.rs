use std::time::Duration;

use super::OpenPeriod;
use super::error::{PolicyError, check};
use crate::time::DAY;

/// When the circuits of many tenants say that a dependency is down for everyone.
///
/// An outage is declared where the machine itself opened the circuits of at least
/// [`min_tenants`](Self::min_tenants) tenants, making up at least [`min_share`](Self::min_share) of the tenants
/// that were active in the policy's window. From then on the calls of all tenants are rejected, those of tenants
/// too whose own circuit is closed, with [`Reason::Outage`](crate::Reason::Outage). The dependency is probed as
/// one circuit is: after an open period, by `half_open_max_calls` calls at a time *in all*, under the same leases;
/// `success_threshold` successes end the outage, one failure opens the dependency again, for longer. Since these
/// are a few calls for all tenants together, the [periods](Self::open_for) can be shorter than those of a circuit,
/// and all are served again the sooner. At its end, circuits that are open may be probed within a short random
/// time, as after [`Dependency::begin_recovery`](crate::Dependency::begin_recovery).
///
/// A policy without outages that takes the place of this one ends the outage that lasts.
/// Where a policy that asks for outages takes the place of one that does not, or the window gets another length, none
/// is declared before a whole window has passed: until then, those that are down would be counted against a few.
///
/// A tenant counts once, whatever its traffic: one noisy tenant can never cause an outage. Only circuits count that
/// failures or slowness opened, also at once, by the hint of a failed call
/// ([`trip_on_hint`](crate::PolicyBuilder::trip_on_hint)). Throttling, hints of throttled calls, quotas, and what is
/// opened by hand do not.
///
/// # What the counts cannot tell
///
/// A tenant counts as down only if a call of its circuit ever succeeded, so ids that somebody makes up and that
/// only fail do not count, neither as down nor as active. But who can mint ids, have a call of each succeed, and then
/// have its calls fail as the *dependency's* failures, makes tenants that no count can tell from real ones: take
/// tenants from authentication, and judge what the caller did wrong as no failure. Who can mint ids and have their
/// calls succeed can hold off the detection of an outage, by making up the active tenants, until their calls fail
/// too.
///
/// In a process that starts into an outage no tenant has succeeded yet, and each pays for its own circuit;
/// [`newcomers`](Self::newcomers) counts them nevertheless, at the price said above.
///
/// The smaller the share, the fewer tenants can cost all others their calls: with 5 % of 200 active tenants, ten that
/// have a problem of their own, say a shard that they share, are an outage for the 190 that have none.
///
/// ```
/// use tower_tenant_breaker::{OutagePolicy, Policy};
///
/// let policy = Policy::builder()
///     .outage(OutagePolicy::default().min_tenants(20).min_share(0.3))
///     .build()?;
/// # Ok::<(), tower_tenant_breaker::PolicyError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OutagePolicy {
    pub(crate) min_tenants: u32,
    pub(crate) min_share: f64,
    pub(crate) newcomers: bool,
    pub(crate) open_for: OpenPeriod,
    pub(crate) recovery_spread: Duration,
}

/// Over which time circuits may be probed again after an outage.
pub(crate) const RECOVERY_SPREAD: Duration = Duration::from_secs(3);

impl Default for OutagePolicy {
    /// 10 tenants, 20 % of the active ones, no newcomers; probed after 5 s, doubling to 30 s with the default jitter;
    /// circuits recover within 3 s.
    fn default() -> Self {
        Self {
            min_tenants: 10,
            min_share: 0.2,
            newcomers: false,
            open_for: OpenPeriod::exponential(Duration::from_secs(5), Duration::from_secs(30)),
            recovery_spread: RECOVERY_SPREAD,
        }
    }
}

impl OutagePolicy {
    /// How many tenants must be down: from 2 to 1,000,000.
    #[must_use]
    pub const fn min_tenants(mut self, tenants: u32) -> Self {
        self.min_tenants = tenants;
        self
    }

    /// Which share of the active tenants those must make up: over 0, up to 1.
    #[must_use]
    pub const fn min_share(mut self, share: f64) -> Self {
        self.min_share = share;
        self
    }

    /// Whether tenants count as down of which no call ever succeeded.
    #[must_use]
    pub const fn newcomers(mut self, count: bool) -> Self {
        self.newcomers = count;
        self
    }

    /// How long the dependency stays open before it is probed; with the bounds of
    /// [`PolicyBuilder::open_for`](crate::PolicyBuilder::open_for).
    #[must_use]
    pub const fn open_for(mut self, period: OpenPeriod) -> Self {
        self.open_for = period;
        self
    }

    /// Over which time, at random, the circuits that are open at the end of an outage, or at
    /// [`begin_recovery`](crate::Dependency::begin_recovery), may be probed: from 0 to 1 h.
    #[must_use]
    pub const fn recovery_spread(mut self, spread: Duration) -> Self {
        self.recovery_spread = spread;
        self
    }

    pub(super) fn validate(&self) -> Result<(), PolicyError> {
        check(
            (2..=1_000_000).contains(&self.min_tenants),
            "outage min_tenants",
            self.min_tenants,
            "from 2 to 1000000",
        )?;
        check(
            self.min_share > 0.0 && self.min_share <= 1.0,
            "outage min_share",
            self.min_share,
            "over 0 and up to 1",
        )?;
        self.open_for.validate([
            "outage open_for",
            "outage open_for max",
            "outage open_for multiplier",
            "outage open_for jitter",
        ])?;
        check(
            self.recovery_spread <= DAY / 24,
            "outage recovery_spread",
            self.recovery_spread,
            "up to 1 h",
        )
    }

    /// Whether so many tenants that are down, of so many that are active, are an outage.
    pub(crate) fn is_met(&self, down: u64, active: u64) -> bool {
        down >= u64::from(self.min_tenants) && down as f64 / active as f64 >= self.min_share
    }
}
