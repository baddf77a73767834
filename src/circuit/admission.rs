//! Who is let through.

use tokio::time::Instant;

use super::permit::{Permit, Stage};
use super::rare::{Machine, Rare, add};
use super::refusal::Refusal;
use super::transition::Transition;
use super::word::Word;
use super::{Circuit, Head};
use crate::event::{Event, EventKind, Origin, Text, say};
use crate::overrides::{Override, Standing};
use crate::reason::Reason;
use crate::sync::{AcqRel, Acquire, Relaxed};
use crate::time::nanos;
use crate::{CircuitState, Probing};

/// After how many open periods without an admissible call the others are told.
const PATIENCE: u64 = 3;

/// A probe that has its place.
pub(super) struct Begun {
    word: Word,
    place: u32,
    transition: Option<Transition>,
}

impl Circuit {
    /// Admits the call where one look at the state word is enough to know that it may pass; gives the
    /// circuit back where it is not.
    #[inline]
    pub(crate) fn admit_plainly(self) -> Result<Permit, Self> {
        let word = self.word();
        if !word.is_plainly_closed() || self.context.needs_attention() {
            return Err(self);
        }
        Ok(self.permit(word, Instant::now(), 0, false))
    }

    pub(crate) fn admit(&self, probing: Probing) -> Result<Permit, Refusal> {
        let now = self.context.now();
        let word = self.word();
        if !word.is_overridden() && !self.context.needs_attention() {
            if word.state() == CircuitState::Closed {
                return self.or_refuse(self.admit_closed(word, now), now, false);
            }
            let rare = self.rare();
            return match self.decide_by_machine(word, rare, now, probing) {
                Ok(permit) => Ok(permit),
                Err(refusal) => self.refuse(rare, refusal, now, false),
            };
        }
        let standing = self.override_in_force(now);
        if standing.is_none() {
            self.forget_ended_overrides(now);
        }
        self.admit_under(standing, now, probing)
    }

    /// As [`admit`](Self::admit), under this override: that of a tenant is not known to a circuit that several
    /// share.
    pub(crate) fn admit_under(
        &self,
        standing: Option<Standing>,
        now: u64,
        probing: Probing,
    ) -> Result<Permit, Refusal> {
        let kind = standing.as_ref().map(|standing| standing.kind);
        let decided = match (kind, standing) {
            (Some(Override::Disabled), _) => {
                // Not recorded, but asked for: a circuit that is open, or held for a quota, is not to be forgotten meanwhile.
                if self.state() != CircuitState::Closed || self.is_held_for_quota() {
                    self.rare().last_attempt.store(now, Relaxed);
                }
                return Ok(Permit::unrecorded());
            }
            (Some(Override::ForcedOpen), Some(standing)) => {
                Err(Refusal::forced(now, standing, self.word().generation()))
            }
            _ => match self.context.outage(now) {
                Some(outage) => self.decide_in_outage(outage, now, probing),
                None => self.decide(now, probing),
            },
        };
        self.or_refuse(decided, now, kind == Some(Override::DryRun))
    }

    fn or_refuse(
        &self,
        decided: Result<Permit, Refusal>,
        now: u64,
        dry_run: bool,
    ) -> Result<Permit, Refusal> {
        decided.or_else(|refusal| self.refuse(self.rare(), refusal, now, dry_run))
    }

    /// Rejects the call where a look at the state word, the deadline and the clock is enough to know that it may not pass,
    /// and nobody is to be told; none where it is not.
    #[inline]
    pub(crate) fn refuse_plainly(&self) -> Option<Refusal> {
        let word = self.word();
        let context = &self.context;
        if !word.is_plainly_open() || context.needs_attention() || context.hears_of_rejections() {
            return None;
        }
        let rare = self.rare.get()?;
        let now = context.now();
        let left = self.deadline(rare).saturating_sub(now);
        if left == 0 {
            return None;
        }
        // That it was asked for need not be kept: until the deadline, which lies ahead, nobody takes it for forgotten.
        self.note_activity(rare, now);
        add(&rare.tally.rejected, 1);
        Some(Refusal::open(left, word, rare))
    }

    /// Counts and tells of a rejection, which a dry run does not carry out.
    fn refuse(
        &self,
        rare: &Rare,
        refusal: Refusal,
        now: u64,
        dry_run: bool,
    ) -> Result<Permit, Refusal> {
        rare.last_attempt.store(now, Relaxed);
        self.note_activity(rare, now);
        add(
            if dry_run {
                &rare.tally.would_reject
            } else {
                &rare.tally.rejected
            },
            1,
        );
        if self.context.hears_of_rejections() {
            self.tell_of_rejection(&refusal, now, dry_run);
        }
        if dry_run {
            self.note_would_reject(refusal.reason(), now);
            Ok(Permit::unrecorded())
        } else {
            Err(refusal)
        }
    }

