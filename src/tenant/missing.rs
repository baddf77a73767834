use std::fmt;

/// Why a request has no tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MissingReason {
    /// The request says nothing of a tenant.
    Absent,
    /// The id is empty.
    Empty,
    /// The id is longer than [`MAX_TENANT_BYTES`](crate::MAX_TENANT_BYTES).
    TooLong,
    /// The id is not UTF-8.
    NotUtf8,
    /// The id is given more than once.
    Repeated,
    /// A credential is there, but not in the form that the extractor knows.
    Malformed,
}

/// No tenant could be found in a request.
///
/// ```
/// use tower_tenant_breaker::{MissingReason, MissingTenant};
///
/// let error = MissingTenant::new(MissingReason::Repeated);
/// assert_eq!(error.to_string(), "the request has no tenant: its id is given more than once");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MissingTenant {
    reason: MissingReason,
}

impl MissingTenant {
    /// The error for this reason.
    #[must_use]
    pub const fn new(reason: MissingReason) -> Self {
        Self { reason }
    }

    /// What was wrong.
    #[must_use]
    pub const fn reason(&self) -> MissingReason {
        self.reason
    }
}

/// So that an extractor can say `ok_or(MissingReason::Absent)?`.
impl From<MissingReason> for MissingTenant {
    fn from(reason: MissingReason) -> Self {
        Self::new(reason)
    }
}

impl fmt::Display for MissingTenant {
    // The offending bytes are not shown: they come from the request, and may be half a credential.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = match self.reason {
            MissingReason::Absent => "it names none",
            MissingReason::Empty => "its id is empty",
            MissingReason::TooLong => "its id is longer than 256 bytes",
            MissingReason::NotUtf8 => "its id is not UTF-8",
            MissingReason::Repeated => "its id is given more than once",
            MissingReason::Malformed => "its credential is malformed",
        };
        write!(f, "the request has no tenant: {why}")
    }
}

impl std::error::Error for MissingTenant {}
