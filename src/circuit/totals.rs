//! What a circuit has counted in its life.

use std::ops::AddAssign;
use std::time::Duration;

use super::Circuit;
use super::rare::Tally;
use crate::CircuitState;
use crate::sync::{Acquire, AtomicU64, Relaxed};

/// Lifetime counts: of a circuit, or of a dependency with all circuits that it ever had.
///
/// A detected outage has a circuit of its own, which opens, is probed and recovers like that of a tenant. A dependency's
/// totals have it too, beside its tenants': each outage adds to [`opened`](Self::opened), to
/// [`recovered`](Self::recovered), to the probes and to the times.
///
/// With feature `serde` it is written with the names of the fields; `time_open` and `time_to_recover` are
/// `time_open_ms` and `time_to_recover_ms`, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Totals {
    /// Calls that were counted: those that succeeded, failed or were throttled, probes among them, and the
    /// cancelled ones that counted as slow calls or as failures.
    pub calls: u64,
    /// Failures, those that abandoned calls made among them; throttled calls are not.
    pub failures: u64,
    /// Throttled calls.
    pub throttled: u64,
    /// Ignored calls.
    pub ignored: u64,
    /// Calls whose permit was dropped unrecorded, late ones aside.
    pub cancelled: u64,
    /// Those of the cancelled calls that are among [`calls`](Self::calls), since they were slow or count as failures.
    pub abandoned: u64,
    /// Those of the cancelled calls that are among [`failures`](Self::failures).
    pub abandoned_failures: u64,
    /// Counted calls whose latency is not in the percentiles, since somebody read these at that moment: a call
    /// does not wait for a reader.
    pub unmeasured: u64,
    /// Counted calls over the lowest threshold of the latency rules.
    pub slow: u64,
    /// Rejected calls.
    pub rejected: u64,
    /// Calls that were only admitted since a dry run was on.
    pub would_reject: u64,
    /// Openings while a dry run was on, after which no call was rejected.
    pub would_open: u64,
    /// Calls that ended in another generation than they began in.
    pub late: u64,
    /// Probes that were admitted.
    pub probes: u64,
    /// Probes that succeeded.
    pub probe_successes: u64,
    /// Probes that failed, were throttled or slow.
    pub probe_failures: u64,
    /// How often a circuit opened.
    pub opened: u64,
    /// The time that circuits were open, half-open time aside.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "time_open_ms", with = "crate::json::ms")
    )]
    pub time_open: Duration,
    /// How often probes closed a circuit that had left the closed state.
    pub recovered: u64,
    /// The time that those circuits were not closed, from when they left that state until they recovered.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "time_to_recover_ms", with = "crate::json::ms")
    )]
    pub time_to_recover: Duration,
}

impl Totals {
    /// Calls that succeeded, slow ones among them: those of [`calls`](Self::calls) that neither failed, nor were
    /// throttled, nor cancelled.
    ///
    /// ```
    /// use tower_tenant_breaker::{CircuitBreakerRegistry, Outcome, Policy};
    ///
    /// let registry = CircuitBreakerRegistry::builder().build()?;
    /// let search = registry.dependency_with("search", Policy::default())?;
    /// search.acquire("acme")?.record(Outcome::Success);
    /// search.acquire("acme")?.record(Outcome::failure());
    /// assert_eq!(search.snapshot().totals.successes(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub const fn successes(&self) -> u64 {
        let reported = self.failures.saturating_sub(self.abandoned_failures);
        let others = reported + self.throttled + self.abandoned;
        self.calls.saturating_sub(others)
    }
}

impl Circuit {
    pub(crate) fn totals(&self, now: u64) -> Totals {
        let calls = self.calls.load(Acquire) + self.window.unfolded();
        let Some(rare) = self.rare.get() else {
            return Totals {
                calls,
                ..Totals::default()
            };
        };
        let get = |counter: &AtomicU64| counter.load(Relaxed);
        let Tally {
            failures,
            throttled,
            ignored,
            cancelled,
            abandoned,
            abandoned_failures,
            slow,
            rejected,
            would_reject,
            would_open,
            late,
            probes,
            probe_successes,
            probe_failures,
            unmeasured,
        } = &rare.tally;
        let machine = rare.machine.lock();
        let open_now = match self.state() {
            CircuitState::Open => now.saturating_sub(machine.opened_at),
            _ => 0,
        };
        Totals {
            calls,
            failures: get(failures),
            throttled: get(throttled),
            ignored: get(ignored),
            cancelled: get(cancelled),
            abandoned: get(abandoned),
            abandoned_failures: get(abandoned_failures),
            unmeasured: get(unmeasured),
            slow: get(slow),
            rejected: get(rejected),
            would_reject: get(would_reject),
            would_open: get(would_open),
            late: get(late),
            probes: get(probes),
            probe_successes: get(probe_successes),
            probe_failures: get(probe_failures),
            opened: machine.opened,
            time_open: Duration::from_nanos(machine.time_open.saturating_add(open_now)),
            recovered: machine.recovered,
            time_to_recover: Duration::from_nanos(machine.time_to_recover),
        }
    }
}

impl AddAssign for Totals {
    fn add_assign(&mut self, other: Self) {
        let Self {
            calls,
            failures,
            throttled,
            ignored,
            cancelled,
            abandoned,
            abandoned_failures,
            unmeasured,
            slow,
            rejected,
            would_reject,
            would_open,
            late,
            probes,
            probe_successes,
            probe_failures,
            opened,
            time_open,
            recovered,
            time_to_recover,
        } = other;
        self.calls += calls;
        self.failures += failures;
        self.throttled += throttled;
        self.ignored += ignored;
        self.cancelled += cancelled;
        self.abandoned += abandoned;
        self.abandoned_failures += abandoned_failures;
        self.unmeasured += unmeasured;
        self.slow += slow;
        self.rejected += rejected;
        self.would_reject += would_reject;
        self.would_open += would_open;
        self.late += late;
        self.probes += probes;
        self.probe_successes += probe_successes;
        self.probe_failures += probe_failures;
        self.opened += opened;
        self.time_open = self.time_open.saturating_add(time_open);
        self.recovered += recovered;
        self.time_to_recover = self.time_to_recover.saturating_add(time_to_recover);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Totals;

    /// Each field another.
    fn totals(times: u64) -> Totals {
        Totals {
            calls: 2 * times,
            failures: 3 * times,
            throttled: 4 * times,
            ignored: 5 * times,
            cancelled: 6 * times,
            abandoned: 7 * times,
            abandoned_failures: 8 * times,
            unmeasured: 9 * times,
            slow: 10 * times,
            rejected: 11 * times,
            would_reject: 12 * times,
            would_open: 13 * times,
            late: 14 * times,
            probes: 15 * times,
            probe_successes: 16 * times,
            probe_failures: 17 * times,
            opened: 18 * times,
            time_open: Duration::from_secs(19 * times),
            recovered: 20 * times,
            time_to_recover: Duration::from_secs(21 * times),
        }
    }

    #[test]
    fn totals_are_added_field_by_field() {
        let mut sum = totals(1);
        sum += totals(3);
        assert_eq!(sum, totals(4));
    }
}
