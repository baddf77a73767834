//! What a prober asks of a circuit: how much it is wanted, and a probe and nothing but a probe.
//!
//! Wanted is a circuit by the calls that it rejected since its open period began, or since a prober's last probe of it
//! did. Rejections are counted anyway; what is kept here is up to which of them a prober has answered.

use std::cmp::Reverse;

use super::permit::Permit;
use super::rare::Rare;
use super::{Circuit, Head};
use crate::CircuitState;
use crate::overrides::Override;
use crate::sync::{AcqRel, Acquire, Relaxed, Release};
use crate::time::nanos;

/// In the place of the rejections that were answered: a prober is at it.
const CLAIMED: u64 = u64::MAX;

/// How much a circuit is wanted; the greater the more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Wanted {
    demand: u64,
    /// Of two that are wanted alike, the one that has waited longer comes first.
    deadline: Reverse<u64>,
}

/// Whose calls a detected outage has turned away.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OutageDemand {
    /// When the open period of the outage began.
    pub(crate) since: u64,
    /// Whether tenants were turned away that have no circuit, for whom any other may ask.
    pub(crate) by_newcomers: bool,
}

/// A circuit that a prober has taken on: no other probe of a prober begins until this is dropped.
#[must_use = "a claim that is dropped lets others probe"]
#[derive(Debug)]
pub(crate) struct Claim {
    circuit: Circuit,
    /// Up to which rejection is answered once the claim is dropped.
    answered: u64,
    /// The circuit that decides over the last probe, the tenant's own or that of the outage, and the generation in
    /// which that began.
    decides: Option<(Circuit, u64)>,
}

impl Rare {
    /// The calls that were rejected, or, under a dry run, would have been.
    fn asked(&self) -> u64 {
        self.tally.rejected.load(Relaxed) + self.tally.would_reject.load(Relaxed)
    }

    /// Counts demand from here on; under the machine's lock. Where a prober is at it, from its probe on.
    pub(super) fn begin_demand(&self) {
        let asked = self.asked();
        let begin = |answered| (answered != CLAIMED).then_some(asked);
        let _ = self.answered.fetch_update(AcqRel, Relaxed, begin);
    }

    /// The rejected calls that no prober has answered yet; none where one is at it.
    fn demand(&self) -> Option<u64> {
        let answered = self.answered.load(Acquire);
        (answered != CLAIMED).then(|| self.asked().saturating_sub(answered))
    }
}

impl Head {
    /// How much the circuit is wanted, where a prober's probe would be admitted now and somebody has asked.
    ///
    /// A place may be gone by the time that it is asked for.
    pub(crate) fn wanted(&self, now: u64) -> Option<Wanted> {
        let rare = self.rare.get()?;
        let demand = rare.demand().filter(|demand| *demand > 0)?;
        let wanted = self.may_be_probed(rare, now)? && !self.is_held_back(now);
        wanted.then(|| Wanted::new(demand, rare.deadline.load(Relaxed)))
    }

    /// As [`wanted`](Self::wanted), of a tenant in whose name the circuit of an outage may be probed.
    pub(crate) fn wanted_in_outage(&self, now: u64, outage: OutageDemand) -> Option<Wanted> {
        let Some(rare) = self.rare.get() else {
            let may_ask = outage.by_newcomers && !self.is_held_back(now);
            return may_ask.then(|| Wanted::new(0, 0));
        };
        let has_asked = rare.last_attempt.load(Relaxed) > outage.since;
        let demand = rare.demand()?;
        let demand = if has_asked { demand } else { 0 };
        let may_ask = demand > 0 || outage.by_newcomers;
        let wanted = may_ask && !self.is_to_be_left_alone(rare, now) && !self.is_held_back(now);
        wanted.then(|| Wanted::new(demand, rare.deadline.load(Relaxed)))
    }

    /// What is asked under the lock of the circuit's shard: whether a closer look is worth it.
    pub(crate) fn may_be_wanted(&self, outage: Option<OutageDemand>) -> bool {
        match outage {
            None => self.state() != CircuitState::Closed,
            Some(outage) if outage.by_newcomers => true,
            Some(outage) => {
                let rare = self.rare.get();
                rare.is_some_and(|rare| rare.last_attempt.load(Relaxed) > outage.since)
            }
        }
    }

    /// When the open period of this circuit, which is that of an outage, began, where it may be probed now.
    pub(crate) fn outage_since(&self, now: u64) -> Option<u64> {
        let rare = self.rare.get()?;
        let may_be_probed = self.may_be_probed(rare, now)?;
        may_be_probed.then(|| rare.machine.lock().opened_at)
    }

    /// Whether a place for a probe is free now; none where the circuit is closed.
    fn may_be_probed(&self, rare: &Rare, now: u64) -> Option<bool> {
        match self.state() {
            CircuitState::Closed => None,
            CircuitState::Open => Some(now >= self.deadline(rare)),
            CircuitState::HalfOpen => {
                let places = self.rules().policy.half_open_max_calls;
                Some(rare.machine.lock().has_place(now, places))
            }
        }
    }

