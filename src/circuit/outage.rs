//! The dependency as a whole: when it is down for all tenants, and how it comes back.

use std::time::Duration;

use tokio::time::Instant;

use super::admission::Refusal;
use super::context::{Context, OUTAGE};
use super::permit::Permit;
use super::rare::{Rare, add};
use super::transition::Opening;
use super::{Circuit, Head, Operators};
use crate::event::EventKind;
use crate::policy::RECOVERY_SPREAD;
use crate::reason::Reason;
use crate::sync::{AcqRel, Acquire, Arc, Relaxed, Release};
use crate::time::nanos;
use crate::{CircuitState, Probing};

/// An outage of a dependency at one moment. [`DependencySnapshot`](crate::DependencySnapshot) shows how it is written as
/// JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutageSnapshot {
    /// When it was read.
    pub taken_at: Instant,
    /// The state of the dependency as a whole: open, half-open while it is probed, closed while the share of calls
    /// still grows that the policy's ramp admits.
    pub state: CircuitState,
    /// When the last open period began.
    pub since: Instant,
    /// What is left of the open period.
    pub retry_after: Duration,
    /// The tenants whose circuits had been opened when the outage was declared.
    pub down: u64,
    /// The tenants that had been active in the window then.
    pub active: u64,
}

impl Context {
    /// Whether this is the context of the circuit that decides in an outage.
    pub(super) fn is_of_outage(&self) -> bool {
        self.outage.counts.is_some()
    }

    /// What a change of a circuit of this context is to those who watch.
    pub(super) fn kind_of(&self, from: CircuitState, to: CircuitState) -> EventKind {
        match &self.outage.counts {
            None => EventKind::Transition { from, to },
            Some(counts) => {
                let (down, active) = *counts.lock();
                EventKind::Outage {
                    from,
                    to,
                    down,
                    active,
                }
            }
        }
    }

    /// Declares an outage where the tenants that are down are enough of those that are active.
    #[cold]
    pub(super) fn look_for_outage(&self, now: u64) {
        let rules = self.rules();
        let Some(policy) = &rules.policy.outage else {
            return;
        };
        let (down, active) = self.activity.sums(rules.slot(now));
        if policy.is_met(down, active) {
            let new = || Circuit::new(&Arc::new(self.of_outage()), None, Operators::default());
            self.begin_outage(self.outage.circuit.get_or_init(new), now, (down, active));
        }
    }

    fn begin_outage(&self, outage: &Circuit, now: u64, counts: (u64, u64)) {
        let rules = outage.rules();
        let rare = outage.rare();
        let mut machine = rare.machine.lock();
        if outage.state() != CircuitState::Closed {
            return;
        }
        if let Some(kept) = &outage.context.outage.counts {
            *kept.lock() = counts;
        }
        let opening = Opening::automatic(Reason::Outage, 0);
        let transition = outage.open(&rules, rare, &mut machine, now, opening);
        self.outage.is_due_to_recover.store(true, Release);
        self.attention.fetch_or(OUTAGE, AcqRel);
        drop(machine);
        outage.tell(transition);
        if outage.is_dry_run(now) {
            add(&self.counts.would_declare_outage, 1);
        }
    }

    /// The circuit that decides over the calls of all tenants; none where each tenant's own does.
    ///
    /// It is seen here that the outage is over.
    pub(crate) fn outage(&self, now: u64) -> Option<&Circuit> {
        if self.attention.load(Acquire) & OUTAGE == 0 {
            return None;
        }
        let outage = self.outage.circuit.get()?;
        if outage.state() != CircuitState::Closed {
            return Some(outage);
        }
        if self.outage.is_due_to_recover.swap(false, AcqRel) {
            self.begin_recovery(now);
        }
        if outage.ramp_share(now).is_some() {
            return Some(outage);
        }
        // The lock keeps the next outage from beginning between the look and the change of the flag.
        let _machine = outage.rare().machine.lock();
        if outage.state() == CircuitState::Closed {
            self.attention.fetch_and(!OUTAGE, AcqRel);
        }
        None
    }

    /// Whether a call is asked to wait since the dependency is down for all.
    pub(crate) fn is_in_outage(&self, now: u64) -> bool {
        let outage = self.outage(now);
        outage.is_some_and(|outage| outage.state() != CircuitState::Closed)
    }

    /// Whether a call that may probe would now probe a dependency that is down for all; none where it is not down.
    pub(crate) fn would_probe(&self, now: u64) -> Option<bool> {
        let outage = self.outage(now);
        let outage = outage.filter(|outage| outage.state() != CircuitState::Closed)?;
        Some(outage.would_admit())
    }

    /// Ends an outage by hand.
    pub(crate) fn end_outage(&self) {
        if let Some(outage) = self.outage.circuit.get() {
            outage.reset();
            // Who ends it says what is to become of the circuits.
            self.outage.is_due_to_recover.store(false, Release);
            self.outage(self.now());
        }
    }

