//! What a circuit knows that a new one does not.

use tower_tenant_breaker::CircuitState;

use super::Circuit;

impl Circuit {
    pub(crate) fn is_idle(&self, now: u64) -> bool {
        self.window.is_idle(self.slot(now))
    }

    /// Of one without permits whose window is empty.
    pub(crate) fn could_equal_a_new_one(&self, now: u64) -> bool {
        let has_grown = self.growth > 0 && now - self.closed_since < self.rules.window;
        let in_a_run = !self.abandoned.is_empty() && self.was_abandoned_in_the_window(now);
        self.state == CircuitState::Closed
            && !has_grown
            && now >= self.hinted
            && !in_a_run
            && self.share(now).is_none()
    }

    /// Whether a call was cancelled in the window.
    pub(crate) fn was_abandoned_in_the_window(&self, now: u64) -> bool {
        self.totals.cancelled > 0 && self.slot(now) - self.last_abandoned < 10
    }
}
