//! Which circuits have percentiles, and what goes into them.

use super::Head;
use super::percentiles::{BUSY_CALLS, is_to_be_looked_at};
use super::rare::add;
use super::word::MEASURED;
use crate::sync::AcqRel;

impl Head {
    /// Takes in the latency of a call that was counted as the `calls`-th of its slot, where the circuit has
    /// percentiles, or is busy enough to have some.
    pub(super) fn look_at_latency(&self, slot: u64, calls: u64, latency: u64) {
        if self.word().is_measured() {
            self.measure(slot, latency);
        } else if is_to_be_looked_at(calls) {
            self.begin_to_measure(slot, latency);
        }
    }

    fn measure(&self, slot: u64, latency: u64) {
        let rare = self.rare();
        let percentiles = rare.percentiles.load();
        let Some(percentiles) = &*percentiles else {
            return;
        };
        if !percentiles.record(slot, latency) {
            add(&rare.tally.unmeasured, 1);
            if percentiles.is_lost(slot) {
                self.word.fetch_and(!MEASURED, AcqRel);
                rare.percentiles.store(None);
            }
        }
    }

    /// Asks for histograms, if the circuit is busy enough to have them.
    fn begin_to_measure(&self, slot: u64, latency: u64) {
        // Those in it are among those that have not left it, which are summed up faster.
        let may_be_busy = self.window.unfolded() >= BUSY_CALLS;
        if !may_be_busy || self.window.figures(slot, None).calls < BUSY_CALLS {
            return;
        }
        let rules = self.rules();
        let budget = &self.context.shared.histograms;
        if let Some(percentiles) = budget.allot(&rules, slot) {
            let rare = self.rare();
            percentiles.record(slot, latency);
            rare.percentiles.store(Some(percentiles));
            self.word.fetch_or(MEASURED, AcqRel);
        }
    }
}
