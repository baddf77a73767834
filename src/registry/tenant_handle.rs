use super::CircuitBreakerRegistry;
use crate::CircuitSnapshot;
use crate::dependency::Dependency;
use crate::event::{Origin, OverrideChange, OverrideLevel};
use crate::overrides::{self, OverrideSnapshot, Standing, override_methods};
use crate::sync::Arc;
use crate::time::Clock;

/// One tenant in all dependencies of a registry.
///
/// ```
/// use tower_tenant_breaker::{CircuitBreakerRegistry, Policy};
///
/// let registry = CircuitBreakerRegistry::builder().build()?;
/// let search = registry.dependency_with("search", Policy::default())?;
/// registry.tenant("acme").force_open("unpaid");
/// assert!(search.acquire("acme").is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct TenantHandle {
    registry: CircuitBreakerRegistry,
    tenant: Box<str>,
}

/// One tenant in all dependencies at one moment.
///
/// With feature `serde` it is written as JSON; `overridden` as [`OverrideSnapshot`] shows, the circuits as
/// [`CircuitSnapshot`] does:
///
/// ```json
/// { "tenant": "acme", "overridden": null, "circuits": [] }
/// ```
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct TenantSnapshot {
    /// The tenant.
    pub tenant: String,
    /// The tenant's own override; see [`TenantHandle::override_in_force`]. Each circuit says what wins over it.
    pub overridden: Option<OverrideSnapshot>,
    /// Its circuits, sorted by the names of their dependencies.
    pub circuits: Vec<CircuitSnapshot>,
}

impl TenantHandle {
    pub(super) fn new(registry: CircuitBreakerRegistry, tenant: &str) -> Self {
        let tenant = tenant.into();
        Self { registry, tenant }
    }

    override_methods!(
        Tenant,
        "the tenant in all dependencies, also those without a circuit for it",
        shows "The tenant's own override, which a dependency's, a circuit's or the kill switch may beat."
    );

    fn clock(&self) -> &Clock {
        self.registry.clock()
    }

    /// The tenant's circuits in all dependencies. Makes none.
    ///
    /// ```
    /// use tower_tenant_breaker::{CircuitBreakerRegistry, Policy};
    ///
    /// let registry = CircuitBreakerRegistry::builder().build()?;
    /// let search = registry.dependency_with("search", Policy::default())?;
    /// drop(search.acquire("acme")?);
    /// for circuit in registry.tenant("acme").snapshot().circuits {
    ///     println!("{}: {}", circuit.dependency, circuit.state);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn snapshot(&self) -> TenantSnapshot {
        let of = |dependency: &Dependency| dependency.circuit(&self.tenant).snapshot();
        TenantSnapshot {
            tenant: self.tenant.as_ref().to_owned(),
            overridden: self.override_in_force(),
            circuits: self
                .registry
                .sorted()
                .into_values()
                .filter_map(of)
                .collect(),
        }
    }

    /// Makes the tenant's circuits closed, with empty windows, and makes none. Lifts no override, but for those by which
    /// circuits are held open since [a quota is used up](crate::Outcome::QuotaExhausted).
    pub fn reset(&self) {
        for dependency in self.registry.inner.directory.iter() {
            dependency.circuit(&self.tenant).reset();
        }
    }

    fn put(&self, standing: Option<Standing>) {
        let shared = &self.registry.inner.shared;
        let now = shared.clock.now();
        let standing = standing.map(Arc::new);
        let before = self.replace(&standing, now);
        let change = OverrideChange {
            level: OverrideLevel::Tenant,
            origin: Origin::ByHand,
            dependency: None,
            tenant: Some(&self.tenant),
            generation: 0,
        };
        change.tell(shared, now, before.as_deref(), standing.as_deref());
    }

    fn standing(&self) -> Option<Standing> {
        let tenants = self.registry.inner.shared.tenants.read();
        tenants
            .get(&*self.tenant)
            .map(|standing| Standing::clone(standing))
    }

    /// Puts the override in the place of the one that the tenant has, which is returned.
    fn replace(&self, standing: &Option<Arc<Standing>>, now: u64) -> Option<Arc<Standing>> {
        let shared = &self.registry.inner.shared;
        let _operator = shared.operator.lock();
        // The circuits are looked for under the table's lock; see `Dependency::circuit_or_new`.
        let mut tenants = shared.tenants.write();
        let before = overrides::put(&mut tenants, &self.tenant, standing.clone(), now);
        for dependency in self.registry.inner.directory.iter() {
            if let Some(circuit) = dependency.inner.circuits.get(&self.tenant) {
                circuit.set_tenant_override(standing.clone());
            }
        }
        before
    }
}
