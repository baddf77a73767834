//! A slow, obvious model of one circuit, with the overrides and the policies above it.
//!
//! Written from the laws, not from the crate: time is a plain number of nanoseconds since the registry
//! was created, the window is a list of samples that is read from the start whenever a figure is asked
//! for, and nothing is packed, shared or cached.

pub(crate) mod circuit;
pub(crate) mod drawn;
pub(crate) mod history;
pub(crate) mod once_differed;
pub(crate) mod overrides;
pub(crate) mod pair;
pub(crate) mod play;
pub(crate) mod policies;
pub(crate) mod rules;
pub(crate) mod seen;
pub(crate) mod whole;
mod window;

use tower_tenant_breaker::{
    CircuitState, EffectiveState, Outcome, Override, Probing, Reason, Totals,
};

use self::circuit::{Circuit, Ending, Refusal, Ticket};
use self::overrides::{InForce, Level, Overrides};
use self::policies::Policies;
use self::rules::Rules;
use self::seen::Seen;

pub(crate) fn is_quota(ending: Ending) -> bool {
    matches!(ending, Ending::Recorded(Outcome::QuotaExhausted))
}

/// One circuit, that may not exist yet, and what is forced on it.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    pub(crate) policies: Policies,
    pub(crate) circuit: Option<Circuit>,
    pub(crate) overrides: Overrides,
    /// How many calls were refused, or would have been but for a dry run.
    pub(crate) refusals: u64,
    pub(crate) dry_refusals: u64,
    /// How often the circuit was held open since a quota was used up.
    pub(crate) quota_holds: u64,
    /// Refusals that no circuit was there to count; the dependency counts them.
    refusals_without_circuit: u64,
    seen: Seen,
}

impl Model {
    pub(crate) fn new(rules: Rules) -> Self {
        Self {
            policies: Policies::new(rules),
            circuit: None,
            overrides: Overrides::default(),
            refusals: 0,
            dry_refusals: 0,
            quota_holds: 0,
            refusals_without_circuit: 0,
            seen: Seen::default(),
        }
    }

    pub(crate) fn seen(&self) -> Seen {
        let mut seen = self.seen.clone();
        if let Some(circuit) = &self.circuit {
            seen.add(&circuit.seen);
        }
        seen
    }

    pub(crate) fn rules(&self) -> &Rules {
        &self.policies.in_force().rules
    }

    fn created(&mut self, now: u64) -> &mut Circuit {
        let dry_run = self.is_dry_run(now);
        let policy = self.policies.in_force();
        let circuit = self
            .circuit
            .get_or_insert_with(|| Circuit::new(policy, now));
        circuit.dry_run = dry_run;
        circuit
    }

    fn is_dry_run(&self, now: u64) -> bool {
        let over = self.overrides.in_force(now);
        over.is_some_and(|over| over.what == Override::DryRun)
    }

    // ===== Reading: nothing changes, and no circuit is created =====

    pub(crate) fn state(&self) -> CircuitState {
        self.circuit
            .as_ref()
            .map_or(self.rules().initial, |circuit| circuit.state)
    }

    pub(crate) fn effective_state(&self, now: u64) -> EffectiveState {
        match self.overrides.in_force(now).map(|over| over.what) {
            None => EffectiveState::Automatic(self.state()),
            Some(Override::ForcedOpen) => EffectiveState::ForcedOpen,
            Some(Override::Disabled) => EffectiveState::Disabled,
            Some(_) => EffectiveState::DryRun(self.state()),
        }
    }

    pub(crate) fn would_admit(&self, now: u64) -> bool {
        match self.effective_state(now) {
            EffectiveState::ForcedOpen => false,
            EffectiveState::Disabled | EffectiveState::DryRun(_) => true,
            _ => match &self.circuit {
                Some(circuit) => circuit.verdict(now, Probing::Yes).is_ok(),
                None => Circuit::new(self.policies.in_force(), now)
                    .verdict(now, Probing::Yes)
                    .is_ok(),
            },
        }
    }