    /// Whether the tenant's own period lasts, in which nobody asks in its name.
    fn is_to_be_left_alone(&self, rare: &Rare, now: u64) -> bool {
        self.state() == CircuitState::Open && now < self.deadline(rare)
    }

    /// Whether an override says that the circuit is not to be probed, or all its calls in flight are taken.
    ///
    /// Under a dry run it is: the machine runs on in shadow, and what it would do is what it does with its prober.
    fn is_held_back(&self, now: u64) -> bool {
        let standing = self.override_in_force(now);
        let forced = standing.is_some_and(|standing| standing.kind != Override::DryRun);
        forced || (self.word().is_capped() && self.is_saturated())
    }
}

impl Circuit {
    /// Takes the circuit on, if no prober has.
    pub(crate) fn claim(&self) -> Option<Claim> {
        let answered = self.rare().answered.swap(CLAIMED, AcqRel);
        (answered != CLAIMED).then(|| Claim {
            circuit: self.clone(),
            answered,
            decides: None,
        })
    }

    /// A probe, where the period of the circuit is over or a place is free. No rejection is counted or told, and a
    /// circuit that is closed is left as it is.
    fn probe_alone(&self, now: u64) -> Option<Permit> {
        let rare = self.rare.get()?;
        if !self.may_be_probed(rare, now)? {
            return None;
        }
        let rules = self.rules();
        let mut machine = rare.machine.lock();
        // Asked again under the lock: the state, or the deadline, by a straggler's hint, may be another.
        let is_free = match self.state() {
            CircuitState::Closed => false,
            CircuitState::Open => now >= rare.deadline.load(Acquire),
            CircuitState::HalfOpen => machine.has_place(now, rules.policy.half_open_max_calls),
        };
        if !is_free {
            return None;
        }
        let counted = self.take_flight()?;
        machine.last_chance = now;
        let begun = self.take_probe(&mut machine, now, nanos(rules.policy.probe_lease.lasts));
        drop(machine);
        Some(self.begin_probe(rare, begun, now, counted))
    }
}

impl Claim {
    pub(crate) fn circuit(&self) -> &Circuit {
        &self.circuit
    }

    /// A probe and only a probe, through the circuit of an outage while one lasts; none where there is no place.
    pub(crate) fn probe(&mut self) -> Option<Permit> {
        let circuit = &self.circuit;
        let now = circuit.context.now();
        if circuit.is_held_back(now) {
            return None;
        }
        let asked = circuit.rare().asked();
        let outage = circuit.context.outage(now);
        let outage = outage.filter(|outage| outage.state() != CircuitState::Closed);
        let decides = match outage {
            Some(_) if circuit.is_to_be_left_alone(circuit.rare(), now) => return None,
            Some(outage) => outage,
            None => circuit,
        };
        let permit = decides.probe_alone(now)?;
        self.decides = Some((decides.clone(), permit.generation()));
        self.answered = asked;
        Some(permit)
    }

    /// The next probe, where the last one has left the circuit as it was: half-open, with successes still to come.
    pub(crate) fn probe_again(&mut self) -> Option<Permit> {
        let (decides, generation) = self.decides.as_ref()?;
        let word = decides.word();
        let goes_on = word.state() == CircuitState::HalfOpen && word.generation() == *generation;
        goes_on.then(|| self.probe())?
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.circuit.rare().answered.store(self.answered, Release);
    }
}

