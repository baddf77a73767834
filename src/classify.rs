//! The stock classifiers, and what an error means to a circuit.

use std::any::Any;
use std::error::Error;

use tower::BoxError;
use tower::load_shed::error::Overloaded;

use crate::outcome::{Classify, Outcome};
use crate::source_chain::chain;
use crate::tenant::MissingTenant;
use crate::{CircuitOpen, InvalidTenant, Rejection, UnknownDependency};

/// Judges HTTP responses, and only them; what a layer uses unless told otherwise.
///
/// It exists for `http::Response` (feature `http`) and `reqwest::Response` (feature
/// `reqwest-middleware`) alone, because "an `Err` is a failure" is a trap: HTTP reports a 503 as `Ok`.
/// For any other response say [`ErrIsFailure`] or give a closure.
///
/// # Responses
///
/// | response | outcome |
/// |---|---|
/// | 5xx, 408 | failure |
/// | 429 | throttled |
/// | anything else, also other 4xx | success: the dependency was there to say so |
///
/// A hint for how long to stay away (see `http::retry_after`) is read from 429, 503 and 529.
///
/// A response whose content type is `application/grpc` is never judged by its HTTP status but by its
/// `grpc-status` header:
///
/// | `grpc-status` | outcome |
/// |---|---|
/// | 2 unknown, 4 deadline exceeded, 7 permission denied, 13 internal, 14 unavailable, 15 data loss | failure |
/// | 8 resource exhausted | throttled |
/// | 1 cancelled | cancelled, as a call that the caller gave up on: nobody can tell who did |
/// | any other of 0 to 16 | success |
/// | not a status | failure, as gRPC reads it as unknown |
/// | none | success: the status comes with the trailers, after the body; see `http::body` |
///
/// The failures are those of linkerd2-proxy. Hints are read from failed and throttled ones.
/// `application/grpc-web` is judged as HTTP.
///
/// # Errors
///
/// As [`ErrIsFailure`].
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "http")]
/// # fn main() -> Result<(), http::Error> {
/// use http::Response;
/// use std::time::Duration;
/// use tower::BoxError;
/// use tower_tenant_breaker::{Classify, DefaultClassify, Outcome};
///
/// let judge = |response: Response<()>| DefaultClassify.classify(Ok::<_, &BoxError>(&response));
///
/// assert_eq!(judge(Response::builder().status(404).body(())?), Outcome::Success);
///
/// let busy = Response::builder().status(429).header("retry-after", "7").body(())?;
/// assert_eq!(judge(busy), Outcome::throttled().with_retry_after(Duration::from_secs(7)));
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "http"))]
/// # fn main() {}
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DefaultClassify;

/// What [`DefaultClassify`] can judge: `http::Response` and `reqwest::Response`, and nothing else.
///
/// A trait of its own for the compiler's sake: were the response's type written into the `impl`, a layer
/// around any other service would be told that `DefaultClassify` is no closure.
#[diagnostic::on_unimplemented(
    message = "`DefaultClassify` cannot judge a `Result<{Self}, {Err}>`",
    label = "no way to tell a success from a failure here",
    note = "`DefaultClassify` knows `http::Response` and, with the feature `reqwest-middleware`, \
            `reqwest::Response` alone",
    note = "for any other response say `.classify(ErrIsFailure)` on the layer, or give a closure: \
            `.classify(|result: Result<&Res, &BoxError>| Outcome::Success)`"
)]
pub trait DefaultJudged<Err>: sealed::Sealed {
    /// What this result means to the circuit.
    #[doc(hidden)]
    fn judge(result: Result<&Self, &Err>) -> Outcome;
}

impl<Res, Err> Classify<Res, Err> for DefaultClassify
where
    Res: DefaultJudged<Err>,
{
    fn classify(&self, result: Result<&Res, &Err>) -> Outcome {
        Res::judge(result)
    }
}

mod sealed {
    pub trait Sealed {}
    #[cfg(feature = "http")]
    impl<B> Sealed for http::Response<B> {}
    #[cfg(feature = "reqwest-middleware")]
    impl Sealed for reqwest::Response {}
}

