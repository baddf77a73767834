//! What becomes of a request in which no tenant was found, for everything that admits calls.

use tower::BoxError;

use crate::{
    Dependency, InvalidTenant, MissingTenant, OnMissingTenant, Permit, Probing, Rejection, Tenant,
};

impl OnMissingTenant {
    /// The id that was extracted; none where a call without one is admitted all the same.
    ///
    /// Borrowed: the id may lie in the value itself, which is too long to be moved about.
    // Left to itself, the compiler calls it, and the layer's closed call takes 33 instructions more.
    #[inline(always)]
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

    /// Lets a call without a tenant run, or asks the circuit that all such calls share.
    pub(crate) fn acquire(
        self,
        dependency: &Dependency,
        probing: Probing,
    ) -> Result<Permit, Rejection> {
        match self {
            Self::ShareCircuit => dependency.acquire_shared(probing),
            Self::RunUnguarded | Self::Reject => dependency.unguarded(),
        }
    }
}
