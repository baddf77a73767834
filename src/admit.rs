//! From a request to a permit: what the tower service, a failover and reqwest's middleware do before a call.

use std::borrow::Cow;

use tower::BoxError;

use crate::probe::ProbeIf;
use crate::{
    CircuitOpen, Dependency, InvalidTenant, MissingTenant, OnMissingTenant, Permit, Probing,
    Rejection, SelectDependency, TenantExtractor,
};

/// Why a call does not reach its dependency.
#[derive(Debug)]
pub(crate) enum Refusal {
    Open(CircuitOpen),
    Error(BoxError),
}

/// Asks the circuit of the request's tenant.
pub(crate) fn admit<Req, D, E, P>(
    req: &Req,
    dependency: &D,
    extractor: &E,
    probe_if: &P,
    on_missing_tenant: OnMissingTenant,
) -> Result<Permit, Refusal>
where
    D: SelectDependency<Req>,
    E: TenantExtractor<Req>,
    P: ProbeIf<Req>,
{
    let ask = |extracted: Result<&str, MissingTenant>| {
        // Before the dependency is looked up, which may create it: who has no tenant may be anybody.
        let tenant = on_missing_tenant.valid_tenant(extracted);
        let tenant = tenant.map_err(Refusal::Error)?;
        let acquire = |dependency: &Dependency| {
            let probing = probe_if.probing(req);
            let permit = match tenant {
                Some(tenant) => dependency.acquire_barred(tenant, probing),
                None => on_missing_tenant.acquire(dependency, probing),
            };
            permit.map_err(Refusal::from)
        };
        match dependency.select(req) {
            Ok(Cow::Borrowed(dependency)) => acquire(dependency),
            Ok(Cow::Owned(dependency)) => acquire(&dependency),
            Err(unknown) => Err(Refusal::Error(unknown.into())),
        }
    };
    // Branches rather than one way for all kinds of tenants and dependencies: where both are borrowed, nothing is dropped
    // between the circuit's answer and its use, so that the answer, which is large, is not moved for that.
    match extractor.extract(req) {
        Ok(tenant) => tenant.lend(|id| ask(Ok(id))),
        Err(missing) => ask(Err(missing)),
    }
}

impl From<Rejection> for Refusal {
    #[inline]
    fn from(rejection: Rejection) -> Self {
        match rejection {
            Rejection::Open(open) => Self::Open(open),
            Rejection::InvalidTenant(invalid) => Self::Error(invalid.into()),
        }
    }
}

impl OnMissingTenant {
    /// The id that was extracted; none where a call without one is admitted all the same.
    ///
    /// Borrowed, since the id may lie in the tenant itself, which is too long to be moved about.
    // Always: called, it would add 46 instructions to a closed call, and 36 to a rejected one.
    #[inline(always)]
    pub(crate) fn valid_tenant(
        self,
        extracted: Result<&str, MissingTenant>,
    ) -> Result<Option<&str>, BoxError> {
        let reject = self == Self::Reject;
        match extracted {
            Ok(tenant) => match InvalidTenant::check(tenant) {
                Err(invalid) if reject => Err(invalid.into()),
                checked => Ok(checked.is_ok().then_some(tenant)),
            },
            Err(missing) if reject => Err(missing.into()),
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
            Self::RunUnguarded | Self::Reject => dependency.unguarded(probing),
        }
    }
}
