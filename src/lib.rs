//! A circuit breaker for every pair of tenant and dependency.

#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![warn(missing_debug_implementations, unreachable_pub)]

pub mod answer;
mod call;
mod circuit;
mod circuits;
mod classify;
mod dependency;
mod directory;
mod event;
mod fallback;
pub mod future;
mod handle;
#[cfg(feature = "http")]
pub mod http;
mod layer;
mod outcome;
mod overrides;
mod policy;
pub mod probe;
mod reason;
mod registry;
mod rejection;
mod select;
mod service;
mod source_chain;
mod state;
mod sync;
mod tenant;
mod time;

pub use self::answer::Cause;
pub use self::call::CallError;
pub use self::circuit::{CircuitSnapshot, LatencyQuantiles, Permit, Totals, Trip};
pub use self::classify::{DefaultClassify, DefaultJudged, ErrIsFailure};
pub use self::dependency::{Dependency, DependencySnapshot, Probing};
pub use self::event::{Event, EventKind, Observer, Origin};
pub use self::future::ResponseFuture;
pub use self::handle::{ByHandError, CircuitHandle};
#[cfg(feature = "http")]
pub use self::http::{CredentialTenant, ExtensionTenant, HeaderTenant, HttpClassify};
pub use self::layer::{OnMissingTenant, TenantCircuitBreakerLayer};
pub use self::outcome::{Classify, Outcome};
pub use self::overrides::{EffectiveState, Override};
pub use self::policy::{LatencyRule, OpenPeriod, Overflow, Policy, PolicyBuilder, PolicyError};
pub use self::reason::{Figures, MAX_LATENCY_RULES, Reason};
pub use self::registry::{
    CircuitBreakerRegistry, DeclareError, RegistryBuilder, TenantHandle, UnknownDependency,
};
pub use self::rejection::{CircuitOpen, InvalidTenant, Rejection};
pub use self::select::{DependencyFn, SelectDependency, dependency_fn};
pub use self::service::TenantCircuitBreaker;
pub use self::state::CircuitState;
pub use self::tenant::{
    FixedTenant, INLINE_TENANT_BYTES, MAX_TENANT_BYTES, MissingReason, MissingTenant, TaskTenant,
    Tenant, TenantExtractor, TenantFn, TenantScope, tenant_fn,
};
