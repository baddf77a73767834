//! What becomes of a request in which no tenant was found, for everything that admits calls.

use tower::BoxError;

use crate::{
    CircuitOpen, Dependency, InvalidTenant, MissingTenant, OnMissingTenant, Permit, Probing, Tenant,
};

impl OnMissingTenant {
    /// The id that was extracted; none where a call without one is admitted all the same.
    ///
    /// Borrowed: the id may lie in the value itself, which is too long to be moved about.
    #[inline]
    pub(crate) fn valid_tenant<'a>(
        self,
        extracted: &'a Result<Tenant<'_>, MissingTenant>,
    ) -> Result<Option<&'a str>, BoxError> {
        let reject = self == Self::Reject;
        match extracted.as_ref().map(Tenant::as_str) {
            Ok(tenant) => match InvalidTenant::check(tenant) {
                Err(invalid) if reject => Err(invalid.into()),
                checked => Ok(checked.is_ok().then_some(tenant)),
            },
            Err(missing) if reject => Err((*missing).into()),
            Err(_) => Ok(None),
        }
    }

    /// Asks the circuit of a tenant that [`valid_tenant`](Self::valid_tenant) found, or what stands in for it.
    #[inline]
    pub(crate) fn acquire(
        self,
        dependency: &Dependency,
        tenant: Option<&str>,
        probing: Probing,
    ) -> Result<Permit, CircuitOpen> {
        match tenant {
            Some(tenant) => dependency.acquire_valid(tenant, probing),
            None if self == Self::ShareCircuit => dependency.acquire_without_tenant(probing),
            None => dependency.unguarded(),
        }
    }
}
