use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tower::BoxError;
use tower_service::Service;

use super::attempt::{Attempt, Attempts, HandOn, Judge, Selected};
use super::{DispatchError, ToolCall, ToolReply, Tools};
use crate::answer::Propagate;
use crate::future::ResponseFuture;
use crate::impact::InTurnFuture;
use crate::sync::Arc;
use crate::{CircuitOpen, Classify, InvalidTenant};

type Guarded<S, I, C> =
    InTurnFuture<ResponseFuture<Attempts<S>, Selected<I>, Judge<C>, HandOn, Propagate>>;

pin_project! {
    /// Future for the [`Dispatcher`](super::Dispatcher) service.
    ///
    /// Once it has given its result it stays pending, as a fused future does.
    pub struct DispatchFuture<S, I, C>
    where
        S: Service<ToolCall<I>>,
        S::Error: Into<BoxError>,
    {
        #[pin]
        state: State<Guarded<S, I, C>>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F> {
        Called { #[pin] future: F, tools: Tools, index: usize, tenant: Arc<str> },
        Refused { error: Option<DispatchError> },
        Done,
    }
}

impl<S, I, C> DispatchFuture<S, I, C>
where
    S: Service<ToolCall<I>>,
    S::Error: Into<BoxError>,
{
    pub(super) fn called(
        future: Guarded<S, I, C>,
        tools: Tools,
        index: usize,
        tenant: Arc<str>,
    ) -> Self {
        let state = State::Called {
            future,
            tools,
            index,
            tenant,
        };
        Self { state }
    }

    pub(super) fn refused(error: DispatchError) -> Self {
        let state = State::Refused { error: Some(error) };
        Self { state }
    }
}

impl<S, I, C> Future for DispatchFuture<S, I, C>
where
    S: Service<ToolCall<I>>,
    S::Error: Into<BoxError>,
    C: Classify<S::Response, BoxError>,
{
    type Output = Result<ToolReply<S::Response>, DispatchError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        let result = match state.as_mut().project() {
            StateProj::Called {
                future,
                tools,
                index,
                tenant,
            } => {
                let attempt = ready!(future.poll(cx));
                reply(attempt, tools, *index, tenant)
            }
            StateProj::Refused { error } => match error.take() {
                Some(error) => Err(error),
                None => return Poll::Pending,
            },
            StateProj::Done => return Poll::Pending,
        };
        state.set(State::Done);
        Poll::Ready(result)
    }
}

fn reply<O>(
    attempt: Result<Attempt<O>, BoxError>,
    tools: &Tools,
    index: usize,
    tenant: &str,
) -> Result<ToolReply<O>, DispatchError> {
    let error = match attempt {
        Ok(Attempt::Output(output)) => return Ok(ToolReply::Output(output)),
        Ok(Attempt::Rejected(open)) => {
            return Ok(ToolReply::Unavailable(tools.rejected(index, tenant, &open)));
        }
        Ok(Attempt::TimedOut) => {
            return Ok(ToolReply::Unavailable(tools.timed_out_call(index, tenant)));
        }
        Ok(Attempt::Failed(error)) => error,
        // The breaker's own, or what the service said when it was asked whether it is ready.
        Err(error) => match error.downcast_ref() {
            Some(invalid) => return Err(InvalidTenant::clone(invalid).into()),
            None => error,
        },
    };
    // A breaker further in knows better what is wrong than that the call failed.
    Ok(ToolReply::Unavailable(match CircuitOpen::find(&*error) {
        Some(open) => tools.rejected(index, tenant, open),
        None => tools.failed_call(index, tenant),
    }))
}

impl<S, I, C> fmt::Debug for DispatchFuture<S, I, C>
where
    S: Service<ToolCall<I>>,
    S::Error: Into<BoxError>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DispatchFuture").finish_non_exhaustive()
    }
}
