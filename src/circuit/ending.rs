//! The end of a call, in whatever state its circuit is by then.

use std::time::Duration;

use tokio::time::Instant;

use super::permit::Permit;
use super::rare::add;
use super::{Circuit, Head};
use crate::CircuitState;
use crate::event::{Text, counted_as, may_hear_of_calls, say};
use crate::outcome::Outcome;
use crate::overrides::Override;
use crate::sync::Relaxed;
use crate::time::nanos;

impl Circuit {
    /// `false` where nothing of it is counted, whatever the outcome.
    // Always, since a call of it takes more instructions than it does.
    #[inline(always)]
    pub(super) fn end(&self, permit: &Permit, outcome: Outcome) -> bool {
        let now = Instant::now();
        let is_success = matches!(outcome, Outcome::Success);
        (is_success && self.ends_plainly(permit, now)) || self.end_at(permit, now, outcome)
    }

    /// In whatever state the circuit is.
    // Apart, so that what it keeps does not weigh on a plain end.
    #[inline(never)]
    fn end_at(&self, permit: &Permit, now: Instant, outcome: Outcome) -> bool {
        let clock = &self.context.shared.clock;
        let now = clock.at(now);
        let started = permit.started.map_or(now, |started| clock.at(started));
        if may_hear_of_calls() {
            self.trace(permit, now.saturating_sub(started), outcome);
        }
        if permit.counted {
            self.end_flight();
        }
        let word = self.word();
        if (word.is_overridden() || self.context.needs_attention())
            && self
                .override_in_force(now)
                .is_some_and(|standing| standing.kind == Override::Disabled)
        {
            self.free_place(permit);
            return false;
        }
        if permit.generation() != word.generation() {
            let latency = now.saturating_sub(started);
            self.end_late(now, latency, outcome);
            return true;
        }
        let latency = now.saturating_sub(started);
        let transition = if word.counts_plainly() {
            self.end_closed(permit.generation(), now, latency, outcome)
        } else {
            match word.state() {
                CircuitState::Closed => {
                    self.end_by_own_rules(permit.generation(), now, latency, outcome)
                }
                CircuitState::HalfOpen => self.end_probe(permit, now, latency, outcome),
                CircuitState::Open => return false,
            }
        };
        if let Some(transition) = transition {
            self.tell(transition);
        }
        true
    }

    #[cold]
    fn trace(&self, permit: &Permit, latency: u64, outcome: Outcome) {
        let latency = Duration::from_nanos(latency);
        say(|| {
            tracing::trace!(
                dependency = Text::new(&*self.context.name).as_value(),
                tenant.id = Text::new(self.tenant()).as_value(),
                generation = permit.generation(),
                probe = permit.is_probe(),
                ?latency,
                outcome = counted_as(outcome),
                retry_after = outcome.retry_after().map(tracing::field::debug),
                "circuit_breaker.call_ended"
            );
        });
    }
}

impl Circuit {
    /// A call of an older generation: it is counted as late, and a hint still moves an open deadline.
    #[cold]
    pub(super) fn end_late(&self, now: u64, latency: u64, outcome: Outcome) {
        self.be_in_hour(now);
        let rare = self.rare();
        add(&rare.tally.late, 1);
        if let Some(not_before) = self.hinted_instant(now, outcome.retry_after()) {
            self.move_deadline(rare, not_before);
        }
        self.note_late(now, latency, outcome);
    }
}

impl Head {
    fn free_place(&self, permit: &Permit) {
        if permit.probe != 0 {
            let mut machine = self.rare().machine.lock();
            if self.word().generation() == permit.generation() {
                machine.free_place(permit.probe);
            }
        }
    }

    /// The instant that a hint names, capped; none for a hint that says nothing.
    pub(super) fn hinted_instant(&self, now: u64, hint: Option<Duration>) -> Option<u64> {
        let capped = nanos(hint?.min(self.rules().policy.hint_cap));
        (capped > 0).then(|| now.saturating_add(capped))
    }

    #[inline]
    pub(super) fn mark_success(&self, slot: u64) {
        if self.last_success.load(Relaxed) != slot + 1 {
            self.begin_success(slot);
        }
    }

    /// The first success in its slot.
    #[cold]
    fn begin_success(&self, slot: u64) {
        self.last_success.store(slot + 1, Relaxed);
        // A tenant counts as active once a call of it has succeeded.
        self.be_active(self.context.now());
    }
}
