use std::fmt;

use tower_layer::Layer;

use crate::answer::Propagate;
use crate::probe::{Always, ProbeFn};
use crate::settle::AtHead;
use crate::{DefaultClassify, Probing, TenantCircuitBreaker};

/// What happens to a request in which no tenant can be found.
///
/// An id that no circuit can have (empty, over 256 bytes) is no tenant either.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OnMissingTenant {
    /// It passes, and no circuit hears of it. The dependency counts such calls, and warns of the first.
    /// Where the dependency or the registry is forced open, it is rejected as every call is.
    #[default]
    RunUnguarded,
    /// It is refused with [`MissingTenant`](crate::MissingTenant), or
    /// [`InvalidTenant`](crate::InvalidTenant) where the extractor let such an id pass.
    Reject,
    /// All such requests share one circuit, which has no tenant's id: no tenant can choose to be in it.
    ShareCircuit,
}

/// Keeps a circuit for every tenant, in front of a service.
///
/// The circuits live in the registry that the [`Dependency`](crate::Dependency) comes from, not in what
/// [`layer`](Layer::layer) makes: two layers with one dependency share its circuits, as do all clones
/// and all routes that a framework applies one layer to.
///
/// ```
/// use std::time::Duration;
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
/// use tower_tenant_breaker::{
///     CircuitBreakerRegistry, ErrIsFailure, Policy, TenantCircuitBreakerLayer, tenant_fn,
/// };
///
/// struct Job { owner: String }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), tower::BoxError> {
/// let registry = CircuitBreakerRegistry::builder().build()?;
/// let printer = registry.dependency_with("printer", Policy::default())?;
///
/// let service = ServiceBuilder::new()
///     .layer(
///         TenantCircuitBreakerLayer::new(printer, tenant_fn(|job: &Job| Ok(job.owner.as_str().into())))
///             .classify(ErrIsFailure),
///     )
///     .timeout(Duration::from_secs(5))
///     .service(service_fn(|job: Job| async move { Ok::<_, std::io::Error>(job.owner.len()) }));
///
/// assert_eq!(service.oneshot(Job { owner: "acme".into() }).await?, 4);
/// # Ok(())
/// # }
/// ```
///
/// # Errors and answers
///
/// By default every error is a [`tower::BoxError`], and a rejection in it is a [`CircuitOpen`](crate::CircuitOpen):
/// [`CircuitOpen::find`](crate::CircuitOpen::find) tells it from others. Two methods turn errors into responses:
///
/// | set | a circuit's rejection | no tenant, no dependency, the inner's error | the service's error |
/// |---|---|---|---|
/// | neither | `Err` | `Err` | `BoxError` |
/// | [`respond_with`](Self::respond_with) or a fallback | answered | `Err` | `BoxError` |
/// | [`respond_to_error`](Self::respond_to_error) | `Err` | answered | `BoxError` |
/// | both, in either order | answered | answered | [`Infallible`](std::convert::Infallible) |
///
/// Both together are what `axum::Router::layer` asks for; without them the compiler says there that
/// "the trait bound `Infallible: From<Box<dyn Error + Send + Sync>>` is not satisfied". A fallback's own error
/// goes the way of the inner's errors. A rejection by another breaker further in is the inner's error.
///
/// # Judging
///
/// [`DefaultClassify`] knows `http::Response` and, with the feature `reqwest-middleware`,
/// `reqwest::Response`. A service with any other response has to say what a failure is, by
/// [`classify`](Self::classify), or it does not compile:
///
/// ```compile_fail,E0277
/// use tower::{Layer, Service, service_fn};
/// use tower_tenant_breaker::{CircuitBreakerRegistry, FixedTenant, TenantCircuitBreakerLayer};
///
/// fn callable<S: Service<u32>>(_service: S) {}
///
/// # fn main() -> Result<(), tower::BoxError> {
/// let search = CircuitBreakerRegistry::builder().build()?.dependency("search")?;
/// let layer = TenantCircuitBreakerLayer::new(search, FixedTenant::new("acme"));
/// // `DefaultClassify` cannot judge a `Result<String, Box<dyn Error + Send + Sync>>`
/// callable(layer.layer(service_fn(|n: u32| async move { Ok::<_, std::io::Error>(n.to_string()) })));
/// # Ok(())
/// # }
/// ```
///
/// # Where a closure is "not general enough"
///
/// A closure's type holds the types of its arguments, and the compiler forgets the lifetime in
/// [`BoxError`](tower::BoxError) when it asks whether an `async` block is `Send`. So
/// `tokio::spawn(async move { service.oneshot(request).await })` can fail with "implementation of `FnOnce` is not
/// general enough", or "mismatched types: one type is more general than the other" (E0308), as it does for other
/// closures over a `BoxError`, or over what holds one ([`Unserved`](crate::failover::Unserved)). For the same reason
/// an inner service whose type names a `BoxError`, as `BoxCloneSyncService<Req, Res, BoxError>` does, can fail with
/// "implementation of `From` is not general enough": there, box the whole. A `fn` in the closure's place compiles, and
/// so does a boxed service:
///
/// ```
/// use tower::{BoxError, Layer, ServiceExt, service_fn};
/// use tower_tenant_breaker::{CircuitBreakerRegistry, FixedTenant, Outcome, TenantCircuitBreakerLayer};
///
/// fn judge(result: Result<&String, &BoxError>) -> Outcome {
///     if result.is_ok() { Outcome::Success } else { Outcome::failure() }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), BoxError> {
/// let search = CircuitBreakerRegistry::builder().build()?.dependency("search")?;
/// let service = TenantCircuitBreakerLayer::new(search, FixedTenant::new("acme"))
///     .classify(judge) // as a closure, it would not compile
///     .layer(service_fn(async |n: u32| Ok::<_, std::io::Error>(n.to_string())));
/// let hits = tokio::spawn(async move { service.oneshot(3).await.ok() }).await?;
/// assert_eq!(hits.as_deref(), Some("3"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "a layer does nothing until a service is in it"]
pub struct TenantCircuitBreakerLayer<
    D,
    E,
    C = DefaultClassify,
    O = Propagate,
    G = Propagate,
    P = Always,
    T = AtHead,