    /// Keeps that the tenant is there, though its calls are rejected.
    // Always, since a call of it costs as much as it does.
    #[inline(always)]
    fn note_activity(&self, rare: &Rare, now: u64) {
        if now >= rare.active_until.load(Relaxed)
            || rare.active_base.load(Relaxed) != self.context.activity_base()
        {
            self.stay_active(rare, now);
        }
    }

    #[cold]
    fn tell_of_rejection(&self, refusal: &Refusal, now: u64, dry_run: bool) {
        if !dry_run {
            self.note_rejection(now);
        }
        if !self.context.hears_of_calls() {
            return;
        }
        self.context.tell(&Event {
            kind: EventKind::Rejection,
            dependency: Some(&self.context.name),
            tenant: self.tenant(),
            generation: refusal.generation(),
            at: self.context.shared.clock.instant(now),
            origin: refusal.origin(),
            reason: Some(refusal.reason()),
            figures: None,
            dry_run,
            note: refusal.note(),
            rejected_in: Some(self.word().state()),
        });
    }

    /// What the automatic machine says.
    pub(super) fn decide(&self, now: u64, probing: Probing) -> Result<Permit, Refusal> {
        let word = self.word();
        match word.state() {
            CircuitState::Closed => self.admit_closed(word, now),
            _ => self.decide_by_machine(word, self.rare(), now, probing),
        }
    }

    /// What the machine of a circuit says that is not closed.
    #[inline]
    fn decide_by_machine(
        &self,
        word: Word,
        rare: &Rare,
        now: u64,
        probing: Probing,
    ) -> Result<Permit, Refusal> {
        if word.state() == CircuitState::Open {
            let deadline = self.deadline(rare);
            if now < deadline {
                let left = deadline - now;
                return Err(Refusal::open(left, word, rare));
            }
        }
        // By the word as it was seen to be closed: it may be another by now.
        let decided = self.probe(rare, now, probing);
        decided.unwrap_or_else(|closed| self.admit_closed(closed, now))
    }

    /// What the machine says of a call that could be a probe, and no other; none where the circuit is closed, or has
    /// closed meanwhile.
    pub(super) fn decide_unless_closed(
        &self,
        now: u64,
        probing: Probing,
    ) -> Option<Result<Permit, Refusal>> {
        let word = self.word();
        if word.state() == CircuitState::Closed {
            return None;
        }
        let rare = self.rare();
        let left = match word.state() {
            CircuitState::Open => self.deadline(rare).saturating_sub(now),
            _ => 0,
        };
        if left > 0 {
            return Some(Err(Refusal::shut(word.reason(), left, word, rare)));
        }
        self.probe(rare, now, probing).ok()
    }

    pub(super) fn admit_closed(&self, word: Word, now: u64) -> Result<Permit, Refusal> {
        if word.is_ramping() && !self.ramp_admits(word, now) {
            return Err(Refusal::new(Reason::Recovering, 0, word.generation()));
        }
        match self.take_flight() {
            Some(counted) => Ok(self.clone().permit(word, self.instant(now), 0, counted)),
            None => Err(Refusal::new(Reason::Saturated, 0, word.generation())),
        }
    }

