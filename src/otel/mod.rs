//! Metrics through OpenTelemetry, off the path of calls.
//!
//! Dependencies and circuits count anyway. [`OtelMetrics`] makes observable instruments of a [`Meter`](opentelemetry::metrics::Meter)
//! that the program gives: they read these counts when a reader collects. So a call costs what it does while nobody
//! observes: counted by callgrind, closed and rejected calls take the same instructions. This crate needs OpenTelemetry's API alone; which SDK and exporter there are is the program's choice.
//!
//! ```
//! use opentelemetry::global;
//! use tower_tenant_breaker::otel::OtelMetrics;
//! use tower_tenant_breaker::{CircuitBreakerRegistry, Policy};
//!
//! let registry = CircuitBreakerRegistry::builder().build()?;
//! let search = registry.dependency_with("search", Policy::default())?;
//!
//! // The meter of the provider that the program has set up.
//! let meter = global::meter("gateway");
//! let metrics = OtelMetrics::builder(&registry).tenants(20).register(&meter)?;
//! // .. and kept as long as there is something to observe:
//! drop(metrics);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The instruments
//!
//! All of them have the attribute `dependency`.
//!
//! | name | what | further attributes |
//! |---|---|---|
//! | `agent.circuit_breaker.open` | counter of circuits that opened, those of detected outages among them | |
//! | `agent.circuit_breaker.recovery` | counter of circuits that probes closed again | |
//! | `agent.tool_call.blocked` | counter of rejected calls | |
//! | `circuit_breaker.calls` | counter of calls, each once | `outcome`: `success`, `failure`, `throttled`, `ignored`, `cancelled`, `rejected` |
//! | `circuit_breaker.transitions` | counter of changes of circuits | `state`, the new one: `closed`, `open`, `half_open`; `reason`, as [`Reason::as_str`](crate::Reason::as_str) has it |
//! | `circuit_breaker.circuits` | gauge of circuits | `state`: `closed`, `open`, `half_open`, `idle` |
//! | `circuit_breaker.open.oldest` | gauge in seconds: for how long the circuit has not been closed that has not been for the longest time; 0 where all are | |
//! | `circuit_breaker.open.duration` | histogram in seconds, from 1 s to 1 h: how long a tenant's circuit was not closed, taken in when it closes; never of an outage, nor of a circuit that tenants share | |
//! | `circuit_breaker.probes` | counter of probes that ended | `outcome`: `success`, `failure` |
//! | `circuit_breaker.outage` | gauge: 1 while a detected outage lasts | |
//! | `circuit_breaker.latency` | gauge in seconds, of the windows of busy circuits together; none where no circuit is busy | `quantile`: `0.5`, `0.95`, `0.99` |
//! | `circuit_breaker.overflow` | counter of calls of tenants for whose circuit there was no room | |
//! | `circuit_breaker.memory` | gauge in bytes: circuits and their histograms | |
//! | `circuit_breaker.tenant.open` | gauge: 1 while the tenant's circuit is not closed | `tenant.id` |
//! | `circuit_breaker.tenant.blocked_ratio` | gauge: the share of the tenant's calls that was rejected in the last one to two minutes, from 0 to 1 | `tenant.id` |
//! | `circuit_breaker.tenant.left_out` | gauge of tenants that are not closed, or turned away, and have no series | |
//!
//! A circuit is `idle` that is not closed, whose period and probes are over, and for which nobody has asked since, for a
//! window, or a minute where that is longer, and in an outage for as long as that has callers wait besides: its tenant
//! went away. It is not among the `open` ones, nor in `open.oldest`.
//!
//! The circuits that tenants without room, and calls without a tenant, share are among the circuits, and no tenant's.
//!
//! A dependency's counters begin at zero with the first collection after it was declared or first used, and never fall.
//! The histogram has a series once a circuit closed. In Prometheus, dots become underscores, and units and `_total` are
//! added: `agent_circuit_breaker_open_total`, `circuit_breaker_open_oldest_seconds`.
//!
//! # Tenants
//!
//! Tenants are no attribute, but for the [few that are worst off](OtelMetricsBuilder::tenants): 20 in all dependencies
//! together, everybody's worst before anybody's second. So 100,000 tenants make some 60 series a dependency, and 40 more.
//! The series of a tenant that recovered, or whose circuit went, is not observed any more. An SDK that follows the
//! specification drops it then; `opentelemetry_sdk` does. Where the meter's provider has several readers, the SDK hands
//! what one of them has asked for to all, so another may be told of such a tenant once more.
//!
//! # Collections
//!
//! All instruments of a collection are told from one look at the circuits. It reads a shard of them some at a time, under
//! a lock that calls share and for which only a newcomer of that shard waits: some 0.1 ms where it is unlucky.
//! Readers that collect at the same time take one look each, and wait for each other. That counts with many tenants: with
//! 100,000 a scrape takes some 15 ms, in a release build on a machine of two cores. Nothing is read between collections,
//! but the circuits that close.
//!
//! An instrument that a view drops costs nothing.
//!
//! # One registry, one meter
//!
//! The series of a meter are told apart by their attributes alone. Two registries that have a dependency of the same name
//! would observe one series, and the last one wins: give each a meter of its own, with a name or attributes of its scope.
//!
//! A registry that is registered twice with one meter observes the same values twice, and each closing circuit is in
//! `open.duration` twice. Drop the first [`OtelMetrics`] before. With the meters of two providers it is as it should be.

mod builder;
mod collection;
mod source;

pub use self::builder::OtelMetricsBuilder;
use self::source::Source;
use crate::CircuitBreakerRegistry;
use crate::sync::Arc;

/// The instruments of a registry, as long as it is kept.
///
/// OpenTelemetry has no way to unregister an observable instrument. Once this is dropped they observe nothing, and what
/// is left of them is a few words each, until the meter's provider goes. A collection that is under way may still be told.
///
/// Holds nothing of the registry: once the last handle of that is gone, the instruments observe nothing either.
///
/// ```
/// use opentelemetry::global;
/// use tower_tenant_breaker::CircuitBreakerRegistry;
/// use tower_tenant_breaker::otel::OtelMetrics;
///
/// let registry = CircuitBreakerRegistry::builder().build()?;
/// let metrics = OtelMetrics::builder(&registry).register(&global::meter("gateway"))?;
/// drop(metrics); // ends them
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "once this is dropped, nothing is observed"]
pub struct OtelMetrics {
    /// What the instruments hold weakly.
    _source: Arc<Source>,
}

impl OtelMetrics {
    /// A builder with the defaults.
    pub fn builder(registry: &CircuitBreakerRegistry) -> OtelMetricsBuilder<'_> {
        OtelMetricsBuilder::new(registry)
    }
}
