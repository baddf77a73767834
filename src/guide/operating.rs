//! Operating it: what to watch, what each alert means, and how to tune from the figures.
//!
//! - [What to watch](#what-to-watch), [how it is told](#how-it-is-told)
//! - [What each alert means](#what-each-alert-means)
//! - [Tuning](#tuning): [the window](#the-window), [thresholds](#thresholds), [the open period](#the-open-period)
//! - [Tenants in the monitoring](#tenants-in-the-monitoring)
//! - [The live page](#the-live-page)
//!
//! # What to watch
//!
//! Four questions, in this order, and the figure that answers each:
//!
//! | question | figure | it is well when |
//! |---|---|---|
//! | Is a dependency down for many? | `circuit_breaker.circuits` by `state`, `circuit_breaker.outage` | `open` and `half_open` are a handful, of different tenants at different times; no outage |
//! | Is somebody cut off for long? | `circuit_breaker.open.oldest` | under a few open periods |
//! | What does it cost the tenants? | `circuit_breaker.calls`, `outcome="rejected"` against all | about as much as would have failed anyhow |
//! | Does it come back by itself? | `circuit_breaker.probes` by `outcome`, `circuit_breaker.open.duration` | some probe succeeds within a few open periods |
//!
//! `open` in these figures are circuits for which somebody asks. One that is not closed and for which nobody has called
//! for a window (or a minute, where that is longer) after its period was over is `idle`: a tenant that went away in the
//! middle of its trouble stays open until it comes back or is forgotten, and nobody should be woken for it.
//!
//! A rejection is not a failure of the breaker. Of a dependency that is down, a rejected call is one that did not wait for
//! a timeout; what to be sorry about is the dependency. It becomes a failure of the breaker where calls are rejected
//! that would have succeeded: circuits that open again and again (`agent.circuit_breaker.open` grows) while their probes
//! succeed at once (`circuit_breaker.open.duration` is hardly more than one open period). Then a threshold is too tight.
//!
//! # How it is told
//!
//! Whatever the way, the figures come from the same reading of counters that the circuits keep anyway; no call does
//! anything for them.
//!
//! - [`otel`](crate::otel) (a feature): observable instruments of a meter.
//! - [`metrics`](crate::metrics) (a feature): the `metrics` facade, refreshed on a tick.
//! - [`CircuitBreakerRegistry::snapshot`](crate::CircuitBreakerRegistry::snapshot),
//!   [`Dependency::circuits_page`](crate::Dependency::circuits_page) for what else you have, as JSON with feature `serde`.
//! - [`subscribe_to_changes`](crate::CircuitBreakerRegistry::subscribe_to_changes) for what happens, one by one; the log
//!   has the same through `tracing`.
//! - [`status`](crate::status) (a feature): the live page.
//!
//! The names have dots in OpenTelemetry; in Prometheus `agent.circuit_breaker.open` is
//! `agent_circuit_breaker_open_total`, and `circuit_breaker.open.oldest` is `circuit_breaker_open_oldest_seconds`.
//!
//! A call costs the same with metrics as without: the circuits count anyway, and an exporter reads them when it is scraped,
//! or on a tick. Take the one that the rest of the program has. With OpenTelemetry, here through
//! `opentelemetry-prometheus`, series of tenants that recovered go by themselves:
//!
//! ```
//! use axum::{Router, routing::get};
//! use opentelemetry::metrics::MeterProvider;
//! use opentelemetry_sdk::metrics::SdkMeterProvider;
//! use prometheus::{Encoder, Registry, TextEncoder};
//! use tower_tenant_breaker::otel::OtelMetrics;
//! use tower_tenant_breaker::{CircuitBreakerRegistry, Policy};
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let scraped = Registry::new();
//!     let reader = opentelemetry_prometheus::exporter().with_registry(scraped.clone()).build()?;
//!     let provider = SdkMeterProvider::builder().with_reader(reader).build();
//!
//!     let registry = CircuitBreakerRegistry::builder().build()?;
//!     let search = registry.dependency_with("search", Policy::default())?;
//!     // .. layers with `search` ..
//!
//!     // Kept as long as the program runs.
//!     let _metrics = OtelMetrics::builder(&registry).tenants(20).register(&provider.meter("gateway"))?;
//!
//!     let app: Router = Router::new().route("/metrics", get(async move || {
//!         let mut text = Vec::new();
//!         let encoded = TextEncoder::new().encode(&scraped.gather(), &mut text);
//!         encoded.map(|()| text).map_err(|error| error.to_string())
//!     }));
//!     // axum::serve(listener, app).await?;
//! #   use http_body_util::BodyExt;
//! #   use tower::ServiceExt;
//! #   let request = axum::http::Request::get("/metrics").body(axum::body::Body::empty())?;
//! #   let text = app.oneshot(request).await?.into_body().collect().await?.to_bytes();
//! #   let text = std::str::from_utf8(&text)?;
//! #   assert!(text.contains(r#"agent_circuit_breaker_open_total{dependency="search""#), "{text}");
//!     Ok(())
//! }
//! ```
//!
//! With many tenants a scrape takes some tens of milliseconds of its thread; `spawn_blocking` around `gather` keeps it away
//! from calls. With the facade, here through `metrics-exporter-prometheus`, three things are to be set: the recommended
//! naming, buckets for the histogram (without them it is a summary), and an idle timeout, by which the series of tenants go
//! that recovered. The module [`metrics`](crate::metrics) has that program.
//!
//! # What each alert means
//!
//! The rules are in `observability/rules.yml` of the repository, with tests beside them, a dashboard, and a script that
//! makes each of them fire against a real Prometheus. `observability/README.md` has the whole runbooks; in short:
//!
//! | alert | it means | first look | it goes away |
//! |---|---|---|---|
//! | `CircuitBreakerGlobalOutage` | many tenants at once cannot use this dependency: it is the dependency, and not a tenant | its own status; whether a deployment of yours came just before | when circuits close: by themselves, or by [`begin_recovery`](crate::Dependency::begin_recovery) once you know that it is back |
//! | `CircuitBreakerOpenLong` | some tenant has been cut off for more than five minutes, through all probes since | which tenant ([the page](#the-live-page)); what its last probes met (`circuit_breaker.transitions` by `reason`) | when a probe succeeds; if no call may probe, give the dependency a [prober](crate::RecoveryProber) |
//! | `CircuitBreakerTenantBlocked` | most of one tenant's calls have been rejected of late | is it the tenant's own key, quota, shard? Or its load, against [`max_in_flight`](crate::PolicyBuilder::max_in_flight)? | with its cause; an override that somebody forgot does so too, and is on the page with its note |
//! | `CircuitBreakerProbesFailing` | probes are made, and none has succeeded for a while | what probes are: of live calls, the same errors as before; of a prober, perhaps the probe itself is broken | when one succeeds |
//! | `CircuitBreakerOverflow` | there are more tenants than circuits: newcomers run unguarded | [`max_tenants`](crate::RegistryBuilder::max_tenants) against the tenants that there are; whether somebody makes ids up | when there is room |
//!
//! Under a dry run the circuits change as they would, and no call is rejected: the first two alerts tell what would have
//! been, `agent.tool_call.blocked` stands still.
//!
//! # Tuning
//!
//! Begin with the defaults under a [dry run](crate::Override::DryRun), and look after a day at what would have been
//! rejected ([`dry_run_report`](crate::Dependency::dry_run_report)). [`Dependency::suggest`](crate::Dependency::suggest)
//! turns the figures of a dependency into proposals for the open period, the run of failures and a latency threshold, and
//! says on how many samples each stands; it applies nothing. Change one thing at a time, by
//! [`set_policy`](crate::Dependency::set_policy) or a [file of policies](crate::Policies), while calls go on.
//!
//! ## The window
//!
//! It must hold enough calls of *one tenant* for a rule to be asked, or it never trips: rules of a rate or a quantile
//! wait for their `min_calls`. Divide the rate of `circuit_breaker.calls` by the circuits, and make the window long
//! enough for three times `min_calls`; of a tenant with a call a minute no window is long enough, and
//! `consecutive_failures` alone protects it ([`Policy::low_traffic`](crate::Policy::low_traffic) is that). A long window
//! is slow to trip after a long time of good calls, and remembers a bad minute longer: 30 s to 60 s suit most.
//!
//! ## Thresholds
//!
//! A circuit should open when to go on is worse than to stop. The signs of one that is too tight: many
//! `circuit_breaker.transitions` to `open` for one `reason`, and most `circuit_breaker.open.duration` about one open
//! period, since the first probe succeeds. The `reason` names the rule to loosen:
//!
//! - `consecutive_failures`: more in a row. With one failure in a hundred by chance, a run of three comes once in a million
//!   calls, and of two once in ten thousand.
//! - `failure_rate`: a higher share, or more `failure_threshold` where few calls make up the window.
//! - `latency`: take the threshold from `circuit_breaker.latency`, which knows tenants with 100 calls in a window or more
//!   (where all have fewer, from the histogram that your tracing or your proxy has of the dependency): about twice the p95 of a good, busy hour, and under the
//!   timeout inside, or the timeout comes first and these are failures.
//!
//! The signs of one that is too loose: callers see timeouts and errors (`outcome="failure"`) for long before the first
//! transition; the `figures` of the event say what the window held then.
//!
//! ## The open period
//!
//! It should be about as long as the dependency takes to come back: the median of `circuit_breaker.open.duration` of those
//! that took more than one period. Shorter, and probes are wasted on it: `circuit_breaker.probes` has many failures for
//! each success. Longer, and tenants wait for nothing: nearly every first probe succeeds, and still
//! `circuit_breaker.open.duration` is never under the period. Growing periods
//! ([`OpenPeriod::exponential`](crate::OpenPeriod::exponential)) spare you the choice for outages that last: begin with
//! what a restart takes, and let the cap be what you would forgive yourself at the end of a long one. Where the dependency
//! sends `Retry-After`, that is heeded anyway.
//!
//! # Tenants in the monitoring
//!
//! 100,000 tenants as labels take a monitoring down. So no metric has a series for each: the worst few, by default 20 in
//! all dependencies together, have `circuit_breaker.tenant.open` and `circuit_breaker.tenant.blocked_ratio`, and
//! `circuit_breaker.tenant.left_out` says how many others there are that are down or turned away. Whom else you want to
//! look at is on the live page and in [`circuits_page`](crate::Dependency::circuits_page), and what an incident did to
//! each tenant is in the [impact report](crate::impact). Ids that are made of credentials are told only where you ask for
//! it, even though they are hashes.
//!
//! `blocked_ratio` is over the last one to two minutes before the scrape, whoever scrapes; it needs a scrape in each.
//!
//! # The live page
//!
//! For the person who was woken: which dependency, for how many tenants, since when, and whether somebody is at it
//! already. It is a tower service to mount where only operators come:
//!
//! ```
//! use axum::Router;
//! use tower_tenant_breaker::CircuitBreakerRegistry;
//! use tower_tenant_breaker::status::StatusService;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let registry = CircuitBreakerRegistry::builder().build()?;
//! let page = StatusService::new(registry);
//! let app: Router = Router::new().nest_service("/ops/breakers", page);
//! # drop(app);
//! # Ok(())
//! # }
//! ```
//!
//! It shows ids of tenants, so it belongs behind the authentication of operators. It changes nothing until you give it an
//! authoriser.
