//! What is counted of a dependency, as it is told to the outside: a count never falls.

use crate::DependencySnapshot;

/// How calls ended, how often circuits opened and recovered. Each call is in one of the first six.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) successes: u64,
    pub(crate) failures: u64,
    pub(crate) throttled: u64,
    pub(crate) ignored: u64,
    pub(crate) cancelled: u64,
    pub(crate) rejected: u64,
    pub(crate) opened: u64,
    pub(crate) recovered: u64,
    pub(crate) probe_successes: u64,
    pub(crate) probe_failures: u64,
    pub(crate) overflowed: u64,
}

impl Counts {
    pub(crate) fn of(snapshot: &DependencySnapshot) -> Self {
        let totals = &snapshot.totals;
        Self {
            successes: totals.successes(),
            failures: totals.failures.saturating_sub(totals.abandoned_failures),
            throttled: totals.throttled,
            ignored: totals.ignored,
            cancelled: totals.cancelled,
            rejected: totals.rejected,
            opened: totals.opened,
            recovered: totals.recovered,
            probe_successes: totals.probe_successes,
            probe_failures: totals.probe_failures,
            overflowed: snapshot.overflowed,
        }
    }

    /// Calls by what became of them, with the names of that.
    pub(crate) fn calls(&self) -> [(&'static str, u64); 6] {
        [
            ("success", self.successes),
            ("failure", self.failures),
            ("throttled", self.throttled),
            ("ignored", self.ignored),
            ("cancelled", self.cancelled),
            ("rejected", self.rejected),
        ]
    }

    /// Each count that has grown. Counts that are read one by one while calls go on can be apart by some calls, and
    /// what is the difference of two of them can seem to fall.
    pub(crate) fn rise_to(&mut self, other: &Self) {
        let Self {
            successes,
            failures,
            throttled,
            ignored,
            cancelled,
            rejected,
            opened,
            recovered,
            probe_successes,
            probe_failures,
            overflowed,
        } = other;
        let rise = |count: &mut u64, to: &u64| *count = (*count).max(*to);
        rise(&mut self.successes, successes);
        rise(&mut self.failures, failures);
        rise(&mut self.throttled, throttled);
        rise(&mut self.ignored, ignored);
        rise(&mut self.cancelled, cancelled);
        rise(&mut self.rejected, rejected);
        rise(&mut self.opened, opened);
        rise(&mut self.recovered, recovered);
        rise(&mut self.probe_successes, probe_successes);
        rise(&mut self.probe_failures, probe_failures);
        rise(&mut self.overflowed, overflowed);
    }
}
