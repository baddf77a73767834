//! Metrics through the `metrics` facade, off the path of calls.
//!
//! Dependencies and circuits count anyway. A [`MetricsExporter`] reads these counts on a tick and tells the recorder of
//! the `metrics` facade (0.24) what they are, by handles that it made before. So a call costs what it does while nobody
//! refreshes: counted by callgrind, closed and rejected calls take the same instructions. Which recorder there is is the
//! program's choice.
//!
//! With `metrics-exporter-prometheus` (0.18), a program that is scraped:
//!
//! ```
//! use std::time::Duration;
//!
//! use axum::{Router, routing::get};
//! use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};
//! use metrics_util::MetricKindMask;
//! use tower_tenant_breaker::metrics::MetricsExporter;
//! use tower_tenant_breaker::{CircuitBreakerRegistry, Policy};
//!
//! /// A circuit is open for seconds, or for an hour.
//! const OPEN_SECONDS: [f64; 13] =
//!     [1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0];
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     // Before the exporter, so that it is in force when handles are made.
//!     let prometheus = PrometheusBuilder::new()
//!         .with_recommended_naming(true)
//!         // Without buckets it would be a summary, which cannot be summed up over replicas.
//!         .set_buckets_for_metric(
//!             Matcher::Full("circuit_breaker.open.duration".into()),
//!             &OPEN_SECONDS,
//!         )?
//!         // Has the series of tenants go that recovered. Longer than the interval below.
//!         .idle_timeout(MetricKindMask::GAUGE, Some(Duration::from_secs(300)))
//!         .install_recorder()?;
//!
//!     let registry = CircuitBreakerRegistry::builder().build()?;
//!     let search = registry.dependency_with("search", Policy::default())?;
//!     // .. layers with `search` ..
//!
//!     let exporter = MetricsExporter::builder(&registry).tenants(20).build()?;
//!     tokio::spawn(exporter.run(Duration::from_secs(10)));
//!
//!     let app: Router = Router::new().route("/metrics", get(async move || prometheus.render()));
//!     // axum::serve(listener, app).await?;
//! #   use http_body_util::BodyExt;
//! #   use tower::ServiceExt;
//! #   let request = axum::http::Request::get("/metrics").body(axum::body::Body::empty())?;
//! #   let text = app.oneshot(request).await?.into_body().collect().await?.to_bytes();
//! #   let text = std::str::from_utf8(&text)?;
//! #   assert!(text.contains(r#"agent_circuit_breaker_open_total{dependency="search"} 0"#), "{text}");
//! #   assert!(text.contains(r#"circuit_breaker_open_duration_seconds_bucket{dependency="search",le="3600"} 0"#), "{text}");
//!     Ok(())
//! }
//! ```
//!
//! # The metrics
//!
//! All of them have the label `dependency`. The last column is the name in Prometheus, with the exporter's
//! `with_recommended_naming`, and the same that OpenTelemetry's exporter makes.
//!
//! | name | what | further labels | in Prometheus |
//! |---|---|---|---|
//! | `agent.circuit_breaker.open` | counter of circuits that opened, those of detected outages among them | | `agent_circuit_breaker_open_total` |
//! | `agent.circuit_breaker.recovery` | counter of circuits that probes closed again | | `agent_circuit_breaker_recovery_total` |
//! | `agent.tool_call.blocked` | counter of rejected calls | | `agent_tool_call_blocked_total` |
//! | `circuit_breaker.calls` | counter of calls, each once | `outcome`: `success`, `failure`, `throttled`, `ignored`, `cancelled`, `rejected` | `circuit_breaker_calls_total` |
//! | `circuit_breaker.transitions` | counter of changes of circuits | `state`, the new one: `closed`, `open`, `half_open`; `reason`, as [`Reason::as_str`](crate::Reason::as_str) has it | `circuit_breaker_transitions_total` |
//! | `circuit_breaker.circuits` | gauge of circuits | `state`: `closed`, `open`, `half_open`, `idle` | `circuit_breaker_circuits` |
//! | `circuit_breaker.open.oldest` | gauge in seconds: for how long the circuit has not been closed that has not been for the longest time; 0 where all are | | `circuit_breaker_open_oldest_seconds` |
//! | `circuit_breaker.open.duration` | histogram in seconds: how long a tenant's circuit was not closed, taken in when it closes; never of an outage, nor of a circuit that tenants share | | `circuit_breaker_open_duration_seconds` |
//! | `circuit_breaker.probes` | counter of probes that ended | `outcome`: `success`, `failure` | `circuit_breaker_probes_total` |
//! | `circuit_breaker.outage` | gauge: 1 while a detected outage lasts | | `circuit_breaker_outage` |
//! | `circuit_breaker.latency` | gauge in seconds, of the windows of busy circuits together | `quantile`: `0.5`, `0.95`, `0.99` | `circuit_breaker_latency_seconds` |
//! | `circuit_breaker.overflow` | counter of calls of tenants for whose circuit there was no room | | `circuit_breaker_overflow_total` |
//! | `circuit_breaker.memory` | gauge in bytes: circuits and their histograms | | `circuit_breaker_memory_bytes` |
//! | `circuit_breaker.tenant.open` | gauge: 1 while the tenant's circuit is not closed | `tenant.id` | `circuit_breaker_tenant_open` |
//! | `circuit_breaker.tenant.blocked_ratio` | gauge: the share of the tenant's calls that was rejected in the last one to two minutes, from 0 to 1 | `tenant.id` | `circuit_breaker_tenant_blocked_ratio` |
//! | `circuit_breaker.tenant.left_out` | gauge of tenants that are not closed, or turned away, and have no series | | `circuit_breaker_tenant_left_out` |
//!
//! A circuit is `idle` that is not closed, whose period and probes are over, and for which nobody has asked since, for a
//! window, or a minute where that is longer, and in an outage for as long as that has callers wait besides: its tenant
//! went away. It is not among the `open` ones, nor in `open.oldest`.
//!
//! The circuits that tenants without room, and calls without a tenant, share are among the circuits, and no tenant's.
//!
//! The counters and the histogram of a dependency that is known begin at zero, those of one that is declared or first
//! used later do with the next refresh. Counters never fall.
//!
//! Where no circuit of a dependency is busy any more, its latency is told once more, as NaN, and then no more: the last
//! figure would look like one of now, and keep an alert firing for a dependency that nobody calls; 0 would look fast.
//! NaN is neither over nor under any threshold, and dashboards show a gap.
//!
//! # Tenants
//!
//! Tenants have no series unless [asked for](MetricsExporterBuilder::tenants), and then only the few that are worst off, in
//! all dependencies together, everybody's worst before anybody's second. The facade has no way to take a series back. So
//! a tenant that recovered, whose circuit went, or that is no longer among the worst is told of once more, as 0, and
//! then left alone, and its handles are dropped: this crate holds two handles for each tenant that has series now, and
//! none for those that had. The recorder does keep them all, each with its tenant's id, unless it is told to forget what
//! nobody updates: **set the exporter's idle timeout** with tenant series,
//! `PrometheusBuilder::idle_timeout(MetricKindMask::GAUGE, Some(..))`, to several times the interval of the refreshes. Every
//! series that still has something to tell is updated by each refresh, and so is never idle. Choose the mask `GAUGE`: a
//! counter of something else that has not grown for five minutes is not one to forget.
//!
//! # Handles
//!
//! Handles are made once for a series, and again once a minute. So what a recorder forgot because refreshes did
//! not come for a while comes back, and a recorder that is installed late is told within a minute. Without a recorder all
//! of this does nothing.
//!
//! One registry, one recorder: the series of two registries that have a dependency of the same name are the same
//! series, and the greater count and the later level would win. Nor should one registry have two exporters with one
//! recorder: each closing would be in `open.duration` twice.
//!
//! # What it costs
//!
//! A refresh looks at every circuit, dependency by dependency. It reads a shard of circuits some at a time, under a lock that
//! calls share and for which only a newcomer of that shard waits, and takes for an instant the lock of a circuit that has had
//! a bad call, which no call takes that it admits while closed or rejects. With 100,000 circuits a look takes some 15 ms, in
//! a release build on a machine of two cores, in which the thread does nothing else: with as many, call
//! [`refresh`](MetricsExporter::refresh) from a thread of its own, or from `spawn_blocking`.
//!
//! A recorder that panics or takes long does so in the refresh. The one exception is a circuit that closes, which is
//! told where it does, once; a panic there is caught.

