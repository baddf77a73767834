use std::fmt;
use std::pin::pin;

use ::http::Extensions;
use ::reqwest::{Request, Response};
use reqwest_middleware::{Error, Middleware, Next};

use super::{ClientRequest, Unsent};
use crate::admit::admit;
use crate::circuit::Stage;
use crate::http::body::{DefaultBodyJudge, ObserveBody, SettleAt};
use crate::probe::{Always, ProbeFn, ProbeIf};
use crate::settle::{AtHead, Settle};
use crate::{
    Classify, DefaultClassify, OnMissingTenant, Outcome, Probing, SelectDependency, TenantExtractor,
};

/// Keeps a circuit for every tenant, among the middlewares of a client.
///
/// As [`TenantCircuitBreakerLayer`](crate::TenantCircuitBreakerLayer) does around a tower service, and
/// with circuits from the same registry: a middleware and a layer with one dependency share its circuits, as
/// do all clients.
///
/// ```
/// use reqwest_middleware::ClientBuilder;
/// use tower_tenant_breaker::{
///     CircuitBreakerRegistry, HeaderTenant, Policy, TenantCircuitBreakerMiddleware,
/// };
///
/// let registry = CircuitBreakerRegistry::builder().build()?;
/// let search = registry.dependency_with("search", Policy::default())?;
///
/// let client = ClientBuilder::new(reqwest::Client::new())
///     .with(TenantCircuitBreakerMiddleware::new(search, HeaderTenant::new("x-tenant-id")))
///     .build();
/// # Ok::<(), tower::BoxError>(())
/// ```
///
/// One client that many dependencies are called by takes them from the request, here by host:
///
/// ```
/// use tower_tenant_breaker::reqwest::ClientRequest;
/// use tower_tenant_breaker::{
///     CircuitBreakerRegistry, TaskTenant, TenantCircuitBreakerMiddleware, dependency_fn,
/// };
///
/// let registry = CircuitBreakerRegistry::builder().max_dependencies(200).build()?;
/// let by_host = dependency_fn(registry, |call: &ClientRequest| {
///     call.request().url().host_str().unwrap_or_default().into()
/// });
/// let breaker = TenantCircuitBreakerMiddleware::new(by_host, TaskTenant);
/// # Ok::<(), tower::BoxError>(())
/// ```
///
/// # Errors
///
/// A call that is not admitted ends with `Error::Middleware`, and
/// [`CircuitOpen::find`](crate::CircuitOpen::find) tells a rejection from all others; see [`Unsent`]. No
/// middleware further in sees that call, and no connection is made.
///
/// # Cancel safety
///
/// A call that is dropped before its response's head is there (by a timeout around it, or because its
/// own caller left) is counted as cancelled.
#[derive(Clone)]
#[must_use = "a middleware does nothing until a client has it"]
pub struct TenantCircuitBreakerMiddleware<D, E, C = DefaultClassify, P = Always, T = AtHead> {
    dependency: D,
    extractor: E,
    classify: C,
    probe_if: P,
    on_missing_tenant: OnMissingTenant,
    settle: T,
}

impl<D, E> TenantCircuitBreakerMiddleware<D, E> {
    /// Guards calls to a dependency, by the tenant that the extractor finds in each request.
    ///
    /// The dependency is a [`Dependency`](crate::Dependency), or what
    /// [`dependency_fn`](crate::dependency_fn) makes where the request names it.
    pub const fn new(dependency: D, extractor: E) -> Self {
        Self {
            dependency,
            extractor,
            classify: DefaultClassify,
            probe_if: Always,
            on_missing_tenant: OnMissingTenant::RunUnguarded,
            settle: AtHead,
        }
    }
}

impl<D, E, C, P, T> TenantCircuitBreakerMiddleware<D, E, C, P, T> {
    /// Judges finished calls: [`HttpClassify`](crate::HttpClassify), or a closure over
    /// `Result<&reqwest::Response, &reqwest_middleware::Error>`. By default
    /// [`DefaultClassify`] judges.
    ///
    /// ```
    /// use reqwest::{Response, StatusCode};
    /// use reqwest_middleware::Error;
    /// use tower_tenant_breaker::{
    ///     CircuitBreakerRegistry, DefaultClassify, Outcome, TaskTenant, TenantCircuitBreakerMiddleware,
    /// };
    ///
    /// let models = CircuitBreakerRegistry::builder().build()?.dependency("models")?;
    /// let out_of_money = |result: Result<&Response, &Error>| {
    ///     let paid = result.ok()?.status() != StatusCode::PAYMENT_REQUIRED;
    ///     (!paid).then(Outcome::failure)
    /// };
    /// let breaker = TenantCircuitBreakerMiddleware::new(models, TaskTenant)
    ///     .classify(DefaultClassify.ask_first(out_of_money));
    /// # Ok::<(), tower::BoxError>(())
    /// ```
    pub fn classify<C2>(self, classify: C2) -> TenantCircuitBreakerMiddleware<D, E, C2, P, T> {
        TenantCircuitBreakerMiddleware {
            dependency: self.dependency,
            extractor: self.extractor,
            classify,
            probe_if: self.probe_if,
            on_missing_tenant: self.on_missing_tenant,
            settle: self.settle,
        }
    }

