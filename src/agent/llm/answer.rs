//! The answers whose errors are read: of http, and of reqwest.

use ::http::header::CONTENT_TYPE;
use ::http::response::Parts;
use ::http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body::Body;

use super::HandedOnBody;
use crate::http::body::is_plain;

/// What a [`ProviderErrorLayer`](super::ProviderErrorLayer) reads errors of. Sealed: `http::Response`, and with the
/// feature `reqwest-middleware` `reqwest::Response`.
#[diagnostic::on_unimplemented(
    message = "`ProviderErrorLayer` cannot read the errors of `{Self}`",
    note = "it knows `http::Response`, whose body is `Unpin` with data that are `AsRef<[u8]>`, and, with the feature \
            `reqwest-middleware`, `reqwest::Response`"
)]
pub trait ProviderAnswer: sealed::Sealed + Sized {
    /// The body as it comes.
    #[doc(hidden)]
    type Body: Body<Data: AsRef<[u8]>> + Unpin;
    /// The answer as it is handed on.
    type HandedOn;

    #[doc(hidden)]
    fn head(&self) -> (StatusCode, &HeaderMap);

    #[doc(hidden)]
    fn open(self) -> (Parts, Self::Body);

    #[doc(hidden)]
    fn close(head: Parts, body: HandedOnBody<Self::Body>) -> Self::HandedOn;

    #[doc(hidden)]
    fn pass(self) -> Self::HandedOn;
}

impl<B> ProviderAnswer for Response<B>
where
    B: Body<Data: AsRef<[u8]>> + Unpin,
{
    type Body = B;
    type HandedOn = Response<HandedOnBody<B>>;

    fn head(&self) -> (StatusCode, &HeaderMap) {
        (self.status(), self.headers())
    }

    fn open(self) -> (Parts, B) {
        self.into_parts()
    }

    fn close(head: Parts, body: HandedOnBody<B>) -> Self::HandedOn {
        Self::HandedOn::from_parts(head, body)
    }

    fn pass(self) -> Self::HandedOn {
        self.map(HandedOnBody::new)
    }
}

#[cfg(feature = "reqwest-middleware")]
impl ProviderAnswer for ::reqwest::Response {
    type Body = ::reqwest::Body;
    type HandedOn = Self;

    fn head(&self) -> (StatusCode, &HeaderMap) {
        (self.status(), self.headers())
    }

    fn open(self) -> (Parts, ::reqwest::Body) {
        crate::reqwest::open(self)
    }

    fn close(head: Parts, body: HandedOnBody<::reqwest::Body>) -> Self {
        Response::from_parts(head, ::reqwest::Body::wrap(body)).into()
    }

    fn pass(self) -> Self {
        self
    }
}

/// Whether an answer is an error that is written in plain JSON.
pub(super) fn is_read(status: StatusCode, headers: &HeaderMap) -> bool {
    let is_error = status.as_u16() >= 400;
    is_error && is_plain(headers) && headers.get(CONTENT_TYPE).is_some_and(is_json)
}

/// `application/json`, `application/problem+json`, `application/x-amz-json-1.1`, with whatever parameters.
fn is_json(content_type: &HeaderValue) -> bool {
    let essence = content_type.as_bytes().split(|byte| *byte == b';').next();
    let essence = essence.unwrap_or_default().trim_ascii();
    let mut words = essence.split(|byte| !byte.is_ascii_alphanumeric());
    words.any(|word| word.eq_ignore_ascii_case(b"json"))
}

mod sealed {
    pub trait Sealed {}
    impl<B> Sealed for http::Response<B> {}
    #[cfg(feature = "reqwest-middleware")]
    impl Sealed for reqwest::Response {}
}
