//! The changes of state. All happen under the machine's lock; what they tell is told after it.

use std::mem;
use std::time::Duration;

use super::context::Declared;
use super::rare::{Lease, Machine, Rare, add};
use super::rules::Rules;
use super::{Circuit, Context, Head};
use crate::CircuitState;
use crate::event::{Event, EventKind, Origin};
use crate::overrides::Override;
use crate::reason::{Figures, Reason};
use crate::sync::{AcqRel, Acquire, Relaxed, Release};
use crate::time::nanos;

/// A change of state that has happened and is yet to be told.
#[derive(Clone, Copy, Debug)]
#[must_use = "a transition is to be told, once the lock is released"]
pub(super) struct Transition {
    from: CircuitState,
    to: CircuitState,
    generation: u64,
    at: u64,
    origin: Origin,
    reason: Reason,
    figures: Option<Figures>,
    /// Of one to closed: how long the circuit was not, in nanoseconds.
    not_closed_for: Option<u64>,
}

/// How long a circuit opens, and why.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opening {
    pub(super) reason: Reason,
    pub(super) origin: Origin,
    pub(super) figures: Option<Figures>,
    /// In nanoseconds; the policy's next period where there is none.
    pub(super) period: Option<u64>,
    /// The instant before which the dependency asked not to be called.
    pub(super) not_before: u64,
    /// Whether it counts as a tenant for which the dependency is down.
    pub(super) is_down: bool,
    /// Whether later periods grow by it.
    pub(super) grows: bool,
}

impl Opening {
    pub(super) fn automatic(reason: Reason, not_before: u64) -> Self {
        Self {
            reason,
            origin: Origin::Automatic,
            figures: None,
            period: None,
            not_before,
            is_down: reason.says_down(),
            grows: true,
        }
    }

    pub(super) fn by_hand(period: Option<u64>, not_before: u64) -> Self {
        Self {
            reason: Reason::ByHand,
            origin: Origin::ByHand,
            figures: None,
            period,
            not_before,
            is_down: false,
            grows: true,
        }
    }

    /// For a limit of the tenant's own: it lasts as long as the dependency says, and no longer, however often it is met.
    pub(super) fn until_the_hint(self, now: u64) -> Self {
        match self.not_before.saturating_sub(now) {
            0 => self,
            left => Self {
                period: Some(left),
                grows: false,
                ..self
            },
        }
    }
}

impl Head {
    /// The first state, if it is not closed.
    pub(super) fn begin(&self, rules: &Rules) {
        let state = rules.policy.initial_state;
        if state == CircuitState::Closed {
            return;
        }
        let rare = self.rare();
        let mut machine = rare.machine.lock();
        if state == CircuitState::Open {
            let opening = Opening::automatic(Reason::Initial, 0);
            let now = self.context.now();
            rare.shut_since.store(now + 1, Relaxed);
            self.set_open_period(rules, rare, &mut machine, now, &opening);
        }
        if state == CircuitState::HalfOpen {
            machine.period = rules.policy.open_for.after(0, fastrand::f64());
            machine.last_chance = self.context.now();
        }
        // Nobody else has seen the circuit.
        let word = self.word().in_state(state);
        self.word.store(word.0, Release);
        self.enter(state);
    }

    pub(super) fn open(
        &self,
        rules: &Rules,
        rare: &Rare,
        machine: &mut Machine,
        now: u64,
        opening: Opening,
    ) -> Transition {
        let word = self.word();
        if word.state() != CircuitState::Open {
            // What people read while the circuit is open: the window as it was when it opened.
            let slot = rules.slot(now);
            machine.readable_slot = slot;
            machine.readable_run = if self.window.is_idle(slot) {
                0
            } else {
                self.runs.get(word.generation()).failures
            };
        }
        match word.state() {
            CircuitState::Closed => {
                let closed_for = now.saturating_sub(machine.closed_since);
                if closed_for >= nanos(rules.policy.window) {
                    machine.openings = 0;
                }
                machine.has_broken = true;
                (machine.waited, machine.had_a_hand) = (0, false);
            }
            CircuitState::Open => machine.end_open_time(now),
            CircuitState::HalfOpen => {}
        }
        // A circuit that began half-open has not been shut until it opens.
        if rare.shut_since.load(Relaxed) == 0 {
            rare.shut_since.store(now + 1, Relaxed);
        }
        machine.had_a_hand |= opening.origin == Origin::ByHand;
        self.set_open_period(rules, rare, machine, now, &opening);
        if let Some(figures) = opening.figures {
            machine.last_trip = Some((now, opening.reason, figures));
        }
        let (reason, origin) = (opening.reason, opening.origin);
        let transition = self.change(CircuitState::Open, now, reason, origin, false);
        self.be_down(opening.is_down);
        rare.hinted.store(0, Relaxed);
        Transition {
            figures: opening.figures,
            ..transition
        }
    }

