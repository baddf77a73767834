use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tower::BoxError;
use tower_service::Service;

use super::attempt::{Attempts, HandOn, Judge, Selected};
use super::dispatched::Dispatched;
use super::{DispatchError, ToolCall, ToolReply};
use crate::Classify;
use crate::answer::Propagate;
use crate::future::ResponseFuture;
use crate::impact::InTurnFuture;

type Guarded<S, I, C> =
    InTurnFuture<ResponseFuture<Attempts<S, I>, Selected<I>, Judge<C>, HandOn, Propagate>>;

pin_project! {
    /// Future for the [`Dispatcher`](super::Dispatcher) service.
    ///
    /// Once it has given its result it stays pending, as a fused future does.
    pub struct DispatchFuture<S, I, C>
    where
        S: Service<ToolCall<I>>,
    {
        #[pin]
        state: State<Guarded<S, I, C>>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F> {
        Called { #[pin] future: F, dispatched: Dispatched },
        Refused { error: Option<DispatchError> },
        Done,
    }
}

impl<S, I, C> DispatchFuture<S, I, C>
where
    S: Service<ToolCall<I>>,
{
    pub(super) fn called(future: Guarded<S, I, C>, dispatched: Dispatched) -> Self {
        let state = State::Called { future, dispatched };
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
    C: Classify<S::Response, BoxError>,
{
    type Output = Result<ToolReply<S::Response>, DispatchError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        let result = match state.as_mut().project() {
            StateProj::Called { future, dispatched } => {
                Ok(dispatched.reply(ready!(future.poll(cx))))
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

impl<S, I, C> fmt::Debug for DispatchFuture<S, I, C>
where
    S: Service<ToolCall<I>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DispatchFuture").finish_non_exhaustive()
    }
}
