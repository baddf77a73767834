//! Where a page of circuits ends.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

use crate::MAX_TENANT_BYTES;

/// How bad the state of a circuit is, worst first: the order of pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum PageGroup {
    /// Open.
    Open,
    /// Half-open.
    HalfOpen,
    /// Closed, with an override of its own or of its tenant.
    Overridden,
    /// Closed, and its share of calls may still be growing.
    Ramping,
    /// Closed.
    Closed,
}

impl PageGroup {
    const ALL: [Self; 5] = [
        Self::Open,
        Self::HalfOpen,
        Self::Overridden,
        Self::Ramping,
        Self::Closed,
    ];
}

/// The last row of a page, from which the next one goes on: its group and its tenant.
///
/// Its string is fit for a URL. It holds the tenant's id, in hexadecimal digits and not in secret; beyond that its form
/// may change between releases.
///
/// ```
/// use tower_tenant_breaker::{CircuitBreakerRegistry, PageCursor, PageRequest, Policy};
///
/// let registry = CircuitBreakerRegistry::builder().build()?;
/// let search = registry.dependency_with("search", Policy::default())?;
/// for tenant in ["acme", "globex"] {
///     search.acquire(tenant)?;
/// }
/// let page = search.circuits_page(&PageRequest::new(1));
/// let sent = page.next.unwrap().to_string();
///
/// let received: PageCursor = sent.parse()?;
/// let page = search.circuits_page(&PageRequest::new(1).after(received));
/// assert_eq!(page.circuits[0].tenant.as_deref(), Some("globex"));
/// assert_eq!(page.next, None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PageCursor {
    group: PageGroup,
    tenant: Box<str>,
}

impl PageCursor {
    pub(super) fn new(group: PageGroup, tenant: &str) -> Self {
        let tenant = tenant.into();
        Self { group, tenant }
    }

    pub(super) fn key(&self) -> (PageGroup, &[u8]) {
        (self.group, self.tenant.as_bytes())
    }
}

impl fmt::Display for PageCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.group as u8)?;
        let mut bytes = self.tenant.bytes();
        bytes.try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for PageCursor {
    type Err = InvalidCursor;

    fn from_str(cursor: &str) -> Result<Self, InvalidCursor> {
        read(cursor.as_bytes()).ok_or(InvalidCursor(()))
    }
}

fn read(cursor: &[u8]) -> Option<PageCursor> {
    let (group, digits) = cursor.split_first()?;
    let group = *PageGroup::ALL.get(usize::from(group.checked_sub(b'0')?))?;
    let (pairs, rest) = digits.as_chunks::<2>();
    if !rest.is_empty() || pairs.is_empty() || pairs.len() > MAX_TENANT_BYTES {
        return None;
    }
    let digit = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let byte = |[high, low]: &[u8; 2]| Some(digit(*high)? << 4 | digit(*low)?);
    let bytes = pairs.iter().map(byte).collect::<Option<Vec<u8>>>()?;
    let tenant = String::from_utf8(bytes).ok()?.into();
    Some(PageCursor { group, tenant })
}

#[cfg(feature = "serde")]
impl serde::Serialize for PageCursor {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A string that is no [`PageCursor`].
///
/// ```
/// use tower_tenant_breaker::PageCursor;
///
/// let error = "acme".parse::<PageCursor>().unwrap_err();
/// assert_eq!(error.to_string(), "not a cursor of a page of circuits");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidCursor(());

impl fmt::Display for InvalidCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the string, which somebody else has made.
        f.write_str("not a cursor of a page of circuits")
    }
}

impl Error for InvalidCursor {}
