//! What an overview says of one dependency.

use std::cmp::Ordering;
use std::time::Duration;

use serde::Serialize;

use super::history::{History, Point};
use crate::json::ms;
use crate::survey::DependencySurvey;
use crate::{CircuitState, LatencyQuantiles, OutageSnapshot, Override, OverrideSnapshot};

#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) rate: f64,
    pub(super) rejected_rate: f64,
    circuits: usize,
    open: usize,
    half_open: usize,
    idle: usize,
    pub(super) share_open: f64,
    oldest_open_ms: Option<f64>,
    p50_ms: Option<f64>,
    p95_ms: Option<f64>,
    p99_ms: Option<f64>,
    outage: Option<Outage>,
    overridden: Option<OverrideSnapshot>,
    forced_circuits: usize,
    #[serde(skip)]
    pub(super) history: History,
}

#[derive(Debug, Serialize)]
struct Outage {
    for_ms: f64,
    down: u64,
    active: u64,
    retry_after_ms: f64,
}

impl From<OutageSnapshot> for Outage {
    fn from(outage: OutageSnapshot) -> Self {
        Self {
            for_ms: ms::of(
                outage
                    .taken_at
                    .saturating_duration_since(outage.declared_at),
            ),
            down: outage.down,
            active: outage.active,
            retry_after_ms: ms::of(outage.retry_after),
        }
    }
}

impl Row {
    /// Without rates and history, which one look does not tell.
    pub(super) fn new(seen: DependencySurvey) -> Self {
        let DependencySurvey {
            snapshot,
            idle,
            open,
            half_open,
            oldest_open,
            latency,
            ..
        } = seen;
        let not_closed = (open + half_open) as f64;
        let outage = snapshot.outage;
        let quantile = |of: fn(LatencyQuantiles) -> Duration| latency.map(of).map(ms::of);
        Self {
            name: snapshot.name,
            rate: 0.0,
            rejected_rate: 0.0,
            circuits: snapshot.circuits,
            open,
            half_open,
            idle,
            share_open: (not_closed / snapshot.circuits.max(1) as f64).min(1.0),
            oldest_open_ms: oldest_open.map(ms::of),
            p50_ms: quantile(|latency| latency.p50),
            p95_ms: quantile(|latency| latency.p95),
            p99_ms: quantile(|latency| latency.p99),
            outage: outage
                .filter(|outage| outage.state != CircuitState::Closed)
                .map(Outage::from),
            overridden: snapshot.overridden,
            forced_circuits: snapshot.forced_circuits,
            history: History::default(),
        }
    }

    pub(super) fn point(&self) -> Point {
        Point {
            rate: self.rate,
            rejected_rate: self.rejected_rate,
            share_open: self.share_open,
        }
    }

    fn rejects_all(&self) -> bool {
        let overridden = self.overridden.as_ref();
        let is_forced = overridden.is_some_and(|set| set.kind == Override::ForcedOpen);
        is_forced || self.outage.is_some()
    }

    /// The worst first.
    pub(super) fn by_badness(&self, other: &Self) -> Ordering {
        other
            .rejects_all()
            .cmp(&self.rejects_all())
            .then_with(|| other.share_open.total_cmp(&self.share_open))
            .then_with(|| self.name.cmp(&other.name))
    }
}
