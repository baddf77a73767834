//! A slow, obvious model of a dependency with many tenants, which may be down for all of them.
//!
//! Each tenant is a circuit of the other model with the set of instants at which it was active. Who is down, and who
//! is active, is counted by going over all tenants.

pub(crate) mod history;
mod outage;
pub(crate) mod pair;
mod room;

use std::collections::BTreeMap;

use tower_tenant_breaker::{CircuitState, EffectiveState, Override, Probing, Reason, Totals};

use self::outage::Outage;
pub(crate) use self::outage::OutageRules;
use super::circuit::{Circuit, Ending, Refusal, Ticket};
use super::overrides::{Level, Overrides};
use super::policies::Numbered;
use super::rules::Rules;
use super::seen::Seen;

/// Tenants are numbered from 0.
pub(crate) const TENANTS: usize = 20;

/// What a history begins with.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    pub(crate) rules: Rules,
    pub(crate) outage: OutageRules,
    /// The most circuits that there may be.
    pub(crate) room: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct Tenant {
    pub(crate) circuit: Circuit,
    /// The instants at which it was active; none as long as the policy does not count it.
    active: Vec<u64>,
    /// Whether the machine opened its circuit since the dependency failed or was slow.
    is_down: bool,
    permits: usize,
    asked: u64,
}

/// Whose circuit admitted a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    Tenant(usize),
    /// The circuit of the dependency as a whole.
    Outage,
    /// The call is not recorded.
    Nobody,
}

/// What the model gives instead of a permit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pass {
    pub(crate) by: By,
    ticket: Ticket,
}

#[derive(Clone, Debug)]
pub(crate) struct Whole {
    pub(crate) setting: Setting,
    pub(crate) tenants: BTreeMap<usize, Tenant>,
    /// Of each tenant all that may hold for it; at the end those of the dependency and of the registry alone.
    overrides: Vec<Overrides>,
    pub(crate) outage: Option<Outage>,
    /// The totals of circuits that made room for others.
    gone: Totals,
    refusals_without_circuit: u64,
    pub(crate) overflowed: u64,
    pub(crate) forgotten: u64,
    pub(crate) seen: Seen,
}

impl Whole {
    pub(crate) fn new(setting: Setting) -> Self {
        Self {
            setting,
            tenants: BTreeMap::new(),
            overrides: vec![Overrides::default(); TENANTS + 1],
            outage: None,
            gone: Totals::default(),
            refusals_without_circuit: 0,
            overflowed: 0,
            forgotten: 0,
            seen: Seen::default(),
        }
    }

    pub(crate) fn all_seen(&self) -> Seen {
        let mut seen = self.seen.clone();
        for tenant in self.tenants.values() {
            seen.add(&tenant.circuit.seen);
        }
        seen
    }

    fn policy(&self) -> Numbered {
        Numbered {
            rules: self.setting.rules.clone(),
            counting: 0,
        }
    }

    fn slot(&self, now: u64) -> u64 {
        now / self.setting.rules.slot()
    }

    // ===== Overrides =====

    pub(crate) fn set(&mut self, level: Level, tenant: usize, what: Override, end: Option<u64>) {
        for overrides in self.concerned(level, tenant) {
            overrides.set(level, what, end);
        }
    }

    pub(crate) fn clear(&mut self, level: Level, tenant: usize) {
        for overrides in self.concerned(level, tenant) {
            overrides.clear(level);
        }
    }

    fn concerned(&mut self, level: Level, tenant: usize) -> &mut [Overrides] {
        match level {
            Level::Circuit | Level::Tenant => &mut self.overrides[tenant..=tenant],
            Level::Dependency | Level::Registry => &mut self.overrides,
        }
    }

    fn over(&self, now: u64, tenant: usize) -> Option<Override> {
        let over = self.overrides[tenant].in_force(now);
        over.map(|over| over.what)
    }

    /// The one that holds for the dependency as a whole.
    fn over_all(&self, now: u64) -> Option<Override> {
        self.over(now, TENANTS)
    }

    // ===== Reading =====

