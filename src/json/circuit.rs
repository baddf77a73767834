//! A circuit as JSON.

use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::{ago, ms_of};
use crate::{
    CircuitSnapshot, CircuitState, EffectiveState, Figures, LatencyQuantiles, OverrideSnapshot,
    Reason, Totals, Trip,
};

#[derive(serde::Serialize)]
struct Circuit<'a> {
    dependency: &'a str,
    tenant: Option<&'a str>,
    state: CircuitState,
    effective_state: EffectiveState,
    overridden: &'a Option<OverrideSnapshot>,
    generation: u64,
    retry_after_ms: Option<f64>,
    ramp: Option<f64>,
    in_flight: Option<u32>,
    window: Figures,
    latency: Option<LatencyQuantiles>,
    totals: Totals,
    last_success_ago_ms: Option<f64>,
    last_failure_ago_ms: Option<f64>,
    last_trip: Option<LastTrip>,
}

#[derive(serde::Serialize)]
struct LastTrip {
    ago_ms: f64,
    reason: Reason,
    figures: Figures,
}

impl Serialize for CircuitSnapshot {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Named one by one, so that a new field is not forgotten here.
        let Self {
            taken_at,
            dependency,
            tenant,
            state,
            effective_state,
            overridden,
            generation,
            retry_after,
            ramp,
            in_flight,
            window,
            latency,
            totals,
            last_success,
            last_failure,
            last_trip,
        } = self;
        let ago = |at| ago(*taken_at, at);
        let last_trip = last_trip.map(
            |Trip {
                 at,
                 reason,
                 figures,
             }| LastTrip {
                ago_ms: ago(at),
                reason,
                figures,
            },
        );
        let circuit = Circuit {
            dependency,
            tenant: tenant.as_deref(),
            state: *state,
            effective_state: *effective_state,
            overridden,
            generation: *generation,
            retry_after_ms: ms_of(*retry_after),
            ramp: *ramp,
            in_flight: *in_flight,
            window: *window,
            latency: *latency,
            totals: *totals,
            last_success_ago_ms: last_success.map(ago),
            last_failure_ago_ms: last_failure.map(ago),
            last_trip,
        };
        circuit.serialize(serializer)
    }
}

impl Serialize for EffectiveState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (decided_by, state) = match self {
            Self::Automatic(state) => ("automatic", Some(state)),
            Self::ForcedOpen => ("forced_open", None),
            Self::Disabled => ("disabled", None),
            Self::DryRun(state) => ("dry_run", Some(state)),
            Self::Outage(state) => ("outage", Some(state)),
        };
        let mut effective = serializer.serialize_struct("EffectiveState", 2)?;
        effective.serialize_field("decided_by", decided_by)?;
        effective.serialize_field("state", &state)?;
        effective.end()
    }
}
