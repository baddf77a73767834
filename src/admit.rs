//! From a request to a permit: what the tower service, a failover and reqwest's middleware do before a call.

use tower::BoxError;

use crate::probe::ProbeIf;
use crate::{
    CircuitOpen, Dependency, InvalidTenant, MissingTenant, OnMissingTenant, Permit, Probing,
    SelectDependency, Tenant, TenantExtractor,
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
    let extracted = extractor.extract(req);
    // Before the dependency is looked up, which may create it: who has no tenant may be anybody.
    let tenant = on_missing_tenant.valid_tenant(&extracted);
    let tenant = tenant.map_err(Refusal::Error)?;
    let dependency = dependency.select(req);
    let dependency = dependency.map_err(|unknown| Refusal::Error(unknown.into()))?;
    let probing = probe_if.probing(req);
    let permit = on_missing_tenant.acquire(&dependency, tenant, probing);
    permit.map_err(Refusal::Open)
}

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
