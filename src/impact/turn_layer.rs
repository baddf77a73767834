use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use super::{Turn, TurnScope};
use crate::sync::Arc;

/// Finds the turn that a request belongs to.
///
/// A closure is one, where its argument says its type: `|job: &Job| Some(job.turn.into())`. The header of an
/// `http::Request` is found by `http::HeaderTurn` (feature `http`).
///
/// ```
/// use tower_tenant_breaker::impact::{Turn, TurnExtractor};
///
/// struct Job { turn: Option<u64> }
///
/// let of_job = |job: &Job| job.turn.map(Turn::from);
/// assert_eq!(of_job.turn(&Job { turn: Some(17) }), Some(17_u64.into()));
/// assert_eq!(of_job.turn(&Job { turn: None }), None);
/// ```
pub trait TurnExtractor<Req> {
    /// The turn of this request; none where it names none, and then its calls belong to the turn around, if there is
    /// one.
    fn turn(&self, req: &Req) -> Option<Turn>;
}

impl<F, Req> TurnExtractor<Req> for F
where
    F: Fn(&Req) -> Option<Turn>,
{
    fn turn(&self, req: &Req) -> Option<Turn> {
        self(req)
    }
}

/// Runs each call as the turn that its request names.
///
/// It goes outside of the breaker's layer, or anywhere around the work that calls dependencies. What it costs a call is
/// the extractor, a hash, and a task-local.
///
/// ```
/// use tower::{BoxError, ServiceBuilder, ServiceExt};
/// use tower_tenant_breaker::impact::{ImpactPolicy, Turn, TurnLayer};
/// use tower_tenant_breaker::{CircuitBreakerRegistry, ErrIsFailure, TenantCircuitBreakerLayer, tenant_fn};
///
/// struct Job { tenant: String, turn: u64 }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), BoxError> {
/// let registry = CircuitBreakerRegistry::builder().impact(ImpactPolicy::default()).build()?;
/// let tenant = tenant_fn(|job: &Job| Ok(job.tenant.as_str().into()));
/// let service = ServiceBuilder::new()
///     .layer(TurnLayer::new(|job: &Job| Some(Turn::from(job.turn))))
///     .layer(TenantCircuitBreakerLayer::new(registry.dependency("tools")?, tenant).classify(ErrIsFailure))
///     .service_fn(async |_: Job| Err::<(), _>(std::io::Error::other("down")));
///
/// for turn in [17, 17, 18] {
///     let job = Job { tenant: "acme".into(), turn };
///     assert!(service.clone().oneshot(job).await.is_err());
/// }
/// assert_eq!(registry.impact().rows()[0].counts.turns.count, 2);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct TurnLayer<E> {
    extractor: Arc<E>,
}

impl<E> TurnLayer<E> {
    /// Runs calls as the turns that this finds.
    pub fn new(extractor: E) -> Self {
        let extractor = Arc::new(extractor);
        Self { extractor }
    }
}

impl<S, E> Layer<S> for TurnLayer<E> {
    type Service = InTurn<S, E>;

    fn layer(&self, inner: S) -> Self::Service {
        let extractor = Arc::clone(&self.extractor);
        InTurn { inner, extractor }
    }
}

// By hand: closures have no `Debug`.
impl<E> fmt::Debug for TurnLayer<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TurnLayer").finish_non_exhaustive()
    }
}

/// A service whose calls run as turns; made by [`TurnLayer`].
pub struct InTurn<S, E> {
    inner: S,
    extractor: Arc<E>,
}

impl<S, E, Req> Service<Req> for InTurn<S, E>
where
    S: Service<Req>,
    E: TurnExtractor<Req>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = InTurnFuture<S::Future>;

    // Readiness is the inner's own: `call` uses what `poll_ready` has asked for.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    // The breaker asks its circuit in `call`, so that has to be in the scope too.
    fn call(&mut self, req: Req) -> Self::Future {
        let turn = self.extractor.turn(&req);
        let inner = match turn {
            Some(turn) => Inner::Within {
                scope: Turn::scope(turn, turn.within(|| self.inner.call(req))),
            },
            None => Inner::Without {
                future: self.inner.call(req),
            },
        };
        InTurnFuture { inner }
    }
}

// By hand: a derive would ask for a clone of what is behind the pointer.
impl<S: Clone, E> Clone for InTurn<S, E> {
    fn clone(&self) -> Self {
        let (inner, extractor) = (self.inner.clone(), Arc::clone(&self.extractor));
        Self { inner, extractor }
    }
}

impl<S: fmt::Debug, E> fmt::Debug for InTurn<S, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InTurn")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}

pin_project! {
    /// Future for the [`InTurn`] service.
    pub struct InTurnFuture<F> {
        #[pin]
        inner: Inner<F>,
    }
}

pin_project! {
    #[project = InnerProj]
    enum Inner<F> {
        Within { #[pin] scope: TurnScope<F> },
        Without { #[pin] future: F },
    }
}

impl<F: Future> Future for InTurnFuture<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        match self.project().inner.project() {
            InnerProj::Within { scope } => scope.poll(cx),
            InnerProj::Without { future } => future.poll(cx),
        }
    }
}

impl<F> fmt::Debug for InTurnFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InTurnFuture").finish_non_exhaustive()
    }
}
