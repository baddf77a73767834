use std::fmt;
use std::task::{Context, Poll};

use tower::BoxError;
use tower_service::Service;

use super::future::ResponseFuture;
use super::walk::Walk;
use super::{FailoverBuilder, IfIdempotent, LastResort, NoLastResort, Resend, Served};
use crate::settle::{AtHead, Settle};
use crate::sync::Arc;
use crate::{Classify, DefaultClassify, Dependency, OnMissingTenant, Tenant, TenantExtractor};

/// An ordered list of services for one kind of request: the first whose circuit admits the call serves it,
/// and the next where it fails.
///
/// [The module](crate::failover) says how the choice is made. Made by [`Failover::builder`].
///
/// ```
/// use std::time::Duration;
/// use tower::util::BoxCloneSyncService;
/// use tower::{BoxError, Service, ServiceBuilder, service_fn};
/// use tower_tenant_breaker::failover::Unserved;
/// use tower_tenant_breaker::{
///     CircuitBreakerRegistry, ErrIsFailure, EveryRequest, Failover, Policy, tenant_fn,
/// };
///
/// #[derive(Clone)]
/// struct Prompt { tenant: String, text: String }
///
/// type Model = BoxCloneSyncService<Prompt, String, BoxError>;
///
/// fn model(name: &'static str) -> Model {
///     BoxCloneSyncService::new(
///         ServiceBuilder::new()
///             // Inside, so that a provider that hangs has failed, and the call moves on.
///             .timeout(Duration::from_secs(20))
///             .service(service_fn(move |prompt: Prompt| async move {
///                 if name == "model-a" { Err("overloaded") } else { Ok(format!("{name} on {}", prompt.text)) }
///             })),
///     )
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), BoxError> {
/// let registry = CircuitBreakerRegistry::builder().max_tenants(100_000).build()?;
/// let policy = Policy::low_traffic().build()?;
/// let mut models = Failover::builder(tenant_fn(|prompt: &Prompt| Ok(prompt.tenant.as_str().into())))
///     .provider(registry.dependency_with("model-a", policy.clone())?, model("model-a"))
///     .provider(registry.dependency_with("model-b", policy)?, model("model-b"))
///     .classify(ErrIsFailure)
///     .resend(EveryRequest) // a prompt may be asked twice
///     .last_resort(|prompt: Prompt, _why: Unserved<String>| async move {
///         Ok(format!("a person will answer {:?} soon", prompt.text))
///     })
///     .build()?;
///
/// let prompt = Prompt { tenant: "acme".into(), text: "a haiku".into() };
/// let served = models.call(prompt).await?;
/// assert_eq!(served.by().to_string(), "model-b");
/// assert_eq!(served.into_inner(), "model-b on a haiku");
/// # Ok(())
/// # }
/// ```
///
/// Always ready, as [`TenantCircuitBreaker`](crate::TenantCircuitBreaker) is: who serves the call is not
/// known before it is there. Each attempt has a clone of its provider's service, and waits for that clone's
/// readiness within the call. So the services are `Clone`, and one that is not goes behind tower's `Buffer`.
/// All of them have one type; where yours do not, box them as
/// tower's `BoxCloneSyncService`, which costs an allocation for each attempt.
///
/// A clone of this service copies one pointer. To be sent to other threads it needs services that are `Sync`,
/// since all clones share them.
///
/// # Errors
///
/// [`NoneAdmitted`](crate::NoneAdmitted) where every circuit rejected the call, and the error of the
/// provider that was asked last where that failed; both only where no last resort answers. What
/// [`on_missing_tenant`](FailoverBuilder::on_missing_tenant) refuses gets
/// [`MissingTenant`](crate::MissingTenant) or [`InvalidTenant`](crate::InvalidTenant).
///
/// # Cancel safety
///
/// The tenant is read when the service is called, and the circuits are asked when the future is first polled.
/// Dropping the future drops the attempt in the air, which its circuit counts as cancelled, and makes no
/// other.
///
/// # Its type
///
/// Where a field or an axum state has to name it, the parameters that the builder was not told of may be left out.
/// Closures have no names: give a `fn` in the place of one, or box the whole, whose response is [`Served`]. Box it,
/// too, where it is awaited in a spawned task or a handler of axum, and its providers' type names a [`BoxError`], as
/// `Model` does here: otherwise the compiler says "implementation of `From` is not general enough".
///
/// ```
/// # #[cfg(feature = "http")]
/// # mod of_http {
/// use http::{Request, Response};
/// use tower::BoxError;
/// use tower::util::BoxCloneSyncService;
/// use tower_tenant_breaker::{DefaultClassify, EveryRequest, Failover, HeaderTenant, Served};
///
/// /// One provider, as the others: each has a stack of its own in the box.
/// type Model = BoxCloneSyncService<Request<String>, Response<String>, BoxError>;
///
/// struct Agent {
///     models: Failover<Model, HeaderTenant, DefaultClassify, EveryRequest>,
/// }
///
/// /// Whatever closures are in it: `BoxCloneSyncService::new(failover)`.
/// struct Boxed {
///     models: BoxCloneSyncService<Request<String>, Served<Response<String>>, BoxError>,
/// }
/// #
/// # fn name(models: Failover<Model, HeaderTenant, DefaultClassify, EveryRequest>) -> (Agent, Boxed) {
/// #     let boxed = Boxed { models: BoxCloneSyncService::new(models.clone()) };
/// #     (Agent { models }, boxed)
/// # }
/// # }
/// ```
pub struct Failover<S, E, C = DefaultClassify, R = IfIdempotent, L = NoLastResort, T = AtHead> {
    pub(super) plan: Arc<Plan<S, E, C, R, L, T>>,
}

/// What all clones of a failover share.
pub(super) struct Plan<S, E, C, R, L, T> {
    pub(super) providers: Vec<Provider<S>>,
    pub(super) extractor: E,
    pub(super) classify: C,
    pub(super) resend: R,
    pub(super) last_resort: L,
    pub(super) on_missing_tenant: OnMissingTenant,
    pub(super) settle: T,
}

/// A service, and the dependency that it calls.
pub(super) struct Provider<S> {
    pub(super) dependency: Dependency,
    pub(super) service: S,
}

impl<S, E> Failover<S, E> {
    /// Begins an empty list, for the tenants that the extractor finds in the requests.
    pub const fn builder(extractor: E) -> FailoverBuilder<S, E> {
        FailoverBuilder::new(extractor)
    }
}

impl<S, E, C, R, L, T> Failover<S, E, C, R, L, T> {
    /// The dependencies of the providers, in the order in which they are asked.
    pub fn dependencies(&self) -> impl ExactSizeIterator<Item = &Dependency> {
        let providers = self.plan.providers.iter();
        providers.map(|provider| &provider.dependency)
    }
}

impl<S, Req, E, C, R, L, T> Service<Req> for Failover<S, E, C, R, L, T>
where
    S: Service<Req> + Clone,
    S::Error: Into<BoxError>,
    E: TenantExtractor<Req>,
    C: Classify<S::Response, BoxError>,
    R: Resend<Req>,
    L: LastResort<Req, S::Response>,
    T: Settle<Req, S::Response>,
{
    type Response = Served<T::Response>;
    type Error = BoxError;
    type Future = ResponseFuture<S, Req, E, C, R, L, T>;

    // No provider is asked: which one takes the call is not known yet, and a place in the queue of one that
    // does not would be held for nothing.
    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, req: Req) -> Self::Future {
        let plan = Arc::clone(&self.plan);
        let extracted = plan.extractor.extract(&req);
        let id = extracted
            .as_ref()
            .map(Tenant::as_str)
            .map_err(|missing| *missing);
        let tenant = match plan.on_missing_tenant.valid_tenant(id) {
            Ok(Some(_)) => extracted.ok().map(Tenant::into_owned),
            Ok(None) => None,
            Err(error) => return ResponseFuture::refused(plan, error),
        };
        ResponseFuture::new(plan, Walk::new(tenant), req)
    }
}

// By hand: a derive would ask for clones of what is behind the pointer.
impl<S, E, C, R, L, T> Clone for Failover<S, E, C, R, L, T> {
    fn clone(&self) -> Self {
        let plan = Arc::clone(&self.plan);
        Self { plan }
    }
}

// By hand: closures have no `Debug`.
impl<S, E, C, R, L, T> fmt::Debug for Failover<S, E, C, R, L, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.dependencies().map(Dependency::name).collect();
        f.debug_struct("Failover")
            .field("providers", &names)
            .field("on_missing_tenant", &self.plan.on_missing_tenant)
            .finish_non_exhaustive()
    }
}
