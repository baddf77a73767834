//! Who a call is for, and how to find that out from a request.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// The longest id of a tenant, in bytes.
pub const MAX_TENANT_BYTES: usize = 256;

/// The longest id that a [`Tenant`] can hold in itself, in bytes.
pub const INLINE_TENANT_BYTES: usize = 64;

/// The id of a tenant, as an extractor found it in a request.
///
/// Borrowed from the request, shared, or held in itself up to [`INLINE_TENANT_BYTES`], so that a
/// header, a task-local and a hash are all served without an allocation.
///
/// ```
/// use tower_tenant_breaker::Tenant;
///
/// let header = String::from("acme");
/// assert_eq!(Tenant::from(header.as_str()).as_str(), "acme");
/// assert_eq!(Tenant::inline("acme").unwrap().as_str(), "acme");
/// assert!(Tenant::inline(&"x".repeat(65)).is_none());
/// ```
#[derive(Clone)]
pub struct Tenant<'a>(Repr<'a>);

#[derive(Clone)]
enum Repr<'a> {
    Borrowed(&'a str),
    Shared(Arc<str>),
    Inline {
        len: u8,
        bytes: [u8; INLINE_TENANT_BYTES],
    },
}

impl<'a> Tenant<'a> {
    /// An id that is copied into the value itself; `None` where it is longer than
    /// [`INLINE_TENANT_BYTES`].
    #[must_use]
    pub fn inline(id: &str) -> Option<Self> {
        let mut bytes = [0; INLINE_TENANT_BYTES];
        bytes.get_mut(..id.len())?.copy_from_slice(id.as_bytes());
        let len = u8::try_from(id.len()).ok()?;
        Some(Self(Repr::Inline { len, bytes }))
    }

    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Repr::Borrowed(id) => id,
            Repr::Shared(id) => id,
            // The bytes were copied from a `str`, so the fallback is never taken; an empty id is an
            // invalid one, should it ever be.
            Repr::Inline { len, bytes } => {
                str::from_utf8(&bytes[..usize::from(*len)]).unwrap_or_default()
            }
        }
    }
}

impl<'a> From<&'a str> for Tenant<'a> {
    fn from(id: &'a str) -> Self {
        Self(Repr::Borrowed(id))
    }
}

impl From<Arc<str>> for Tenant<'_> {
    fn from(id: Arc<str>) -> Self {
        Self(Repr::Shared(id))
    }
}

impl From<String> for Tenant<'_> {
    fn from(id: String) -> Self {
        Self(Repr::Shared(id.into()))
    }
}

impl<'a> From<Cow<'a, str>> for Tenant<'a> {
    fn from(id: Cow<'a, str>) -> Self {
        match id {
            Cow::Borrowed(id) => id.into(),
            Cow::Owned(id) => id.into(),
        }
    }
}

impl fmt::Debug for Tenant<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tenant").field(&self.as_str()).finish()
    }
}

impl PartialEq for Tenant<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Tenant<'_> {}

/// Finds the tenant that a request is for.
///
/// Take the tenant from what authentication established, not from what the caller writes: a caller
/// who can choose the id can spread failures over many circuits, or open somebody else's.
///
/// ```
/// use tower_tenant_breaker::{MissingTenant, Tenant, TenantExtractor};
///
/// struct Job { owner: String }
///
/// #[derive(Clone)]
/// struct OwnerTenant;
///
/// impl TenantExtractor<Job> for OwnerTenant {
///     fn extract<'a>(&self, job: &'a Job) -> Result<Tenant<'a>, MissingTenant> {
///         Ok(job.owner.as_str().into())
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot find the tenant of a `{Req}`",
    note = "wrap a closure as `tenant_fn(|req: &Req| ..)`: a bare closure fails type inference"
)]
pub trait TenantExtractor<Req> {
    /// The tenant of this request.
    ///
    /// # Errors
    ///
    /// [`MissingTenant`] where the request names none, or names it in a way that cannot be trusted
    /// (twice, not as UTF-8, empty, over [`MAX_TENANT_BYTES`]). What happens then is the layer's
    /// [`on_missing_tenant`](crate::TenantCircuitBreakerLayer::on_missing_tenant).
    fn extract<'a>(&self, req: &'a Req) -> Result<Tenant<'a>, MissingTenant>;
}

/// Why a request has no tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MissingReason {
    /// The request says nothing of a tenant.
    Absent,
    /// The id is empty.
    Empty,
    /// The id is longer than [`MAX_TENANT_BYTES`].
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
