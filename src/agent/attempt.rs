//! What the breaker of a dispatcher is around: one attempt of a call, bounded by the tool's timeout.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pin_project_lite::pin_project;
use tokio::time::{Timeout, timeout};
use tower::BoxError;
use tower_service::Service;

use super::ToolCall;
use crate::answer::{Answer, Cause, NoFallback, OnRejection};
use crate::impact::{Turn, TurnExtractor};
use crate::probe::ProbeIf;
use crate::{CircuitOpen, Classify, MissingTenant, Outcome, Probing, Tenant, TenantExtractor};

/// A call of a tool that is known.
pub(super) struct Selected<I> {
    pub(super) call: ToolCall<I>,
    pub(super) index: usize,
    pub(super) timeout: Option<Duration>,
    pub(super) probing: Probing,
}

/// What came of an attempt. Errors are no `Err`, so that a dispatcher can tell them from those of the breaker.
pub(super) enum Attempt<O> {
    Output(O),
    Rejected(CircuitOpen),
    TimedOut,
    Failed(BoxError),
}

/// Calls a tool within its timeout.
///
/// How errors are boxed is known to it by a pointer and not by a bound, which whoever calls it in a spawned task would have
/// to prove again of an error whose lifetime the compiler has forgotten ("not general enough").
pub(super) struct Attempts<S, I>
where
    S: Service<ToolCall<I>>,
{
    service: S,
    boxed: fn(S::Error) -> BoxError,
}

impl<S, I> Attempts<S, I>
where
    S: Service<ToolCall<I>>,
    S::Error: Into<BoxError>,
{
    pub(super) fn new(service: S) -> Self {
        let boxed = Into::into;
        Self { service, boxed }
    }
}

// By hand: a derive would ask for a clone of the input.
impl<S, I> Clone for Attempts<S, I>
where
    S: Service<ToolCall<I>> + Clone,
{
    fn clone(&self) -> Self {
        Self {
            service: self.service.clone(),
            boxed: self.boxed,
        }
    }
}

/// What a service says that is not to be called again. A type of its own for the sake of the same tasks.
pub(super) struct Unready(BoxError);

impl From<Unready> for BoxError {
    fn from(unready: Unready) -> Self {
        unready.0
    }
}

impl<S, I> Service<Selected<I>> for Attempts<S, I>
where
    S: Service<ToolCall<I>>,
{
    type Response = Attempt<S::Response>;
    type Error = Unready;
    type Future = AttemptFuture<S::Future, S::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Unready>> {
        let ready = self.service.poll_ready(cx);
        ready.map_err(|error| Unready((self.boxed)(error)))
    }

    fn call(&mut self, selected: Selected<I>) -> Self::Future {
        let future = self.service.call(selected.call);
        let boxed = self.boxed;
        match selected.timeout {
            Some(lasts) => AttemptFuture::Bounded {
                future: timeout(lasts, future),
                boxed,
            },
            None => AttemptFuture::Unbounded { future, boxed },
        }
    }
}

pin_project! {
    #[project = AttemptProj]
    pub(super) enum AttemptFuture<F, E> {
        Bounded { #[pin] future: Timeout<F>, boxed: fn(E) -> BoxError },
        Unbounded { #[pin] future: F, boxed: fn(E) -> BoxError },
        GivenUp,
    }
}

impl<F, O, E> Future for AttemptFuture<F, E>
where
    F: Future<Output = Result<O, E>>,
{
    type Output = Result<Attempt<O>, Unready>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let (result, boxed) = match self.as_mut().project() {
            AttemptProj::Bounded { future, boxed } => match ready!(future.poll(cx)) {
                Ok(result) => (result, *boxed),
                Err(_elapsed) => {
                    // Before it is told, which frees the call's place for another.
                    self.set(Self::GivenUp);
                    return Poll::Ready(Ok(Attempt::TimedOut));
                }
            },
            AttemptProj::Unbounded { future, boxed } => (ready!(future.poll(cx)), *boxed),
            AttemptProj::GivenUp => return Poll::Pending,
        };
        Poll::Ready(Ok(match result {
            Ok(output) => Attempt::Output(output),
            Err(error) => Attempt::Failed(boxed(error)),
        }))
    }
}

/// Judges attempts by what judges the tool's own results.
#[derive(Clone, Debug)]
pub(super) struct Judge<C>(pub(super) C);

impl<C, O> Classify<Attempt<O>, BoxError> for Judge<C>
where
    C: Classify<O, BoxError>,
{
    fn classify(&self, result: Result<&Attempt<O>, &BoxError>) -> Outcome {
        match result {
            Ok(Attempt::Output(output)) => self.0.classify(Ok(output)),
            Ok(Attempt::Failed(error)) | Err(error) => self.0.classify(Err(error)),
            Ok(Attempt::TimedOut) => Outcome::failure(),
            Ok(Attempt::Rejected(_)) => Outcome::Ignored,
        }
    }
}

/// Hands rejections on as attempts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HandOn;

impl<Req, O> OnRejection<Req, Attempt<O>> for HandOn {
    type Error = std::convert::Infallible;
    type Kept = ();
    type Credit = ();
    type Future = NoFallback<Attempt<O>>;

    fn keep(&self, _req: &Req) {}

    fn rejected(
        &self,
        _req: Req,
        open: CircuitOpen,
    ) -> Answer<Attempt<O>, Self::Error, Self::Future> {
        Answer::Now(Ok(Attempt::Rejected(open)))
    }

    fn failed(&self, (): (), cause: Cause<Attempt<O>>) -> Result<Self::Future, Cause<Attempt<O>>> {
        Err(cause)
    }
}

/// What a call says of itself: its tenant, its turn, and whether it may probe.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OfCall;

impl<I> TenantExtractor<Selected<I>> for OfCall {
    fn extract<'a>(&self, selected: &'a Selected<I>) -> Result<Tenant<'a>, MissingTenant> {
        Ok((&*selected.call.tenant).into())
    }
}

impl<I> TurnExtractor<Selected<I>> for OfCall {
    fn turn(&self, selected: &Selected<I>) -> Option<Turn> {
        selected.call.turn_id.as_deref().map(Turn::new)
    }
}

impl<I> ProbeIf<Selected<I>> for OfCall {
    fn probing(&self, selected: &Selected<I>) -> Probing {
        selected.probing
    }
}