    /// Says of each request whether it may be a probe, as a `bool` or a [`Probing`]. By default all may.
    ///
    /// As [the layer's](crate::TenantCircuitBreakerLayer::probe_if).
    ///
    /// ```
    /// use tower_tenant_breaker::reqwest::ClientRequest;
    /// use tower_tenant_breaker::{CircuitBreakerRegistry, TaskTenant, TenantCircuitBreakerMiddleware};
    ///
    /// let orders = CircuitBreakerRegistry::builder().build()?.dependency("orders")?;
    /// let breaker = TenantCircuitBreakerMiddleware::new(orders, TaskTenant)
    ///     .probe_if(|call: &ClientRequest| call.request().method().is_safe());
    /// # Ok::<(), tower::BoxError>(())
    /// ```
    pub fn probe_if<F, R>(
        self,
        probe_if: F,
    ) -> TenantCircuitBreakerMiddleware<D, E, C, ProbeFn<F>, T>
    where
        F: Fn(&ClientRequest) -> R,
        R: Into<Probing>,
    {
        TenantCircuitBreakerMiddleware {
            dependency: self.dependency,
            extractor: self.extractor,
            classify: self.classify,
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

    /// Settles the outcome of a call with a good head at its body's first data or end, and measures the
    /// latency to there: see [`http::body`](crate::http::body).
    ///
    /// The response stays a `reqwest::Response`. Its body is boxed twice more, once for each response and
    /// never for a frame.
    ///
    /// ```
    /// use tower_tenant_breaker::http::body::SettleAt;
    /// use tower_tenant_breaker::{CircuitBreakerRegistry, TaskTenant, TenantCircuitBreakerMiddleware};
    ///
    /// let exports = CircuitBreakerRegistry::builder().build()?.dependency("exports")?;
    /// // An export that breaks off in the middle is a failure.
    /// let breaker = TenantCircuitBreakerMiddleware::new(exports, TaskTenant)
    ///     .observe_body(SettleAt::End);
    /// # Ok::<(), tower::BoxError>(())
    /// ```
    pub fn observe_body(
        self,
        point: SettleAt,
    ) -> TenantCircuitBreakerMiddleware<D, E, C, P, ObserveBody<DefaultBodyJudge>> {
        self.observe_body_with(point, DefaultBodyJudge::new())
    }

    /// As [`observe_body`](Self::observe_body), with a judge of your own: a
    /// [`SseJudge`](crate::http::body::SseJudge), or whatever
    /// [`JudgeBody`](crate::http::body::JudgeBody) there is. It is cloned for every admitted call.
    ///
    /// ```
    /// use tower_tenant_breaker::http::body::{SettleAt, SseJudge};
    /// use tower_tenant_breaker::{CircuitBreakerRegistry, TaskTenant, TenantCircuitBreakerMiddleware};
    ///
    /// let models = CircuitBreakerRegistry::builder().build()?.dependency("models")?;
    /// // A 200 whose stream carries an event named `error` is a failure.
    /// let breaker = TenantCircuitBreakerMiddleware::new(models, TaskTenant)
    ///     .observe_body_with(SettleAt::End, SseJudge::new());
    /// # Ok::<(), tower::BoxError>(())
    /// ```
    pub fn observe_body_with<J>(
        self,
        point: SettleAt,
        judge: J,
    ) -> TenantCircuitBreakerMiddleware<D, E, C, P, ObserveBody<J>> {
        TenantCircuitBreakerMiddleware {
            dependency: self.dependency,
            extractor: self.extractor,
            classify: self.classify,
            probe_if: self.probe_if,
            on_missing_tenant: self.on_missing_tenant,
            settle: ObserveBody::new(point, judge),
        }
    }
}

#[async_trait::async_trait]
impl<D, E, C, P, T> Middleware for TenantCircuitBreakerMiddleware<D, E, C, P, T>
where
    D: SelectDependency<ClientRequest> + Send + Sync + 'static,
    E: TenantExtractor<ClientRequest> + Send + Sync + 'static,
    C: Classify<Response, Error> + Send + Sync + 'static,
    P: ProbeIf<ClientRequest> + Send + Sync + 'static,
    T: Settle<Request, Response, Response = Response> + Send + Sync + 'static,
    T::Begun: Send,
{
    async fn handle(
        &self,
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response, Error> {
        let (request, admitted) = ClientRequest::look(request, extensions, |call| {
            admit(
                call,
                &self.dependency,
                &self.extractor,
                &self.probe_if,
                self.on_missing_tenant,
            )
        });
        let mut permit = admitted.map_err(|why| Error::middleware(Unsent::new(why)))?;
        permit.stage(Stage::Hook);
        let begun = self.settle.begin(&request);
        // Within a future, so that a middleware further in that panics at once does it in there.
        let rest = pin!(async move { next.run(request, extensions).await });
        let (result, outcome) = permit.judge(&self.classify, rest).await;
        match result {
            // What is good so far may have a body in which it goes wrong.
            Ok(response) if outcome == Outcome::Success => {
                Ok(T::settle(begun, response, &mut permit))
            }
            result => {
                permit.record(outcome);
                result
            }
        }
    }
}

// By hand: closures have no `Debug`.
impl<D, E, C, P, T> fmt::Debug for TenantCircuitBreakerMiddleware<D, E, C, P, T>
where
    D: fmt::Debug,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantCircuitBreakerMiddleware")
            .field("dependency", &self.dependency)
            .field("on_missing_tenant", &self.on_missing_tenant)
            .finish_non_exhaustive()
    }
}