    fn set_open_period(
        &self,
        rules: &Rules,
        rare: &Rare,
        machine: &mut Machine,
        now: u64,
        opening: &Opening,
    ) {
        let period = opening.period.unwrap_or_else(|| {
            rules
                .policy
                .open_for
                .after(machine.openings, fastrand::f64())
        });
        let deadline = now.saturating_add(period).max(opening.not_before);
        machine.openings = machine.openings.saturating_add(opening.grows.into());
        machine.opened += 1;
        machine.opened_at = now;
        machine.opened_for = opening.reason.to_bits();
        machine.not_before = opening.not_before;
        machine.period = period;
        machine.last_chance = deadline;
        machine.warned_of_barred = false;
        machine.end_probes();
        self.heed(rare);
        rare.deadline.store(deadline, Release);
        rare.last_attempt.store(now, Relaxed);
        rare.begin_demand();
    }

    /// The caller has seen that the circuit is open.
    pub(super) fn half_open(
        &self,
        machine: &mut Machine,
        now: u64,
        reason: Reason,
        origin: Origin,
    ) -> Transition {
        machine.end_open_time(now);
        machine.end_probes();
        let over_at = match self.rare().deadline.load(Acquire) {
            0 => machine.over_at,
            deadline => deadline,
        };
        let waited = now.saturating_sub(over_at);
        machine.waited = machine.waited.saturating_add(waited);
        machine.had_a_hand |= origin == Origin::ByHand;
        self.clear_window();
        self.change(CircuitState::HalfOpen, now, reason, origin, false)
    }

    pub(super) fn close(
        &self,
        rules: &Rules,
        rare: &Rare,
        machine: &mut Machine,
        now: u64,
        reason: Reason,
        origin: Origin,
    ) -> Transition {
        if self.word().state() == CircuitState::Open {
            machine.end_open_time(now);
        }
        machine.end_probes();
        machine.closed_since = now;
        rare.begin_demand();
        let shut_at = rare.shut_since.swap(0, Relaxed).checked_sub(1);
        let broke_at = shut_at.filter(|_| mem::take(&mut machine.has_broken));
        rare.hinted.store(0, Relaxed);
        rare.last_abandoned.store(0, Relaxed);
        self.clear_window();
        let has_recovered = reason == Reason::Recovered;
        if let Some(broke_at) = broke_at.filter(|_| has_recovered) {
            machine.recovered += 1;
            machine.time_to_recover += now.saturating_sub(broke_at);
            self.context.recovery_times.take_in(machine, broke_at, now);
        }
        let is_ramping = has_recovered && rare.begin_ramp(rules, now);
        let transition = self.change(CircuitState::Closed, now, reason, origin, is_ramping);
        self.be_down(false);
        Transition {
            not_closed_for: shut_at.map(|at| now.saturating_sub(at)),
            ..transition
        }
    }

    /// Empties the window of a closed circuit, and ends all runs; the window that tripped stays readable.
    pub(super) fn count_anew(&self, rare: &Rare) {
        let mut machine = rare.machine.lock();
        machine.abandoned = 0;
        machine.run_slot = 0;
        rare.last_abandoned.store(0, Relaxed);
        // An empty window ends the run of failures.
        if self.word().state() == CircuitState::Closed {
            self.clear_window();
        }
    }

    fn clear_window(&self) {
        self.window.clear();
        if let Some(percentiles) = self
            .rare
            .get()
            .and_then(|rare| rare.percentiles.load_full())
        {
            percentiles.clear();
        }
    }

    fn change(
        &self,
        to: CircuitState,
        at: u64,
        reason: Reason,
        origin: Origin,
        is_ramping: bool,
    ) -> Transition {
        // Before the word: who sees the new generation must find the runs restarted.
        self.runs.restart(self.word().generation().wrapping_add(1));
        let (before, after) = self.publish(to, reason, is_ramping);
        self.leave(before.state());
        self.enter(to);
        Transition {
            from: before.state(),
            to,
            generation: after.generation(),
            at,
            origin,
            reason,
            figures: None,
            not_closed_for: None,
        }
    }

    fn enter(&self, state: CircuitState) {
        match state {
            CircuitState::Closed => {}
            CircuitState::Open => _ = self.context.counts.open.fetch_add(1, Relaxed),
            CircuitState::HalfOpen => _ = self.context.counts.half_open.fetch_add(1, Relaxed),
        }
    }

