//! From a request to a permit: what the tower service and reqwest's middleware do before a call.

use tower::BoxError;

use crate::probe::ProbeIf;
use crate::{
    CircuitOpen, InvalidTenant, MissingTenant, OnMissingTenant, Permit, Rejection,
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
    let tenant = valid_tenant(&extracted, on_missing_tenant)?;
    let dependency = dependency.select(req).map_err(Refusal::error)?;
    let probing = probe_if.probing(req);
    let permit = match tenant {
        Some(tenant) => dependency.acquire_barred(tenant, probing),
        None if on_missing_tenant == OnMissingTenant::ShareCircuit => {
            dependency.acquire_shared(probing)
        }
        None => dependency.unguarded(),
    };
    permit.map_err(Refusal::from)
}

/// The id that was extracted; none where a call without one is admitted all the same.
///
/// Borrowed: the id may lie in the value itself, which is too long to be moved about.
#[inline]
fn valid_tenant<'a>(
    extracted: &'a Result<Tenant<'_>, MissingTenant>,
    on_missing_tenant: OnMissingTenant,
) -> Result<Option<&'a str>, Refusal> {
    let reject = on_missing_tenant == OnMissingTenant::Reject;
    match extracted.as_ref().map(Tenant::as_str) {
        Ok(tenant) => match InvalidTenant::check(tenant) {
            Err(invalid) if reject => Err(Refusal::error(invalid)),
            checked => Ok(checked.is_ok().then_some(tenant)),
        },
        Err(missing) if reject => Err(Refusal::error(*missing)),
        Err(_) => Ok(None),
    }
}

impl From<Rejection> for Refusal {
    #[inline]
    fn from(rejection: Rejection) -> Self {
        match rejection {
            Rejection::Open(open) => Self::Open(open),
            Rejection::InvalidTenant(invalid) => Self::error(invalid),
        }
    }
}

impl Refusal {
    fn error(error: impl Into<BoxError>) -> Self {
        Self::Error(error.into())
    }
}
