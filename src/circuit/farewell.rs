//! When a circuit may make room for another.

use super::Head;
use super::window::has_left;
use crate::CircuitState;
use crate::sync::{Acquire, Relaxed};
use crate::time::nanos;

/// Whether a circuit may make room for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Farewell {
    /// It equals a new circuit of its policy: nobody could tell that it went.
    LikeNew,
    /// It does not equal a new one, and nobody has asked for it in a long time.
    Forgotten,
    /// It knows something.
    Stay,
}

impl Head {
    /// Whether the circuit may go, as far as its state says; that nobody holds it is for the map to prove.
    pub(crate) fn farewell(&self, now: u64) -> Farewell {
        let rules = self.rules();
        let slot = rules.slot(now);
        let word = self.word();
        if self.is_overridden_by_hand() || !self.window.is_idle(slot) {
            return Farewell::Stay;
        }
        let Some(rare) = self.rare.get() else {
            return Farewell::LikeNew;
        };
        let policy = &rules.policy;
        let state = word.state();
        // A call takes this lock for a moment only, and then the circuit is in use.
        let Some(machine) = rare.machine.try_lock() else {
            return Farewell::Stay;
        };
        let is_held = self.is_held_for_quota();
        let like_new = !is_held
            && state == policy.initial_state
            && match state {
                CircuitState::Closed => {
                    let closed_for = now.saturating_sub(machine.closed_since);
                    let grown = machine.openings > 0 && closed_for < nanos(policy.window);
                    let hinted = now < rare.hinted.load(Acquire);
                    let in_a_run = !has_left(rare.last_abandoned.load(Acquire), slot);
                    !grown && !hinted && !in_a_run && self.ramp_share(now).is_none()
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
        let may_be_forgotten = is_held
            || state != CircuitState::Closed
            || policy.initial_state != CircuitState::Closed;
        let touched = self.window.touched().checked_sub(1);
        let last = rare
            .deadline
            .load(Acquire)
            .max(rare.last_attempt.load(Relaxed))
            .max(machine.closed_since)
            .max(touched.and_then(|slot| rules.began(slot + 1)).unwrap_or(0));
        if may_be_forgotten && now >= last.saturating_add(policy.forgotten_after()) {
            return Farewell::Forgotten;
        }
        Farewell::Stay
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::advance;

    use super::Farewell;
    use crate::{CircuitBreakerRegistry, Outcome, Policy};

    const SLOT: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn a_run_of_cancelled_calls_keeps_a_circuit_for_a_whole_window() {
        let registry = CircuitBreakerRegistry::builder().build().unwrap();
        let policy = Policy::builder().window(10 * SLOT).build().unwrap();
        let search = registry.dependency_with("search", policy).unwrap();
        search.acquire("acme").unwrap().record(Outcome::Success);
        advance(SLOT).await;
        drop(search.acquire("acme").unwrap());
        let circuit = search.inner.circuits.get("acme").unwrap();
        let farewell = || circuit.farewell(search.context().now());
        advance(9 * SLOT).await;
        // Of what was counted nothing is in the window any more.
        assert!(
            circuit
                .window
                .is_idle(search.context().slot(search.context().now()))
        );
        assert_eq!(farewell(), Farewell::Stay);
        advance(SLOT).await;
        assert_eq!(farewell(), Farewell::LikeNew);
    }
}
