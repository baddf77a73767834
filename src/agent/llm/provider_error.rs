use std::fmt;
use std::task::{Context, Poll};

use tower_layer::Layer;
use tower_service::Service;

use super::answer::ProviderAnswer;
use super::future::ProviderErrorFuture;
use super::{ProviderErrorKind, Said};

/// What a provider said was wrong, in the extensions of its answer: the kind, and nothing of the text.
///
/// Left there by a [`ProviderErrorLayer`], and read by [`LlmClassify`](super::LlmClassify). Whoever reads the bodies of
/// errors in another way can leave one too.
///
/// ```
/// use http::Response;
/// use tower::BoxError;
/// use tower_tenant_breaker::agent::llm::{LlmClassify, ProviderError, ProviderErrorKind};
/// use tower_tenant_breaker::{Classify, Outcome};
///
/// let mut response = Response::new(());
/// *response.status_mut() = http::StatusCode::TOO_MANY_REQUESTS;
/// response.extensions_mut().insert(ProviderError::new(ProviderErrorKind::QuotaExhausted));
/// assert_eq!(LlmClassify.classify(Ok::<_, &BoxError>(&response)), Outcome::QuotaExhausted);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ProviderError {
    kind: ProviderErrorKind,
}

impl ProviderError {
    /// An error of this kind.
    #[must_use]
    pub const fn new(kind: ProviderErrorKind) -> Self {
        Self { kind }
    }

    /// Of what kind it is.
    #[must_use]
    pub const fn kind(&self) -> ProviderErrorKind {
        self.kind
    }

    /// The one that this beginning of a body tells of; none where it tells of none that is known.
    pub(super) fn read(json: &[u8]) -> Option<Self> {
        Said::read(json).kind().map(Self::new)
    }
}

impl fmt::Debug for ProviderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ProviderError").field(&self.kind).finish()
    }
}

/// Reads what providers of language models say is wrong, so that a classifier can tell an exhausted quota from a rate
/// limit.
///
/// Both are a 429 at OpenAI; the difference is in the JSON of the body, and a classifier sees heads alone. So of an
/// answer with an error status and JSON for content this reads up to [`MAX_READ`](Self::MAX_READ) bytes before it hands
/// the answer on, with a [`ProviderError`] in its extensions where the kind is known. The body that is handed on is a
/// [`HandedOnBody`](super::HandedOnBody): byte for byte what came, with its trailers, its size hint, and its error
/// where it breaks off. Beyond the bound, or 256 frames, it passes unread. Where it ends with trailers, no size is
/// promised.
///
/// All other answers pass as they are, streams among them, and nothing is allocated for them: those with a good status,
/// of another content type, or compressed (`content-encoding`), which would have to be unpacked further in.
///
/// It goes inside of the breaker, and around services that answer with an `http::Response`, whose data are
/// `AsRef<[u8]>` as `Bytes` are and whose body is `Unpin`, or, with the feature `reqwest-middleware`, with a
/// `reqwest::Response`, which it remains, whatever their request is: also around async-openai's `ReqwestService`.
///
/// # Where the timeout goes
///
/// **Outside of this layer**, and inside of the breaker. A provider that sends the head of an error and then no body
/// would be waited for as long as one that sends no head, and the timeout ends both, as failures. Where the client has a
/// timeout of its own for the whole answer (`reqwest::ClientBuilder::timeout`, `read_timeout`), the body breaks off by
/// that, and the answer is handed on with what there was, to be judged by its status.
///
/// ```
/// use std::time::Duration;
///
/// use tower::{BoxError, Service, ServiceBuilder};
/// use tower_tenant_breaker::agent::llm::ProviderErrorLayer;
/// use tower_tenant_breaker::http::HeaderTenant;
/// use tower_tenant_breaker::{Dependency, TenantCircuitBreakerLayer};
/// # use tower_tenant_breaker::agent::llm::HandedOnBody;
/// # use tower_tenant_breaker::{http::body::ObservedBody, agent::llm::LlmStreamJudge};
///
/// # type Body = http_body_util::Full<bytes::Bytes>;
/// # type Answer = http::Response<ObservedBody<HandedOnBody<Body>, LlmStreamJudge>>;
/// fn guarded<S>(models: Dependency, client: S) -> impl Service<http::Request<Body>, Response = Answer, Error = BoxError>
/// where
///     S: Service<http::Request<Body>, Response = http::Response<Body>, Error = BoxError> + Clone,
/// {
///     ServiceBuilder::new()
///         .layer(TenantCircuitBreakerLayer::new(models, HeaderTenant::new("x-tenant-id")).classify_llm())
///         .timeout(Duration::from_secs(120))
///         .layer(ProviderErrorLayer::new())
///         .service(client)
/// }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct ProviderErrorLayer {
    _p: (),
}

impl ProviderErrorLayer {
    /// The most of a body that is read ahead, in bytes: 16 KiB. A frame that begins below the bound is held whole.
    pub const MAX_READ: usize = 16 * 1024;

    /// The layer; there is nothing to choose.
    #[must_use]
    pub const fn new() -> Self {
        Self { _p: () }
    }
}

impl<S> Layer<S> for ProviderErrorLayer {
    type Service = ReadProviderErrors<S>;

    fn layer(&self, inner: S) -> Self::Service {
        ReadProviderErrors { inner }
    }
}

/// A service whose errors are read; made by [`ProviderErrorLayer`].
///
/// # Cancel safety
///
/// A call that is dropped is one of the inner service that is dropped, while its body is read too.
#[derive(Clone, Copy, Debug)]
pub struct ReadProviderErrors<S> {
    inner: S,
}

impl<S> ReadProviderErrors<S> {
    /// The inner service.
    pub const fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The inner service, to be changed.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The inner service again.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, Req> Service<Req> for ReadProviderErrors<S>
where
    S: Service<Req>,
    S::Response: ProviderAnswer,
{
    type Response = <S::Response as ProviderAnswer>::HandedOn;
    type Error = S::Error;
    type Future = ProviderErrorFuture<S::Future, S::Response>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        ProviderErrorFuture::new(self.inner.call(request))
    }
}
