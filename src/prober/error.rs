use std::error::Error;
use std::fmt;

use crate::PolicyError;

/// Why a [`RecoveryProber`](crate::RecoveryProber) could not be spawned.
///
/// ```
/// use tower_tenant_breaker::{CircuitBreakerRegistry, Outcome, ProberError, RecoveryProber};
///
/// let search = CircuitBreakerRegistry::builder().build()?.dependency("search")?;
/// // In a program without tokio:
/// let prober = RecoveryProber::builder(&search).spawn(async |_probe| Outcome::Success);
/// assert!(matches!(prober, Err(ProberError::NoRuntime)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProberError {
    /// A field of the builder is out of its bounds.
    Field(PolicyError),
    /// There is no tokio runtime that could run it.
    NoRuntime,
    /// The dependency of this name has a prober already: two would not know of each other's bounds. Drop that first.
    AlreadyProbed(String),
}

impl fmt::Display for ProberError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(_) => f.write_str("a field of the prober is out of its bounds"),
            Self::NoRuntime => f.write_str("a prober needs a tokio runtime, and there is none"),
            Self::AlreadyProbed(name) => write!(f, "the dependency {name:?} has a prober already"),
        }
    }
}

impl Error for ProberError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Field(error) => Some(error),
            Self::NoRuntime | Self::AlreadyProbed(_) => None,
        }
    }
}

impl From<PolicyError> for ProberError {
    fn from(error: PolicyError) -> Self {
        Self::Field(error)
    }
}