mod board;
mod builder;
mod recorder;
mod series;

use std::fmt;
use std::time::Duration;

use tokio::time::sleep;

use self::board::{Board, open_duration};
pub use self::builder::MetricsExporterBuilder;
use self::recorder::Told;
use crate::caught::caught;
use crate::event::say;
use crate::registry::WeakRegistry;
use crate::survey::{Survey, TenantSeries, closing};
use crate::sync::{Arc, Mutex};
use crate::{CircuitBreakerRegistry, Event};

/// The shortest time between two refreshes.
const SHORTEST: Duration = Duration::from_millis(10);

/// Tells a recorder of the `metrics` facade what the circuits of a registry do. [The module](self) says what, and how.
///
/// Clones are handles of the same exporter. It does not keep the registry alive.
///
/// ```
/// use std::sync::Arc;
///
/// use metrics_exporter_prometheus::PrometheusBuilder;
/// use tower_tenant_breaker::metrics::MetricsExporter;
/// use tower_tenant_breaker::{CircuitBreakerRegistry, Outcome};
///
/// let registry = CircuitBreakerRegistry::builder().build()?;
/// let search = registry.dependency("search")?;
///
/// let recorder = Arc::new(PrometheusBuilder::new().with_recommended_naming(true).build_recorder());
/// let exporter = MetricsExporter::builder(&registry).recorder(Arc::clone(&recorder)).build()?;
///
/// search.acquire("acme")?.record(Outcome::Success);
/// exporter.refresh();
/// let text = recorder.handle().render();
/// assert!(text.contains(r#"circuit_breaker_calls_total{dependency="search",outcome="success"} 1"#));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct MetricsExporter {
    inner: Arc<Inner>,
}

