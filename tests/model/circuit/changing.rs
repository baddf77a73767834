//! The changes of the state, and of the rules.

use tower_tenant_breaker::{CircuitState, Reason};

use super::super::policies::Numbered;
use super::super::rules::nanos;
use super::{Change, Circuit};

impl Circuit {
    fn change(&mut self, now: u64, to: CircuitState, reason: Reason) {
        if self.state == CircuitState::Open {
            self.totals.time_open += nanos(now - self.opened_at);
        }
        self.generation += 1;
        // A closed circuit that is reset is no news.
        if (self.state, to) != (CircuitState::Closed, CircuitState::Closed) {
            self.changes.push(Change {
                at: now,
                from: self.state,
                to,
                generation: self.generation,
                reason,
            });
        }
        self.state = to;
        self.abandoned.clear();
        self.places.clear();
        self.probe_successes = 0;
        self.hinted = 0;
        self.ramp = None;
    }

    fn forget_the_window(&mut self) {
        self.window.clear();
        self.consecutive = 0;
    }

    /// `until` is what hints ask for, `by_hand` a period that takes the place of the policy's; where it is a limit of the
    /// tenant's own, it lasts until then, and counts for no growth.
    pub(super) fn enter_open(
        &mut self,
        now: u64,
        reason: Reason,
        until: u64,
        by_hand: Option<u64>,
        is_limit: bool,
    ) {
        if self.state == CircuitState::Closed && now - self.closed_since >= self.rules.window {
            if self.growth > 0 {
                self.seen
                    .note("growth began anew after a window spent closed");
            }
            self.growth = 0;
        }
        if self.growth >= 3 {
            self.seen.note("a fourth opening in a stretch");
        }
        if self.state != CircuitState::Open {
            self.readable = self.figures(now);
        }
        if self.state == CircuitState::Closed {
            self.broke_at = Some(now);
        }
        self.change(now, CircuitState::Open, reason);
        if is_limit && until > now {
            self.seen.note("a limit was left as soon as it ended");
            self.period = until - now;
        } else {
            self.period = by_hand.unwrap_or(self.rules.period(self.growth));
            self.growth += 1;
        }
        self.reason = reason;
        self.opened_at = now;
        if until > now + self.period {
            self.seen
                .note("a hint lengthened the period that it led to");
        }
        self.deadline = until.max(now + self.period);
        self.not_before = until;
        self.attempt = 0;
        self.totals.opened += 1;
        self.totals.would_open += u64::from(self.dry_run);
    }

    pub(super) fn enter_half_open(&mut self, now: u64, reason: Reason) {
        self.change(now, CircuitState::HalfOpen, reason);
        self.forget_the_window();
    }

    pub(super) fn enter_closed(&mut self, now: u64, reason: Reason) {
        self.change(now, CircuitState::Closed, reason);
        self.forget_the_window();
        self.closed_since = now;
        let broke_at = self.broke_at.take();
        if reason == Reason::Recovered {
            if let Some(broke_at) = broke_at {
                self.totals.recovered += 1;
                self.totals.time_to_recover += nanos(now - broke_at);
            }
            self.begin_ramp(now);
        }
    }

    pub(crate) fn open(&mut self, now: u64, by_hand: Option<u64>) {
        self.enter_open(now, Reason::ByHand, self.hinted, by_hand, false);
    }

    /// The dependency is down for all.
    pub(crate) fn open_in_outage(&mut self, now: u64) {
        self.enter_open(now, Reason::Outage, 0, None, false);
    }

    /// An error where the circuit is closed.
    pub(crate) fn half_open(&mut self, now: u64) -> Result<(), ()> {
        match self.state {
            CircuitState::Closed => Err(()),
            CircuitState::Open => {
                self.enter_half_open(now, Reason::ByHand);
                // The period ends here, and the others have their chance from now on.
                self.deadline = now;
                Ok(())
            }
            CircuitState::HalfOpen => Ok(()),
        }
    }

    pub(crate) fn reset(&mut self, now: u64) {
        self.enter_closed(now, Reason::ByHand);
        self.growth = 0;
    }

    /// The dependency is back: a circuit that is open may be probed, but for hints.
    pub(crate) fn begin_recovery(&mut self, now: u64) {
        if self.state != CircuitState::Open {
            return;
        }
        let earliest = now.max(self.not_before);
        if earliest < self.deadline {
            self.seen.note(if earliest > now {
                "a recovery waited for a hint"
            } else {
                "a recovery ended an open period"
            });
            self.deadline = earliest;
        } else if self.deadline <= now {
            // Who may not probe waits from now on for who may.
            self.attempt = now;
        }
    }

    /// Other rules take the place of those that there are.
    pub(crate) fn follow(&mut self, policy: &Numbered) {
        self.rules = policy.rules.clone();
        if policy.counting == self.counting {
            return;
        }
        self.counting = policy.counting;
        self.note_restart();
        self.abandoned.clear();
        self.forget_the_window();
    }

    fn note_restart(&mut self) {
        if self.consecutive > 0 && self.state == CircuitState::Closed {
            self.seen.note("a policy ended a run of failures");
        }
        if !self.abandoned.is_empty() {
            self.seen.note("a policy ended a run of cancelled calls");
        }
        if self.ramp.is_some() {
            self.seen.note("a policy changed in a ramp");
        }
    }

    /// What is known of the last success is the beginning of its slot: of a slot by these rules, from now on.
    pub(crate) fn round_last_success(&mut self) {
        let slot = self.rules.slot();
        self.last_success = self.last_success.map(|began| began / slot * slot);
    }
}
