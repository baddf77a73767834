//! The dependency as a whole: when it is down for all tenants, and how it comes back.

use std::time::Duration;

use tokio::time::Instant;

use super::context::{Context, Declared, OUTAGE};
use super::permit::Permit;
use super::rare::{Rare, add};
use super::refusal::Refusal;
use super::transition::Opening;
use super::{Circuit, Head, Operators};
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
    /// When it was declared.
    pub declared_at: Instant,
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
        self.outage.declared.is_some()
    }

    /// The outage whose circuit this is the context of; none in the context of tenants' circuits.
    pub(super) fn declared_outage(&self) -> Option<Declared> {
        self.outage
            .declared
            .as_ref()
            .map(|declared| *declared.lock())
    }

    /// Declares an outage where the tenants that are down are enough of those that are active.
    #[cold]
    pub(super) fn look_for_outage(&self, now: u64) {
        // One that nobody has seen to be over: who was down in it is down no more.
        self.outage(now);
        let rules = self.rules();
        let Some(policy) = &rules.policy.outage else {
            return;
        };
        let (down, active) = self.activity.sums(rules.activity_slot(now), now);
        if policy.is_met(down, active) {
            let new = || Circuit::new(&Arc::new(self.of_outage()), None, Operators::default());
            let outage = self.shared.once(&self.outage.circuit, new);
            self.begin_outage(outage, now, (down, active));
        }
    }

    fn begin_outage(&self, outage: &Circuit, now: u64, (down, active): (u64, u64)) {
        let rules = outage.rules();
        let rare = outage.rare();
        let mut machine = rare.machine.lock();
        if outage.state() != CircuitState::Closed {
            self.attention.fetch_or(OUTAGE, AcqRel);
            return;
        }
        if let Some(kept) = &outage.context.outage.declared {
            *kept.lock() = Declared {
                at: now,
                down,
                active,
            };
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
            if self.rules().policy.outage.is_some() {
                return Some(outage);
            }
            // Whoever takes the policy away means the outage that lasts too, which may be a false one; also one that
            // has begun as the policy was being replaced.
            outage.reset();
        }
        let is_ramping = outage.ramp_share(now).is_some();
        if self.outage.is_due_to_recover.load(Acquire) || !is_ramping {
            // The lock keeps the next outage from beginning between the look and the change, and others from seeing
            // that this one is over before the circuits may recover.
            let _machine = outage.rare().machine.lock();
            if outage.state() != CircuitState::Closed {
                return Some(outage);
            }
            if self.outage.is_due_to_recover.load(Acquire) {
                self.begin_recovery(now);
                self.outage.is_due_to_recover.store(false, Release);
            }
            if !is_ramping {
                self.attention.fetch_and(!OUTAGE, AcqRel);
            }
        }
        is_ramping.then_some(outage)
    }

    /// Whether a call is asked to wait since the dependency is down for all.
    pub(crate) fn is_in_outage(&self, now: u64) -> bool {
        let outage = self.outage(now);
        outage.is_some_and(|outage| outage.state() != CircuitState::Closed)
    }

    /// Ends an outage by hand.
    pub(crate) fn end_outage(&self) {
        if let Some(outage) = self.outage.circuit.get() {
            // Who ends it says what is to become of the circuits. First, so that the next outage keeps its own.
            self.outage.is_due_to_recover.store(false, Release);
            outage.reset();
            self.outage(self.now());
        }
    }

    /// Lets the circuits that are open now be probed, each at a random instant that it draws when it is next asked.
    ///
    /// So that nobody goes over all circuits: who ends an outage is a call.
    pub(crate) fn begin_recovery(&self, now: u64) {
        self.recovery_at.fetch_max(now, AcqRel);
        self.recoveries.fetch_add(1, AcqRel);
        self.activity.forget_down();
    }

    pub(crate) fn outage_circuit(&self) -> Option<&Circuit> {
        self.outage.circuit.get()
    }

    pub(crate) fn outage_snapshot(&self) -> Option<OutageSnapshot> {
        let now = self.now();
        let outage = self.outage(now)?;
        let rare = outage.rare();
        let Declared { at, down, active } = outage.context.declared_outage()?;
        let since = rare.machine.lock().opened_at;
        Some(OutageSnapshot {
            taken_at: self.shared.clock.instant(now),
            state: outage.state(),
            declared_at: self.shared.clock.instant(at),
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

    /// Says whether there was a recovery since the circuit last heeded one; under the machine's lock.
    pub(super) fn heed(&self, rare: &Rare) -> bool {
        let recoveries = self.context.recoveries.load(Acquire);
        let is_new = rare.heeded.load(Relaxed) != recoveries;
        if is_new {
            // While that is known by the recovery that it has not heeded.
            self.be_down(false);
            rare.heeded.store(recoveries, Release);
        }
        is_new
    }

    #[cold]
    fn heed_recovery(&self, rare: &Rare) {
        let machine = &mut *rare.machine.lock();
        if !self.heed(rare) || self.state() != CircuitState::Open {
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
            machine.over_at = deadline;
            machine.last_chance = deadline;
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
            return self.decide_in_ramp(outage, now, probing);
        }
        let own_deadline = match word.state() {
            CircuitState::Open => self.deadline(self.rare()),
            _ => 0,
        };
        if word.is_capped() && self.is_saturated() {
            return Err(Refusal::new(Reason::Saturated, 0, word.generation()));
        }
        // Who is to be left alone, by its own hint perhaps, does not probe for others.
        let probing_for_all = if now < own_deadline {
            Probing::No
        } else {
            probing
        };
        match outage.decide_unless_closed(now, probing_for_all) {
            // It has closed meanwhile. A permit of it that is no probe would have the call of one tenant decide over
            // all of them.
            None => self.decide_in_ramp(outage, now, probing),
            Some(Ok(permit)) => {
                // It was asked for, though by another's permit.
                if word.state() != CircuitState::Closed {
                    self.rare().last_attempt.store(now, Relaxed);
                }
                Ok(permit)
            }
            Some(Err(refusal)) => {
                let own_left = own_deadline.saturating_sub(now);
                Err(refusal.in_outage(own_left, word.generation()))
            }
        }
    }

    /// What the ramp of an outage that is over leaves to the circuit, whose own ramp or probes admit less.
    fn decide_in_ramp(&self, outage: &Self, now: u64, probing: Probing) -> Result<Permit, Refusal> {
        let word = self.word();
        let is_plain = word.state() == CircuitState::Closed && self.ramp_share(now).is_none();
        if is_plain && !outage.ramp_admits(outage.word(), now) {
            return Err(Refusal::new(Reason::Recovering, 0, word.generation()));
        }
        self.decide(now, probing)
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
        let decided = self.decide_unless_closed(now, probing)?;
        Some(decided.map_err(|refusal| refusal.in_outage(0, 0)))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::advance;

    use crate::policy::{OpenPeriod, OutagePolicy};
    use crate::{CircuitBreakerRegistry, Outcome, Policy};

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn calls_are_looked_at_until_an_outage_and_its_ramp_are_over_and_no_longer() {
        for ramp in [None, Some(10 * SECOND)] {
            let open_for = OpenPeriod::fixed(SECOND).jitter(0.0);
            let outage = OutagePolicy::default().min_tenants(2).open_for(open_for);
            let policy = Policy::builder()
                .consecutive_failures(1)
                .success_threshold(1)
                .outage(outage);
            let policy = match ramp {
                Some(over) => policy.ramp(0.5, over),
                None => policy.without_ramp(),
            };
            let registry = CircuitBreakerRegistry::builder().build().unwrap();
            let search = registry.dependency_with("search", policy.build().unwrap());
            let search = search.unwrap();
            let end = |tenant, outcome| search.acquire(tenant).unwrap().record(outcome);
            for tenant in ["a", "b", "c"] {
                end(tenant, Outcome::Success);
            }
            for tenant in ["a", "b"] {
                end(tenant, Outcome::failure());
            }
            let context = search.context();
            assert!(search.outage().is_some() && context.needs_attention());
            advance(SECOND).await;
            end("c", Outcome::Success);
            assert_eq!(search.outage().is_some(), ramp.is_some());
            assert_eq!(context.needs_attention(), ramp.is_some());
            advance(10 * SECOND).await;
            end("c", Outcome::Success);
            assert!(search.outage().is_none() && !context.needs_attention());
        }
    }
}