> {
    pub(crate) dependency: D,
    pub(crate) extractor: E,
    pub(crate) classify: C,
    pub(crate) on_rejection: O,
    pub(crate) on_error: G,
    pub(crate) probe_if: P,
    pub(crate) on_missing_tenant: OnMissingTenant,
    pub(crate) settle: T,
}

impl<D, E> TenantCircuitBreakerLayer<D, E> {
    /// Guards calls to a dependency, by the tenant that the extractor finds in each request.
    ///
    /// The dependency is a [`Dependency`](crate::Dependency), or what
    /// [`dependency_fn`](crate::dependency_fn) makes where the request names it.
    pub const fn new(dependency: D, extractor: E) -> Self {
        Self {
            dependency,
            extractor,
            classify: DefaultClassify,
            on_rejection: Propagate,
            on_error: Propagate,
            probe_if: Always,
            on_missing_tenant: OnMissingTenant::RunUnguarded,
            settle: AtHead,
        }
    }
}

impl<D, E, C, O, G, P, T> TenantCircuitBreakerLayer<D, E, C, O, G, P, T> {
    /// Judges finished calls: [`ErrIsFailure`](crate::ErrIsFailure), or a closure over
    /// `Result<&Res, &BoxError>`.
    ///
    /// It is cloned for every admitted call, so it should be cheap to clone.
    ///
    /// ```
    /// use tower::BoxError;
    /// use tower_tenant_breaker::{
    ///     CircuitBreakerRegistry, FixedTenant, Outcome, TenantCircuitBreakerLayer,
    /// };
    ///
    /// let models = CircuitBreakerRegistry::builder().build()?.dependency("models")?;
    /// let layer = TenantCircuitBreakerLayer::new(models, FixedTenant::new("acme"))
    ///     .classify(|result: Result<&String, &BoxError>| match result {
    ///         Ok(answer) if answer.is_empty() => Outcome::failure(),
    ///         Ok(_) => Outcome::Success,
    ///         Err(_) => Outcome::failure(),
    ///     });
    /// # Ok::<(), BoxError>(())
    /// ```
    pub fn classify<C2>(self, classify: C2) -> TenantCircuitBreakerLayer<D, E, C2, O, G, P, T> {
        TenantCircuitBreakerLayer {
            dependency: self.dependency,
            extractor: self.extractor,
            classify,
            on_rejection: self.on_rejection,
            on_error: self.on_error,
            probe_if: self.probe_if,
            on_missing_tenant: self.on_missing_tenant,
            settle: self.settle,
        }
    }

