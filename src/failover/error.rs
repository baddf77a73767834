use std::error::Error;
use std::fmt;
use std::time::Duration;

use crate::CircuitOpen;

/// No provider's circuit admitted the call, and there was no last resort.
///
/// Its [`source`](Error::source) is the rejection of the circuit that is closest to recovery, so that
/// [`CircuitOpen::find`] finds that one, and `http::error_response` answers with its `Retry-After`.
///
/// ```
/// use tower::{Service, service_fn};
/// use tower_tenant_breaker::{
///     CircuitBreakerRegistry, CircuitOpen, ErrIsFailure, EveryRequest, Failover, FixedTenant,
///     NoneAdmitted,
/// };
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), tower::BoxError> {
/// # use std::time::Duration;
/// let registry = CircuitBreakerRegistry::builder().build()?;
/// let (a, b) = (registry.dependency("model-a")?, registry.dependency("model-b")?);
/// a.force_open("contract ended");
/// b.circuit("acme").open_for(Duration::from_secs(7))?;
///
/// let echo = |prompt: String| async move { Ok::<_, std::io::Error>(prompt) };
/// let mut models = Failover::builder(FixedTenant::new("acme"))
///     .provider(a, service_fn(echo))
///     .provider(b, service_fn(echo))
///     .classify(ErrIsFailure)
///     .resend(EveryRequest)
///     .build()?;
///
/// let error = models.call("hello".to_owned()).await.unwrap_err();
/// let none: &NoneAdmitted = error.downcast_ref().unwrap();
/// assert_eq!(none.closest().dependency(), "model-b");
/// assert_eq!(none.rejections().len(), 2);
/// assert_eq!(CircuitOpen::find(&*error).unwrap().dependency(), "model-b");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct NoneAdmitted {
    /// In the order of the providers.
    rejections: Vec<CircuitOpen>,
    closest: CircuitOpen,
}

impl NoneAdmitted {
    /// Of at least one rejection.
    pub(super) fn new(first: CircuitOpen, rest: impl Iterator<Item = CircuitOpen>) -> Self {
        let mut rejections = vec![first];
        rejections.extend(rest);
        // The first where several are equally close: nobody knows better than the list.
        let closest = rejections
            .iter()
            .skip(1)
            .fold(&rejections[0], |best, other| {
                let sooner = other
                    .retry_after()
                    .is_some_and(|wait| best.retry_after().is_none_or(|shortest| wait < shortest));
                if sooner { other } else { best }
            });
        let closest = closest.clone();
        Self {
            rejections,
            closest,
        }
    }

    /// Every provider's rejection, in the order of the list.
    #[must_use]
    pub fn rejections(&self) -> &[CircuitOpen] {
        &self.rejections
    }

    /// The rejection of the circuit that may admit a call soonest: the one with the shortest
    /// [`retry_after`](CircuitOpen::retry_after). Circuits that are forced open without an end come last.
    #[must_use]
    pub const fn closest(&self) -> &CircuitOpen {
        &self.closest
    }

    /// How long until one of the circuits may admit a call; none where all are forced open without an end.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.closest.retry_after()
    }
}

impl fmt::Display for NoneAdmitted {
    // Without the names: the source has that of the dependency which a caller is to wait for.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.rejections.len();
        write!(f, "no provider out of {all} admitted the call")
    }
}

impl Error for NoneAdmitted {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.closest)
    }
}

/// A list of providers that no failover can be made of.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailoverError {
    /// The list is empty.
    NoProvider,
    /// Two providers have a dependency of this name: a second try at what has just failed is a retry,
    /// and nobody could tell which of the two served.
    RepeatedDependency(String),
}

impl fmt::Display for FailoverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoProvider => f.write_str("a failover needs at least one provider"),
            Self::RepeatedDependency(name) => {
                write!(f, "dependency {name:?} belongs to two providers")
            }
        }
    }
}

impl Error for FailoverError {}