    pub(crate) fn state(&self, tenant: usize) -> CircuitState {
        let tenant = self.tenants.get(&tenant);
        tenant.map_or(CircuitState::Closed, |tenant| tenant.circuit.state)
    }

    pub(crate) fn effective_state(&self, now: u64, tenant: usize) -> EffectiveState {
        let state = self.state(tenant);
        match self.over(now, tenant) {
            None if self.is_out() => EffectiveState::Outage(state),
            None => EffectiveState::Automatic(state),
            Some(Override::ForcedOpen) => EffectiveState::ForcedOpen,
            Some(Override::Disabled) => EffectiveState::Disabled,
            Some(_) => EffectiveState::DryRun(state),
        }
    }

    pub(crate) fn would_admit(&self, now: u64, tenant: usize) -> bool {
        if let Some(over) = self.over(now, tenant) {
            return over != Override::ForcedOpen;
        }
        let circuit = self.tenants.get(&tenant).map(|tenant| &tenant.circuit);
        if self.is_out() {
            return circuit
                .is_none_or(|circuit| !circuit.is_saturated() && left(circuit, now) == 0)
                && self.outage_would_admit(now);
        }
        circuit.is_none_or(|circuit| circuit.verdict(now, Probing::Yes).is_ok())
    }

    pub(crate) fn totals(&self, now: u64) -> Totals {
        let mut totals = self.gone;
        for tenant in self.tenants.values() {
            totals += tenant.circuit.totals(now);
        }
        if let Some(outage) = &self.outage {
            totals += outage.circuit.totals(now);
        }
        totals.rejected += self.refusals_without_circuit;
        totals
    }

    pub(crate) fn in_state(&self, state: CircuitState) -> usize {
        let tenants = self.tenants.values();
        tenants
            .filter(|tenant| tenant.circuit.state == state)
            .count()
    }

    // ===== Calls =====

    /// `gone` are the tenants whose circuits the crate has taken to make room.
    pub(crate) fn acquire(
        &mut self,
        now: u64,
        tenant: usize,
        probing: Probing,
        gone: &[usize],
    ) -> Result<Pass, Refusal> {
        let over = self.over(now, tenant);
        if !self.tenants.contains_key(&tenant) {
            if let Some(decided) = self.without_circuit(now, tenant, over, probing) {
                assert!(gone.is_empty(), "nobody has to go");
                return decided;
            }
            if !self.make_room(now, gone) {
                self.overflowed += 1;
                return Ok(unrecorded(now));
            }
            let circuit = Circuit::new(&self.policy(), now);
            self.tenants.insert(tenant, Tenant::new(circuit, now));
        } else {
            assert!(gone.is_empty(), "nobody has to go");
        }
        if over == Some(Override::ForcedOpen) {
            let end = self.overrides[tenant]
                .in_force(now)
                .and_then(|over| over.end);
            return Err(self.refuse(now, tenant, forced(now, end)));
        }
        self.tenant(tenant).asked = now;
        if over == Some(Override::Disabled) {
            return Ok(unrecorded(now));
        }
        let decided = if self.is_out() {
            self.decide_in_outage(now, tenant, probing)
        } else if !self.outage_admits(now) {
            Err(Refusal {
                reason: Reason::Recovering,
                retry_after: Some(0),
            })
        } else {
            let ticket = self.tenant(tenant).circuit.admit(now, probing);
            ticket.map(|ticket| Pass {
                by: By::Tenant(tenant),
                ticket,
            })
        };
        match decided {
            Ok(pass) => {
                if pass.by == By::Tenant(tenant) {
                    self.tenant(tenant).permits += 1;
                }
                Ok(pass)
            }
            Err(_) if over == Some(Override::DryRun) => {
                self.tenant(tenant).circuit.totals_mut().would_reject += 1;
                self.be_active(now, tenant);
                self.seen.note("a dry run admitted in spite of all");
                Ok(unrecorded(now))
            }
            Err(refusal) => Err(self.refuse(now, tenant, refusal)),
        }
    }

    fn tenant(&mut self, tenant: usize) -> &mut Tenant {
        self.tenants
            .get_mut(&tenant)
            .expect("the tenant has a circuit")
    }

