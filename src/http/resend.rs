use ::http::{HeaderName, Request};
use http_body::Body;

use crate::{Idempotence, Resend};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

impl<B: Clone> Idempotence for Request<B> {
    fn is_idempotent(&self) -> bool {
        is_idempotent(self)
    }
}

fn is_idempotent<B>(request: &Request<B>) -> bool {
    request.method().is_idempotent() || request.headers().contains_key(IDEMPOTENCY_KEY)
}

/// Resends idempotent requests that have no body, where the type of bodies is not `Clone`: axum's `Body` and
/// others that may be streams.
///
/// For [`resend`](crate::FailoverBuilder::resend). Idempotent is what
/// [`IfIdempotent`](crate::IfIdempotent) says is. A request with a body, or whose body may yet have
/// something to say, is sent once.
///
/// ```
/// use axum::body::Body;
/// use http::Request;
/// use tower_tenant_breaker::Resend;
/// use tower_tenant_breaker::http::IfBodiless;
///
/// # fn main() -> Result<(), http::Error> {
/// let read = Request::get("/orders").body(Body::empty())?;
/// assert!(IfBodiless.copy(&read).is_some());
///
/// let write = Request::put("/orders/7").body(Body::from("two pairs of shoes"))?;
/// assert!(IfBodiless.copy(&write).is_none());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IfBodiless;

impl<B: Body + Default> Resend<Request<B>> for IfBodiless {
    fn copy(&self, req: &Request<B>) -> Option<Request<B>> {
        if !is_idempotent(req) || !req.body().is_end_stream() {
            return None;
        }
        let mut copy = Request::new(B::default());
        *copy.method_mut() = req.method().clone();
        *copy.uri_mut() = req.uri().clone();
        *copy.version_mut() = req.version();
        *copy.headers_mut() = req.headers().clone();
        *copy.extensions_mut() = req.extensions().clone();
        Some(copy)
    }
}
