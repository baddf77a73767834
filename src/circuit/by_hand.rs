//! What people do to a circuit by hand.

use super::transition::{Opening, Transition};
use super::{Circuit, Head};
use crate::CircuitState;
use crate::event::Origin;
use crate::reason::Reason;
use crate::sync::{AcqRel, Acquire, Relaxed, Release};

impl Circuit {
    /// Opens the circuit for this many nanoseconds, or for the policy's next period.
    pub(crate) fn open_by_hand(&self, period: Option<u64>) {
        let now = self.context.now();
        let rare = self.rare();
        let mut machine = rare.machine.lock();
        let opening = Opening::by_hand(period, rare.hinted.load(Acquire));
        let transition = self.open(&self.rules(), rare, &mut machine, now, opening);
        drop(machine);
        self.tell(transition);
    }

    /// `false` where the circuit is closed.
    pub(crate) fn half_open_by_hand(&self) -> bool {
        let now = self.context.now();
        let rare = self.rare();
        let mut machine = rare.machine.lock();
        match self.state() {
            CircuitState::Closed => false,
            CircuitState::HalfOpen => true,
            CircuitState::Open => {
                machine.last_chance = now;
                let transition = self.half_open(&mut machine, now, Reason::ByHand, Origin::ByHand);
                // The period ends here, so that the circuit is not forgotten as one that was over long ago.
                rare.deadline.store(now, Release);
                drop(machine);
                self.tell(transition);
                true
            }
        }
    }

    pub(crate) fn reset(&self) {
        let lifted;
        let transition = {
            // Nobody holds the circuits for a quota that tenants share, and the one of an outage is reset by calls.
            let is_of_tenant = self.tenant().is_some();
            let _operator = is_of_tenant.then(|| self.context.shared.operator.lock());
            // First: a call of the generation that ends here holds the circuit no more, once this has looked.
            let transition = self.begin_anew();
            lifted = is_of_tenant.then(|| self.lift_quota_hold()).flatten();
            transition
        };
        if let Some(lifted) = lifted {
            self.tell_of_quota_hold(Origin::ByHand, Some(&lifted), None);
        }
        if let Some(transition) = transition {
            self.tell(transition);
        }
    }

    /// Closes the circuit, in a new generation; what is to be told of it.
    fn begin_anew(&self) -> Option<Transition> {
        if self.reset_healthy() {
            return None;
        }
        let now = self.context.now();
        let rare = self.rare();
        let mut machine = rare.machine.lock();
        machine.openings = 0;
        let was_closed = self.state() == CircuitState::Closed;
        let transition = self.close(
            &self.rules(),
            rare,
            &mut machine,
            now,
            Reason::ByHand,
            Origin::ByHand,
        );
        // A closed circuit that stays closed is no news, although its window is empty now.
        (!was_closed).then_some(transition)
    }
}

impl Head {
    /// Begins a new generation of a circuit that never had a bad call, and so has no machine: one that is
    /// made only to be reset would triple what the circuit takes. `false` where it has one, or gets one.
    fn reset_healthy(&self) -> bool {
        let word = self.word();
        if self.rare.get().is_some() {
            return false;
        }
        self.window.clear();
        self.runs.restart(word.generation().wrapping_add(1));
        let after = word.next(CircuitState::Closed, Reason::ByHand);
        let begun = self
            .word
            .compare_exchange(word.0, after.0, AcqRel, Relaxed)
            .is_ok();
        // A call that got it a machine meanwhile may have seen the old generation still: that machine is to
        // be reset. One that gets it a machine from now on sees the new one.
        begun && self.rare.get().is_none()
    }
}

#[cfg(test)]
mod tests {
    use crate::{CircuitBreakerRegistry, Outcome, Policy};

    #[tokio::test(start_paused = true)]
    async fn a_circuit_that_never_had_a_bad_call_is_reset_without_the_room_that_a_bad_one_takes() {
        let registry = CircuitBreakerRegistry::builder().build().unwrap();
        let search = registry
            .dependency_with("search", Policy::default())
            .unwrap();
        search.acquire("acme").unwrap().record(Outcome::Success);
        search.circuit("acme").reset();
        let circuit = search.inner.circuits.get("acme").unwrap();
        assert_eq!(circuit.generation(), 1);
        assert!(circuit.rare.get().is_none());
    }
}
