//! The metrics by name: once, for every way in which they are told.

use super::Survey;
use crate::CircuitState;

/// A metric that is read from a survey.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Metric {
    Opened,
    Recovered,
    Rejected,
    Calls,
    Transitions,
    Circuits,
    OldestOpen,
    Probes,
    Outage,
    Latency,
    Overflow,
    Memory,
    TenantOpen,
    TenantRejectedShare,
    TenantsLeftOut,
}

/// What a metric's values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A count that never falls.
    Counter,
    /// A level.
    Gauge,
}

/// What a metric is measured in, if in anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Seconds,
    Bytes,
}

/// A value: of a counter a count, of a gauge a level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value {
    Count(u64),
    Level(f64),
}

/// A metric's name and what it says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Described {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) unit: Option<Unit>,
    pub(crate) description: &'static str,
}

/// The one that is not read from a survey: a histogram that takes in a circuit when it closes, in seconds.
pub(crate) const OPEN_DURATION: (&str, &str) = (
    "circuit_breaker.open.duration",
    "How long a tenant's circuit was not closed, taken when it closes",
);

/// The attributes of one value, the dependency first.
pub(crate) type Attributes<'a> = &'a [(&'static str, &'a str)];

pub(crate) const DEPENDENCY: &str = "dependency";

impl Metric {
    pub(crate) const ALL: [Self; 15] = [
        Self::Opened,
        Self::Recovered,
        Self::Rejected,
        Self::Calls,
        Self::Transitions,
        Self::Circuits,
        Self::OldestOpen,
        Self::Probes,
        Self::Outage,
        Self::Latency,
        Self::Overflow,
        Self::Memory,
        Self::TenantOpen,
        Self::TenantRejectedShare,
        Self::TenantsLeftOut,
    ];

    pub(crate) const fn described(self) -> Described {
        use Kind::{Counter, Gauge};
        use Unit::{Bytes, Seconds};
        let (name, kind, unit, description) = match self {
            Self::Opened => (
                "agent.circuit_breaker.open",
                Counter,
                None,
                "How often circuits opened, those of detected outages among them",
            ),
            Self::Recovered => (
                "agent.circuit_breaker.recovery",
                Counter,
                None,
                "How often probes closed a circuit again",
            ),
            Self::Rejected => (
                "agent.tool_call.blocked",
                Counter,
                None,
                "Calls that were rejected",
            ),
            Self::Calls => (
                "circuit_breaker.calls",
                Counter,
                None,
                "Calls by how they ended, rejected ones among them",
            ),
            Self::Transitions => (
                "circuit_breaker.transitions",
                Counter,
                None,
                "Changes of tenants' circuits, by the state they came to and why",
            ),
            Self::Circuits => (
                "circuit_breaker.circuits",
                Gauge,
                None,
                "Circuits by state; idle are those not closed for which nobody asks any more",
            ),
            Self::OldestOpen => (
                "circuit_breaker.open.oldest",
                Gauge,
                Some(Seconds),
                "For how long the circuit has not been closed that has not been for the longest time, idle ones aside",
            ),
            Self::Probes => (
                "circuit_breaker.probes",
                Counter,
                None,
                "Probes that ended, by whether they succeeded",
            ),
            Self::Outage => (
                "circuit_breaker.outage",
                Gauge,
                None,
                "1 while a detected outage has the dependency open for all tenants",
            ),
            Self::Latency => (
                "circuit_breaker.latency",
                Gauge,
                Some(Seconds),
                "Quantiles of the latencies in the windows of busy circuits",
            ),
            Self::Overflow => (
                "circuit_breaker.overflow",
                Counter,
                None,
                "Calls of tenants for whose circuit there was no room",
            ),
            Self::Memory => (
                "circuit_breaker.memory",
                Gauge,
                Some(Bytes),
                "Memory of the circuits and their histograms",
            ),
            Self::TenantOpen => (
                "circuit_breaker.tenant.open",
                Gauge,
                None,
                "1 while the tenant's circuit is not closed; of the worst tenants alone",
            ),
            Self::TenantRejectedShare => (
                "circuit_breaker.tenant.blocked_ratio",
                Gauge,
                None,
                "Share of the tenant's calls that was rejected in the last one to two minutes; of the worst tenants alone",
            ),
            Self::TenantsLeftOut => (
                "circuit_breaker.tenant.left_out",
                Gauge,
                None,
                "Tenants that are not closed or turned away and have no series of their own",
            ),
        };
        Described {
            name,
            kind,
            unit,
            description,
        }
    }
}

