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

    pub(super) fn measure(&self, slot: u64, latency: u64) {
        let rare = self.rare();
        let percentiles = rare.percentiles.load();
        let Some(percentiles) = &*percentiles else {
            // Who gave up lost ones took those away that another call had just been given.
            self.word.fetch_and(!MEASURED, AcqRel);
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

    /// Whether the circuit has enough calls, if those that may have left the window are in it.
    pub(super) fn may_be_busy(&self) -> bool {
        self.window.unfolded() >= BUSY_CALLS
    }

    /// Asks for histograms, if the circuit is busy enough to have them.
    pub(super) fn begin_to_measure(&self, slot: u64, latency: u64) {
        if !self.may_be_busy() || self.window.figures(slot, None).calls < BUSY_CALLS {
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::advance;

    use crate::circuit::closed_ending::GOOD;
    use crate::circuit::rules::Rules;
    use crate::circuit::word::MEASURED;
    use crate::sync::AcqRel;
    use crate::{CircuitBreakerRegistry, Outcome, Policy};

    #[tokio::test(start_paused = true)]
    async fn a_circuit_that_lost_its_percentiles_to_a_race_is_given_others() {
        let registry = CircuitBreakerRegistry::builder().build().unwrap();
        let search = registry
            .dependency_with("search", Policy::default())
            .unwrap();
        let succeed = || search.acquire("acme").unwrap().record(Outcome::Success);
        (0..100).for_each(|_| succeed());
        let circuit = search.inner.circuits.get("acme").unwrap();
        let now = search.context().now();
        assert!(circuit.latency(now).is_some());
        // One call gave up percentiles that were lost, and between its two steps another was given new ones.
        circuit.word.fetch_or(MEASURED, AcqRel);
        circuit.rare().percentiles.store(None);
        (0..20).for_each(|_| succeed());
        assert!(circuit.latency(now).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_circuit_whose_percentiles_another_took_over_gives_up_nothing_else() {
        let bytes = Rules::new(Policy::default()).histogram_bytes;
        let registry = CircuitBreakerRegistry::builder().histogram_bytes(bytes);
        let search = registry.build().unwrap().dependency("search").unwrap();
        let succeed = |tenant| {
            for _ in 0..100 {
                search.acquire(tenant).unwrap().record(Outcome::Success);
            }
        };
        succeed("quiet");
        search.circuit("quiet").reset();
        succeed("quiet");
        let quiet = search.inner.circuits.get("quiet").unwrap();
        let before = quiet.word();
        assert!(before.is_measured());
        advance(Policy::default().window).await;
        succeed("busy");
        search.acquire("quiet").unwrap().record(Outcome::Success);
        let after = quiet.word();
        assert!(!after.is_measured());
        assert_eq!(after.generation(), before.generation());
    }

    #[tokio::test(start_paused = true)]
    async fn what_stragglers_of_the_generation_before_counted_makes_no_circuit_busy() {
        let registry = CircuitBreakerRegistry::builder().build().unwrap();
        let search = registry.dependency("search").unwrap();
        let succeed = || search.acquire("acme").unwrap().record(Outcome::Success);
        succeed();
        search.circuit("acme").reset();
        let circuit = search.inner.circuits.get("acme").unwrap();
        let now = || search.context().now();
        let slot = search.context().slot(now());
        for _ in 0..10 {
            circuit.window.count(slot, 0, GOOD, None, || true);
        }
        advance(Duration::from_nanos(circuit.rules().slot_nanos)).await;
        (0..90).for_each(|_| succeed());
        assert_eq!(circuit.window.unfolded(), 100);
        assert!(circuit.latency(now()).is_none());
    }
}
