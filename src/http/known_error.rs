//! Errors that a caller can be told of in words of ours, whatever protocol it speaks.

use std::error::Error;

use tower::load_shed::error::Overloaded;

use crate::tenant::MissingTenant;
use crate::{InvalidTenant, UnknownDependency};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KnownError {
    MissingTenant,
    InvalidTenant,
    UnknownDependency,
    Elapsed,
    Overloaded,
}

impl KnownError {
    /// What this very error is, sources aside.
    pub(crate) fn of(error: &(dyn Error + 'static)) -> Option<Self> {
        if error.is::<MissingTenant>() {
            Some(Self::MissingTenant)
        } else if error.is::<InvalidTenant>() {
            Some(Self::InvalidTenant)
        } else if error.is::<UnknownDependency>() {
            Some(Self::UnknownDependency)
        } else if error.is::<tower::timeout::error::Elapsed>()
            || error.is::<tokio::time::error::Elapsed>()
        {
            Some(Self::Elapsed)
        } else if error.is::<Overloaded>() {
            Some(Self::Overloaded)
        } else {
            None
        }
    }

    /// What a stranger may read: nothing of the error's own text.
    pub(crate) const fn detail(self) -> &'static str {
        match self {
            Self::MissingTenant => "the request does not say which tenant it is for",
            Self::InvalidTenant => "a tenant's id is 1 to 256 bytes long",
            Self::UnknownDependency => "there is no such dependency",
            Self::Elapsed => "the dependency did not answer in time",
            Self::Overloaded => "there are too many calls in the air",
        }
    }
}
