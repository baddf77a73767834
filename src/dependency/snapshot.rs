//! A dependency as people read it.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

use super::Dependency;
use crate::circuit::{Circuit, OutageSnapshot, Totals};
use crate::circuits::Sums;
use crate::overrides::{Override, OverrideSnapshot, Standing};
use crate::sync::{AcqRel, Arc, Relaxed};
use crate::{CircuitSnapshot, CircuitState};

/// The figures of a dependency at one moment.
///
/// With feature `serde` it is written as JSON with the names of the fields; durations are milliseconds, with `_ms` at
/// the end of their names, and instants are how long ago they were at the moment of the snapshot, with `_ago_ms`:
///
/// ```json
/// {
///   "name": "search", "circuits": 1200, "open": 3, "half_open": 1,
///   "overridden": null, "forced_circuits": 0,
///   "outage": {
///     "state": "open", "declared_ago_ms": 61500.0, "since_ago_ms": 1500.0, "retry_after_ms": 2500.0, "down": 12, "active": 40
///   },
///   "age_ms": 86400000.0, "circuit_time_ms": 9000000000.0, "circuit_time_open_ms": 45000000.0,
///   "outage_time_open_ms": 1500.0, "share_open": 0.005, "mean_time_to_recovery_ms": 41000.0,
///   "totals": { "calls": 7000000, "time_open_ms": 45001500.0, "time_to_recover_ms": 39360000.0 },
///   "overflowed": 0, "forgotten": 2, "missing_tenant": 0
/// }
/// ```
///
/// `overridden`, `outage`, `share_open` and `mean_time_to_recovery_ms` are `null` where there is none; `overridden` is as
/// [`OverrideSnapshot`] shows; `totals` has all fields of [`Totals`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DependencySnapshot {
    /// When the figures were read.
    pub taken_at: Instant,
    /// The name.
    pub name: String,
    /// Circuits in the map.
    pub circuits: usize,
    /// Open circuits.
    pub open: usize,
    /// Half-open circuits.
    pub half_open: usize,
    /// What is forced on the dependency, by its own override, by the mode of a file of policies, or by the registry's;
    /// see [`Dependency::override_in_force`]. Circuits keep their states beneath it, so the figures above do not tell.
    pub overridden: Option<OverrideSnapshot>,
    /// The outage that was detected and lasts.
    pub outage: Option<OutageSnapshot>,
    /// Tenants whose circuit an override of its own forces open.
    pub forced_circuits: usize,
    /// The sums over all circuits that there are and ever were, and of rejections without a circuit. They
    /// never fall.
    pub totals: Totals,
    /// How long ago the dependency was declared.
    pub age: Duration,
    /// How long the circuits of tenants have existed, all together, those that went too.
    pub circuit_time: Duration,
    /// How much of [`circuit_time`](Self::circuit_time) they were open, half-open time aside.
    pub circuit_time_open: Duration,
    /// How much of the [`age`](Self::age) the dependency was open for all by a detected outage, half-open time aside.
    pub outage_time_open: Duration,
    /// Calls of tenants for whose circuit there was no room.
    pub overflowed: u64,
    /// Circuits that were not closed and went, since nobody had asked for them in a long time.
    pub forgotten: u64,
    /// Calls without a tenant that ran unguarded.
    pub missing_tenant: u64,
}

impl DependencySnapshot {
    /// The share of time that the dependency was open for a tenant, from 0 to 1: of the time that circuits of tenants
    /// have existed, all together, how much they were open. None where there has been no such time.
    ///
    /// So each circuit weighs by its age: one that was open for a minute in an hour counts like 60 that were open for
    /// a second each. Two things to know when reading it. A circuit stays open until somebody asks for it, so that of
    /// a tenant that went away is open until it is evicted. And the time for which overrides or an outage of the
    /// whole dependency ([`outage_time_open`](Self::outage_time_open)) had calls rejected by circuits that were not
    /// open themselves is not in it.
    ///
    /// ```
    /// use tower_tenant_breaker::{CircuitBreakerRegistry, Policy};
    ///
    /// let registry = CircuitBreakerRegistry::builder().build()?;
    /// let search = registry.dependency_with("search", Policy::default())?;
    /// assert_eq!(search.snapshot().share_open(), None, "no circuit yet");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn share_open(&self) -> Option<f64> {
        let [open, all] = [self.circuit_time_open, self.circuit_time].map(|time| time.as_nanos());
        let share = open as f64 / all as f64;
        (all > 0).then(|| share.min(1.0))
    }
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
    ///
    /// ```
    /// use tower_tenant_breaker::{CircuitBreakerRegistry, Policy};
    ///
    /// let registry = CircuitBreakerRegistry::builder().build()?;
    /// let search = registry.dependency_with("search", Policy::default())?;
    /// let seen = search.snapshot();
    /// println!("{} of {} circuits are open", seen.open, seen.circuits);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn snapshot(&self) -> DependencySnapshot {
        let now = self.context().now();
        self.snapshot_of(self.inner.circuits.sums(now), now)
    }

    /// With these sums over its tenants' circuits, of this instant.
    pub(crate) fn snapshot_of(&self, sums: Sums, now: u64) -> DependencySnapshot {
        let context = self.context();
        let (lived, circuit_time_open) = (sums.lived, sums.totals.time_open);
        let totals = self.totals_with(sums.totals, now);
        let outage = context.outage_circuit().map(|outage| outage.totals(now));
        let (open, half_open) = context.live();
        let overridden = context.override_in_force(now, None, None);
        let overridden = overridden.and_then(|standing| standing.snapshot(now, self.clock()));
        // Before the lock: it may see that an outage is over, and tell of that.
        let lasting = self.outage();
        let overrides = context.overrides.read();
        let is_forced = |standing: &&Arc<Standing>| {
            standing.kind == Override::ForcedOpen && standing.in_force(now)
        };
        DependencySnapshot {
            taken_at: context.shared.clock.instant(now),
            name: self.name().to_owned(),
            circuits: self.len(),
            open,
            half_open,
            overridden,
            outage: lasting,
            forced_circuits: overrides.values().filter(is_forced).count(),
            totals,
            age: Duration::from_nanos(now.saturating_sub(context.declared_at)),
            circuit_time: lived,
            circuit_time_open,
            outage_time_open: outage.map_or(Duration::ZERO, |outage| outage.time_open),
            overflowed: context.counts.overflowed.load(Relaxed),
            forgotten: context.counts.forgotten.load(Relaxed),
            missing_tenant: context.counts.missing_tenant.load(Relaxed),
        }
    }

    /// The sums over all circuits that there are and ever were.
    pub(super) fn totals(&self, now: u64) -> Totals {
        self.totals_with(self.inner.circuits.sums(now).totals, now)
    }

    /// These totals of all tenants, with what else was counted.
    fn totals_with(&self, mut totals: Totals, now: u64) -> Totals {
        let context = self.context();
        for shared in self.shared_circuits().chain(context.outage_circuit()) {
            totals += shared.totals(now);
        }
        totals.rejected += context.counts.rejected.load(Relaxed);
        // Calls on their way from a slot to the lifetime count are in neither for a moment.
        let reported = self.inner.reported_calls.fetch_max(totals.calls, AcqRel);
        totals.calls = totals.calls.max(reported);
        totals
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
