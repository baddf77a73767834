use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::CallSpan;

pin_project! {
    /// Future for the [`SpanPerCall`](super::SpanPerCall) service.
    pub struct SpanFuture<F> {
        #[pin]
        future: Option<F>,
        span: CallSpan,
    }

    impl<F> PinnedDrop for SpanFuture<F> {
        // What is dropped in the middle of its work says so within the span.
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let _entered = this.span.enter();
            this.future.set(None);
        }
    }
}

impl<F> SpanFuture<F> {
    pub(super) fn new(future: F, span: CallSpan) -> Self {
        let future = Some(future);
        Self { future, span }
    }
}

impl<F: Future> Future for SpanFuture<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        let span = &mut *this.span;
        // Once it has given its result it stays pending, as the future within does.
        let Some(future) = this.future.as_mut().as_pin_mut() else {
            return Poll::Pending;
        };
        let result = ready!(span.within(|| future.poll(cx)));
        {
            let _entered = span.enter();
            this.future.set(None);
        }
        // A body that is not settled yet goes on holding it.
        span.leave();
        Poll::Ready(result)
    }
}

impl<F> fmt::Debug for SpanFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpanFuture")
            .field("span", &self.span)
            .finish_non_exhaustive()
    }
}
