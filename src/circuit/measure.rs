//! Which circuits have percentiles, and what goes into them.

use super::Head;
use super::percentiles::{BUSY_CALLS, LOOK_EVERY};
use super::rare::add;
use crate::sync::{Relaxed, Release};

impl Head {
    /// Takes in the latency of a call that was counted as the `calls`-th of its slot, where the circuit has
    /// percentiles, or is busy enough to have some.
    #[inline]
    pub(super) fn look_at_latency(&self, slot: u64, calls: u64, latency: u64) {
        let rare = self.rare.get();
        if rare.is_some_and(|rare| rare.is_measured.load(Relaxed)) {
            self.measure(slot, latency);
        } else if calls.is_multiple_of(LOOK_EVERY) || calls == 1 {
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
                rare.is_measured.store(false, Relaxed);
                rare.percentiles.store(None);
            }
        }
    }

    /// Asks for histograms, if the circuit is busy enough to have them.
    fn begin_to_measure(&self, slot: u64, latency: u64) {
        if self.window.figures(slot, None).calls < BUSY_CALLS {
            return;
        }
        let rules = self.rules();
        let budget = &self.context.shared.histograms;
        if let Some(percentiles) = budget.allot(&rules, slot) {
            let rare = self.rare();
            percentiles.record(slot, latency);
            rare.percentiles.store(Some(percentiles));
            rare.is_measured.store(true, Release);
        }
    }
}