    /// Lets the circuits that are open now be probed, each at a random instant that it draws when it is next asked.
    ///
    /// So that nobody goes over all circuits: who ends an outage is a call.
    pub(crate) fn begin_recovery(&self, now: u64) {
        self.recovery_at.fetch_max(now, AcqRel);
        self.recoveries.fetch_add(1, AcqRel);
    }

    pub(crate) fn outage_circuit(&self) -> Option<&Circuit> {
        self.outage.circuit.get()
    }

    pub(crate) fn outage_snapshot(&self) -> Option<OutageSnapshot> {
        let now = self.now();
        let outage = self.outage(now)?;
        let rare = outage.rare();
        let (down, active) = outage
            .context
            .outage
            .counts
            .as_ref()
            .map(|counts| *counts.lock())?;
        let since = rare.machine.lock().opened_at;
        Some(OutageSnapshot {
            taken_at: self.shared.clock.instant(now),
            state: outage.state(),
            since: self.shared.clock.instant(since),
            retry_after: Duration::from_nanos(rare.deadline.load(Acquire).saturating_sub(now)),
            down,
            active,
        })
    }
}

impl Head {
    /// When the open period ends, after the last recovery of the dependency has been heeded. Not to be asked under
    /// the machine's lock.
    #[inline]
    pub(super) fn deadline(&self, rare: &Rare) -> u64 {
        if rare.heeded.load(Relaxed) != self.context.recoveries.load(Acquire) {
            self.heed_recovery(rare);
        }
        rare.deadline.load(Acquire)
    }

    #[cold]
    fn heed_recovery(&self, rare: &Rare) {
        let machine = &mut *rare.machine.lock();
        let recoveries = self.context.recoveries.load(Acquire);
        let heeded = rare.heeded.swap(recoveries, AcqRel);
        if heeded == recoveries || self.state() != CircuitState::Open {
            return;
        }
        let begun = self.context.recovery_at.load(Acquire);
        let rules = self.context.rules();
        let outage = rules.policy.outage.as_ref();
        let spread = nanos(outage.map_or(RECOVERY_SPREAD, |policy| policy.recovery_spread));
        // A hint is the dependency's own word, which a recovery does not shorten.
        let probe_at = begun.saturating_add(fastrand::u64(0..=spread));
        let deadline = probe_at.max(machine.not_before);
        if rare.deadline.load(Acquire) <= begun {
            // Its period was over already: without a draw, all such circuits would probe at once.
            rare.deadline.store(deadline, Release);
        } else if rare.deadline.fetch_min(deadline, AcqRel) > deadline {
            machine.last_chance = deadline;
        }
    }
}

impl Circuit {
    /// What the circuit of an outage says to a call of this one's tenant.
    pub(super) fn decide_in_outage(
        &self,
        outage: &Self,
        now: u64,
        probing: Probing,
    ) -> Result<Permit, Refusal> {
        let word = self.word();
        if outage.state() == CircuitState::Closed {
            return if outage.ramp_admits(outage.word(), now) {
                self.decide(now, probing)
            } else {
                Err(Refusal::new(Reason::Recovering, 0, word.generation()))
            };
        }
        let own_deadline = match word.state() {
            CircuitState::Open => self.deadline(self.rare()),
            _ => 0,
        };
        if word.is_capped() && self.is_saturated() {
            return Err(Refusal::new(Reason::Saturated, 0, word.generation()));
        }
        // Who is to be left alone, by its own hint perhaps, does not probe for others.
        let refused = if now < own_deadline {
            outage.decide(now, Probing::No).err()
        } else {
            match outage.decide(now, probing) {
                Ok(permit) => {
                    // It was asked for, though by another's permit.
                    if word.state() != CircuitState::Closed {
                        self.rare().last_attempt.store(now, Relaxed);
                    }
                    return Ok(permit);
                }
                Err(refusal) => Some(refusal),
            }
        };
        let left = refused.and_then(|refusal| refusal.retry_after);
        let own_left = own_deadline.saturating_sub(now);
        let left = left.map_or(0, nanos).max(own_left);
        Err(Refusal::new(Reason::Outage, left, word.generation()))
    }

    /// Counts a call that only a dry run let pass, if it is the outage or its ramp that would have rejected it.
    #[cold]
    pub(super) fn note_would_reject(&self, reason: Reason, now: u64) {
        let by_outage = match reason {
            Reason::Outage => true,
            // A tenant whose own circuit has a ramp would have been held back without an outage too.
            Reason::Recovering => self.ramp_share(now).is_none(),
            _ => false,
        };
        if by_outage {
            add(&self.context.counts.would_reject_by_outage, 1);
        }
    }

    /// What the circuit of an outage, this one, says to the call of a tenant without a circuit; none where it leaves
    /// that to the tenant's own.
    pub(crate) fn decide_for_newcomer(
        &self,
        now: u64,
        probing: Probing,
    ) -> Option<Result<Permit, Refusal>> {
        if self.state() == CircuitState::Closed {
            return None;
        }
        let decided = self.decide(now, probing);
        Some(decided.map_err(|refusal| Refusal {
            reason: Reason::Outage,
            generation: 0,
            ..refusal
        }))
    }
}
