//! The registry: the dependencies, and what they share.

mod builder;
mod default_policy;
mod error;
mod snapshot;
mod tenant_handle;

use std::collections::BTreeMap;

pub use self::builder::RegistryBuilder;
pub(crate) use self::error::is_name;
pub use self::error::{DeclareError, UnknownDependency};
pub use self::snapshot::RegistrySnapshot;
pub use self::tenant_handle::{TenantHandle, TenantSnapshot};
use crate::circuit::Shared;
use crate::dependency::Dependency;
use crate::directory::Directory;
#[cfg(any(feature = "otel", feature = "metrics"))]
use crate::event::Event;
use crate::event::{Events, Origin, OverrideChange, OverrideLevel};
use crate::impact::ImpactReport;
use crate::overrides::{Standing, override_methods};
use crate::policy::Policy;
use crate::sync::{Arc, Mutex};
use crate::time::Clock;

/// The dependencies, and the state of all their circuits.
///
/// Clones are handles of the same registry. The state lives here and not in layers or services, of which
/// there are many: axum applies a layer once per route, and clones services per request.
///
/// ```
/// use tower_tenant_breaker::{CircuitBreakerRegistry, Override, Policy};
///
/// let registry = CircuitBreakerRegistry::builder().max_tenants(100_000).build()?;
/// let search = registry.dependency_with("search", Policy::default())?;
/// assert_eq!(registry.get("search").unwrap().name(), search.name());
///
/// registry.set(Override::Disabled); // the kill switch
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct CircuitBreakerRegistry {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    shared: Arc<Shared>,
    directory: Directory,
    /// How many dependencies were created on first use. Held by whoever adds one.
    on_first_use: Mutex<usize>,
    max_dependencies: usize,
    max_tenants: usize,
}

/// A registry that is not kept alive.
#[cfg(any(feature = "otel", feature = "metrics"))]
#[derive(Clone, Debug)]
pub(crate) struct WeakRegistry(crate::sync::Weak<Inner>);

#[cfg(any(feature = "otel", feature = "metrics"))]
impl WeakRegistry {
    pub(crate) fn upgrade(&self) -> Option<CircuitBreakerRegistry> {
        let inner = self.0.upgrade()?;
        Some(CircuitBreakerRegistry { inner })
    }
}

impl CircuitBreakerRegistry {
    /// A builder with the defaults.
    pub fn builder() -> RegistryBuilder {
        RegistryBuilder::new()
    }

    /// Declares a dependency with a policy of its own. Declared again with the same policy, or with the one that
    /// [`set_policy`](Dependency::set_policy) has put in its place, it is the same dependency, and keeps the policy
    /// that it has.
    ///
    /// # Errors
    ///
    /// [`DeclareError`], where the name is empty or longer than 256 bytes, or the dependency exists with
    /// another policy.
    pub fn dependency_with(&self, name: &str, policy: Policy) -> Result<Dependency, DeclareError> {
        if !is_name(name) {
            return Err(DeclareError::InvalidName(name.len()));
        }
        let _adding = self.inner.on_first_use.lock();
        match self.inner.directory.get(name) {
            Some(known) if known.is_declared_with(&policy) => {
                known.declare(policy);
                Ok(known.clone())
            }
            Some(_) => Err(DeclareError::OtherPolicy(name.to_owned())),
            None => Ok(self.add(name, Some(policy))),
        }
    }

    /// The dependency of this name; created with the default policy on first use, where
    /// [`max_dependencies`](RegistryBuilder::max_dependencies) leaves room.
    ///
    /// # Errors
    ///
    /// [`UnknownDependency`], with the names that are known, where there is none and no room for one, or the
    /// name is empty or longer than 256 bytes.
    pub fn dependency(&self, name: &str) -> Result<Dependency, UnknownDependency> {
        if let Some(known) = self.get(name) {
            return Ok(known);
        }
        let mut on_first_use = self.inner.on_first_use.lock();
        if let Some(known) = self.get(name) {
            return Ok(known);
        }
        if *on_first_use >= self.inner.max_dependencies || !is_name(name) {
            drop(on_first_use);
            let known = self.sorted().into_keys().map(str::to_owned).collect();
            return Err(UnknownDependency::new(name, known));
        }
        *on_first_use += 1;
        Ok(self.add(name, None))
    }

    /// The dependency of this name, which was checked; created with the default policy, however many there are. Tells
    /// whether it was.
    #[cfg(feature = "serde")]
    pub(crate) fn get_or_add(&self, name: &str) -> (Dependency, bool) {
        let _adding = self.inner.on_first_use.lock();
        match self.get(name) {
            Some(known) => (known, false),
            None => (self.add(name, None), true),
        }
    }

    /// Without a policy, with the default one. Whoever calls this holds the lock of those who add.
    fn add(&self, name: &str, policy: Option<Policy>) -> Dependency {
        let Inner {
            shared,
            directory,
            max_tenants,
            ..
        } = &*self.inner;
        let added = Dependency::new(shared, name, policy, *max_tenants);
        // Who sets an override of the registry after this finds the dependency; who did before is seen here.
        let _operator = shared.operator.lock();
        added.context().refresh_attention();
        directory.insert(added.clone());
        added
    }

