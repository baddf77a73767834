use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::mailbox::Mailbox;
use crate::sync::Arc;

/// The body of an answer of [`StatusService`](super::StatusService): whole, or events until its reader goes or falls
/// behind.
///
/// One of events keeps the service's task at work until it is dropped or has ended.
///
/// ```
/// use http::Request;
/// use http_body::Body;
/// use tower::ServiceExt;
/// use tower_tenant_breaker::CircuitBreakerRegistry;
/// use tower_tenant_breaker::status::StatusService;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let status = StatusService::new(CircuitBreakerRegistry::builder().build()?);
/// let page = status.oneshot(Request::get("/").body(String::new())?).await?;
/// assert!(page.body().size_hint().exact().is_some_and(|bytes| bytes < 40_000));
/// # Ok(())
/// # }
/// ```
pub struct StatusBody(Kind);

enum Kind {
    Whole(Option<Bytes>),
    Events(Arc<Mailbox>),
}

impl StatusBody {
    pub(super) fn of_events(mailbox: Arc<Mailbox>) -> Self {
        Self(Kind::Events(mailbox))
    }
}

impl From<Bytes> for StatusBody {
    fn from(bytes: Bytes) -> Self {
        Self(Kind::Whole((!bytes.is_empty()).then_some(bytes)))
    }
}

impl From<String> for StatusBody {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

impl Body for StatusBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = match &mut self.0 {
            Kind::Whole(bytes) => Poll::Ready(bytes.take()),
            Kind::Events(mailbox) => mailbox.poll(cx),
        };
        piece.map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Whole(bytes) => bytes.is_none(),
            Kind::Events(mailbox) => !mailbox.is_open(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Whole(bytes) => {
                let bytes = bytes.as_ref().map_or(0, Bytes::len);
                SizeHint::with_exact(u64::try_from(bytes).unwrap_or(u64::MAX))
            }
            Kind::Events(_) => SizeHint::default(),
        }
    }
}

impl fmt::Debug for StatusBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.0 {
            Kind::Whole(_) => "Whole",
            Kind::Events(_) => "Events",
        };
        f.debug_tuple("StatusBody").field(&kind).finish()
    }
}
