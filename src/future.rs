//! The future of [`TenantCircuitBreaker`](crate::TenantCircuitBreaker).

use std::fmt;
use std::future::Future;
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
        // There from the admission until the inner's result is judged.
        call: Option<Admitted<O::Kept, T::Begun, C, O, G>>,
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

/// An admitted call: its permit, and what its result will be judged and answered by.
pub(crate) struct Admitted<K, W, C, O, G> {
    pub(crate) permit: Permit,
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
            call: None,
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
            Answer::Later(future) => {
                let state = State::FallingBack {
                    future,
                    credit,
                    on_error: on_error.clone(),
                };
                Self { state, call: None }
            }
        }
    }

    pub(crate) fn called(future: S::Future, call: Admitted<O::Kept, T::Begun, C, O, G>) -> Self {
        Self {
            state: State::Called { future },
            call: Some(call),
        }
    }

    pub(crate) fn waiting(inner: S, req: Req, call: Admitted<O::Kept, T::Begun, C, O, G>) -> Self {
        let req = Some(req);
        Self {
            state: State::Waiting { inner, req },
            call: Some(call),
        }
    }

    pub(crate) fn finished(
        result: Result<S::Response, BoxError>,
        call: Admitted<O::Kept, T::Begun, C, O, G>,
    ) -> Self
    where
        C: Classify<S::Response, BoxError>,
    {
        match call.finish::<Req, _, T>(result) {
            Verdict::Answer(answer) => Self::done(answer),
            Verdict::FallBack(future, credit, on_error) => Self {
                state: State::FallingBack {
                    future,
                    credit,
                    on_error,
                },
                call: None,
            },
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
            let result = match (this.state.as_mut().project(), this.call.as_mut()) {
                (StateProj::Waiting { inner, req }, Some(call)) => {
                    match ready!(call.within(|| inner.poll_ready(cx).map_err(Into::into))) {
                        Ok(()) => {
                            let Some(req) = req.take() else {
                                return Poll::Pending;
                            };
                            let future = call.within(|| inner.call(req));
                            this.state.set(State::Called { future });
                            continue;
                        }
                        Err(error) => Err(error),
                    }
                }
                (StateProj::Called { future }, Some(call)) => {
                    ready!(call.within(|| future.poll(cx).map_err(Into::into)))
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
            let Some(call) = this.call.take() else {
                return Poll::Pending;
            };
            match call.finish::<Req, _, T>(result) {
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

impl<K, W, C, O, G> Admitted<K, W, C, O, G> {
    pub(crate) fn within<T>(&mut self, inner: impl FnOnce() -> T) -> T {
        self.permit.within(inner)
    }

    /// Tells the circuit how the call ended, and finds the answer.
    fn finish<Req, Res, T>(mut self, result: Result<Res, BoxError>) -> VerdictOf<Req, Res, O, G, T>
    where
        C: Classify<Res, BoxError>,
        O: OnRejection<Req, Res, Kept = K>,
        G: OnError<Res, O::Error>,
        T: Settle<Req, Res, Begun = W>,
    {
        self.permit.stage(Stage::Hook);
        let outcome = self.classify.classify(result.as_ref());
        let result = match result {
            // What is good so far may have a body in which it goes wrong.
            Ok(response) if outcome == Outcome::Success => {
                return Verdict::Answer(Ok(T::settle(self.begun, response, self.permit)));
            }
            result => result,
        };
        let credit = O::Credit::of_ended(self.permit, outcome);

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