    /// The dependency of this name, if there is one. Creates none.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Dependency> {
        self.known(name).cloned()
    }

    pub(crate) fn known(&self, name: &str) -> Option<&Dependency> {
        self.inner.directory.get(name)
    }

    /// All dependencies, sorted by name.
    #[must_use]
    pub fn dependencies(&self) -> Vec<Dependency> {
        self.sorted().into_values().cloned().collect()
    }

    fn sorted(&self) -> BTreeMap<&str, &Dependency> {
        let named = |dependency| (Dependency::name(dependency), dependency);
        self.inner.directory.iter().map(named).collect()
    }

    /// A tenant in all dependencies.
    #[must_use]
    pub fn tenant(&self, tenant: &str) -> TenantHandle {
        TenantHandle::new(self.clone(), tenant)
    }

    /// Subscribes to all events of all dependencies, from now on: every rejected call is one. Who wants to know what
    /// changes [subscribes to changes](Self::subscribe_to_changes); [`Events`] says which to use.
    ///
    /// Never holds up a call: a subscription that falls further behind than
    /// [`event_capacity`](RegistryBuilder::event_capacity) loses the oldest events, and is told how many. While there
    /// is one, each event, and so each rejected call, is copied once, whatever the number of subscriptions; without
    /// one nothing is. The first allocates the places for events, some 300 bytes each, which stay until the registry
    /// goes.
    pub fn subscribe(&self) -> Events {
        Events::of_everything(&self.inner.shared)
    }

    /// Subscribes to what does not come with every call, of all dependencies, from now on: to transitions, outages,
    /// overrides and circuits that were forgotten. No flood of rejections, probes or newcomers pushes these out.
    /// [`Events`] says which kinds of event these are.
    ///
    /// Has its own places, as many and of the same size as [`subscribe`](Self::subscribe); they too are allocated by the
    /// first one. Calls are not told of for it: they cost what they do without a subscriber.
    ///
    /// ```
    /// use tower_tenant_breaker::CircuitBreakerRegistry;
    ///
    /// let registry = CircuitBreakerRegistry::builder().build()?;
    /// let mut changes = registry.subscribe_to_changes();
    /// let search = registry.dependency("search")?;
    /// search.force_open("maintenance");
    /// for _ in 0..10_000 {
    ///     search.acquire("acme").unwrap_err();
    /// }
    /// assert_eq!(changes.try_recv()?.unwrap().note.as_deref(), Some("maintenance"));
    /// assert!(changes.try_recv()?.is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn subscribe_to_changes(&self) -> Events {
        Events::of_changes(&self.inner.shared)
    }

    /// What bad calls did to tenants, by the hour; empty, and [not kept](ImpactReport::is_kept), where
    /// [`RegistryBuilder::impact`] did not ask for it. A copy; calls go on meanwhile.
    ///
    /// ```
    /// use tower_tenant_breaker::{CircuitBreakerRegistry, ImpactPolicy};
    ///
    /// let registry = CircuitBreakerRegistry::builder().impact(ImpactPolicy::default()).build()?;
    /// for tenant in registry.impact().per_tenant() {
    ///     println!("{:?}: {:?}", tenant.tenant, tenant.counts);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn impact(&self) -> ImpactReport {
        let Some(ledger) = &self.inner.shared.impact else {
            return ImpactReport::default();
        };
        for (tenant, dependency) in ledger.subjects() {
            if let Some(dependency) = self.known(&dependency) {
                dependency.settle_impact(tenant.as_deref());
            }
        }
        ImpactReport::new(ledger, self.inner.shared.clock.now())
    }

    /// The open and half-open circuits, as pairs of dependency and tenant, sorted.
    #[must_use]
    pub fn open_circuits(&self) -> Vec<(String, String)> {
        let of = |(name, dependency): (&str, &Dependency)| {
            let name = name.to_owned();
            let tenants = dependency.open_circuits().into_iter();
            tenants.map(move |tenant| (name.clone(), tenant))
        };
        self.sorted().into_iter().flat_map(of).collect()
    }

    /// Makes every circuit of every dependency closed, with an empty window. Lifts no override, but for those by
    /// which circuits are held open since [a quota is used up](crate::Outcome::QuotaExhausted).
    pub fn reset(&self) {
        self.inner.directory.iter().for_each(Dependency::reset);
    }

    override_methods!(
        Registry,
        "every tenant of every dependency, those that are yet to come too",
        shows "The registry's override: the kill switch, where it is [`Override::Disabled`](crate::Override)."
    );

    #[cfg(any(feature = "otel", feature = "metrics"))]
    pub(crate) fn downgrade(&self) -> WeakRegistry {
        WeakRegistry(Arc::downgrade(&self.inner))
    }

    /// Tells it of changes from now on, until it says `false`.
    #[cfg(any(feature = "otel", feature = "metrics"))]
    pub(crate) fn watch_changes(
        &self,
        watcher: impl Fn(&Event<'_>) -> bool + Send + Sync + 'static,
    ) {
        self.inner.shared.audience.watch(watcher);
    }

    fn clock(&self) -> &Clock {
        &self.inner.shared.clock
    }

    fn standing(&self) -> Option<Standing> {
        self.inner.shared.own.load().as_deref().cloned()
    }

    fn put(&self, standing: Option<Standing>) {
        for dependency in self.inner.directory.iter() {
            dependency.begin_dry_run_of_registry(standing.as_ref());
        }
        let shared = &self.inner.shared;
        let now = shared.clock.now();
        let standing = standing.map(Arc::new);
        let before = {
            let _operator = shared.operator.lock();
            let before = shared.own.swap(standing.clone());
            for dependency in self.inner.directory.iter() {
                dependency.context().refresh_attention();
            }
            before
        };
        let change = OverrideChange {
            level: OverrideLevel::Registry,
            origin: Origin::ByHand,
            dependency: None,
            tenant: None,
            generation: 0,
        };
        change.tell(shared, now, before.as_deref(), standing.as_deref());
    }
}
