use std::fmt;
use std::mem;
use std::task::{Context, Poll, Waker};

use tower::BoxError;
use tower_service::Service;

use crate::admit::{Refusal, admit};
use crate::answer::{OnError, OnRejection, Propagate, ToCredit};
use crate::circuit::Stage;
use crate::future::{Parts, ResponseFuture};
use crate::probe::{Always, ProbeIf};
use crate::settle::{AtHead, Settle};
use crate::{
    Classify, DefaultClassify, SelectDependency, TenantCircuitBreakerLayer, TenantExtractor,
};

/// A service with a circuit for every tenant in front of it; made by [`TenantCircuitBreakerLayer`].
///
/// Always ready: which tenant a call is for, and so whether it may pass, is not known before the request
/// is there. The inner service's readiness is waited for within the call.
///
/// The inner service has to be `Clone`, since a call that waits for it takes it along, and leaves a clone
/// for the next. One that is not (`RateLimit`, `Balance`, `Hedge`, `SpawnReady`) goes behind
/// tower's `Buffer`.
///
/// # Cancel safety
///
/// Dropping a call's future drops the call to the inner service, gives back whatever that held, and is
/// counted as cancelled: a call that ended before anyone knew how.
///
/// # Its type
///
/// Where a field or an axum state has to name it, the parameters that the layer was not told of may be left
/// out. A closure has no name: give a `fn` in its place, or box the service as tower's
/// `BoxCloneSyncService`. Box the whole, too, where the inner's type names a `BoxError`, as a box does, and the call is to
/// be awaited in a spawned task: see "not general enough" at [`TenantCircuitBreakerLayer`].
///
/// ```
/// use tower::timeout::Timeout;
/// use tower_tenant_breaker::{Dependency, ErrIsFailure, TaskTenant, TenantCircuitBreaker};
///
/// struct Tools<S> {
///     search: TenantCircuitBreaker<Timeout<S>, Dependency, TaskTenant, ErrIsFailure>,
/// }
/// ```
#[derive(Clone)]
pub struct TenantCircuitBreaker<
    S,
    D,
    E,
    C = DefaultClassify,
    O = Propagate,
    G = Propagate,
    P = Always,
    T = AtHead,
> {
    // A clone's clone of the inner carries no readiness, and there is none of our own to carry: it is
    // taken and used up within `call`.
    pub(crate) inner: S,
    pub(crate) settings: TenantCircuitBreakerLayer<D, E, C, O, G, P, T>,
}

impl<S, D, E, C, O, G, P, T> TenantCircuitBreaker<S, D, E, C, O, G, P, T> {
    /// Puts circuits in front of a service; the same as `settings.layer(inner)`, without a clone.
    pub const fn new(inner: S, settings: TenantCircuitBreakerLayer<D, E, C, O, G, P, T>) -> Self {
        Self { inner, settings }
    }

    /// The inner service.
    pub const fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The inner service, to change it.
    pub const fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The inner service, and no circuits.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, Req, D, E, C, O, G, P, T> Service<Req> for TenantCircuitBreaker<S, D, E, C, O, G, P, T>
where
    S: Service<Req> + Clone,
    S::Error: Into<BoxError>,
    D: SelectDependency<Req>,
    E: TenantExtractor<Req>,
    C: Classify<S::Response, BoxError> + Clone,
    O: OnRejection<Req, S::Response> + Clone,
    G: OnError<S::Response, O::Error> + Clone,
    P: ProbeIf<Req>,
    T: Settle<Req, S::Response>,
{
    type Response = T::Response;
    type Error = G::Error;
    type Future = ResponseFuture<S, Req, C, O, G, T>;

    // The inner is left alone: the tenant is not known yet, so a rejected call would leave a reservation
    // behind, and one tenant's stuck call would hold up the others. And an error here would mean that
    // this service is to be thrown away, which `Buffer` takes as its own end.
    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, req: Req) -> Self::Future {
        self.settings.call(&mut self.inner, req)
    }
}

impl<D, E, C, O, G, P, T> TenantCircuitBreakerLayer<D, E, C, O, G, P, T> {
    /// A call to the inner service under these settings.
    pub(crate) fn call<S, Req>(&self, inner: &mut S, req: Req) -> ResponseFuture<S, Req, C, O, G, T>
    where
        S: Service<Req> + Clone,
        S::Error: Into<BoxError>,
        D: SelectDependency<Req>,
        E: TenantExtractor<Req>,
        C: Classify<S::Response, BoxError> + Clone,
        O: OnRejection<Req, S::Response> + Clone,
        G: OnError<S::Response, O::Error> + Clone,
        P: ProbeIf<Req>,
        T: Settle<Req, S::Response>,
    {
        let admitted = admit(
            &req,
            &self.dependency,
            &self.extractor,
            &self.probe_if,
            self.on_missing_tenant,
        );
        let mut permit = match admitted {
            Ok(permit) => permit,
            Err(Refusal::Open(open)) => {
                let credit = O::Credit::of_rejected(&open);
                let answer = self.on_rejection.rejected(req, open);
                return ResponseFuture::rejected(answer, credit, &self.on_error);
            }
            Err(Refusal::Error(error)) => {
                return ResponseFuture::answered(self.on_error.answer(error));
            }
        };

        permit.stage(Stage::Hook);
        let parts = Parts {
            kept: self.on_rejection.keep(&req),
            begun: self.settle.begin(&req),
            classify: self.classify.clone(),
            on_rejection: self.on_rejection.clone(),
            on_error: self.on_error.clone(),
        };

        // With a waker that wakes nobody: who is not ready now is asked again by the future.
        let mut cx = Context::from_waker(Waker::noop());
        match permit.within(|| inner.poll_ready(&mut cx)) {
            Poll::Ready(Ok(())) => {
                let future = permit.within(|| inner.call(req));
                ResponseFuture::called(future, permit, parts)
            }
            // The one that was asked has its place in the queue: it has to be the one that waits.
            Poll::Pending => {
                // A panic of `clone` is nobody's outcome.
                permit.stage(Stage::Hook);
                let asked = replace(inner);
                permit.stage(Stage::Waiting);
                ResponseFuture::waiting(asked, req, permit, parts)
            }
            Poll::Ready(Err(error)) => {
                // A service that said so is not to be used again.
                permit.stage(Stage::Hook);
                drop(replace(inner));
                ResponseFuture::unready(error.into(), permit, parts)
            }
        }
    }
}

fn replace<S: Clone>(inner: &mut S) -> S {
    let fresh = inner.clone();
    mem::replace(inner, fresh)
}

// By hand: closures have no `Debug`.
impl<S, D, E, C, O, G, P, T> fmt::Debug for TenantCircuitBreaker<S, D, E, C, O, G, P, T>
where
    S: fmt::Debug,
    D: fmt::Debug,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantCircuitBreaker")
            .field("inner", &self.inner)
            .field("settings", &self.settings)
            .finish()
    }
}
