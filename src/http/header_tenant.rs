use ::http::header::HeaderName;
use ::http::{HeaderMap, HeaderValue, Request};

use crate::tenant::{MissingReason, MissingTenant, Tenant, TenantExtractor};

/// The tenant that a header names.
///
/// Only for a header that your own side sets: a proxy in front that has authenticated the caller,
/// and that *replaces* the header where the caller sent one. A proxy that appends gives two headers,
/// or one with a comma in it, and the first of the two is the caller's own. So a header that is
/// there twice is not believed.
///
/// An id may be any UTF-8 of 1 to [`MAX_TENANT_BYTES`](crate::MAX_TENANT_BYTES) bytes, taken as it is:
/// `Acme` and `acme` are two tenants.
///
/// ```
/// use http::Request;
/// use tower_tenant_breaker::http::HeaderTenant;
/// use tower_tenant_breaker::{MissingReason, TenantExtractor};
///
/// # fn main() -> Result<(), http::Error> {
/// let extractor = HeaderTenant::new("x-tenant-id");
///
/// let request = Request::get("/").header("x-tenant-id", "acme").body(())?;
/// assert_eq!(extractor.extract(&request), Ok("acme".into()));
///
/// let twice = Request::get("/").header("x-tenant-id", "acme").header("x-tenant-id", "globex").body(())?;
/// assert_eq!(extractor.extract(&twice), Err(MissingReason::Repeated.into()));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct HeaderTenant {
    name: HeaderName,
}

impl HeaderTenant {
    /// The tenant is the value of this header, whose name is written in the program.
    ///
    /// In a `const` or a `static` a bad name does not compile:
    ///
    /// ```
    /// # use tower_tenant_breaker::http::HeaderTenant;
    /// static TENANT: HeaderTenant = HeaderTenant::new("x-tenant-id");
    /// ```
    ///
    /// ```compile_fail,E0080
    /// # use tower_tenant_breaker::http::HeaderTenant;
    /// static TENANT: HeaderTenant = HeaderTenant::new("X-Tenant-Id");
    /// ```
    ///
    /// # Panics
    ///
    /// Where the name is not a header's or has upper-case letters in it, as
    /// [`HeaderName::from_static`]. Use [`try_new`](Self::try_new) for a name that comes from a
    /// configuration.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self {
            name: HeaderName::from_static(name),
        }
    }

    /// The tenant is the value of this header, whose name comes from outside; in any case.
    ///
    /// # Errors
    ///
    /// The name is not a header's.
    ///
    /// ```
    /// use tower_tenant_breaker::http::HeaderTenant;
    ///
    /// assert!(HeaderTenant::try_new("X-Tenant-Id").is_ok());
    /// assert!(HeaderTenant::try_new("x tenant id").is_err());
    /// ```
    pub fn try_new<N>(name: N) -> Result<Self, N::Error>
    where
        N: TryInto<HeaderName>,
    {
        Ok(Self {
            name: name.try_into()?,
        })
    }

    /// The tenant that these headers name, for requests that are not an [`http::Request`](Request).
    ///
    /// # Errors
    ///
    /// As [`extract`](TenantExtractor::extract): absent, repeated, not UTF-8, empty, too long.
    pub fn of_headers<'a>(&self, headers: &'a HeaderMap) -> Result<Tenant<'a>, MissingTenant> {
        let id = only_value(headers, &self.name)?;
        let id = str::from_utf8(id.as_bytes()).map_err(|_| MissingReason::NotUtf8)?;
        Tenant::from(id).checked()
    }
}

impl From<HeaderName> for HeaderTenant {
    fn from(name: HeaderName) -> Self {
        Self { name }
    }
}

impl<B> TenantExtractor<Request<B>> for HeaderTenant {
    fn extract<'a>(&self, req: &'a Request<B>) -> Result<Tenant<'a>, MissingTenant> {
        self.of_headers(req.headers())
    }
}

/// The value of a header that is there exactly once.
///
/// Not the first of several: which of them the next hop believes is anybody's guess.
pub(super) fn only_value<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> Result<&'a HeaderValue, MissingReason> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().ok_or(MissingReason::Absent)?;
    match values.next() {
        None => Ok(value),
        Some(_) => Err(MissingReason::Repeated),
    }
}
