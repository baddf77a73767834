//! A circuit breaker for every pair of tenant and dependency: bounded in memory, tripping on failures and
//! on latency percentiles.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use tower::{ServiceBuilder, ServiceExt, service_fn, timeout::TimeoutLayer};
//! use tower_tenant_breaker::{
//!     CircuitBreakerRegistry, CircuitOpen, ErrIsFailure, Policy, TenantCircuitBreakerLayer, tenant_fn,
//! };
//!
//! struct Query { tenant: String, words: String }
//!
//! async fn search(query: Query) -> Result<u64, std::io::Error> {
//!     // .. asks the search service ..
//! #   Ok(query.words.len() as u64)
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<(), tower::BoxError> {
//!     let registry = CircuitBreakerRegistry::builder().max_tenants(100_000).build()?;
//!     let dependency = registry.dependency_with("search", Policy::default())?;
//!     let service = ServiceBuilder::new()
//!         .layer(
//!             TenantCircuitBreakerLayer::new(
//!                 dependency,
//!                 tenant_fn(|query: &Query| Ok(query.tenant.as_str().into())),
//!             )
//!             .classify(ErrIsFailure),
//!         )
//!         .layer(TimeoutLayer::new(Duration::from_secs(2)))
//!         .service(service_fn(search));
//!
//!     let query = Query { tenant: "acme".into(), words: "red shoes".into() };
//!     match service.oneshot(query).await {
//!         Ok(hits) => println!("{hits} hits"),
//!         Err(error) => match CircuitOpen::find(&*error) {
//!             Some(open) => println!("not now: {open}, retry after {:?}", open.retry_after()),
//!             None => println!("the search failed: {error}"),
//!         },
//!     }
//!     Ok(())
//! }
//! ```
//!
//! # Why by tenant
//!
//! A breaker that all tenants share turns one tenant's outage into everybody's: their own index is broken,
//! their key has expired, their shard hangs, and the calls of all others are rejected with theirs. Here each
//! (tenant, dependency) pair has a circuit of its own. What that costs is kept small and bounded: one
//! allocation of some 210 bytes a tenant, another of some 520 once a call of it was bad, never more than
//! `max_tenants` of them, and nothing that a closed call writes is shared with other tenants but its
//! shard's read lock, of which threads have counts of their own.
//!
//! # What is where
//!
//! - [`CircuitBreakerRegistry`] holds the [`Dependency`]s, and they the circuits. State lives there, not in
//!   layers or services, of which axum makes one per route and per request.
//! - [`Policy`] says when a circuit trips, how long it stays open and how it recovers;
//!   [`PolicyBuilder`] has the table of its fields.
//! - [`TenantCircuitBreakerLayer`] is the tower middleware. [`TenantExtractor`] finds the tenant of a request,
//!   [`Classify`] judges its result, [`CircuitOpen`] is the error of a rejected call.
//! - [`Dependency::acquire`] and [`Permit::record`] are the core that all adapters are made of, and
//!   [`Dependency::call`] wraps a single future.
//! - [`Failover`] is an ordered list of services for one kind of request, each with its own dependency: the
//!   first whose circuit admits a call serves it, and the next where it fails.
//! - [`OutagePolicy`] says when the circuits of many tenants open a dependency for all of them, and
//!   [`RecoveryProber`] probes with requests of its own making, so that no live call has to.
//! - [`Override`] is what people force on circuits, tenants, dependencies or the whole registry, the kill
//!   switch among it; [`CircuitHandle`] changes one circuit by hand.
//! - [`Observer`], [`subscriptions`](CircuitBreakerRegistry::subscribe) and the snapshots
//!   ([`CircuitBreakerRegistry::snapshot`]) show what happens, and [`impact`] what it did to each tenant, by the hour.
//! - The crate's `tracing` events are those that spans carry, and [`span`] has a span for each call.
//! - `Policies` (feature `serde`) reads the policies of a registry from a file, and has them hold while calls go on.
//! - `agent` (a feature) has the tools of agents and the providers of their models: a rejected call is information that a
//!   model can plan with.
//! - `http` (a feature, on by default) knows responses and their bodies, `Retry-After`, headers and credentials.
//! - `grpc` (a feature) knows tonic's statuses, `reqwest` (feature `reqwest-middleware`) is the same breaker among
//!   reqwest's middlewares, and `retry` (a feature) keeps `tower::retry` from retrying rejections.
//! - `otel` (a feature) tells all of it as metrics of OpenTelemetry, and `metrics` (a feature) to a recorder of the `metrics`
//!   facade, without a cost for calls.
//! - `status` (a feature) is a live page of what the circuits do, as a tower service that axum mounts under any path.
//! - `guide` (with feature `full`) says which layer goes where, in whole programs.
//!
//! # When a circuit trips
//!
//! After a bad outcome (a failure, a throttled or a slow call) every rule of the policy is asked: so many
//! failures in a row; so many failures in the window that make up such a share of its calls; a latency
//! quantile over a threshold. Each alone opens the circuit, and each can be switched off.
//!
//! An open circuit rejects at once. When its period is over, the next calls are probes, a few at a time:
//! enough successes close it, one failure opens it again, for longer. A probe's place is leased, so a probe
//! that never comes back wedges nothing.
//!
//! # What it does not do
//!
//! It starts no task but that of a [`RecoveryProber`] and that of a live page (`status`), keeps no time of its own, and
//! retries nothing. It does not queue: a call is admitted or rejected. It bounds a tenant's calls in the air only if
//! [`PolicyBuilder::max_in_flight`] says so. It sees what goes wrong in a response's body after its head only where
//! `observe_body` says so.

#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![warn(missing_debug_implementations, unreachable_pub)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod admit;
#[cfg(feature = "agent")]
pub mod agent;
pub mod answer;
mod call;
mod caught;
mod circuit;
mod circuits;
mod classify;
mod dependency;
mod directory;
mod event;
pub mod failover;
mod fallback;
pub mod future;
#[cfg(feature = "grpc")]
pub mod grpc;
#[cfg(feature = "full")]
pub mod guide;
mod handle;
#[cfg(feature = "http")]
pub mod http;
pub mod impact;
#[cfg(all(test, breaker_loom))]
mod interleavings;
#[cfg(feature = "serde")]
mod json;
mod layer;
#[cfg(feature = "metrics")]
pub mod metrics;
#[cfg(feature = "otel")]
pub mod otel;
mod outcome;
mod overrides;
#[cfg(feature = "serde")]
mod policies;
mod policy;
pub mod probe;
mod prober;
mod reason;
mod registry;
mod rejection;
#[cfg(feature = "reqwest-middleware")]
pub mod reqwest;
#[cfg(feature = "retry")]
pub mod retry;
mod select;
mod service;
pub mod settle;
mod source_chain;
pub mod span;
mod state;
#[cfg(feature = "status")]
pub mod status;
#[cfg(any(feature = "otel", feature = "metrics", feature = "status"))]
mod survey;
// The model checker takes its own.
#[cfg_attr(breaker_loom, path = "sync/loom.rs")]
mod sync;
mod tenant;
mod time;
mod utc;

pub use self::answer::Cause;
pub use self::call::CallError;
pub use self::circuit::{CircuitSnapshot, LatencyQuantiles, OutageSnapshot, Permit, Totals, Trip};
pub use self::classify::{DefaultClassify, DefaultJudged, ErrIsFailure};
pub use self::dependency::{
    CircuitsPage, Dependency, DependencySnapshot, DryRunReport, DryRunTenant, InvalidCursor,
    MAX_PAGE, NoSuggestion, PageCursor, PageGroup, PageRequest, Probing, Suggested, Suggestion,
};
pub use self::event::{
    Event, EventKind, Events, Observer, Origin, OverrideLevel, OwnedEvent, RecvError,
};
pub use self::failover::{
    EveryRequest, Failover, FailoverBuilder, FailoverError, Idempotence, IfIdempotent, NoRequest,
    NoneAdmitted, Resend, Served, ServedBy, Unserved,
};
pub use self::future::ResponseFuture;
pub use self::handle::{ByHandError, CircuitHandle};
#[cfg(feature = "http")]
pub use self::http::{CredentialTenant, ExtensionTenant, HeaderTenant, HttpClassify};
pub use self::impact::{ImpactPolicy, ImpactReport, Turn, TurnExtractor, TurnLayer};
pub use self::layer::{OnMissingTenant, TenantCircuitBreakerLayer};
pub use self::outcome::{Classify, Outcome};
pub use self::overrides::{EffectiveState, Override, OverrideSnapshot};
#[cfg(feature = "serde")]
pub use self::policies::{Applied, Change, ChangedField, Policies, PoliciesError};
pub use self::policy::{
    LatencyRule, OpenPeriod, OutagePolicy, Overflow, Policy, PolicyBuilder, PolicyError,
};
pub use self::prober::{ProbeTarget, ProberError, RecoveryProber, RecoveryProberBuilder};
pub use self::reason::{Figures, MAX_LATENCY_RULES, Reason};
pub use self::registry::{
    CircuitBreakerRegistry, DeclareError, RegistryBuilder, RegistrySnapshot, TenantHandle,
    TenantSnapshot, UnknownDependency,
};
pub use self::rejection::{CircuitOpen, InvalidTenant, Rejection};
#[cfg(feature = "reqwest-middleware")]
pub use self::reqwest::{ClientRequest, HostTenant, TenantCircuitBreakerMiddleware, Unsent};
pub use self::select::{DependencyFn, SelectDependency, dependency_fn};
pub use self::service::TenantCircuitBreaker;
pub use self::span::{SpanPerCall, SpanPerCallLayer};
pub use self::state::CircuitState;
pub use self::tenant::{
    FixedTenant, INLINE_TENANT_BYTES, MAX_TENANT_BYTES, MissingReason, MissingTenant, TaskTenant,
    Tenant, TenantExtractor, TenantFn, TenantScope, tenant_fn,
};

/// The README's programs, compiled.
#[cfg(all(doctest, feature = "full"))]
#[doc = include_str!("../README.md")]
struct Readme;
