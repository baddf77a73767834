use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::{MissingReason, MissingTenant};

/// The longest id of a tenant, in bytes.
pub const MAX_TENANT_BYTES: usize = 256;

/// The longest id that a [`Tenant`] can hold in itself, in bytes.
pub const INLINE_TENANT_BYTES: usize = 64;

/// The id of a tenant, as an extractor found it in a request.
///
/// Borrowed from the request, shared, or held in itself up to [`INLINE_TENANT_BYTES`], so that a
/// header, a task-local and a hash are all served without an allocation.
///
/// Any string makes a `Tenant`; [`checked`](Self::checked) tells whether it can be one.
///
/// ```
/// use tower_tenant_breaker::Tenant;
///
/// let header = String::from("acme");
/// assert_eq!(Tenant::from(header.as_str()).as_str(), "acme");
/// assert_eq!(Tenant::inline("acme"), Some("acme".into()));
/// assert_eq!(Tenant::inline(&"x".repeat(65)), None);
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

    /// Thirty-two lower-case hexadecimal digits, held in the value itself.
    #[cfg(feature = "http")]
    pub(crate) fn hex(hash: [u8; 16]) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut bytes = [0; INLINE_TENANT_BYTES];
        let digits = hash.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
        for (place, digit) in bytes.iter_mut().zip(digits) {
            *place = DIGITS[usize::from(digit)];
        }
        Self(Repr::Inline { len: 32, bytes })
    }

    /// The id.
    #[inline]
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Repr::Borrowed(id) => id,
            Repr::Shared(id) => id,
            Repr::Inline { len, bytes } => inlined(*len, bytes),
        }
    }

    /// Runs with the id; each kind of it in a branch of its own, since there is nothing to drop of a borrowed one.
    #[inline]
    pub(crate) fn lend<R>(self, to: impl FnOnce(&str) -> R) -> R {
        match self.0 {
            Repr::Borrowed(id) => to(id),
            Repr::Shared(ref id) => to(id),
            Repr::Inline { len, ref bytes } => to(inlined(len, bytes)),
        }
    }

    /// The same id where it is 1 to [`MAX_TENANT_BYTES`] bytes long.
    ///
    /// The stock extractors end with this, and the layer checks once more what it gets from any
    /// other, so that an extractor without the check is merely vague about the reason.
    ///
    /// # Errors
    ///
    /// [`MissingReason::Empty`] and [`MissingReason::TooLong`].
    ///
    /// ```
    /// use tower_tenant_breaker::{MissingReason, Tenant};
    ///
    /// assert!(Tenant::from("acme").checked().is_ok());
    /// assert_eq!(Tenant::from("").checked(), Err(MissingReason::Empty.into()));
    /// ```
    pub fn checked(self) -> Result<Self, MissingTenant> {
        match self.as_str().len() {
            0 => Err(MissingReason::Empty.into()),
            1..=MAX_TENANT_BYTES => Ok(self),
            _ => Err(MissingReason::TooLong.into()),
        }
    }

    /// The same id, independent of the request; allocates only where a borrowed id is longer than
    /// [`INLINE_TENANT_BYTES`].
    #[must_use]
    pub fn into_owned(self) -> Tenant<'static> {
        match self.0 {
            Repr::Borrowed(id) => {
                Tenant::inline(id).unwrap_or_else(|| Tenant(Repr::Shared(id.into())))
            }
            Repr::Shared(id) => Tenant(Repr::Shared(id)),
            Repr::Inline { len, bytes } => Tenant(Repr::Inline { len, bytes }),
        }
    }
}

// The bytes were copied from a `str`, so the fallback is never taken; an empty id is an invalid one, should it ever be.
fn inlined(len: u8, bytes: &[u8; INLINE_TENANT_BYTES]) -> &str {
    str::from_utf8(&bytes[..usize::from(len)]).unwrap_or_default()
}

// ===== impl From =====

impl<'a> From<&'a str> for Tenant<'a> {
    fn from(id: &'a str) -> Self {
        Self(Repr::Borrowed(id))
    }
}

impl<'a> From<&'a String> for Tenant<'a> {
    fn from(id: &'a String) -> Self {
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
        Self::inline(&id).unwrap_or_else(|| Self(Repr::Shared(id.into())))
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

// ===== what it looks like =====

impl AsRef<str> for Tenant<'_> {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Debug for Tenant<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tenant").field(&self.as_str()).finish()
    }
}

impl fmt::Display for Tenant<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

// However the id is held, it is the same tenant.
impl PartialEq for Tenant<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Tenant<'_> {}
