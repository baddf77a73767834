//! The future of [`TenantCircuitBreaker`](crate::TenantCircuitBreaker).

use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tower::BoxError;
use tower_service::Service;

use crate::answer::{Answer, Cause, OnError, OnRejection, ToCredit};
use crate::circuit::Stage;
use crate::settle::{AtHead, Settle};
use crate::{Classify, Outcome, Permit};

pin_project! {
    /// Future for the [`TenantCircuitBreaker`](crate::TenantCircuitBreaker) service.
    ///
    /// Once it has given its result it stays pending, as a fused future does.
    pub struct ResponseFuture<S, Req, C, O, G, T = AtHead>
    where
        S: Service<Req>,
        O: OnRejection<Req, S::Response>,
        G: OnError<S::Response, O::Error>,
        T: Settle<Req, S::Response>,
    {
        #[pin]
        state: State<S, Req, S::Future, O::Future, O::Credit, G, Result<T::Response, G::Error>>,
        // Settled in its place, since a move would be a copy of all of it; records nothing where no call was admitted.
        permit: Permit,
        // There from the admission until the inner's result is judged.
        parts: Option<Parts<O::Kept, T::Begun, C, O, G>>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, Req, F, B, K, G, A> {
        // The inner had no place for the call; it is asked again with the task's waker.
        Waiting { inner: S, req: Option<Req> },
        Called { #[pin] future: F },
        FallingBack { #[pin] future: B, credit: K, on_error: G },
        Answered { answer: Option<A> },
        Done,
    }
}

/// What the result of an admitted call will be judged and answered by.
pub(crate) struct Parts<K, W, C, O, G> {
    pub(crate) kept: K,
    pub(crate) begun: W,
    pub(crate) classify: C,
    pub(crate) on_rejection: O,
    pub(crate) on_error: G,
}

/// What a judged result leads to.
enum Verdict<A, B, K, G> {
    Answer(A),
    FallBack(B, K, G),
}

/// What the result of a call with these parts leads to.
type VerdictOf<Req, Res, O, G, T> = Verdict<
    Result<
        <T as Settle<Req, Res>>::Response,
        <G as OnError<Res, <O as OnRejection<Req, Res>>::Error>>::Error,
    >,
    <O as OnRejection<Req, Res>>::Future,
    <O as OnRejection<Req, Res>>::Credit,
    G,
>;

impl<S, Req, C, O, G, T> ResponseFuture<S, Req, C, O, G, T>
where
    S: Service<Req>,
    O: OnRejection<Req, S::Response>,
    G: OnError<S::Response, O::Error>,
    T: Settle<Req, S::Response>,
{
    /// No circuit waits for this answer.
    pub(crate) fn answered(answer: Result<S::Response, G::Error>) -> Self {
        Self::done(answer.map(T::pass))
    }

    fn done(answer: Result<T::Response, G::Error>) -> Self {
        let answer = Some(answer);
        Self {
            state: State::Answered { answer },
            permit: Permit::unrecorded(),
            parts: None,
        }
    }

    fn falling_back(future: O::Future, credit: O::Credit, on_error: G) -> Self {
        Self {
            state: State::FallingBack {
                future,
                credit,
                on_error,
            },
            permit: Permit::unrecorded(),
            parts: None,
        }
    }

    pub(crate) fn rejected(
        answer: Answer<S::Response, O::Error, O::Future>,
        credit: O::Credit,
        on_error: &G,
    ) -> Self
    where
        G: Clone,
    {
        match answer {
            Answer::Now(answer) => Self::answered(answer.map_err(G::rejected)),
            Answer::Later(future) => Self::falling_back(future, credit, on_error.clone()),
        }
    }

    pub(crate) fn called(
        future: S::Future,
        permit: Permit,
        parts: Parts<O::Kept, T::Begun, C, O, G>,
    ) -> Self {
        Self {
            state: State::Called { future },
            permit,
            parts: Some(parts),
        }
    }

    pub(crate) fn waiting(
        inner: S,
        req: Req,
        permit: Permit,
        parts: Parts<O::Kept, T::Begun, C, O, G>,
    ) -> Self {
        let req = Some(req);
        Self {
            state: State::Waiting { inner, req },
            permit,
            parts: Some(parts),
        }
    }

    /// The inner service is not ready, and never will be.
    pub(crate) fn unready(
        error: BoxError,
        mut permit: Permit,
        parts: Parts<O::Kept, T::Begun, C, O, G>,
    ) -> Self
    where
        C: Classify<S::Response, BoxError>,
    {
        let result = Err(error);
        let outcome = parts.judge(result.as_ref(), &mut permit);
        match parts.finish::<Req, _, T>(result, outcome, &mut permit) {
            Verdict::Answer(answer) => Self::done(answer),
            Verdict::FallBack(future, credit, on_error) => {
                Self::falling_back(future, credit, on_error)
            }
        }
    }
}

impl<S, Req, C, O, G, T> Future for ResponseFuture<S, Req, C, O, G, T>
where
    S: Service<Req>,
    S::Error: Into<BoxError>,
    C: Classify<S::Response, BoxError>,
    O: OnRejection<Req, S::Response>,
    G: OnError<S::Response, O::Error>,
    T: Settle<Req, S::Response>,
{
    type Output = Result<T::Response, G::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let result = match (this.state.as_mut().project(), this.parts.is_some()) {
                (StateProj::Waiting { inner, req }, true) => {
                    match ready!(
                        this.permit
                            .within(|| inner.poll_ready(cx).map_err(Into::into))
                    ) {
                        Ok(()) => {
                            let Some(req) = req.take() else {
                                return Poll::Pending;
                            };
                            let future = this.permit.within(|| inner.call(req));
                            this.state.set(State::Called { future });
                            continue;
                        }
                        Err(error) => Err(error),
                    }
                }
                (StateProj::Called { future }, true) => {
                    ready!(this.permit.within(|| future.poll(cx).map_err(Into::into)))
                }
                (
                    StateProj::FallingBack {
                        future,
                        credit,
                        on_error,
                    },
                    _,
                ) => {
                    let answer = ready!(future.poll(cx));
                    if answer.is_ok() {
                        credit.serve();
                    }
                    let answer = answer.or_else(|error| on_error.answer(error));
                    this.state.set(State::Done);
                    return Poll::Ready(answer.map(T::pass));
                }
                (StateProj::Answered { answer }, _) => {
                    return answer.take().map_or(Poll::Pending, Poll::Ready);
                }
                (StateProj::Waiting { .. } | StateProj::Called { .. } | StateProj::Done, _) => {
                    return Poll::Pending;
                }
            };

            // The inner's result is recorded before its future is dropped, or a fallback begins: what
            // those take is no latency of the call.
            let Some(parts) = this.parts.take() else {
                return Poll::Pending;
            };
            let outcome = parts.judge(result.as_ref(), this.permit);
            let result = match result {
                // What is good so far may have a body in which it goes wrong.
                Ok(response) if outcome == Outcome::Success => {
                    let answer = T::settle(parts.begun, response, this.permit);
                    this.state.set(State::Done);
                    return Poll::Ready(Ok(answer));
                }
                result => result,
            };
            match parts.finish::<Req, _, T>(result, outcome, this.permit) {
                Verdict::Answer(answer) => {
                    this.state.set(State::Done);
                    return Poll::Ready(answer);
                }
                Verdict::FallBack(future, credit, on_error) => {
                    this.state.set(State::FallingBack {
                        future,
                        credit,
                        on_error,
                    });
                }
            }
        }
    }
}

impl<K, W, C, O, G> Parts<K, W, C, O, G> {
    /// What the result means to the circuit.
    // Always: called, as it is where a program has several kinds of services, it adds some 30 instructions to a call.
    #[inline(always)]
    fn judge<Res>(&self, result: Result<&Res, &BoxError>, permit: &mut Permit) -> Outcome
    where
        C: Classify<Res, BoxError>,
    {
        permit.stage(Stage::Hook);
        let permit = GivenBack(permit);
        let outcome = self.classify.classify(result);
        mem::forget(permit);
        outcome
    }

    /// Tells the circuit how the call ended that has not gone well, and finds the answer.
    fn finish<Req, Res, T>(
        self,
        result: Result<Res, BoxError>,
        outcome: Outcome,
        permit: &mut Permit,
    ) -> VerdictOf<Req, Res, O, G, T>
    where
        O: OnRejection<Req, Res, Kept = K>,
        G: OnError<Res, O::Error>,
        T: Settle<Req, Res>,
    {
        let credit = O::Credit::of_ended(permit.take(), outcome);
        let cause = match (result, outcome) {
            (Ok(response), outcome) if outcome.is_bad() => Cause::Answered(response),
            (Ok(response), _) => return Verdict::Answer(Ok(T::pass(response))),
            (Err(error), Outcome::Success) => {
                return Verdict::Answer(self.on_error.answer(error).map(T::pass));
            }
            (Err(error), _) => Cause::Failed(error),
        };
        match self.on_rejection.failed(self.kept, cause) {
            Ok(future) => Verdict::FallBack(future, credit, self.on_error),
            Err(cause) => Verdict::Answer(
                cause
                    .into_result()
                    .or_else(|error| self.on_error.answer(error))
                    .map(T::pass),
            ),
        }
    }
}

/// Gives a permit back where the classifier panics: the future of the call may be held on to.
struct GivenBack<'a>(&'a mut Permit);

impl Drop for GivenBack<'_> {
    fn drop(&mut self) {
        drop(self.0.take());
    }
}

impl<S, Req, C, O, G, T> fmt::Debug for ResponseFuture<S, Req, C, O, G, T>
where
    S: Service<Req>,
    O: OnRejection<Req, S::Response>,
    G: OnError<S::Response, O::Error>,
    T: Settle<Req, S::Response>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