impl Wanted {
    fn new(demand: u64, deadline: u64) -> Self {
        Self {
            demand,
            deadline: Reverse(deadline),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use std::time::Duration;

    use tokio::time::advance;

    use super::OutageDemand;
    use crate::policy::{OpenPeriod, OutagePolicy};
    use crate::{CircuitBreakerRegistry, Dependency, Outcome, Policy, Probing};

    fn wanted() -> Dependency {
        let registry = CircuitBreakerRegistry::builder().build().unwrap();
        let policy = Policy::builder().consecutive_failures(1).build().unwrap();
        let search = registry.dependency_with("search", policy).unwrap();
        search.acquire("acme").unwrap().record(Outcome::failure());
        assert!(search.acquire("acme").is_err());
        search.circuit("acme").half_open().unwrap();
        search
    }

    #[test]
    fn a_claim_that_finds_no_place_leaves_the_demand_as_it_was() {
        let search = wanted();
        let circuit = search.inner.circuits.get("acme").unwrap();
        let now = search.context().now();
        let before = circuit.wanted(now);
        assert!(before.is_some());
        let mut claim = circuit.claim().unwrap();
        assert_eq!(circuit.wanted(now), None, "claimed");
        let live: Vec<_> = (0..3).map(|_| search.acquire("acme").unwrap()).collect();
        assert!(claim.probe().is_none());
        drop((claim, live));
        assert_eq!(circuit.wanted(now), before);
    }

    #[test]
    fn a_claim_that_probed_has_answered_the_demand_before_its_probe() {
        let search = wanted();
        let circuit = search.inner.circuits.get("acme").unwrap();
        let mut claim = circuit.claim().unwrap();
        claim.probe().unwrap().record(Outcome::Ignored);
        assert!(search.acquire_barred("acme", Probing::No).is_err());
        drop(claim);
        let now = search.context().now();
        assert!(circuit.wanted(now).is_some());
        let mut claim = circuit.claim().unwrap();
        claim.probe().unwrap().record(Outcome::Ignored);
        drop(claim);
        assert_eq!(circuit.wanted(now), None);
    }

    #[test]
    fn of_many_threads_one_holds_the_claim() {
        let search = wanted();
        let circuit = search.inner.circuits.get("acme").unwrap();
        let (holders, claims) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..2_000 {
                        let Some(mut claim) = circuit.claim() else {
                            continue;
                        };
                        assert_eq!(holders.fetch_add(1, Ordering::SeqCst), 0);
                        // Opens it again, under the claim.
                        if let Some(probe) = claim.probe() {
                            probe.record(Outcome::failure());
                        }
                        let _ = search.circuit("acme").half_open();
                        claims.fetch_add(1, Ordering::SeqCst);
                        assert_eq!(holders.fetch_sub(1, Ordering::SeqCst), 1);
                    }
                });
            }
        });
        assert!(claims.into_inner() > 0);
    }

    const SECOND: Duration = Duration::from_secs(1);

    /// One failure opens for ten seconds; two tenants that are down are an outage, whose period is a second.
    fn in_outage() -> Dependency {
        let period = |period| OpenPeriod::fixed(period).jitter(0.0);
        let outage = OutagePolicy::default()
            .min_tenants(2)
            .open_for(period(SECOND));
        let policy = Policy::builder()
            .consecutive_failures(1)
            .open_for(period(10 * SECOND))
            .outage(outage);
        let registry = CircuitBreakerRegistry::builder().build().unwrap();
        let search = registry.dependency_with("search", policy.build().unwrap());
        let search = search.unwrap();
        for outcome in [Outcome::Success, Outcome::failure()] {
            for tenant in ["acme", "globex"] {
                search.acquire(tenant).unwrap().record(outcome);
            }
            if outcome == Outcome::Success {
                search.acquire("well").unwrap().record(outcome);
            }
        }
        assert!(search.outage().is_some());
        search
    }

    #[tokio::test(start_paused = true)]
    async fn of_who_was_turned_away_by_an_outage_those_alone_ask_who_came_after_it_began() {
        let search = in_outage();
        let well = search.inner.circuits.get("well").unwrap();
        let since = search.context().now();
        let demand = |by_newcomers| OutageDemand {
            since,
            by_newcomers,
        };
        // It has not asked, and for a newcomer any may.
        assert!(!well.may_be_wanted(Some(demand(false))));
        assert!(well.may_be_wanted(Some(demand(true))));
        assert!(!well.may_be_wanted(None));
        assert_eq!(well.wanted_in_outage(since, demand(false)), None);
        assert!(well.wanted_in_outage(since, demand(true)).is_some());
        // At the very instant at which it began: of the period before, for all that is known.
        assert!(search.acquire("well").is_err());
        assert!(!well.may_be_wanted(Some(demand(false))));
        assert_eq!(well.wanted_in_outage(since, demand(false)), None);
        advance(SECOND / 2).await;
        assert!(search.acquire("well").is_err());
        assert!(well.may_be_wanted(Some(demand(false))));
        let now = search.context().now();
        assert!(well.wanted_in_outage(now, demand(false)).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn in_an_outage_nobody_asks_for_a_tenant_before_its_own_period_is_over() {
        let search = in_outage();
        let circuit = |tenant| search.inner.circuits.get(tenant).unwrap();
        let acme = circuit("acme");
        assert!(search.acquire("well").is_err());
        advance(SECOND).await;
        assert!(acme.claim().unwrap().probe().is_none());
        let is_left_alone = || acme.is_to_be_left_alone(acme.rare(), search.context().now());
        advance(9 * SECOND - Duration::from_nanos(1)).await;
        assert!(is_left_alone());
        advance(Duration::from_nanos(1)).await;
        assert!(!is_left_alone());
        assert!(circuit("well").claim().unwrap().probe().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_claim_probes_again_only_while_the_circuit_is_as_it_left_it() {
        let search = wanted();
        let circuit = search.inner.circuits.get("acme").unwrap();
        let mut claim = circuit.claim().unwrap();
        claim.probe().unwrap().record(Outcome::Success);
        claim.probe_again().unwrap().record(Outcome::failure());
        search.circuit("acme").half_open().unwrap();
        assert!(circuit.wanted(search.context().now()).is_none(), "claimed");
        assert!(claim.probe_again().is_none());
        assert!(claim.probe().is_some());
    }
}
