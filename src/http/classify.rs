use std::fmt;

use ::http::{HeaderMap, Response, StatusCode};

use super::grpc_status;
use super::retry_after::with_hint;
use super::status_table::{StatusTable, Verdict};
use crate::classify::{DefaultClassify, DefaultJudged, of_error};
use crate::outcome::{Classify, Outcome};

impl DefaultClassify {
    /// Asks a closure first, and judges by itself where that has no opinion.
    ///
    /// The closure's argument must say its types.
    ///
    /// ```
    /// use http::Response;
    /// use tower::BoxError;
    /// use tower_tenant_breaker::{Classify, DefaultClassify, Outcome};
    ///
    /// // A search that finds nothing because its index is gone.
    /// let classify = DefaultClassify.ask_first(|result: Result<&Response<String>, &BoxError>| {
    ///     let response = result.ok()?;
    ///     response.headers().contains_key("x-index-missing").then(Outcome::failure)
    /// });
    ///
    /// let mut response = Response::new(String::new());
    /// assert_eq!(classify.classify(Ok(&response)), Outcome::Success);
    /// response.headers_mut().insert("x-index-missing", http::HeaderValue::from_static("1"));
    /// assert_eq!(classify.classify(Ok(&response)), Outcome::failure());
    /// ```
    pub const fn ask_first<F, Res, E>(self, opinion: F) -> AskFirst<F, Self>
    where
        F: Fn(Result<&Res, &E>) -> Option<Outcome>,
    {
        AskFirst {
            opinion,
            otherwise: self,
        }
    }
}

impl<B, E: 'static> DefaultJudged<E> for Response<B> {
    fn judge(result: Result<&Self, &E>) -> Outcome {
        match result {
            Ok(response) => of_head(response.status(), response.headers(), None),
            Err(error) => of_error(error),
        }
    }
}

/// [`DefaultClassify`], with another opinion on some statuses.
///
/// A hint is read from each status that is said to be a failure or throttled here.
///
/// What is said here is about HTTP: a gRPC response is still judged by its `grpc-status`.
///
/// With the feature `reqwest-middleware` it holds for responses of reqwest too, and for the errors that their
/// `error_for_status` makes of them.
///
/// It is plain data of 450 bytes, which each clone of the service copies; the clones share nothing.
///
/// ```
/// use http::{Response, StatusCode};
/// use tower::BoxError;
/// use tower_tenant_breaker::http::HttpClassify;
/// use tower_tenant_breaker::{Classify, Outcome};
///
/// # fn main() -> Result<(), http::Error> {
/// let classify = HttpClassify::new()
///     .failure_on(StatusCode::NOT_FOUND)
///     .ignored_on(StatusCode::NOT_IMPLEMENTED);
///
/// let judge = |response: Response<()>| classify.classify(Ok::<_, &BoxError>(&response));
/// assert_eq!(judge(Response::builder().status(404).body(())?), Outcome::failure());
/// assert_eq!(judge(Response::builder().status(501).body(())?), Outcome::Ignored);
/// assert_eq!(judge(Response::builder().status(502).body(())?), Outcome::failure());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy)]
pub struct HttpClassify {
    statuses: StatusTable,
}

impl HttpClassify {
    /// The same opinion as [`DefaultClassify`], so far.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            statuses: StatusTable::new(),
        }
    }

    /// This status is a success.
    #[must_use]
    pub const fn success_on(self, status: StatusCode) -> Self {
        self.with(status, Verdict::Success)
    }

    /// This status is a failure.
    #[must_use]
    pub const fn failure_on(self, status: StatusCode) -> Self {
        self.with(status, Verdict::Failure)
    }

    /// This status says that the tenant sends too much.
    #[must_use]
    pub const fn throttled_on(self, status: StatusCode) -> Self {
        self.with(status, Verdict::Throttled)
    }

    /// This status says nothing about the dependency.
    #[must_use]
    pub const fn ignored_on(self, status: StatusCode) -> Self {
        self.with(status, Verdict::Ignored)
    }

    pub(crate) fn of_head(&self, status: StatusCode, headers: &HeaderMap) -> Outcome {
        of_head(status, headers, self.statuses.get(status))
    }

    const fn with(mut self, status: StatusCode, verdict: Verdict) -> Self {
        self.statuses.set(status, verdict);
        self
    }

    /// Asks a closure first, as [`DefaultClassify::ask_first`] does.
    pub const fn ask_first<F, Res, E>(self, opinion: F) -> AskFirst<F, Self>
    where
        F: Fn(Result<&Res, &E>) -> Option<Outcome>,
    {
        AskFirst {
            opinion,
            otherwise: self,
        }
    }
}

impl<B, E: 'static> Classify<Response<B>, E> for HttpClassify {
    fn classify(&self, result: Result<&Response<B>, &E>) -> Outcome {
        match result {
            Ok(response) => self.of_head(response.status(), response.headers()),
            Err(error) => of_error(error),
        }
    }
}

impl Default for HttpClassify {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for HttpClassify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HttpClassify").field(&self.statuses).finish()
    }
}

/// A closure, and who judges where it has no opinion; made by [`DefaultClassify::ask_first`] and
/// [`HttpClassify::ask_first`].
#[derive(Clone, Copy)]
pub struct AskFirst<F, C> {
    opinion: F,
    otherwise: C,
}

impl<F, C, Res, E> Classify<Res, E> for AskFirst<F, C>
where
    F: Fn(Result<&Res, &E>) -> Option<Outcome>,
    C: Classify<Res, E>,
{
    fn classify(&self, result: Result<&Res, &E>) -> Outcome {
        (self.opinion)(result).unwrap_or_else(|| self.otherwise.classify(result))
    }
}

// By hand, because closures are not `Debug`.
impl<F, C: fmt::Debug> fmt::Debug for AskFirst<F, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AskFirst")
            .field("otherwise", &self.otherwise)
            .finish_non_exhaustive()
    }
}

/// What a response's head means; `said` is what somebody said about its status.
#[inline]
pub(crate) fn of_head(status: StatusCode, headers: &HeaderMap, said: Option<Verdict>) -> Outcome {
    // Most heads, without what it takes to look for hints.
    if said.is_none() && status.as_u16() < 400 && !grpc_status::is_grpc(headers) {
        return Outcome::Success;
    }
    of_any_head(status, headers, said)
}

fn of_any_head(status: StatusCode, headers: &HeaderMap, said: Option<Verdict>) -> Outcome {
    if grpc_status::is_grpc(headers) {
        // Without a status, the dependency is at work until the trailers tell, which is a success.
        let status = grpc_status::of(headers);
        return status.map_or(Outcome::Success, |status| {
            with_hint(status.outcome(), headers)
        });
    }
    match (said, status.as_u16()) {
        (Some(verdict), _) => with_hint(verdict.outcome(), headers),
        (None, 429) => with_hint(Outcome::throttled(), headers),
        // 529 is what some providers say when they are overloaded.
        (None, 503 | 529) => with_hint(Outcome::failure(), headers),
        (None, 408 | 500..=599) => Outcome::failure(),
        (None, _) => Outcome::Success,
    }
}
