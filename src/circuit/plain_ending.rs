//! The end of a good and fast call to a closed circuit, which most calls have.

use tokio::time::Instant;

use super::percentiles::is_to_be_looked_at;
use super::permit::Permit;
use super::{Circuit, Head};
use crate::event::may_hear_of_calls;
use crate::time::nanos;

impl Circuit {
    /// Counts a good call where nothing is concerned but its slot of the window, and the percentiles; `false` where more
    /// is, and nothing was counted.
    // Always, since a call of it takes more instructions than it does.
    #[inline(always)]
    pub(super) fn ends_plainly(&self, permit: &Permit, now: Instant) -> bool {
        let word = self.word();
        let Some(started) = permit.started else {
            return false;
        };
        let concerns_more = word != permit.word
            || !word.ends_plainly()
            || self.context.needs_attention()
            || may_hear_of_calls();
        if concerns_more {
            return false;
        }
        let pace = &self.context.pace;
        let Some(position) = pace.position_of_fast(started, now) else {
            pace.lay_stretch(&self.context.shared.clock, now);
            return false;
        };
        let generation = word.generation();
        let Some(calls) = self.window.count_success(position, generation) else {
            return false;
        };
        self.runs.end(generation);
        self.mark_success(position.slot);
        if word.is_measured() || is_to_be_looked_at(calls) {
            self.look_at_fast(position.slot, started, now);
        }
        true
    }
}

impl Head {
    #[inline(never)]
    fn look_at_fast(&self, slot: u64, started: Instant, now: Instant) {
        let latency = || nanos(now.saturating_duration_since(started));
        if self.word().is_measured() {
            self.measure(slot, latency());
        } else if self.may_be_busy() {
            self.begin_to_measure(slot, latency());
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{CircuitBreakerRegistry, Outcome, Policy};

    #[tokio::test(start_paused = true)]
    async fn a_place_that_was_taken_as_a_bound_began_to_hold_is_given_back_once_it_holds_no_more() {
        let registry = CircuitBreakerRegistry::builder().build().unwrap();
        let search = registry
            .dependency_with("search", Policy::default())
            .unwrap();
        let bounded = || Policy::builder().max_in_flight(1).build().unwrap();
        let succeed = || search.acquire("acme").unwrap().record(Outcome::Success);
        succeed();
        let circuit = search.inner.circuits.get("acme").unwrap();
        let now = search.context().now();
        let word = circuit.word();
        // The call has looked at the word, and goes on once the policy has been replaced.
        search.set_policy(bounded());
        let permit = circuit.admit_closed(word, now).unwrap();
        assert!(permit.counted);
        search.set_policy(Policy::default());
        succeed();
        permit.record(Outcome::Success);
        search.set_policy(bounded());
        assert!(search.acquire("acme").is_ok());
    }
}
