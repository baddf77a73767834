//! What the end of a probe means to a half-open circuit.

use super::Circuit;
use super::permit::Permit;
use super::rare::add;
use super::transition::{Opening, Transition};
use crate::event::{Event, EventKind, Origin};
use crate::outcome::Outcome;
use crate::reason::Reason;
use crate::sync::Relaxed;

impl Circuit {
    /// Apart, so that what it keeps for its telling does not weigh on the end of a plain call.
    #[cold]
    pub(super) fn end_probe(
        &self,
        permit: &Permit,
        now: u64,
        latency: u64,
        outcome: Outcome,
    ) -> Option<Transition> {
        if outcome == Outcome::QuotaExhausted {
            self.hold_for_quota(permit.generation(), now);
        }
        let ended = self.count_probe(permit, now, latency, outcome)?;
        // Outside of the lock, and before what it led to.
        if self.context.hears_of_calls() {
            let EndedProbe { slow, .. } = ended;
            self.tell_of_probe(EventKind::Probe { outcome, slow }, permit, now);
        }
        ended.transition
    }

    #[cold]
    fn tell_of_probe(&self, kind: EventKind, permit: &Permit, now: u64) {
        self.context.tell(&Event {
            kind,
            dependency: Some(&self.context.name),
            tenant: self.tenant(),
            generation: permit.generation(),
            at: self.context.shared.clock.instant(now),
            origin: Origin::Automatic,
            reason: None,
            figures: None,
            dry_run: self.is_dry_run(now),
            note: None,
            rejected_in: None,
        });
    }
}

/// A probe that was current when it ended.
struct EndedProbe {
    slow: bool,
    transition: Option<Transition>,
}

impl Circuit {
    /// None where the circuit has moved on meanwhile.
    fn count_probe(
        &self,
        permit: &Permit,
        now: u64,
        latency: u64,
        outcome: Outcome,
    ) -> Option<EndedProbe> {
        self.be_in_hour(now);
        let rules = &*self.rules();
        let policy = &rules.policy;
        let rare = self.rare();
        let tally = &rare.tally;
        let mut machine = rare.machine.lock();
        if self.word().generation() != permit.generation() {
            drop(machine);
            self.end_late(now, latency, outcome);
            return None;
        }
        machine.free_place(permit.probe);
        let is_slow = policy
            .largest_threshold()
            .is_some_and(|threshold| latency > threshold);
        let ended = |transition| EndedProbe {
            slow: is_slow,
            transition,
        };
        let slot = rules.slot(now);
        let (failure, hint) = match outcome {
            Outcome::Ignored => {
                add(&tally.ignored, 1);
                return Some(ended(None));
            }
            Outcome::Cancelled => {
                add(&tally.cancelled, 1);
                if !is_slow {
                    if !machine.abandon_probe(slot, policy.abandoned_run) {
                        return Some(ended(None));
                    }
                    let opening = Opening::automatic(Reason::ProbesAbandoned, 0);
                    let transition = self.open(rules, rare, &mut machine, now, opening);
                    return Some(ended(Some(transition)));
                }
                add(&tally.abandoned, 1);
                (Some(Reason::ProbeSlow), None)
            }
            Outcome::Failure { retry_after } => {
                add(&tally.failures, 1);
                rare.last_failure.store(now.max(1), Relaxed);
                (Some(Reason::ProbeFailed), retry_after)
            }
            Outcome::Throttled { .. } | Outcome::QuotaExhausted => {
                add(&tally.throttled, 1);
                (Some(Reason::ProbeThrottled), outcome.retry_after())
            }
            Outcome::Success => {
                self.mark_success(slot);
                (is_slow.then_some(Reason::ProbeSlow), None)
            }
        };
        add(&self.calls, 1);
        self.be_active(now);
        let is_slow_by_a_rule = latency > rules.lowest_threshold;
        if is_slow_by_a_rule {
            add(&tally.slow, 1);
        }
        self.note_end(now, outcome.is_bad().into(), is_slow_by_a_rule);
        if outcome == Outcome::QuotaExhausted && self.context.is_of_outage() {
            // The quota is the tenant's own, and says nothing of the dependency: a further probe decides.
            machine.abandoned = 0;
            return Some(ended(None));
        }
        if let Some(reason) = failure {
            add(&tally.probe_failures, 1);
            let not_before = self.hinted_instant(now, hint).unwrap_or_default();
            let opening = Opening::automatic(reason, not_before);
            let is_limit = policy.trip_on_hint && reason == Reason::ProbeThrottled;
            let opening = match is_limit && !self.context.is_of_outage() {
                true => opening.until_the_hint(now),
                false => opening,
            };
            let transition = self.open(rules, rare, &mut machine, now, opening);
            return Some(ended(Some(transition)));
        }
        add(&tally.probe_successes, 1);
        machine.abandoned = 0;
        machine.successes += 1;
        let transition = (machine.successes >= policy.success_threshold).then(|| {
            self.close(
                rules,
                rare,
                &mut machine,
                now,
                Reason::Recovered,
                Origin::Automatic,
            )
        });
        Some(ended(transition))
    }
}
