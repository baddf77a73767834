//! A dependency as people read it.

use std::collections::BTreeSet;

use super::Dependency;
use crate::circuit::{Circuit, OutageSnapshot, Totals};
use crate::overrides::{Override, Standing};
use crate::sync::{AcqRel, Arc, Relaxed};
use crate::{CircuitSnapshot, CircuitState};

/// The figures of a dependency at one moment.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DependencySnapshot {
    /// The name.
    pub name: String,
    /// Circuits in the map.
    pub circuits: usize,
    /// Open circuits.
    pub open: usize,
    /// Half-open circuits.
    pub half_open: usize,
    /// The outage that was detected and lasts.
    pub outage: Option<OutageSnapshot>,
    /// Tenants whose circuit an override of its own forces open.
    pub forced: usize,
    /// The sums over all circuits that there are and ever were, and of rejections without a circuit. They
    /// never fall.
    pub totals: Totals,
    /// Calls of tenants for whose circuit there was no room.
    pub overflowed: u64,
    /// Circuits that were not closed and went, since nobody had asked for them in a long time.
    pub forgotten: u64,
    /// Calls without a tenant that ran unguarded.
    pub missing_tenant: u64,
}

impl Dependency {
    /// The tenants whose circuit is open or half-open, sorted.
    #[must_use]
    pub fn open_circuits(&self) -> Vec<String> {
        let mut open = BTreeSet::new();
        self.inner.circuits.for_each(|circuit| {
            if circuit.state() != CircuitState::Closed {
                open.extend(circuit.tenant().map(str::to_owned));
            }
        });
        open.into_iter().collect()
    }

    /// The figures of the dependency. Calls go on meanwhile.
    #[must_use]
    pub fn snapshot(&self) -> DependencySnapshot {
        let context = self.context();
        let now = context.now();
        let mut totals = self.inner.circuits.totals(now);
        for shared in self.shared_circuits().chain(context.outage_circuit()) {
            totals += shared.totals(now);
        }
        totals.rejected += context.counts.rejected.load(Relaxed);
        // Calls on their way from a slot to the lifetime count are in neither for a moment.
        let reported = self.inner.reported_calls.fetch_max(totals.calls, AcqRel);
        totals.calls = totals.calls.max(reported);
        let (open, half_open) = context.live();
        let overrides = context.overrides.read();
        let is_forced = |standing: &&Arc<Standing>| {
            standing.kind == Override::ForcedOpen && standing.in_force(now)
        };
        DependencySnapshot {
            name: self.name().to_owned(),
            circuits: self.len(),
            open,
            half_open,
            outage: self.outage(),
            forced: overrides.values().filter(is_forced).count(),
            totals,
            overflowed: context.counts.overflowed.load(Relaxed),
            forgotten: context.counts.forgotten.load(Relaxed),
            missing_tenant: context.counts.missing_tenant.load(Relaxed),
        }
    }

    /// Adds calls to the ledger that are not in it yet: those of the tenant's circuit, or, with none, those on circuits
    /// that stand for no tenant.
    pub(crate) fn settle_impact(&self, tenant: Option<&str>) {
        match tenant {
            Some(tenant) => {
                if let Some(circuit) = self.inner.circuits.get(tenant) {
                    circuit.settle_impact();
                }
            }
            None => {
                let shared = self.shared_circuits();
                let shared = shared.chain(self.context().outage_circuit());
                shared.for_each(Circuit::settle_impact);
            }
        }
    }

    /// Every circuit, those that several tenants share at the end.
    #[must_use]
    pub fn circuit_snapshots(&self) -> Vec<CircuitSnapshot> {
        let mut snapshots = Vec::with_capacity(self.len());
        self.inner
            .circuits
            .for_each(|circuit| snapshots.push(circuit.snapshot()));
        snapshots.extend(self.shared_circuits().map(Circuit::snapshot));
        snapshots
    }
}