    /// What is left of the open period.
    pub(crate) fn retry_after(&self, now: u64) -> Option<u64> {
        let circuit = self.circuit.as_ref()?;
        let open = circuit.state == CircuitState::Open;
        open.then(|| circuit.deadline.saturating_sub(now))
    }

    /// The lifetime figures of the dependency.
    pub(crate) fn totals(&self, now: u64) -> Totals {
        let circuit = self.circuit.as_ref();
        let mut totals = circuit.map_or_else(Totals::default, |circuit| circuit.totals(now));
        totals.rejected += self.refusals_without_circuit;
        totals
    }

    // ===== Calls =====

    pub(crate) fn acquire(&mut self, now: u64, probing: Probing) -> Result<Ticket, Refusal> {
        let over = self.overrides.in_force(now);
        self.note_override(now, over);
        match over.map(|over| over.what) {
            Some(Override::ForcedOpen) => {
                match &mut self.circuit {
                    Some(circuit) => circuit.totals_mut().rejected += 1,
                    // An override creates none.
                    None => self.refusals_without_circuit += 1,
                }
                self.refusals += 1;
                let end = over.and_then(|over| over.end);
                let reason = over.map_or(Reason::Forced, InForce::reason);
                self.seen.note(match end {
                    _ if reason == Reason::QuotaExhausted => "rejected: a quota is used up",
                    Some(_) => "rejected: forced, with an end",
                    None => "rejected: forced, without an end",
                });
                let retry_after = end.map(|end| end - now);
                return Err(Refusal {
                    reason,
                    retry_after,
                });
            }
            Some(Override::Disabled) => return Ok(Ticket::unrecorded(now)),
            _ => {}
        }
        let dry_run = over.is_some_and(|over| over.what == Override::DryRun);
        let circuit = self.created(now);
        match circuit.admit(now, probing) {
            Ok(ticket) => Ok(ticket),
            Err(_) if dry_run => {
                circuit.totals_mut().would_reject += 1;
                self.dry_refusals += 1;
                self.seen
                    .note("a dry run admitted what would have been rejected");
                Ok(Ticket::unrecorded(now))
            }
            Err(refusal) => {
                circuit.totals_mut().rejected += 1;
                let open = circuit.state == CircuitState::Open;
                self.refusals += 1;
                self.seen.note(match refusal.reason {
                    Reason::Barred if open => "rejected: barred from an open circuit",
                    Reason::Barred => "rejected: barred from a half-open circuit",
                    Reason::HalfOpenFull => "rejected: half-open and full",
                    Reason::Saturated => "rejected: saturated",
                    Reason::Recovering => "rejected: recovering",
                    Reason::Initial => "rejected: open from the start",
                    Reason::ByHand => "rejected: opened by hand",
                    _ => "rejected: open",
                });
                Err(refusal)
            }
        }
    }

    fn note_override(&mut self, now: u64, over: Option<InForce>) {
        if self.overrides.has_ended(now) && over.is_none() {
            self.seen.note("an override ended by itself");
        }
        let Some(over) = over else { return };
        self.seen.note(match (over.level, over.what) {
            (Level::Circuit, Override::ForcedOpen) => "circuit: forced open",
            (Level::Circuit, Override::Disabled) => "circuit: disabled",
            (Level::Circuit, _) => "circuit: dry run",
            (Level::Dependency, Override::ForcedOpen) => "dependency: forced open",
            (Level::Dependency, Override::Disabled) => "dependency: disabled",
            (Level::Dependency, _) => "dependency: dry run",
            (Level::Tenant, Override::ForcedOpen) => "tenant: forced open",
            (Level::Tenant, Override::Disabled) => "tenant: disabled",
            (Level::Tenant, _) => "tenant: dry run",
            (Level::Registry, Override::ForcedOpen) => "registry: forced open",
            (Level::Registry, Override::Disabled) => "registry: disabled",
            (Level::Registry, _) => "registry: dry run",
        });
        if self.overrides.levels(now) > 1 {
            let kill_switch = over.level == Level::Registry;
            self.seen.note(if kill_switch {
                "the kill switch won"
            } else {
                "the nearest won"
            });
        }
        if self.circuit.is_none() {
            self.seen.note("an override of a tenant without a circuit");
        }
    }

