//! A dependency as JSON.

use serde::ser::{Serialize, Serializer};

use super::{ago, ms, ms_of};
use crate::{CircuitState, DependencySnapshot, OutageSnapshot, OverrideSnapshot, Totals};

#[derive(serde::Serialize)]
struct Dependency<'a> {
    name: &'a str,
    circuits: usize,
    open: usize,
    half_open: usize,
    overridden: &'a Option<OverrideSnapshot>,
    forced_circuits: usize,
    outage: &'a Option<OutageSnapshot>,
    age_ms: f64,
    circuit_time_ms: f64,
    circuit_time_open_ms: f64,
    outage_time_open_ms: f64,
    share_open: Option<f64>,
    mean_time_to_recovery_ms: Option<f64>,
    totals: Totals,
    overflowed: u64,
    forgotten: u64,
    missing_tenant: u64,
}

#[derive(serde::Serialize)]
struct Outage {
    state: CircuitState,
    declared_ago_ms: f64,
    since_ago_ms: f64,
    retry_after_ms: f64,
    down: u64,
    active: u64,
}

impl Serialize for DependencySnapshot {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Named one by one, so that a new field is not forgotten here. Its instants are written by what is in it.
        let Self {
            taken_at: _,
            name,
            circuits,
            open,
            half_open,
            overridden,
            outage,
            forced_circuits,
            totals,
            age,
            circuit_time,
            circuit_time_open,
            outage_time_open,
            overflowed,
            forgotten,
            missing_tenant,
        } = self;
        let dependency = Dependency {
            name,
            circuits: *circuits,
            open: *open,
            half_open: *half_open,
            overridden,
            forced_circuits: *forced_circuits,
            outage,
            age_ms: ms::of(*age),
            circuit_time_ms: ms::of(*circuit_time),
            circuit_time_open_ms: ms::of(*circuit_time_open),
            outage_time_open_ms: ms::of(*outage_time_open),
            share_open: self.share_open(),
            mean_time_to_recovery_ms: ms_of(totals.mean_time_to_recovery()),
            totals: *totals,
            overflowed: *overflowed,
            forgotten: *forgotten,
            missing_tenant: *missing_tenant,
        };
        dependency.serialize(serializer)
    }
}

impl Serialize for OutageSnapshot {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self {
            taken_at,
            state,
            declared_at,
            since,
            retry_after,
            down,
            active,
        } = *self;
        let outage = Outage {
            state,
            declared_ago_ms: ago(taken_at, declared_at),
            since_ago_ms: ago(taken_at, since),
            retry_after_ms: ms::of(retry_after),
            down,
            active,
        };
        outage.serialize(serializer)
    }
}