struct Inner {
    registry: WeakRegistry,
    tenants: TenantSeries,
    told: Told,
    /// Held while the recorder is told, so that what is older is not told later.
    board: Mutex<Board>,
}

impl MetricsExporter {
    /// A builder with the defaults, for an exporter of this registry.
    ///
    /// ```
    /// use tower_tenant_breaker::{CircuitBreakerRegistry, metrics::MetricsExporter};
    ///
    /// let registry = CircuitBreakerRegistry::builder().build()?;
    /// let exporter = MetricsExporter::builder(&registry).build()?;
    /// # drop(exporter);
    /// # Ok::<(), tower_tenant_breaker::PolicyError>(())
    /// ```
    pub fn builder(registry: &CircuitBreakerRegistry) -> MetricsExporterBuilder {
        MetricsExporterBuilder::new(registry.clone())
    }

    fn new(registry: &CircuitBreakerRegistry, tenants: TenantSeries, told: Told) -> Self {
        let inner = Arc::new(Inner {
            registry: registry.downgrade(),
            tenants,
            told,
            board: Mutex::new(Board::new()),
        });
        let exporter = Self { inner };
        exporter.refresh();
        let inner = Arc::downgrade(&exporter.inner);
        registry.watch_changes(move |event| {
            let Some(inner) = inner.upgrade() else {
                return false;
            };
            inner.closed(event);
            true
        });
        exporter
    }

    /// Brings every series to what the circuits say now. `false` where the registry is gone: levels then fall to zero,
    /// and nothing will be told any more.
    ///
    /// Takes the longer the more circuits there are, and stops no call: [the module](self#what-it-costs) says more.
    /// While another refresh is under way this one waits for it, so a recorder must not call it.
    ///
    /// # Panics
    ///
    /// Where the recorder does. The next refresh tells everything again.
    ///
    /// ```
    /// use tower_tenant_breaker::{CircuitBreakerRegistry, metrics::MetricsExporter};
    ///
    /// let registry = CircuitBreakerRegistry::builder().build()?;
    /// let exporter = MetricsExporter::builder(&registry).build()?;
    /// assert!(exporter.refresh());
    /// drop(registry);
    /// assert!(!exporter.refresh());
    /// # Ok::<(), tower_tenant_breaker::PolicyError>(())
    /// ```
    pub fn refresh(&self) -> bool {
        let Inner {
            registry,
            tenants,
            told,
            board,
        } = &*self.inner;
        // Goes after the lock: the last handle of a registry frees all that is in it, an observer too.
        let registry = registry.upgrade();
        let mut board = board.lock();
        let Some(registry) = &registry else {
            board.clear();
            return false;
        };
        let survey = Survey::take(registry, *tenants);
        told.with(|recorder| board.show(&survey, recorder));
        true
    }

    /// Refreshes at once, and then at this interval, until the registry is gone: it ends one interval later at most. An
    /// interval under 10 ms is one of 10 ms. It does nothing until it is polled: spawn it.
    ///
    /// A recorder that panics does not end it, and is told again after the interval; the log says so once.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it refreshes no more, and nothing is half told: it waits only between refreshes. What was told stays as
    /// it is, and closings are told as long as there is a clone of the exporter.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tower_tenant_breaker::{CircuitBreakerRegistry, metrics::MetricsExporter};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let registry = CircuitBreakerRegistry::builder().build()?;
    /// let exporter = MetricsExporter::builder(&registry).build()?;
    /// let task = tokio::spawn(exporter.run(Duration::from_secs(10)));
    ///
    /// drop(registry);
    /// task.await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn run(self, interval: Duration) {
        let interval = interval.max(SHORTEST);
        let mut said_panicked = false;
        loop {
            match caught(|| self.refresh()) {
                Some(true) => {}
                Some(false) => break,
                None if self.inner.registry.upgrade().is_none() => break,
                None if said_panicked => {}
                None => {
                    said_panicked = true;
                    say(|| tracing::error!("a recorder of metrics panicked"));
                }
            }
            sleep(interval).await;
        }
    }
}

impl Inner {
    /// Takes in how long a circuit was not closed. The handle is made for it: closings are rare, and a recorder may have
    /// forgotten the histogram since the last.
    fn closed(&self, event: &Event<'_>) {
        if let Some((dependency, lasted)) = closing(event) {
            self.told.with(|recorder| {
                open_duration(dependency, recorder).record(lasted.as_secs_f64());
            });
        }
    }
}

impl fmt::Debug for MetricsExporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricsExporter")
            .field("tenants", &self.inner.tenants.most)
            .field("credential_tenants", &self.inner.tenants.of_credentials)
            .field("recorder", &self.inner.told)
            .finish_non_exhaustive()
    }
}
