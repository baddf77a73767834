use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use ::http::{Response, StatusCode};
use bytes::{Buf, BufMut};
use http_body::Body;
use pin_project_lite::pin_project;
use tokio::runtime::Handle;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::{Sleep, sleep};
use tracing::Span;

use super::actions::Order;
use super::answer::{Answer, Problem};
use super::body::StatusBody;
use super::scans::{Scan, Scans};
use super::service::Shared;
use crate::sync::Weak;

/// The longest body of an action, in bytes.
const LONGEST: usize = 16 * 1024;

/// How long a body may take to come.
const PATIENCE: Duration = Duration::from_secs(10);

pin_project! {
    /// The future of [`StatusService`](super::StatusService).
    ///
    /// What goes over circuits runs on a thread for blocking work. Dropped before an action's body is whole, nothing is
    /// done; once the action has begun, it is done all the same. Once it has given its result it stays pending, as a fused
    /// future does.
    ///
    /// ```
    /// use http::{Request, Response};
    /// use tower::Service;
    /// use tower_tenant_breaker::CircuitBreakerRegistry;
    /// use tower_tenant_breaker::status::{StatusBody, StatusFuture, StatusService};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut status = StatusService::new(CircuitBreakerRegistry::builder().build()?);
    /// let answer: StatusFuture<String> = status.call(Request::get("/").body(String::new())?);
    /// let answer: Response<StatusBody> = answer.await?;
    /// assert_eq!(answer.headers()["content-type"], "text/html; charset=utf-8");
    /// # Ok(())
    /// # }
    /// ```
    pub struct StatusFuture<B> {
        #[pin]
        state: State<B>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<B> {
        Ready { answer: Option<Answer> },
        // Holds nothing of the registry: it may take as long as the sender likes.
        Reading {
            #[pin]
            body: B,
            read: Vec<u8>,
            who: String,
            shared: Weak<Shared>,
            patience: Option<Pin<Box<Sleep>>>,
        },
        Scanning { answer: Scan },
        Aside { answer: JoinHandle<Answer> },
    }
}

impl<B> State<B> {
    fn ready(answer: Answer) -> Self {
        let answer = Some(answer);
        Self::Ready { answer }
    }

    /// In the span of whoever asks. Where there is no runtime, here and now.
    fn aside(work: impl FnOnce() -> Answer + Send + 'static) -> Self {
        let span = Span::current();
        match Handle::try_current() {
            Ok(runtime) => Self::Aside {
                answer: runtime.spawn_blocking(move || span.in_scope(work)),
            },
            Err(_) => Self::ready(work()),
        }
    }
}

impl<B> StatusFuture<B> {
    pub(super) fn ready(answer: Answer) -> Self {
        let state = State::ready(answer);
        Self { state }
    }

    /// Where there is no runtime, here and now.
    pub(super) fn scan(
        scans: &Scans,
        work: impl FnOnce() -> Answer + Send + Sync + 'static,
    ) -> Self {
        if Handle::try_current().is_err() {
            return Self::ready(work());
        }
        let span = Span::current();
        let answer = scans.scan(move || span.in_scope(work));
        let state = State::Scanning { answer };
        Self { state }
    }
}

impl<B: Body> StatusFuture<B> {
    pub(super) fn reading(body: B, who: String, shared: Weak<Shared>) -> Result<Self, Problem> {
        if body.size_hint().lower() > LONGEST as u64 {
            return Err(too_long());
        }
        let state = State::Reading {
            body,
            read: Vec::new(),
            who,
            shared,
            patience: Handle::try_current()
                .is_ok()
                .then(|| Box::pin(sleep(PATIENCE))),
        };
        Ok(Self { state })
    }
}

fn too_long() -> Problem {
    let detail = format!("the body is longer than {LONGEST} bytes");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
}

/// What came of a body so far.
fn read<B: Body>(
    mut body: Pin<&mut B>,
    read: &mut Vec<u8>,
    cx: &mut Context<'_>,
) -> Poll<Result<(), Problem>> {
    while let Some(frame) = ready!(body.as_mut().poll_frame(cx)) {
        let frame = frame.map_err(|_| Problem::bad_request("the body broke off"))?;
        if let Ok(data) = frame.into_data() {
            if data.remaining() > LONGEST - read.len() {
                return Poll::Ready(Err(too_long()));
            }
            read.put(data);
        }
    }
    Poll::Ready(Ok(()))
}

impl<B: Body> Future for StatusFuture<B> {
    type Output = Result<Response<StatusBody>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let next = match state.as_mut().project() {
                StateProj::Ready { answer } => {
                    return match answer.take() {
                        Some(answer) => Poll::Ready(Ok(answer)),
                        None => Poll::Pending,
                    };
                }
                StateProj::Aside { answer } => {
                    let answer = ready!(Pin::new(answer).poll(cx));
                    State::ready(answer.unwrap_or_else(broken_off))
                }
                StateProj::Scanning { answer } => {
                    let answer = ready!(answer.as_mut().poll(cx));
                    State::ready(answer.unwrap_or_else(broken_off))
                }
                StateProj::Reading {
                    body,
                    read: bytes,
                    who,
                    shared,
                    patience,
                } => {
                    let is_over = |sleep: &mut Pin<Box<Sleep>>| sleep.as_mut().poll(cx).is_ready();
                    if patience.as_mut().is_some_and(is_over) {
                        let detail = format!("the body was not there within {PATIENCE:?}");
                        State::ready(Problem::new(StatusCode::REQUEST_TIMEOUT, detail).into())
                    } else {
                        let order = ready!(read(body, bytes, cx))
                            .and_then(|()| shared.upgrade().ok_or_else(gone))
                            .and_then(|shared| Order::read(bytes, &shared.registry));
                        match order {
                            Ok(order) => {
                                let who = std::mem::take(who);
                                order.log(&who);
                                State::aside(move || order.carry_out(&who))
                            }
                            Err(problem) => State::ready(problem.into()),
                        }
                    }
                }
            };
            state.set(next);
        }
    }
}

fn broken_off(_: JoinError) -> Answer {
    let status = StatusCode::INTERNAL_SERVER_ERROR;
    Problem::new(status, "the work was not brought to its end").into()
}

fn gone() -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the service is gone")
}

impl<B> fmt::Debug for StatusFuture<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatusFuture").finish_non_exhaustive()
    }
}
