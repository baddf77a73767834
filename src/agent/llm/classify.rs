use ::http::{Extensions, HeaderMap, Response, StatusCode};

use super::ProviderError;
use super::ProviderErrorKind::{self, InvalidRequest, QuotaExhausted, RateLimited, Unavailable};
use super::hint::with_provider_hint;
use crate::classify;
use crate::outcome::{Classify, Outcome};

/// Judges the answers of providers of language models, by what they document: see [the module](super#the-rules).
///
/// For `http::Response` and, with the feature `reqwest-middleware`, `reqwest::Response`. What the body of an error says
/// is known where a [`ProviderErrorLayer`](super::ProviderErrorLayer) further in has read it; without, the status and
/// the headers alone decide, and an exhausted quota that is told by a 429 is taken for a rate limit. Errors of the
/// service are judged as [`DefaultClassify`](crate::DefaultClassify) judges them.
///
/// ```
/// use std::time::Duration;
/// use http::Response;
/// use tower::BoxError;
/// use tower_tenant_breaker::agent::llm::LlmClassify;
/// use tower_tenant_breaker::{Classify, Outcome};
///
/// # fn main() -> Result<(), http::Error> {
/// let judge = |response: Response<()>| LlmClassify.classify(Ok::<_, &BoxError>(&response));
///
/// let limited = Response::builder()
///     .status(429)
///     .header("x-ratelimit-remaining-requests", "17")
///     .header("x-ratelimit-reset-requests", "2s")
///     .header("x-ratelimit-remaining-tokens", "0")
///     .header("x-ratelimit-reset-tokens", "6m0s");
/// let hint = Duration::from_secs(360);
/// assert_eq!(judge(limited.body(())?), Outcome::throttled().with_retry_after(hint));
/// assert_eq!(judge(Response::builder().status(529).body(())?), Outcome::failure());
/// assert_eq!(judge(Response::builder().status(404).body(())?), Outcome::Ignored);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LlmClassify;

impl<B, E: 'static> Classify<Response<B>, E> for LlmClassify {
    fn classify(&self, result: Result<&Response<B>, &E>) -> Outcome {
        match result {
            Ok(response) => {
                let (status, headers) = (response.status(), response.headers());
                of_head(status, headers, response.extensions())
            }
            Err(error) => classify::of_error(error),
        }
    }
}

#[cfg(feature = "reqwest-middleware")]
impl<E: 'static> Classify<::reqwest::Response, E> for LlmClassify {
    fn classify(&self, result: Result<&::reqwest::Response, &E>) -> Outcome {
        match result {
            Ok(response) => {
                let (status, headers) = (response.status(), response.headers());
                of_head(status, headers, response.extensions())
            }
            Err(error) => crate::reqwest::of_error_by(error, |status| of_status(status, None)),
        }
    }
}

fn of_head(status: StatusCode, headers: &HeaderMap, extensions: &Extensions) -> Outcome {
    let read = extensions.get().map(ProviderError::kind);
    let kind = read.or_else(|| of_amazon(headers));
    with_provider_hint(of_status(status, kind), headers)
}

/// What a status means, with the kind of the error where it is known; hints aside.
pub(super) fn of_status(status: StatusCode, kind: Option<ProviderErrorKind>) -> Outcome {
    match (status.as_u16(), kind) {
        (..400, _) => Outcome::Success,
        // Google has the same name for a limit of a minute and for credits that are spent.
        (402, _) => Outcome::QuotaExhausted,
        (_, Some(kind @ (RateLimited | QuotaExhausted | Unavailable))) => kind.outcome(),
        (429, _) => Outcome::throttled(),
        // Amazon's 424 is a model that failed.
        (408 | 424 | 500.., _) => Outcome::failure(),
        // That the request is to blame is what all these say.
        (_, Some(InvalidRequest) | None) => Outcome::Ignored,
    }
}

/// Amazon names its errors in a header.
fn of_amazon(headers: &HeaderMap) -> Option<ProviderErrorKind> {
    let said = headers.get("x-amzn-errortype")?.to_str().ok()?;
    // `ThrottlingException:http://internal.amazon.com/coral/com.amazon.bedrock/`, in part or whole.
    let name = said.split([':', ',']).next()?;
    let name = name.rsplit_once('#').map_or(name, |(_, name)| name);
    ProviderErrorKind::of(name.trim())
}
