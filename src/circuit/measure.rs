//! Which circuits have percentiles, and what goes into them.

use super::Head;
use super::percentiles::BUSY_CALLS;
use super::rare::add;
use crate::sync::{Relaxed, Release};

impl Head {
    pub(super) fn measure(&self, slot: u64, latency: u64) {
        let rare = self.rare();
        let percentiles = rare.percentiles.load();
        let Some(percentiles) = &*percentiles else {
            return;
        };
        if !percentiles.record(slot, latency) {
            add(&rare.tally.percentile_misses, 1);
            if percentiles.is_taken() {
                rare.is_measured.store(false, Relaxed);
                rare.percentiles.store(None);
            }
        }
    }

    /// Asks for histograms, if the circuit is busy enough to have them.
    pub(super) fn begin_to_measure(&self, slot: u64, latency: u64) {
        if self.window.figures(slot, None).calls < BUSY_CALLS {
            return;
        }
        let context = &*self.context;
        let shape = &context.policy.histogram;
        let now = slot.saturating_mul(context.slot_nanos);
        let budget = &context.shared.histograms;
        let bytes = context.histogram_bytes;
        if let Some(percentiles) = budget.allot(shape, bytes, context.slot_nanos, now) {
            let rare = self.rare();
            percentiles.record(slot, latency);
            rare.percentiles.store(Some(percentiles));
            rare.is_measured.store(true, Release);
        }
    }
}