    /// The word of the circuit where that has closed meanwhile.
    fn probe(
        &self,
        rare: &Rare,
        now: u64,
        probing: Probing,
    ) -> Result<Result<Permit, Refusal>, Word> {
        let mut machine = rare.machine.lock();
        let word = self.word();
        let refuse = |reason| {
            Ok(Err(match reason {
                Reason::Saturated => Refusal::new(reason, 0, word.generation()),
                _ => Refusal::shut(reason, 0, word, rare),
            }))
        };
        if word.state() == CircuitState::Closed {
            return Err(word);
        }
        if word.state() == CircuitState::Open {
            // A straggler's hint may have moved it.
            let left = rare.deadline.load(Acquire).saturating_sub(now);
            if left > 0 {
                let refusal = Refusal::shut(word.reason(), left, word, rare);
                return Ok(Err(refusal));
            }
        }
        rare.last_attempt.store(now, Relaxed);
        let mut warn = false;
        let refusal = if probing != Probing::Yes {
            let nobody_else = self.nobody_else_probes(&machine, now);
            warn = nobody_else && !machine.warned_of_barred;
            machine.warned_of_barred |= nobody_else;
            (probing == Probing::No || !nobody_else).then_some(Reason::Barred)
        } else {
            machine.last_chance = now;
            None
        };
        let rules = self.rules();
        let policy = &rules.policy;
        let refusal = refusal.or_else(|| {
            // From open, the probe that makes the circuit half-open finds all places free.
            let is_full = word.state() == CircuitState::HalfOpen
                && !machine.has_place(now, policy.half_open_max_calls);
            is_full.then_some(Reason::HalfOpenFull)
        });
        let flight = match refusal {
            None => self.take_flight().ok_or(Reason::Saturated),
            Some(reason) => Err(reason),
        };
        let counted = match flight {
            Ok(counted) => counted,
            Err(reason) => {
                if word.state() == CircuitState::Open {
                    // Seen to be over, the period stays over, also by a clock that steps back.
                    let deadline = rare.deadline.swap(0, AcqRel);
                    if deadline > 0 {
                        machine.over_at = deadline;
                    }
                }
                drop(machine);
                self.warn_of_barred(warn);
                return refuse(reason);
            }
        };
        let begun = self.take_probe(&mut machine, now, nanos(policy.probe_lease.lasts));
        drop(machine);
        self.warn_of_barred(warn);
        Ok(Ok(self.begin_probe(rare, begun, now, counted)))
    }

    /// Takes a place for a probe, and makes an open circuit half-open; the caller has seen that it may.
    #[inline]
    pub(super) fn take_probe(&self, machine: &mut Machine, now: u64, lease: u64) -> Begun {
        let transition = (self.word().state() == CircuitState::Open)
            .then(|| self.half_open(machine, now, Reason::PeriodOver, Origin::Automatic));
        let place = machine.take_place(now, lease);
        Begun {
            word: self.word(),
            place,
            transition,
        }
    }

    /// The permit of a probe that has its place, once the machine's lock is released.
    #[inline]
    pub(super) fn begin_probe(&self, rare: &Rare, begun: Begun, now: u64, counted: bool) -> Permit {
        if let Some(transition) = begun.transition {
            self.tell(transition);
        }
        add(&rare.tally.probes, 1);
        self.clone()
            .permit(begun.word, self.instant(now), begun.place, counted)
    }

    #[inline]
    fn permit(self, word: Word, now: Instant, probe: u32, counted: bool) -> Permit {
        Permit {
            circuit: Some(self),
            started: Some(now),
            // A policy may have begun to bound the calls in flight since the word was read, and who holds a place gives
            // it back whatever holds by then.
            word: if counted { word.capped() } else { word },
            probe,
            counted,
            stage: Stage::Waiting,
        }
    }

    fn instant(&self, now: u64) -> Instant {
        self.context.shared.clock.instant(now)
    }

    fn warn_of_barred(&self, warn: bool) {
        if warn {
            say(|| {
                tracing::warn!(
                    dependency = Text::new(&*self.context.name).as_value(),
                    tenant.id = Text::new(self.tenant()).as_value(),
                    "three open periods without a call that may probe: the circuit cannot close"
                );
            });
        }
    }
}

impl Head {
    /// Takes a place among the calls in flight, where the policy bounds them: says whether it did, and nothing where
    /// all are taken.
    pub(super) fn take_flight(&self) -> Option<bool> {
        if !self.word().is_capped() {
            return Some(false);
        }
        let Some(most) = self.rules().policy.max_in_flight else {
            return Some(false);
        };
        let take = |flights| (flights < most).then_some(flights + 1);
        let in_flight = &self.rare().in_flight;
        in_flight.fetch_update(AcqRel, Relaxed, take).ok()?;
        Some(true)
    }

    pub(super) fn is_saturated(&self) -> bool {
        let most = self.rules().policy.max_in_flight;
        most.is_some_and(|most| self.rare().in_flight.load(Acquire) >= most)
    }

    pub(super) fn end_flight(&self) {
        self.rare().in_flight.fetch_sub(1, AcqRel);
    }

    #[cold]
    fn stay_active(&self, rare: &Rare, now: u64) {
        self.be_active(now);
        let base = self.context.activity_base();
        rare.active_base.store(base, Relaxed);
        rare.active_until.store(self.context.slot_end(now), Relaxed);
    }

    /// Whether no call that may probe came for three open periods, and no prober is at work, whose turn it is.
    pub(super) fn nobody_else_probes(&self, machine: &Machine, now: u64) -> bool {
        let patience = machine.period.saturating_mul(PATIENCE);
        let is_late = now >= machine.last_chance.saturating_add(patience);
        is_late && !self.context.is_probed.load(Relaxed)
    }
}

#[cfg(test)]
mod tests;
