use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use tokio::task::futures::TaskLocalFuture;

use super::{MissingReason, MissingTenant, Tenant, TenantExtractor};

tokio::task_local! {
    static TENANT: Tenant<'static>;
}

/// The tenant that the running task was given by [`TaskTenant::scope`].
///
/// For requests that are opaque: a client library that builds them itself, deep inside, leaves no
/// place to write a tenant on, but it runs in the task that knows whom it works for.
///
/// The tenant is read when the service is called, not when the future of that call is polled. So the
/// call belongs into the scope: `TaskTenant::scope("acme", service.call(request))` calls before there is a
/// scope, and without a tenant. An `async` block around it, or tower's `oneshot`, calls within:
///
/// ```
/// use tower::{BoxError, Layer, Service, ServiceExt, service_fn};
/// use tower_tenant_breaker::{
///     CircuitBreakerRegistry, ErrIsFailure, TaskTenant, TenantCircuitBreakerLayer,
/// };
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), BoxError> {
/// let search = CircuitBreakerRegistry::builder().build()?.dependency("search")?;
/// let mut service = TenantCircuitBreakerLayer::new(search.clone(), TaskTenant)
///     .classify(ErrIsFailure)
///     .layer(service_fn(async |n: u32| Ok::<_, std::io::Error>(n + 1)));
///
/// TaskTenant::scope("acme", async { service.call(1).await }).await?;
/// TaskTenant::scope("acme", service.clone().oneshot(2)).await?;
/// assert_eq!(search.snapshot().missing_tenant, 0);
///
/// TaskTenant::scope("acme", service.call(3)).await?; // called outside
/// assert_eq!(search.snapshot().missing_tenant, 1);
/// # Ok(())
/// # }
/// ```
///
/// The tenant does not follow the work into another task. What `tokio::spawn` starts has none, and
/// neither has a service behind `tower::buffer::Buffer`, whose calls are made by its worker. Take it
/// along by hand:
///
/// ```
/// use tower_tenant_breaker::{TaskTenant, TenantExtractor};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), tokio::task::JoinError> {
/// # struct Opaque;
/// TaskTenant::scope("acme", async {
///     assert_eq!(TaskTenant.extract(&Opaque), Ok("acme".into()));
///
///     let Some(tenant) = TaskTenant::current() else { return Ok(()) };
///     tokio::spawn(TaskTenant::scope(tenant, async {
///         assert_eq!(TaskTenant.extract(&Opaque), Ok("acme".into()));
///     }))
///     .await
/// })
/// .await?;
///
/// assert!(TaskTenant.extract(&Opaque).is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct TaskTenant;

impl TaskTenant {
    /// Runs a future for this tenant. The innermost scope wins.
    ///
    /// # Cancel safety
    ///
    /// Dropping the scope drops the future in it, which still sees the tenant while it is dropped.
    pub fn scope<F>(tenant: impl Into<Tenant<'static>>, future: F) -> TenantScope<F>
    where
        F: Future,
    {
        TenantScope {
            scope: TENANT.scope(tenant.into(), future),
        }
    }

    /// The tenant of the running task, unchecked; `None` outside of any scope.
    #[must_use]
    pub fn current() -> Option<Tenant<'static>> {
        TENANT.try_get().ok()
    }
}

impl<Req> TenantExtractor<Req> for TaskTenant {
    fn extract<'a>(&self, _req: &'a Req) -> Result<Tenant<'a>, MissingTenant> {
        Self::current().ok_or(MissingReason::Absent)?.checked()
    }
}

pin_project! {
    /// A future that runs for one tenant; made by [`TaskTenant::scope`].
    #[must_use = "futures do nothing unless polled"]
    pub struct TenantScope<F> {
        #[pin]
        scope: TaskLocalFuture<Tenant<'static>, F>,
    }
}

impl<F> Future for TenantScope<F>
where
    F: Future,
{
    type Output = F::Output;

    /// # Panics
    ///
    /// As the future inside does; and, as most futures do, when it is polled once more after it is
    /// done.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().scope.poll(cx)
    }
}

// By hand, because the future inside need not be `Debug`.
impl<F> fmt::Debug for TenantScope<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantScope").finish_non_exhaustive()
    }
}