impl Survey {
    /// Tells each value of a metric, with its attributes.
    pub(crate) fn each(&self, metric: Metric, mut tell: impl FnMut(Attributes<'_>, Value)) {
        use Value::{Count, Level};
        for dependency in &self.dependencies {
            let of = (DEPENDENCY, &*dependency.name);
            let counts = &dependency.counts;
            match metric {
                Metric::Opened => tell(&[of], Count(counts.opened)),
                Metric::Recovered => tell(&[of], Count(counts.recovered)),
                Metric::Rejected => tell(&[of], Count(counts.rejected)),
                Metric::Calls => {
                    for (outcome, count) in counts.calls() {
                        tell(&[of, ("outcome", outcome)], Count(count));
                    }
                }
                Metric::Transitions => {
                    for &(to, reason, count) in &dependency.transitions {
                        let state = ("state", to.as_str());
                        tell(&[of, state, ("reason", reason.as_str())], Count(count));
                    }
                }
                Metric::Circuits => {
                    let states = [
                        (CircuitState::Closed.as_str(), dependency.closed),
                        (CircuitState::Open.as_str(), dependency.open),
                        (CircuitState::HalfOpen.as_str(), dependency.half_open),
                        ("idle", dependency.idle),
                    ];
                    for (state, circuits) in states {
                        tell(&[of, ("state", state)], Level(circuits as f64));
                    }
                }
                Metric::OldestOpen => {
                    let oldest = dependency.oldest_open.unwrap_or_default();
                    tell(&[of], Level(oldest.as_secs_f64()));
                }
                Metric::Probes => {
                    let probes = [
                        ("success", counts.probe_successes),
                        ("failure", counts.probe_failures),
                    ];
                    for (outcome, count) in probes {
                        tell(&[of, ("outcome", outcome)], Count(count));
                    }
                }
                Metric::Outage => {
                    let outage = dependency.snapshot.outage.as_ref();
                    let lasts = outage.is_some_and(|outage| outage.state != CircuitState::Closed);
                    tell(&[of], Level(f64::from(u8::from(lasts))));
                }
                Metric::Latency => {
                    let Some(latency) = dependency.latency else {
                        continue;
                    };
                    let quantiles = [
                        ("0.5", latency.p50),
                        ("0.95", latency.p95),
                        ("0.99", latency.p99),
                    ];
                    for (quantile, value) in quantiles {
                        tell(&[of, ("quantile", quantile)], Level(value.as_secs_f64()));
                    }
                }
                Metric::Overflow => tell(&[of], Count(counts.overflowed)),
                Metric::Memory => tell(&[of], Level(dependency.memory as f64)),
                Metric::TenantOpen => {
                    for tenant in &dependency.tenants {
                        let is_open = tenant.state != CircuitState::Closed;
                        let id = ("tenant.id", &*tenant.tenant);
                        tell(&[of, id], Level(f64::from(u8::from(is_open))));
                    }
                }
                Metric::TenantRejectedShare => {
                    for tenant in &dependency.tenants {
                        let id = ("tenant.id", &*tenant.tenant);
                        tell(&[of, id], Level(tenant.rejected_share));
                    }
                }
                Metric::TenantsLeftOut => tell(&[of], Level(dependency.left_out as f64)),
            }
        }
    }
}
