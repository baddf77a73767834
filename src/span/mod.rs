//! A span for each call through a layer; see [`span_per_call`](TenantCircuitBreakerLayer::span_per_call).

#[cfg(feature = "http")]
mod body;
mod call;
mod future;
mod hooks;

use std::task::{Context, Poll};

use tower::BoxError;
use tower_layer::Layer;
use tower_service::Service;

pub use self::call::CallSpan;
pub use self::future::SpanFuture;
pub(crate) use self::hooks::Lent;
pub use self::hooks::OnSpan;
use crate::answer::{OnError, OnRejection};
use crate::probe::ProbeIf;
use crate::settle::Settle;
use crate::{
    Classify, ResponseFuture, SelectDependency, TenantCircuitBreaker, TenantCircuitBreakerLayer,
    TenantExtractor,
};

impl<D, E, C, O, G, P, T> TenantCircuitBreakerLayer<D, E, C, O, G, P, T> {
    /// Opens a span of `tracing` for each call. It is said last of a layer.
    ///
    /// The span is named `circuit_breaker.call`, at the level `INFO`, with the target `tower_tenant_breaker::span`. It is
    /// the current one while the circuit is asked, while the inner service works, and while a fallback does: what
    /// these say, and the crate's own events of the call, are its children. Its fields are the attributes of the metrics:
    ///
    /// | field | says |
    /// |---|---|
    /// | `dependency` | the dependency |
    /// | `tenant.id` | the tenant, as the extractor found it; of a credential its hash |
    /// | `outcome` | `success`, `failure`, `throttled`, `ignored`, `cancelled` or `rejected` |
    /// | `reason` | why it was rejected |
    /// | `state` | the state of the tenant's circuit when the call was rejected: one that is forced open may be `closed` |
    /// | `otel.status_code` | `ERROR` where it failed, was throttled or was rejected, also where something else answered |
    ///
    /// A call that was refused for want of a tenant or a dependency has no outcome, and is an error. A quota that is used
    /// up is `throttled`. A panic of the inner service is a `failure`, one of a classifier or a judge `ignored`. A call
    /// that is dropped is `cancelled`. No span of a kind other than internal is made: a client's or a server's own belongs
    /// to who speaks to the network.
    ///
    /// Where [the body settles the outcome](TenantCircuitBreakerLayer::observe_body), the span lasts until it does, and
    /// its outcome is the body's; it is the current one while the body is polled until then. A body that is dropped
    /// before is `cancelled`. Otherwise the span ends with the call's future: an outcome is then said of the head alone.
    ///
    /// # Costs
    ///
    /// A layer without it has nothing of it: neither a branch nor a byte. With it a call costs what the subscriber takes
    /// for a span, one allocation, and a second clone of the classifier and the answers. Where the span is disabled, it
    /// costs those clones, and asks the subscriber.
    ///
    /// ```
    /// use tower::{BoxError, ServiceBuilder, ServiceExt};
    /// use tower_tenant_breaker::{CircuitBreakerRegistry, ErrIsFailure, FixedTenant, TenantCircuitBreakerLayer};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), BoxError> {
    /// let search = CircuitBreakerRegistry::builder().build()?.dependency("search")?;
    /// let service = ServiceBuilder::new()
    ///     .layer(
    ///         TenantCircuitBreakerLayer::new(search, FixedTenant::new("acme"))
    ///             .classify(ErrIsFailure)
    ///             .span_per_call(),
    ///     )
    ///     .service_fn(async |query: &'static str| {
    ///         tracing::debug!("within `circuit_breaker.call`");
    ///         Ok::<_, std::io::Error>(query.len())
    ///     });
    /// assert_eq!(service.oneshot("lemons").await?, 6);
    /// # Ok(())
    /// # }
    /// ```
    pub const fn span_per_call(self) -> SpanPerCallLayer<Self> {
        SpanPerCallLayer { layer: self }
    }
}

/// A layer whose calls have a span each; made by [`span_per_call`](TenantCircuitBreakerLayer::span_per_call).
#[derive(Clone, Debug)]
#[must_use = "a layer does nothing until a service is in it"]
pub struct SpanPerCallLayer<L> {
    layer: L,
}

impl<S, L: Layer<S>> Layer<S> for SpanPerCallLayer<L> {
    type Service = SpanPerCall<L::Service>;

    fn layer(&self, inner: S) -> Self::Service {
        let breaker = self.layer.layer(inner);
        SpanPerCall { breaker }
    }
}

/// A [`TenantCircuitBreaker`] whose calls have a span each; made by
/// [`span_per_call`](TenantCircuitBreakerLayer::span_per_call).
///
/// # Cancel safety
///
/// As the breaker's own. The span of a call that is dropped ends, and says `cancelled`.
#[derive(Clone, Debug)]
pub struct SpanPerCall<B> {
    breaker: B,
}

impl<B> SpanPerCall<B> {
    /// The breaker.
    pub const fn get_ref(&self) -> &B {
        &self.breaker
    }

    /// The breaker, to change it.
    pub const fn get_mut(&mut self) -> &mut B {
        &mut self.breaker
    }

    /// The breaker, whose calls have no span.
    pub fn into_inner(self) -> B {
        self.breaker
    }
}

impl<S, Req, D, E, C, O, G, P, T> Service<Req>
    for SpanPerCall<TenantCircuitBreaker<S, D, E, C, O, G, P, T>>
where
    S: Service<Req> + Clone,
    S::Error: Into<BoxError>,
    D: SelectDependency<Req>,
    E: TenantExtractor<Req>,
    C: Classify<S::Response, BoxError> + Clone,
    O: OnRejection<Req, S::Response> + Clone,
    G: OnError<S::Response, O::Error> + Clone,
    P: ProbeIf<Req>,
    T: Clone,
    OnSpan<T>: Settle<Req, S::Response>,
{
    type Response = <OnSpan<T> as Settle<Req, S::Response>>::Response;
    type Error = G::Error;
    type Future = SpanFuture<ResponseFuture<S, Req, OnSpan<C>, OnSpan<O>, OnSpan<G>, OnSpan<T>>>;

    // As the breaker, for the same reasons.
    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, req: Req) -> Self::Future {
        let span = CallSpan::begin();
        let TenantCircuitBreaker { inner, settings } = &mut self.breaker;
        let settings = hooks::of_call(settings, &span);
        let future = span.within(|| settings.call(inner, req));
        drop(settings);
        SpanFuture::new(future, span)
    }
}