    fn leave(&self, state: CircuitState) {
        match state {
            CircuitState::Closed => {}
            CircuitState::Open => _ = self.context.counts.open.fetch_sub(1, Relaxed),
            CircuitState::HalfOpen => _ = self.context.counts.half_open.fetch_sub(1, Relaxed),
        }
    }

    /// Keeps a hint for the opening that ends this closed generation, or, where another thread has opened
    /// the circuit since the call was counted, for the period that began by it.
    pub(super) fn keep_hint(&self, rare: &Rare, generation: u64, not_before: u64) {
        // The lock keeps the circuit from opening between the look and the store.
        let machine = rare.machine.lock();
        if self.word_after_all().generation() == generation {
            rare.hinted.fetch_max(not_before, AcqRel);
        } else {
            drop(machine);
            self.move_deadline(rare, not_before);
        }
    }

    /// A straggler's hint moves the deadline of the open period in which it arrives.
    pub(super) fn move_deadline(&self, rare: &Rare, not_before: u64) {
        // The lock keeps a probe from beginning between the look and the move.
        let mut machine = rare.machine.lock();
        if self.word().state() == CircuitState::Open {
            machine.not_before = machine.not_before.max(not_before);
            machine.last_chance = machine.last_chance.max(not_before);
            rare.deadline.fetch_max(not_before, AcqRel);
        }
    }
}

impl Drop for Head {
    fn drop(&mut self) {
        self.leave(self.word().state());
        self.be_gone();
    }
}

impl Circuit {
    /// Tells of a change, outside of the lock, and looks whether it makes an outage.
    pub(super) fn tell(&self, transition: Transition) {
        let context = &*self.context;
        let dry_run = self.is_dry_run(transition.at);
        context.transitions.add(transition.to, transition.reason);
        if dry_run && transition.to == CircuitState::Open {
            add(&self.rare().tally.would_open, 1);
        }
        context.tell(&Event {
            kind: transition.kind(context),
            dependency: Some(&context.name),
            tenant: self.tenant(),
            generation: transition.generation,
            at: context.shared.clock.instant(transition.at),
            origin: transition.origin,
            reason: Some(transition.reason),
            figures: transition.figures,
            dry_run,
            note: None,
            rejected_in: None,
        });
        if transition.to == CircuitState::Open && self.is_counted_down() {
            context.look_for_outage(transition.at);
        }
    }

    /// Whether what the machine does is a dry run.
    pub(super) fn is_dry_run(&self, now: u64) -> bool {
        let standing = if self.context.is_of_outage() {
            self.context.override_in_force(now, None, None)
        } else {
            self.override_in_force(now)
        };
        standing.is_some_and(|standing| standing.kind == Override::DryRun)
    }
}

impl Transition {
    fn kind(&self, context: &Context) -> EventKind {
        let &Self { from, to, .. } = self;
        match context.declared_outage() {
            None => EventKind::Transition {
                from,
                to,
                not_closed_for: self.not_closed_for.map(Duration::from_nanos),
            },
            Some(Declared { down, active, .. }) => EventKind::Outage {
                from,
                to,
                down,
                active,
            },
        }
    }
}

impl Machine {
    fn end_open_time(&mut self, now: u64) {
        self.time_open += now.saturating_sub(self.opened_at);
    }

    fn end_probes(&mut self) {
        self.probes.clear();
        self.successes = 0;
        self.abandoned = 0;
        self.last_abandoned_probe = 0;
    }

    /// Whether a place for a probe is free; those whose lease has ended are.
    pub(super) fn has_place(&self, now: u64, places: u8) -> bool {
        let taken = self.probes.iter().filter(|lease| now < lease.until);
        taken.count() < usize::from(places)
    }

    /// Whether a probe is on its way whose lease has not ended.
    #[cfg(any(feature = "otel", feature = "metrics", feature = "status"))]
    pub(super) fn has_probe(&self, now: u64) -> bool {
        self.probes.iter().any(|lease| now < lease.until)
    }

    /// Takes a place for a probe, and returns the probe's number.
    pub(super) fn take_place(&mut self, now: u64, lease: u64) -> u32 {
        self.probes.retain(|lease| now < lease.until);
        // 0 is no probe; numbers only have to differ among those in flight.
        self.last_probe = self.last_probe.wrapping_add(1).max(1);
        self.probes.push(Lease {
            probe: self.last_probe,
            until: now.saturating_add(lease),
        });
        self.last_probe
    }

    pub(super) fn free_place(&mut self, probe: u32) {
        self.probes.retain(|lease| lease.probe != probe);
    }
}
