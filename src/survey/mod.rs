//! Everything that monitoring asks for, from one look at all circuits, while calls go on.
//!
//! The core counts anyway; nothing here is on the path of a call. `otel`, `metrics` and `status` all read the same survey,
//! so that they cannot differ.

#[cfg(any(feature = "otel", feature = "metrics"))]
mod closing;
mod counts;
#[cfg(any(feature = "otel", feature = "metrics"))]
mod series;
mod tenants;

use std::time::Duration;

use hdrhistogram::Histogram;

#[cfg(any(feature = "otel", feature = "metrics"))]
pub(crate) use self::closing::closing;
pub(crate) use self::counts::Counts;
#[cfg(any(feature = "otel", feature = "metrics"))]
pub(crate) use self::series::{DEPENDENCY, Kind, Metric, OPEN_DURATION, Unit, Value};
use self::tenants::Worst;
pub(crate) use self::tenants::{TenantReading, TenantSeries};
use crate::circuit::Circuit;
use crate::sync::Arc;
use crate::{
    CircuitBreakerRegistry, CircuitState, Dependency, DependencySnapshot, LatencyQuantiles, Reason,
};

/// All dependencies at one moment.
#[derive(Debug)]
pub(crate) struct Survey {
    /// Sorted by name.
    pub(crate) dependencies: Vec<DependencySurvey>,
}

/// A dependency at one moment.
#[derive(Debug)]
// The live page alone reads a part of it.
#[cfg_attr(not(any(feature = "otel", feature = "metrics")), allow(dead_code))]
pub(crate) struct DependencySurvey {
    pub(crate) name: Arc<str>,
    pub(crate) snapshot: DependencySnapshot,
    /// What is counted, never falling from one survey to the next.
    pub(crate) counts: Counts,
    /// How often circuits changed, by new state and reason.
    pub(crate) transitions: Vec<(CircuitState, Reason, u64)>,
    /// Open and half-open circuits for which nobody asks any more; not among the following.
    pub(crate) idle: usize,
    pub(crate) open: usize,
    pub(crate) half_open: usize,
    pub(crate) closed: usize,
    /// How long the circuit is not closed, idle ones aside, that is so for the longest time.
    pub(crate) oldest_open: Option<Duration>,
    /// Merged from the histograms of all busy circuits.
    pub(crate) latency: Option<LatencyQuantiles>,
    /// What the circuits take, in bytes.
    pub(crate) memory: usize,
    /// The worst tenants, that of which most calls are turned away first.
    pub(crate) tenants: Vec<TenantReading>,
    /// Tenants that are down or turned away and not among them.
    pub(crate) left_out: usize,
}

impl Survey {
    /// Looks at every circuit once, and holds no lock meanwhile but for an instant.
    pub(crate) fn take(registry: &CircuitBreakerRegistry, series: TenantSeries) -> Self {
        let dependencies = registry.dependencies();
        let surveys = dependencies
            .iter()
            .map(|dependency| DependencySurvey::take(dependency, series));
        let mut dependencies: Vec<_> = surveys.collect();
        series.share_out(&mut dependencies);
        Self { dependencies }
    }
}

impl DependencySurvey {
    fn take(dependency: &Dependency, series: TenantSeries) -> Self {
        let context = dependency.context();
        let now = context.now();
        let shape = context.rules().policy.histogram;
        let mut latency: Option<Histogram<u32>> = shape.histogram();
        if let Some(latency) = &mut latency {
            latency.auto(true);
        }
        let [mut open, mut half_open, mut closed, mut idle, mut memory] = [0; 5];
        let mut oldest: Option<u64> = None;
        let mut worst = Worst::new(series);
        let mut look = |circuit: &Circuit| {
            let reading = circuit.reading(now);
            match reading.state {
                _ if reading.is_idle => idle += 1,
                CircuitState::Closed => closed += 1,
                CircuitState::Open => open += 1,
                CircuitState::HalfOpen => half_open += 1,
            }
            if let Some(since) = reading.shut_since.filter(|_| !reading.is_idle) {
                oldest = Some(oldest.map_or(since, |oldest| oldest.min(since)));
            }
            if let Some(latency) = &mut latency {
                circuit.add_latencies(now, latency);
            }
            memory += circuit.bytes();
            // Where several tenants share it, it is none's.
            if circuit.tenant().is_some() {
                worst.offer(circuit, &reading);
            }
        };
        let sums = dependency.inner.circuits.sums_and_each(now, &mut look);
        dependency.shared_circuits().for_each(&mut look);
        let snapshot = dependency.snapshot_of(sums, now);
        let counts = Counts::of(&snapshot);
        let counts = {
            let mut reported = dependency.inner.reported.lock();
            reported.rise_to(&counts);
            *reported
        };
        let (tenants, left_out) = worst.into_readings();
        Self {
            name: Arc::clone(&context.name),
            snapshot,
            counts,
            transitions: context.transitions.read(),
            idle,
            open,
            half_open,
            closed,
            oldest_open: oldest.map(|since| Duration::from_nanos(now.saturating_sub(since))),
            latency: latency.as_ref().and_then(LatencyQuantiles::of),
            memory,
            tenants,
            left_out,
        }
    }
}

#[cfg(test)]
mod tests;
