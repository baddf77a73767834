use std::fmt;

use super::{MissingTenant, Tenant, TenantExtractor};

/// A closure as an extractor; made by [`tenant_fn`].
#[derive(Clone, Copy)]
pub struct TenantFn<F> {
    find: F,
}

/// Finds the tenant with a closure.
///
/// The closure's argument must say its type, `|req: &Req|`; the rest is inferred. It answers with
/// anything that [`Tenant`] is made from, and may borrow it from the request.
///
/// The wrapper is there for the compiler. A closure that is handed to a generic bound such as
/// [`TenantExtractor`] gets one lifetime for its argument and another for what it returns; here,
/// where the bound is spelled out, it learns that they are the same; so write it between these
/// parentheses, not into a variable before.
///
/// ```
/// use tower_tenant_breaker::{MissingReason, Tenant, TenantExtractor, tenant_fn};
///
/// struct Job {
///     owner: Option<String>,
/// }
///
/// let owner = tenant_fn(|job: &Job| {
///     let owner = job.owner.as_deref().ok_or(MissingReason::Absent)?;
///     Tenant::from(owner).checked()
/// });
///
/// let job = Job { owner: Some("acme".into()) };
/// assert_eq!(owner.extract(&job), Ok("acme".into()));
/// ```
pub const fn tenant_fn<Req, F>(find: F) -> TenantFn<F>
where
    F: for<'a> Fn(&'a Req) -> Result<Tenant<'a>, MissingTenant>,
{
    TenantFn { find }
}

impl<Req, F> TenantExtractor<Req> for TenantFn<F>
where
    F: for<'a> Fn(&'a Req) -> Result<Tenant<'a>, MissingTenant>,
{
    fn extract<'a>(&self, req: &'a Req) -> Result<Tenant<'a>, MissingTenant> {
        (self.find)(req)
    }
}

// By hand, because closures are not `Debug`.
impl<F> fmt::Debug for TenantFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantFn").finish_non_exhaustive()
    }
}
