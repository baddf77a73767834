//! What a call is, for all of them.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use tower::Service;

/// The dependency's failure.
#[derive(Clone, Copy, Debug)]
pub struct Failed;

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the dependency failed")
    }
}

impl Error for Failed {}

/// The inner future: ready at once, as [`std::future::Ready`], or never.
#[derive(Debug)]
pub struct Answer(Option<Result<u32, Failed>>);

impl Answer {
    #[must_use]
    pub const fn good() -> Self {
        Self(Some(Ok(200)))
    }

    #[must_use]
    pub const fn bad() -> Self {
        Self(Some(Err(Failed)))
    }

    #[must_use]
    pub const fn never() -> Self {
        Self(None)
    }
}

impl Future for Answer {
    type Output = Result<u32, Failed>;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        match self.0.take() {
            Some(answer) => Poll::Ready(answer),
            None => Poll::Pending,
        }
    }
}

/// A request that is nothing but its tenant, and what comes of it.
#[derive(Debug)]
pub struct Call {
    pub tenant: &'static str,
    pub answer: Answer,
}

/// The dependency, for those that are made around a service.
#[derive(Clone, Copy, Debug)]
pub struct Inner;

impl Service<Call> for Inner {
    type Response = u32;
    type Error = Failed;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failed>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, call: Call) -> Answer {
        call.answer
    }
}

/// A future as an executor drives it, to the end that it comes to at once.
///
/// # Panics
///
/// Where it waits for something.
pub fn drive<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("nothing to wait for"),
    }
}

/// The same, where a future may wait for what another thread holds: this thread sleeps until it is woken.
pub fn wait<T>(waker: &Waker, future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(waker)) {
            Poll::Ready(answer) => return answer,
            Poll::Pending => thread::park(),
        }
    }
}

/// Wakes this thread out of [`wait`].
#[must_use]
pub fn waker() -> Waker {
    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    Arc::new(Unpark(thread::current())).into()
}

/// Readiness of a service that never has to wait.
///
/// # Panics
///
/// Where it waits for something, or fails.
pub fn ready<S: Service<Call, Error: fmt::Debug>>(service: &mut S) {
    match service.poll_ready(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(ready) => ready.expect("the inner service is always ready"),
        Poll::Pending => panic!("nothing to wait for"),
    }
}

/// The tenant of a number, with an id of 27 bytes.
#[must_use]
pub fn tenant(number: usize) -> &'static str {
    format!("tenant-{number:020}").leak()
}
