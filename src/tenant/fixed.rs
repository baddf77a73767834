use super::{MissingTenant, Tenant, TenantExtractor};

/// One tenant for every request: a client that is built for one tenant, or a service that has none
/// and wants the breaker all the same.
///
/// ```
/// use tower_tenant_breaker::{FixedTenant, TenantExtractor};
///
/// let extractor = FixedTenant::new("batch");
/// assert_eq!(extractor.extract(&"any request"), Ok("batch".into()));
/// ```
#[derive(Clone, Debug)]
pub struct FixedTenant {
    tenant: Tenant<'static>,
}

impl FixedTenant {
    /// This tenant, always.
    ///
    /// A `&'static str` and an id of up to [`INLINE_TENANT_BYTES`](crate::INLINE_TENANT_BYTES) are
    /// copied for each request; a longer `String` is shared, which costs all cores one counter.
    ///
    /// An id that cannot be a tenant's (empty, over [`MAX_TENANT_BYTES`](crate::MAX_TENANT_BYTES))
    /// is missing from every request.
    #[must_use]
    pub fn new(tenant: impl Into<Tenant<'static>>) -> Self {
        Self {
            tenant: tenant.into(),
        }
    }
}

impl<Req> TenantExtractor<Req> for FixedTenant {
    fn extract<'a>(&self, _req: &'a Req) -> Result<Tenant<'a>, MissingTenant> {
        self.tenant.clone().checked()
    }
}
