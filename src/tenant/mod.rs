//! Who a call is for, and how to find that out from a request.

mod closure;
mod fixed;
mod id;
mod missing;
mod task_local;

use std::sync::Arc;

pub use self::closure::{TenantFn, tenant_fn};
pub use self::fixed::FixedTenant;
pub use self::id::{INLINE_TENANT_BYTES, MAX_TENANT_BYTES, Tenant};
pub use self::missing::{MissingReason, MissingTenant};
pub use self::task_local::{TaskTenant, TenantScope};

/// Finds the tenant that a request is for.
///
/// # Take the tenant from authentication, not from what the caller writes
///
/// A caller who can choose the id can spread failures over many circuits so that none opens, or
/// fail in another tenant's name until that tenant's circuit opens. So let authentication run
/// first, and read what it left behind: a request extension (`ExtensionTenant`), or a header that
/// your own proxy sets and *replaces* where the caller sent one (`HeaderTenant`). A credential that
/// nobody has checked yet is what the caller writes, too.
///
/// # Which one
///
/// | extractor | reads | feature |
/// |---|---|---|
/// | [`FixedTenant`] | nothing: every request is the same tenant's | |
/// | [`TaskTenant`] | the tenant that the running task was given, for requests that are opaque | |
/// | [`tenant_fn`] | whatever a closure finds | |
/// | `HeaderTenant` | one header | `http` |
/// | `ExtensionTenant` | one request extension | `http` |
/// | `CredentialTenant` | a bearer token or an API key, kept as a keyed hash | `http` |
/// | `HostTenant` | the host that a request of reqwest goes to | `reqwest-middleware` |
/// | `Arc<dyn TenantExtractor<Req> + Send + Sync>` | one of them, chosen at run time | |
///
/// # A custom one
///
/// ```
/// use tower_tenant_breaker::{MissingReason, MissingTenant, Tenant, TenantExtractor};
///
/// struct Job {
///     owner: Option<String>,
/// }
///
/// #[derive(Clone)]
/// struct OwnerTenant;
///
/// impl TenantExtractor<Job> for OwnerTenant {
///     fn extract<'a>(&self, job: &'a Job) -> Result<Tenant<'a>, MissingTenant> {
///         let owner = job.owner.as_deref().ok_or(MissingReason::Absent)?;
///         Tenant::from(owner).checked()
///     }
/// }
///
/// let job = Job { owner: Some("acme".into()) };
/// assert_eq!(OwnerTenant.extract(&job), Ok("acme".into()));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot find the tenant of a `{Req}`",
    note = "wrap a closure as `tenant_fn(|req: &Req| ..)`: a bare closure fails type inference"
)]
pub trait TenantExtractor<Req> {
    /// The tenant of this request.
    ///
    /// Called once for each request, before anything else, and never awaited.
    ///
    /// # Errors
    ///
    /// [`MissingTenant`] where the request names none, or names it in a way that cannot be trusted
    /// (twice, not as UTF-8, empty, over [`MAX_TENANT_BYTES`]). What happens then is the layer's
    /// `on_missing_tenant`.
    fn extract<'a>(&self, req: &'a Req) -> Result<Tenant<'a>, MissingTenant>;
}

/// An extractor that is chosen at run time:
///
/// ```
/// use std::sync::Arc;
/// use tower_tenant_breaker::{FixedTenant, TaskTenant, TenantExtractor};
///
/// fn configured(fixed: Option<String>) -> Arc<dyn TenantExtractor<()> + Send + Sync> {
///     match fixed {
///         Some(id) => Arc::new(FixedTenant::new(id)),
///         None => Arc::new(TaskTenant),
///     }
/// }
///
/// assert_eq!(configured(Some("acme".into())).extract(&()), Ok("acme".into()));
/// assert!(configured(None).extract(&()).is_err());
/// ```
impl<Req, E> TenantExtractor<Req> for Arc<E>
where
    E: TenantExtractor<Req> + ?Sized,
{
    fn extract<'a>(&self, req: &'a Req) -> Result<Tenant<'a>, MissingTenant> {
        (**self).extract(req)
    }
}
