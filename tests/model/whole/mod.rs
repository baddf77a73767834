//! A slow, obvious model of a dependency with many tenants, which may be down for all of them.
//!
//! Each tenant is a circuit of the other model with the set of instants at which it was active. Who is down, and who
//! is active, is counted by going over all tenants.

mod calls;
pub(crate) mod history;
pub(crate) mod once_differed;
mod outage;
pub(crate) mod pair;
mod room;

use std::collections::BTreeMap;

use tower_tenant_breaker::{CircuitState, EffectiveState, Override, Probing, Totals};

use self::outage::Outage;
pub(crate) use self::outage::OutageRules;
use super::circuit::{Circuit, Ticket};
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
}

/// What is left of the tenant's own open period.
fn left(circuit: &Circuit, now: u64) -> u64 {
    match circuit.state {
        CircuitState::Open => circuit.deadline.saturating_sub(now),
        _ => 0,
    }
}
