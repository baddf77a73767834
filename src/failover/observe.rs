//! What goes wrong after a good head, for the circuits of a failover's providers.

use super::FailoverBuilder;
use crate::http::body::{DefaultBodyJudge, ObserveBody, SettleAt};

impl<S, E, C, R, L, T> FailoverBuilder<S, E, C, R, L, T> {
    /// Settles the outcome of an attempt with a good head at its body's first data or end, and measures the
    /// latency to there: see [`http::body`](crate::http::body).
    ///
    /// A provider whose streams break opens its circuit, and the calls that come after go to the next. The call
    /// whose stream breaks stays where it is: what its caller has got cannot be begun anew.
    ///
    /// For services that take an `http::Request` and answer with an `http::Response`, whose body then is an
    /// [`ObservedBody`](crate::http::body::ObservedBody); and, with the feature `reqwest-middleware`, for those
    /// that answer with a `reqwest::Response`, which it remains. A last resort is told of the provider's response
    /// as it was, and no circuit waits for the body of its answer.
    ///
    /// Until its body has settled it, an attempt is in the air: one that probes keeps its place, and a body that is
    /// dropped has cancelled it.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use http::{Request, Response};
    /// use http_body_util::Full;
    /// use tower::{BoxError, Service, service_fn};
    /// use tower_tenant_breaker::http::HeaderTenant;
    /// use tower_tenant_breaker::http::body::SettleAt;
    /// use tower_tenant_breaker::{CircuitBreakerRegistry, Failover};
    ///
    /// async fn ask(_request: Request<Full<Bytes>>) -> Result<Response<Full<Bytes>>, BoxError> {
    ///     Ok(Response::new(Full::from("a haiku")))
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), BoxError> {
    /// use http_body_util::BodyExt;
    ///
    /// let registry = CircuitBreakerRegistry::builder().build()?;
    /// let a = registry.dependency("model-a")?;
    /// let mut models = Failover::builder(HeaderTenant::new("x-tenant-id"))
    ///     .provider(a.clone(), service_fn(ask))
    ///     .provider(registry.dependency("model-b")?, service_fn(ask))
    ///     .observe_body(SettleAt::End)
    ///     .build()?;
    ///
    /// let request = Request::post("/").header("x-tenant-id", "acme").body(Full::default())?;
    /// let response = models.call(request).await?.into_inner();
    /// assert_eq!(a.snapshot().totals.calls, 0, "nobody knows yet");
    /// assert_eq!(response.into_body().collect().await?.to_bytes(), "a haiku");
    /// assert_eq!(a.snapshot().totals.calls, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn observe_body(
        self,
        point: SettleAt,
    ) -> FailoverBuilder<S, E, C, R, L, ObserveBody<DefaultBodyJudge>> {
        self.observe_body_with(point, DefaultBodyJudge::new())
    }

    /// As [`observe_body`](Self::observe_body), with a judge of your own: an
    /// [`SseJudge`](crate::http::body::SseJudge), or whatever [`JudgeBody`](crate::http::body::JudgeBody) there is.
    /// It is cloned for every attempt.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use http::{Request, Response};
    /// use http_body_util::{BodyExt, Full};
    /// use tower::{BoxError, Service, service_fn};
    /// use tower_tenant_breaker::http::HeaderTenant;
    /// use tower_tenant_breaker::http::body::{SettleAt, SseJudge};
    /// use tower_tenant_breaker::{CircuitBreakerRegistry, Failover, Policy};
    ///
    /// /// Answers 200, and then says that it is overloaded.
    /// async fn ask(_request: Request<Full<Bytes>>) -> Result<Response<Full<Bytes>>, BoxError> {
    ///     let stream = "event: error\ndata: {\"type\": \"overloaded_error\"}\n\n";
    ///     Ok(Response::builder().header("content-type", "text/event-stream").body(stream.into())?)
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), BoxError> {
    /// let registry = CircuitBreakerRegistry::builder()
    ///     .default_policy(Policy::builder().consecutive_failures(1).build()?)
    ///     .build()?;
    /// let mut models = Failover::builder(HeaderTenant::new("x-tenant-id"))
    ///     .provider(registry.dependency("model-a")?, service_fn(ask))
    ///     .provider(registry.dependency("model-b")?, service_fn(ask))
    ///     .observe_body_with(SettleAt::End, SseJudge::new())
    ///     .build()?;
    ///
    /// for by in ["model-a", "model-b"] {
    ///     let request = Request::post("/").header("x-tenant-id", "acme").body(Full::default())?;
    ///     let served = models.call(request).await?;
    ///     assert_eq!(served.by().to_string(), by);
    ///     // The error event passes to the caller as it is, and the circuit has heard of it.
    ///     served.into_inner().into_body().collect().await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn observe_body_with<J>(
        self,
        point: SettleAt,
        judge: J,
    ) -> FailoverBuilder<S, E, C, R, L, ObserveBody<J>> {
        self.settle(ObserveBody::new(point, judge))
    }
}
