use std::ops::{Deref, DerefMut};

use crate::{Outcome, Permit};

/// A permit whose call may be over later than its latency is measured to.
pub(super) struct Timed {
    permit: Permit,
    /// When the clock was stopped.
    stopped: Option<u64>,
}

impl Timed {
    pub(super) const fn new(permit: Permit) -> Self {
        Self {
            permit,
            stopped: None,
        }
    }

    pub(super) const fn is_stopped(&self) -> bool {
        self.stopped.is_some()
    }

    /// However long the call goes on from now, this is its latency.
    pub(super) fn stop(&mut self) {
        self.stopped = self.permit.now();
    }

    pub(super) fn record(mut self, outcome: Outcome) {
        self.forget_the_rest();
        self.permit.record_in_place(outcome);
    }

    fn forget_the_rest(&mut self) {
        if let Some(stopped) = self.stopped.take() {
            self.permit.time_until(stopped);
        }
    }
}

impl Drop for Timed {
    // Before the permit's own, which ends the call.
    fn drop(&mut self) {
        self.forget_the_rest();
    }
}

impl Deref for Timed {
    type Target = Permit;

    fn deref(&self) -> &Permit {
        &self.permit
    }
}

impl DerefMut for Timed {
    fn deref_mut(&mut self) -> &mut Permit {
        &mut self.permit
    }
}