    pub(crate) fn end(&mut self, now: u64, ticket: Ticket, ending: Ending) {
        if !ticket.recorded {
            self.seen.note("the end of a call that was not guarded");
            return;
        }
        let over = self.overrides.in_force(now).map(|over| over.what);
        let circuit = self.circuit.as_mut().expect("a guarded call has a circuit");
        circuit.dry_run = over == Some(Override::DryRun);
        circuit.give_back(now, ticket);
        if over == Some(Override::Disabled) {
            self.seen.note("a guarded call ended while disabled");
            return;
        }
        if is_quota(ending) {
            if !circuit.is_of_this_generation(ticket) {
                self.seen.note("a straggler said that a quota is used up");
            } else if self.overrides.hold(now) {
                self.quota_holds += 1;
                self.seen.note(match circuit.state {
                    CircuitState::Closed => "a quota was used up",
                    _ => "a probe found a quota used up",
                });
            } else if over == Some(Override::DryRun) {
                self.seen.note("a quota was used up in a dry run");
            } else {
                self.seen.note("a quota was used up under an override");
            }
        }
        let trips = circuit.last_trip.map(|trip| trip.at);
        circuit.end(now, ticket, ending);
        if trips != circuit.last_trip.map(|trip| trip.at) {
            match over {
                Some(Override::DryRun) => self.seen.note("a trip in a dry run"),
                Some(_) => self.seen.note("a trip while forced open"),
                None => {}
            }
        }
    }

    // ===== By hand =====

    pub(crate) fn open(&mut self, now: u64, period: Option<u64>) {
        self.seen.note("opened by hand");
        self.created(now).open(now, period);
    }

    /// An error where the circuit is closed, and then nothing happens.
    pub(crate) fn half_open(&mut self, now: u64) -> Result<(), ()> {
        if self.state() == CircuitState::Closed {
            return Err(());
        }
        self.seen.note("half-opened by hand");
        self.created(now).half_open(now)
    }

    pub(crate) fn reset(&mut self, now: u64) {
        if let Some(circuit) = &mut self.circuit {
            self.seen.note("reset by hand");
            circuit.reset(now);
        }
        if self.overrides.lift() {
            self.seen.note("a reset lifted a quota's hold");
        }
    }

    pub(crate) fn begin_recovery(&mut self, now: u64) {
        if let Some(circuit) = &mut self.circuit {
            circuit.begin_recovery(now);
        }
    }

    // ===== Policies =====

    pub(crate) fn set_policy(&mut self, rules: Rules) {
        self.policies.set(rules);
        if self.policies.is_own() {
            self.seen
                .note("a policy that a tenant's own kept from its circuit");
        }
        self.follow(false);
    }

    pub(crate) fn set_own_policy(&mut self, rules: Rules) {
        self.policies.set_own(rules);
        self.follow(true);
    }

    pub(crate) fn clear_own_policy(&mut self) {
        self.policies.clear_own();
        self.follow(true);
    }

    fn follow(&mut self, own: bool) {
        let policy = self.policies.in_force();
        let Some(circuit) = &mut self.circuit else {
            self.seen.note("a policy for a tenant without a circuit");
            return;
        };
        self.seen.note(match (circuit.state, own) {
            (CircuitState::Closed, false) => "a policy changed while closed",
            (CircuitState::Open, false) => "a policy changed while open",
            (CircuitState::HalfOpen, false) => "a policy changed while half-open",
            (CircuitState::Closed, true) => "a tenant's own policy changed while closed",
            (CircuitState::Open, true) => "a tenant's own policy changed while open",
            (CircuitState::HalfOpen, true) => "a tenant's own policy changed while half-open",
        });
        circuit.follow(policy);
        if own {
            circuit.round_last_success();
        }
    }
}