    fn refuse(&mut self, now: u64, tenant: usize, refusal: Refusal) -> Refusal {
        self.tenant(tenant).asked = now;
        self.tenant(tenant).circuit.totals_mut().rejected += 1;
        self.be_active(now, tenant);
        self.seen.note(match refusal.reason {
            Reason::Outage => "rejected: outage",
            Reason::Recovering => "rejected: recovering",
            Reason::Saturated => "rejected: saturated",
            Reason::Forced => "rejected: forced",
            _ => "rejected: by its own circuit",
        });
        refusal
    }

    /// What is said to a tenant that gets no circuit for it.
    fn without_circuit(
        &mut self,
        now: u64,
        tenant: usize,
        over: Option<Override>,
        probing: Probing,
    ) -> Option<Result<Pass, Refusal>> {
        let refusal = match over {
            Some(Override::ForcedOpen) => {
                let end = self.overrides[tenant]
                    .in_force(now)
                    .and_then(|over| over.end);
                forced(now, end)
            }
            Some(Override::Disabled) => return Some(Ok(unrecorded(now))),
            None if self.is_out() => match self.probe_for_all(now, probing) {
                Ok(pass) => {
                    self.seen.note("a newcomer probed for all");
                    return Some(Ok(pass));
                }
                Err(left) => {
                    self.seen.note("rejected: outage, a newcomer");
                    Refusal {
                        reason: Reason::Outage,
                        retry_after: Some(left),
                    }
                }
            },
            _ => return None,
        };
        self.refusals_without_circuit += 1;
        Some(Err(refusal))
    }

    pub(crate) fn end(&mut self, now: u64, pass: Pass, ending: Ending) {
        match pass.by {
            By::Nobody => {}
            By::Outage => self.end_for_all(now, pass.ticket, ending),
            By::Tenant(tenant) => {
                let over = self.over(now, tenant);
                self.tenant(tenant).permits -= 1;
                self.change(now, tenant, |circuit| {
                    circuit.dry_run = over == Some(Override::DryRun);
                    circuit.give_back(now, pass.ticket);
                    if over != Some(Override::Disabled) {
                        circuit.end(now, pass.ticket, ending);
                    }
                });
            }
        }
    }

    // ===== By hand =====

    pub(crate) fn open(&mut self, now: u64, tenant: usize) {
        let dry_run = self.over(now, tenant) == Some(Override::DryRun);
        self.change(now, tenant, |circuit| {
            circuit.dry_run = dry_run;
            circuit.open(now, None);
        });
    }

    pub(crate) fn half_open(&mut self, now: u64, tenant: usize) {
        self.change(now, tenant, |circuit| _ = circuit.half_open(now));
    }

    pub(crate) fn reset(&mut self, now: u64, tenant: usize) {
        if self.tenants.contains_key(&tenant) {
            self.change(now, tenant, |circuit| circuit.reset(now));
        }
    }

    pub(crate) fn reset_all(&mut self, now: u64) {
        self.end_outage(now);
        for tenant in 0..TENANTS {
            self.reset(now, tenant);
        }
    }

    pub(crate) fn begin_recovery(&mut self, now: u64) {
        self.recover(now);
        self.end_outage(now);
    }

    fn recover(&mut self, now: u64) {
        for tenant in self.tenants.values_mut() {
            tenant.circuit.begin_recovery(now);
        }
    }
}

impl Tenant {
    fn new(circuit: Circuit, now: u64) -> Self {
        Self {
            circuit,
            active: Vec::new(),
            is_down: false,
            permits: 0,
            asked: now,
        }
    }
}

/// What is left of the tenant's own open period.
fn left(circuit: &Circuit, now: u64) -> u64 {
    match circuit.state {
        CircuitState::Open => circuit.deadline.saturating_sub(now),
        _ => 0,
    }
}

fn forced(now: u64, end: Option<u64>) -> Refusal {
    Refusal {
        reason: Reason::Forced,
        retry_after: end.map(|end| end - now),
    }
}

fn unrecorded(now: u64) -> Pass {
    Pass {
        by: By::Nobody,
        ticket: Ticket::unrecorded(now),
    }
}
