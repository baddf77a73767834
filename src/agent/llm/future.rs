use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use ::http::response::Parts;
use pin_project_lite::pin_project;

use super::answer::{ProviderAnswer, is_read};
use super::{HandedOnBody, ProviderError};

pin_project! {
    /// A call whose answer is read where it is an error; of [`ReadProviderErrors`](super::ReadProviderErrors).
    ///
    /// Once it has given its result it stays pending, as a fused future does.
    pub struct ProviderErrorFuture<F, A: ProviderAnswer> {
        #[pin]
        state: State<F, A::Body>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<F, B: http_body::Body> {
        Calling {
            #[pin]
            call: F,
        },
        Reading {
            // Taken when it is read.
            answer: Option<(Parts, HandedOnBody<B>)>,
        },
        Done,
    }
}

impl<F, A: ProviderAnswer> ProviderErrorFuture<F, A> {
    pub(super) const fn new(call: F) -> Self {
        Self {
            state: State::Calling { call },
        }
    }
}

impl<F, A, E> Future for ProviderErrorFuture<F, A>
where
    F: Future<Output = Result<A, E>>,
    A: ProviderAnswer,
{
    type Output = Result<A::HandedOn, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            match this.state.as_mut().project() {
                StateProjection::Calling { call } => {
                    let result = ready!(call.poll(cx));
                    this.state.set(State::Done);
                    let answer = result?;
                    let (status, headers) = answer.head();
                    if !is_read(status, headers) {
                        return Poll::Ready(Ok(answer.pass()));
                    }
                    let (head, body) = answer.open();
                    let answer = Some((head, HandedOnBody::new(body)));
                    this.state.set(State::Reading { answer });
                }
                StateProjection::Reading { answer } => {
                    let Some((mut head, mut body)) = answer.take() else {
                        return Poll::Pending;
                    };
                    if body.poll_read(cx).is_pending() {
                        *answer = Some((head, body));
                        return Poll::Pending;
                    }
                    this.state.set(State::Done);
                    if let Some(error) = body.with_read(ProviderError::read) {
                        head.extensions.insert(error);
                    }
                    return Poll::Ready(Ok(A::close(head, body)));
                }
                StateProjection::Done => return Poll::Pending,
            }
        }
    }
}

// By hand: neither the call nor its answer need be `Debug`.
impl<F, A: ProviderAnswer> fmt::Debug for ProviderErrorFuture<F, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProviderErrorFuture")
            .field("is_reading", &matches!(self.state, State::Reading { .. }))
            .finish_non_exhaustive()
    }
}
