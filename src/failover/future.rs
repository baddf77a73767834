use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tower::BoxError;
use tower_service::Service;

use super::attempt::{Attempt, Failed, Verdict};
use super::service::Plan;
use super::walk::Walk;
use super::{LastResort, Resend, Served, ServedBy, Unserved};
use crate::circuit::Stage;
use crate::settle::{AtHead, Settle};
use crate::sync::Arc;
use crate::{Classify, Probing};

pin_project! {
    /// Future for the [`Failover`](crate::Failover) service.
    ///
    /// Once it has given its result it stays pending, as a fused future does.
    #[project = Call]
    pub struct ResponseFuture<S, Req, E, C, R, L, T = AtHead>
    where
        S: Service<Req>,
        L: LastResort<Req, S::Response>,
        T: Settle<Req, S::Response>,
    {
        plan: Arc<Plan<S, E, C, R, L, T>>,
        #[pin]
        state: State<S, Req, S::Future, L::Future>,
        // There from a provider's admission until its result is judged.
        attempt: Option<(Attempt, T::Begun)>,
        walk: Walk,
        // The copy that goes to the next provider.
        spare: Option<Req>,
        may_resend: bool,
        kept: Option<L::Kept>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, Req, F, B> {
        Begun { req: Option<Req> },
        // A clone of its own for each attempt: it waits in no queue but that of the provider it is sent to.
        Waiting { inner: S, req: Option<Req> },
        Called { #[pin] future: F },
        LastResort { #[pin] future: B },
        Refused { error: Option<BoxError> },
        Done,
    }
}

impl<S, Req, E, C, R, L, T> ResponseFuture<S, Req, E, C, R, L, T>
where
    S: Service<Req>,
    L: LastResort<Req, S::Response>,
    T: Settle<Req, S::Response>,
{
    pub(super) fn new(plan: Arc<Plan<S, E, C, R, L, T>>, walk: Walk, req: Req) -> Self {
        let req = Some(req);
        Self::in_state(plan, walk, State::Begun { req })
    }

    pub(super) fn refused(plan: Arc<Plan<S, E, C, R, L, T>>, error: BoxError) -> Self {
        let error = Some(error);
        Self::in_state(plan, Walk::new(None), State::Refused { error })
    }

    fn in_state(
        plan: Arc<Plan<S, E, C, R, L, T>>,
        walk: Walk,
        state: State<S, Req, S::Future, L::Future>,
    ) -> Self {
        Self {
            plan,
            state,
            attempt: None,
            walk,
            spare: None,
            may_resend: false,
            kept: None,
        }
    }
}

impl<S, Req, E, C, R, L, T> Future for ResponseFuture<S, Req, E, C, R, L, T>
where
    S: Service<Req> + Clone,
    S::Error: Into<BoxError>,
    C: Classify<S::Response, BoxError>,
    R: Resend<Req>,
    L: LastResort<Req, S::Response>,
    T: Settle<Req, S::Response>,
{
    type Output = Result<Served<T::Response>, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            // The request, where no provider has had it, and how the attempt ended, where there was one.
            let (unsent, result) = match (this.state.as_mut().project(), this.attempt.as_mut()) {
                (StateProj::Begun { req }, _) => {
                    let Some(req) = req.take() else {
                        return Poll::Pending;
                    };
                    *this.kept = Some(this.plan.last_resort.keep(&req));
                    if this.plan.providers.len() > 1 || L::TAKES_REQUEST {
                        *this.spare = this.plan.resend.copy(&req);
                    }
                    *this.may_resend = this.spare.is_some();
                    (Some(req), None)
                }
                (StateProj::Waiting { inner, req }, Some((attempt, _))) => {
                    match ready!(
                        attempt
                            .permit
                            .within(|| inner.poll_ready(cx).map_err(Into::into))
                    ) {
                        Ok(()) => {
                            let Some(req) = req.take() else {
                                return Poll::Pending;
                            };
                            let future = attempt.permit.within(|| inner.call(req));
                            this.state.set(State::Called { future });
                            continue;
                        }
                        Err(error) => (req.take(), Some(Err(error))),
                    }
                }
                (StateProj::Called { future }, Some((attempt, _))) => {
                    let result = attempt
                        .permit
                        .within(|| future.poll(cx).map_err(Into::into));
                    (None, Some(ready!(result)))
                }
                (StateProj::LastResort { future }, _) => {
                    let answer = ready!(future.poll(cx));
                    if answer.is_ok() {
                        this.walk.serve();
                    }
                    this.state.set(State::Done);
                    let served = |response| Served::new(T::pass(response), ServedBy::last_resort());
                    return Poll::Ready(answer.map(served));
                }
                (StateProj::Refused { error }, _) => {
                    return error
                        .take()
                        .map_or(Poll::Pending, |error| Poll::Ready(Err(error)));
                }
                (StateProj::Waiting { .. } | StateProj::Called { .. } | StateProj::Done, _) => {
                    return Poll::Pending;
                }
            };

            // Recorded before the provider's future is dropped, or another is asked: what those take is no
            // latency of the call.
            let failed = match (result, this.attempt.take()) {
                (Some(result), Some((attempt, begun))) => {
                    let plan = &**this.plan;
                    let (providers, classify) = (&plan.providers, &plan.classify);
                    match attempt.judge::<Req, _, _, _, T>(begun, providers, classify, result) {
                        Verdict::Over(result) => {
                            if result.is_ok() {
                                this.walk.serve();
                            }
                            this.state.set(State::Done);
                            return Poll::Ready(result);
                        }
                        Verdict::Failed(mut failed) => {
                            this.walk.unserved_by(failed.credit.take());
                            Some(failed)
                        }
                    }
                }
                _ => None,
            };

            let req = unsent.or_else(|| this.spare.take());
            let next = req.as_ref().and_then(|_| this.next());
            let left = match (req, next) {
                (Some(req), Some(next)) => {
                    this.begin(next, req, failed);
                    continue;
                }
                (left, _) => left,
            };
            let why = failed.map(|failed| failed.why);
            let why = why.or_else(|| this.walk.none_admitted().map(Unserved::Rejected));
            let (Some(why), Some(kept)) = (why, this.kept.take()) else {
                return Poll::Pending;
            };
            match this.plan.last_resort.answer(left, kept, why) {
                Ok(future) => this.state.set(State::LastResort { future }),
                Err(why) => {
                    this.state.set(State::Done);
                    return Poll::Ready(why.into_result().map(|served| served.map(T::pass)));
                }
            }
        }
    }
}

impl<S, Req, E, C, R, L, T> Call<'_, S, Req, E, C, R, L, T>
where
    S: Service<Req> + Clone,
    R: Resend<Req>,
    L: LastResort<Req, S::Response>,
    T: Settle<Req, S::Response>,
{
    /// The next provider that admits the call.
    fn next(&mut self) -> Option<Attempt> {
        let plan = &**self.plan;
        // Who may not be sent again had better not be the call that finds a provider still sick.
        let probing = if *self.may_resend {
            Probing::Yes
        } else {
            Probing::IfNoneElse
        };
        let walk = &mut *self.walk;
        let (index, permit) = walk.next(&plan.providers, plan.on_missing_tenant, probing)?;
        Some(Attempt { index, permit })
    }

    fn begin(&mut self, mut next: Attempt, req: Req, failed: Option<Failed<S::Response>>) {
        let plan = &**self.plan;
        let providers = &plan.providers;
        next.permit.stage(Stage::Hook);
        if let Some(failed) = failed {
            failed.tell(providers, next.index, self.walk.tenant());
        }
        if !(L::TAKES_REQUEST || self.walk.goes_on(providers)) {
            *self.spare = None;
        } else if *self.may_resend && self.spare.is_none() {
            *self.spare = plan.resend.copy(&req);
        }
        let begun = plan.settle.begin(&req);
        let inner = providers[next.index].service.clone();
        let req = Some(req);
        self.state.set(State::Waiting { inner, req });
        *self.attempt = Some((next, begun));
    }
}

impl<S, Req, E, C, R, L, T> fmt::Debug for ResponseFuture<S, Req, E, C, R, L, T>
where
    S: Service<Req>,
    L: LastResort<Req, S::Response>,
    T: Settle<Req, S::Response>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