/// Every response is a success, every error a failure, except those that this side made itself.
///
/// [`tower::load_shed`]'s `Overloaded` and the refusals of a breaker further in ([`CircuitOpen`],
/// [`MissingTenant`], [`InvalidTenant`], [`UnknownDependency`]) say nothing about the dependency, which
/// was never asked. They are ignored wherever they lie in the error's chain of sources.
///
/// In the middleware the error is always a [`BoxError`], whose chain can be walked. Outside of it,
/// `Err` may be any type that is `'static`. A `Box<dyn Error>` is walked as well, and the errors
/// named above are known by themselves; but any other concrete type, an enum of your own, is a failure
/// whatever its sources are: without a bound on `Error`, which `BoxError` does not fulfil, they
/// cannot be seen. Box the error first, or judge it with a closure.
///
/// ```
/// use tower::BoxError;
/// use tower::load_shed::error::Overloaded;
/// use tower_tenant_breaker::{Classify, ErrIsFailure, Outcome};
///
/// let ours: BoxError = Overloaded::new().into();
/// assert_eq!(ErrIsFailure.classify(Err::<&(), _>(&ours)), Outcome::Ignored);
///
/// let theirs: BoxError = "connection reset".into();
/// assert_eq!(ErrIsFailure.classify(Err::<&(), _>(&theirs)), Outcome::failure());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ErrIsFailure;

impl<Res, Err: 'static> Classify<Res, Err> for ErrIsFailure {
    fn classify(&self, result: Result<&Res, &Err>) -> Outcome {
        match result {
            Ok(_) => Outcome::Success,
            Err(error) => of_error(error),
        }
    }
}

/// What an error means; see [`ErrIsFailure`].
pub(crate) fn of_error<E: 'static>(error: &E) -> Outcome {
    let known = walkable(error);
    if known.is_some_and(|error| chain(error).any(is_ours)) {
        Outcome::Ignored
    } else {
        Outcome::failure()
    }
}

#[cfg(feature = "grpc")]
fn of_tonic(error: &dyn Any) -> Option<&(dyn Error + 'static)> {
    let status = error.downcast_ref::<tonic::Status>();
    let told = error.downcast_ref::<crate::grpc::StatusError>();
    status
        .map(|error| error as _)
        .or(told.map(|error| error as _))
}

#[cfg(not(feature = "grpc"))]
fn of_tonic(_error: &dyn Any) -> Option<&(dyn Error + 'static)> {
    None
}

/// The error as one whose sources can be walked, where its type is one that we know.
pub(crate) fn walkable<E: 'static>(error: &E) -> Option<&(dyn Error + 'static)> {
    fn plain<T: Error + 'static>(error: &dyn Any) -> Option<&(dyn Error + 'static)> {
        error.downcast_ref::<T>().map(|error| error as _)
    }

    let error: &dyn Any = error;
    // First, because it is what the middleware asks about.
    if let Some(error) = error.downcast_ref::<BoxError>() {
        return Some(&**error);
    }
    if let Some(error) = error.downcast_ref::<Box<dyn Error>>() {
        return Some(&**error);
    }
    if let Some(error) = error.downcast_ref::<Box<dyn Error + Send>>() {
        return Some(&**error);
    }
    #[cfg(feature = "reqwest-middleware")]
    if let Some(error) =
        plain::<reqwest_middleware::Error>(error).or_else(|| plain::<reqwest::Error>(error))
    {
        return Some(error);
    }
    plain::<CircuitOpen>(error)
        .or_else(|| plain::<Overloaded>(error))
        .or_else(|| plain::<Rejection>(error))
        .or_else(|| plain::<MissingTenant>(error))
        .or_else(|| plain::<InvalidTenant>(error))
        .or_else(|| plain::<UnknownDependency>(error))
        .or_else(|| plain::<std::io::Error>(error))
        .or_else(|| of_tonic(error))
}

fn is_ours(error: &(dyn Error + 'static)) -> bool {
    error.is::<CircuitOpen>()
        || error.is::<Overloaded>()
        || error.is::<MissingTenant>()
        || error.is::<InvalidTenant>()
        || error.is::<UnknownDependency>()
}
