//! What people do to a circuit by hand, and when it may go.

use super::transition::Opening;
use super::{Circuit, Head};
use crate::CircuitState;
use crate::event::Origin;
use crate::reason::Reason;
use crate::sync::{AcqRel, Acquire, Relaxed};

/// Whether a circuit may make room for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Farewell {
    /// It equals a new circuit of its policy: nobody could tell that it went.
    LikeNew,
    /// It is not closed, and nobody has asked for it in a long time.
    Forgotten,
    /// It knows something.
    Stay,
}

impl Circuit {
    /// Opens the circuit for this many nanoseconds, or for the policy's next period.
    pub(crate) fn open_by_hand(&self, period: Option<u64>) {
        let now = self.context.now();
        let rare = self.rare();
        let mut machine = rare.machine.lock();
        let opening = Opening::by_hand(period, rare.hinted.load(Acquire));
        let transition = self.open(rare, &mut machine, now, opening);
        drop(machine);
        self.tell(transition);
    }

    /// `false` where the circuit is closed.
    pub(crate) fn half_open_by_hand(&self) -> bool {
        let now = self.context.now();
        let mut machine = self.rare().machine.lock();
        match self.state() {
            CircuitState::Closed => false,
            CircuitState::HalfOpen => true,
            CircuitState::Open => {
                machine.last_chance = now;
                let transition = self.half_open(&mut machine, now, Reason::ByHand, Origin::ByHand);
                drop(machine);
                self.tell(transition);
                true
            }
        }
    }

    pub(crate) fn reset(&self) {
        if self.reset_healthy() {
            return;
        }
        let now = self.context.now();
        let rare = self.rare();
        let mut machine = rare.machine.lock();
        machine.openings = 0;
        let was_closed = self.state() == CircuitState::Closed;
        let transition = self.close(rare, &mut machine, now, Reason::ByHand, Origin::ByHand);
        drop(machine);
        // A closed circuit that stays closed is no news, although its window is empty now.
        if !was_closed {
            self.tell(transition);
        }
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
        self.word
            .compare_exchange(word.0, after.0, AcqRel, Relaxed)
            .is_ok()
    }

    /// Whether the circuit may go, as far as its state says; that nobody holds it is for the map to prove.
    pub(crate) fn farewell(&self, now: u64) -> Farewell {
        let context = &*self.context;
        let word = self.word();
        if (word.is_overridden() && self.has_override()) || !self.window.is_idle(context.slot(now))
        {
            return Farewell::Stay;
        }
        let Some(rare) = self.rare.get() else {
            return Farewell::LikeNew;
        };
        let policy = &context.policy;
        let state = word.state();
        // A call takes this lock for a moment only, and then the circuit is in use.
        let Some(machine) = rare.machine.try_lock() else {
            return Farewell::Stay;
        };
        let like_new = state == policy.initial_state
            && match state {
                CircuitState::Closed => {
                    let closed_for = now.saturating_sub(machine.closed_since);
                    let grown =
                        machine.openings > 0 && closed_for < crate::time::nanos(policy.window);
                    let hinted = now < rare.hinted.load(Acquire);
                    let abandoned = rare.last_abandoned.load(Acquire);
                    let in_a_run = abandoned > 0
                        && context.slot(now) + 1 < abandoned + super::window::SLOTS as u64;
                    !grown && !hinted && !in_a_run
                }
                CircuitState::HalfOpen => {
                    machine.openings == 0 && machine.successes == 0 && machine.abandoned == 0
                }
                CircuitState::Open => false,
            };
        if like_new {
            return Farewell::LikeNew;
        }
        // Where newcomers do not begin closed, a closed circuit never equals one of them.
        let may_be_forgotten =
            state != CircuitState::Closed || policy.initial_state != CircuitState::Closed;
        let last = rare
            .deadline
            .load(Acquire)
            .max(rare.last_attempt.load(Relaxed))
            .max(machine.closed_since)
            .max(self.window.touched().saturating_mul(context.slot_nanos));
        if may_be_forgotten && now >= last.saturating_add(policy.forgotten_after()) {
            return Farewell::Forgotten;
        }
        Farewell::Stay
    }
}
