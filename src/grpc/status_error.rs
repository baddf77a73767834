use std::error::Error;
use std::fmt;
use std::sync::Arc;

use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Code, Status};
use tower::BoxError;

use crate::CircuitOpen;
use crate::http::known_error::KnownError;
use crate::source_chain::chain;
use crate::time::{nanos, spread};

/// An error that tonic reads as a [`Status`], and in which the error that it was made from can be found.
///
/// tonic looks for a `Status` among the sources of an error, and keeps the error as the source of what it
/// gives to the caller. So `CircuitOpen::find(&status)` finds the rejection there, and `status.code()` is
/// `Unavailable`. Made by [`status_error`].
pub struct StatusError {
    status: Status,
}

impl StatusError {
    /// What the caller will be told.
    #[must_use]
    pub fn status(&self) -> &Status {
        &self.status
    }
}

// By hand, and without the rejection, which names the tenant: tonic shows this where a `Status` is displayed.
impl fmt::Debug for StatusError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatusError")
            .field("code", &self.status.code())
            .finish_non_exhaustive()
    }
}

impl fmt::Display for StatusError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the call was not made, or not answered in time")
    }
}

impl Error for StatusError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.status)
    }
}

/// The error that a status was made from. tonic displays a status with the `Debug` of its source, which of a rejection
/// names the tenant: this one says no more than the error's own `Display`.
struct Quiet(BoxError);

impl fmt::Debug for Quiet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Display for Quiet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Error for Quiet {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.0)
    }
}

/// Tells refusals, timeouts and shed load as tonic has it; for tower's `map_err` around a layered `Channel`.
///
/// | the error, or one of its sources | code |
/// |---|---|
/// | [`CircuitOpen`] | `UNAVAILABLE`, with `grpc-retry-pushback-ms` |
/// | [`MissingTenant`](crate::MissingTenant), [`InvalidTenant`](crate::InvalidTenant) | `INVALID_ARGUMENT` |
/// | [`UnknownDependency`](crate::UnknownDependency) | `UNIMPLEMENTED` |
/// | `Elapsed`, of tower or of tokio | `DEADLINE_EXCEEDED` |
/// | `Overloaded` | `RESOURCE_EXHAUSTED` |
/// | anything else, and what has a status already | as it is |
///
/// The pushback is what is left of the open period and up to a tenth more, in milliseconds; a second where a probe
/// decides before long; and -1, by which gRPC says not to try again, where the circuit is forced open without an end.
///
/// ```
/// use tonic::{Code, Status};
/// use tower_tenant_breaker::grpc::status_error;
/// use tower_tenant_breaker::{CircuitBreakerRegistry, CircuitOpen};
///
/// let search = CircuitBreakerRegistry::builder().build()?.dependency("search")?;
/// search.force_open("maintenance");
/// let rejection = search.acquire("acme").unwrap_err();
///
/// let status = Status::from_error(status_error(rejection.into()));
/// assert_eq!(status.code(), Code::Unavailable);
/// assert!(CircuitOpen::find(&status).is_some());
/// # Ok::<(), tower::BoxError>(())
/// ```
// By value, because that is how `map_err` hands it over.
pub fn status_error(error: BoxError) -> BoxError {
    match told(&*error) {
        Some(mut status) => {
            status.set_source(Arc::new(Quiet(error)));
            StatusError { status }.into()
        }
        None => error,
    }
}

/// The status of a refusal, a timeout or shed load; none for what is somebody else's to tell.
pub(super) fn told(error: &(dyn Error + 'static)) -> Option<Status> {
    for error in chain(error) {
        if error.is::<Status>() {
            return None;
        }
        if let Some(open) = error.downcast_ref::<CircuitOpen>() {
            return Some(of_rejection(open));
        }
        if let Some(known) = KnownError::of(error) {
            return Some(Status::new(code_of(known), known.detail()));
        }
    }
    None
}

/// What is said of a rejection: the dependency and the reason, never the tenant, whose id may stem from a
/// credential.
pub(super) fn of_rejection(open: &CircuitOpen) -> Status {
    let mut metadata = MetadataMap::new();
    let pushback = match open.retry_after() {
        Some(left) if left.is_zero() => MetadataValue::from(1000),
        // Rounded up: who comes back too early is rejected once more.
        Some(left) => MetadataValue::from(nanos(spread(left)).div_ceil(1_000_000)),
        None => MetadataValue::from(-1),
    };
    metadata.insert("grpc-retry-pushback-ms", pushback);
    Status::with_metadata(Code::Unavailable, open.to_string(), metadata)
}

fn code_of(known: KnownError) -> Code {
    match known {
        KnownError::MissingTenant | KnownError::InvalidTenant => Code::InvalidArgument,
        KnownError::UnknownDependency => Code::Unimplemented,
        KnownError::Elapsed => Code::DeadlineExceeded,
        KnownError::Overloaded => Code::ResourceExhausted,
    }
}
