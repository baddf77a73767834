use crate::sync::Arc;

/// Whom a synthetic probe is for: what the closure or the service of a
/// [`RecoveryProber`](crate::RecoveryProber) is given to make a request of.
///
/// ```
/// use tower_tenant_breaker::ProbeTarget;
///
/// let target = ProbeTarget::new("search", Some("acme"));
/// assert_eq!((target.dependency(), target.tenant()), ("search", Some("acme")));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ProbeTarget {
    dependency: Arc<str>,
    tenant: Option<Arc<str>>,
}

impl ProbeTarget {
    /// A target, to try a service with.
    #[must_use]
    pub fn new(dependency: &str, tenant: Option<&str>) -> Self {
        Self::of(&dependency.into(), tenant)
    }

    pub(super) fn of(dependency: &Arc<str>, tenant: Option<&str>) -> Self {
        Self {
            dependency: Arc::clone(dependency),
            tenant: tenant.map(Arc::from),
        }
    }

    /// The name of the dependency.
    #[must_use]
    pub fn dependency(&self) -> &str {
        &self.dependency
    }

    /// The tenant in whose name to ask; none for a circuit that calls without a tenant, or newcomers without a circuit
    /// of their own, share. Where nothing can be asked for it, answer [`Outcome::Ignored`](crate::Outcome::Ignored).
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.tenant.as_deref()
    }
}