    /// Says of each request whether it may be a probe, as a `bool` or a [`Probing`]. By default all may.
    ///
    /// A probe may fail, or hang. A write with side effects is better kept for when reads have shown
    /// that the dependency is back; [`Probing::IfNoneElse`] keeps a tenant that only writes from waiting
    /// for ever. Asked before every call, whatever the circuit's state.
    ///
    /// ```
    /// use tower_tenant_breaker::{
    ///     CircuitBreakerRegistry, FixedTenant, Probing, TenantCircuitBreakerLayer,
    /// };
    ///
    /// struct Statement { sql: String, writes: bool }
    ///
    /// let orders = CircuitBreakerRegistry::builder().build()?.dependency("orders")?;
    /// let layer = TenantCircuitBreakerLayer::new(orders, FixedTenant::new("acme"))
    ///     .probe_if(|statement: &Statement| match statement.writes {
    ///         true => Probing::IfNoneElse,
    ///         false => Probing::Yes,
    ///     });
    /// # Ok::<(), tower::BoxError>(())
    /// ```
    pub fn probe_if<Req, F, R>(
        self,
        probe_if: F,
    ) -> TenantCircuitBreakerLayer<D, E, C, O, G, ProbeFn<F>, T>
    where
        F: Fn(&Req) -> R,
        R: Into<Probing>,
    {
        TenantCircuitBreakerLayer {
            dependency: self.dependency,
            extractor: self.extractor,
            classify: self.classify,
            on_rejection: self.on_rejection,
            on_error: self.on_error,
            probe_if: ProbeFn(probe_if),
            on_missing_tenant: self.on_missing_tenant,
            settle: self.settle,
        }
    }

    /// What happens to a request without a tenant. By default it runs unguarded.
    pub fn on_missing_tenant(mut self, on_missing_tenant: OnMissingTenant) -> Self {
        self.on_missing_tenant = on_missing_tenant;
        self
    }

    #[cfg(feature = "http")]
    pub(crate) fn settle<T2>(self, settle: T2) -> TenantCircuitBreakerLayer<D, E, C, O, G, P, T2> {
        TenantCircuitBreakerLayer {
            dependency: self.dependency,
            extractor: self.extractor,
            classify: self.classify,
            on_rejection: self.on_rejection,
            on_error: self.on_error,
            probe_if: self.probe_if,
            on_missing_tenant: self.on_missing_tenant,
            settle,
        }
    }

    pub(crate) fn on_error<G2>(
        self,
        on_error: G2,
    ) -> TenantCircuitBreakerLayer<D, E, C, O, G2, P, T> {
        TenantCircuitBreakerLayer {
            dependency: self.dependency,
            extractor: self.extractor,
            classify: self.classify,
            on_rejection: self.on_rejection,
            on_error,
            probe_if: self.probe_if,
            on_missing_tenant: self.on_missing_tenant,
            settle: self.settle,
        }
    }

    pub(crate) fn on_rejection<O2>(
        self,
        on_rejection: O2,
    ) -> TenantCircuitBreakerLayer<D, E, C, O2, G, P, T> {
        TenantCircuitBreakerLayer {
            dependency: self.dependency,
            extractor: self.extractor,
            classify: self.classify,
            on_rejection,
            on_error: self.on_error,
            probe_if: self.probe_if,
            on_missing_tenant: self.on_missing_tenant,
            settle: self.settle,
        }
    }
}

impl<S, D, E, C, O, G, P, T> Layer<S> for TenantCircuitBreakerLayer<D, E, C, O, G, P, T>
where
    Self: Clone,
{
    type Service = TenantCircuitBreaker<S, D, E, C, O, G, P, T>;

    fn layer(&self, inner: S) -> Self::Service {
        TenantCircuitBreaker::new(inner, self.clone())
    }
}

// By hand: closures have no `Debug`.
impl<D, E, C, O, G, P, T> fmt::Debug for TenantCircuitBreakerLayer<D, E, C, O, G, P, T>
where
    D: fmt::Debug,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantCircuitBreakerLayer")
            .field("dependency", &self.dependency)
            .field("on_missing_tenant", &self.on_missing_tenant)
            .finish_non_exhaustive()
    }
}
