//! The registry: the dependencies, and what they share.

use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::fmt;
use std::time::Duration;

use crate::CircuitSnapshot;
use crate::circuit::{Budget, Shared};
use crate::dependency::{Dependency, DependencySnapshot};
use crate::directory::Directory;
use crate::event::Observer;
use crate::overrides::{Override, Place, Standing};
use crate::policy::{Policy, PolicyError};
use crate::sync::{Arc, Mutex, RwLock};
use crate::time::Clock;

/// The longest name of a dependency, in bytes.
const MAX_NAME_BYTES: usize = 256;

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
    default_policy: Policy,
}

/// Builds a [`CircuitBreakerRegistry`].
///
/// | field | meaning | default | bounds |
/// |---|---|---|---|
/// | [`max_tenants`](Self::max_tenants) | circuits of each dependency | 100,000 | at least 1 |
/// | [`max_dependencies`](Self::max_dependencies) | dependencies created on first use | 64 | 0 allows declared ones only |
/// | [`default_policy`](Self::default_policy) | the policy of those | [`Policy::default`] | |
/// | [`histogram_bytes`](Self::histogram_bytes) | memory of all latency histograms together | 64 MiB | 0 switches them off |
/// | [`observer`](Self::observer) | who is told of events | nobody | |
#[must_use = "a builder does nothing until it is built"]
pub struct RegistryBuilder {
    max_tenants: usize,
    max_dependencies: usize,
    default_policy: Policy,
    histogram_bytes: usize,
    observer: Option<Box<dyn Observer>>,
}

impl fmt::Debug for RegistryBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryBuilder")
            .field("max_tenants", &self.max_tenants)
            .field("max_dependencies", &self.max_dependencies)
            .field("default_policy", &self.default_policy)
            .field("histogram_bytes", &self.histogram_bytes)
            .finish_non_exhaustive()
    }
}

impl RegistryBuilder {
    /// How many circuits each dependency may have. Never exceeded; a circuit takes some 200 bytes.
    pub fn max_tenants(mut self, tenants: usize) -> Self {
        self.max_tenants = tenants;
        self
    }

    /// How many dependencies may be created on first use, by [`CircuitBreakerRegistry::dependency`]. Those
    /// that are declared do not count.
    pub fn max_dependencies(mut self, dependencies: usize) -> Self {
        self.max_dependencies = dependencies;
        self
    }

    /// The policy of dependencies that are created on first use.
    pub fn default_policy(mut self, policy: Policy) -> Self {
        self.default_policy = policy;
        self
    }

    /// How many bytes the latency histograms of all circuits may take together.
    pub fn histogram_bytes(mut self, bytes: usize) -> Self {
        self.histogram_bytes = bytes;
        self
    }

    /// Who is told of events.
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.observer = Some(Box::new(observer));
        self
    }

    /// Builds the registry.
    ///
    /// # Errors
    ///
    /// [`PolicyError`], where `max_tenants` is 0.
    pub fn build(self) -> Result<CircuitBreakerRegistry, PolicyError> {
        if self.max_tenants == 0 {
            return Err(PolicyError::new("max_tenants", 0, "at least 1"));
        }
        Ok(CircuitBreakerRegistry {
            inner: Arc::new(Inner {
                shared: Arc::new(Shared {
                    clock: Clock::new(),
                    observer: self.observer,
                    histograms: Arc::new(Budget::new(self.histogram_bytes)),
                    own: Place::empty(),
                    tenants: RwLock::new(HashMap::new()),
                    operator: Mutex::new(()),
                }),
                directory: Directory::new(),
                on_first_use: Mutex::new(0),
                max_dependencies: self.max_dependencies,
                max_tenants: self.max_tenants,
                default_policy: self.default_policy,
            }),
        })
    }
}

/// No dependency has this name, and none may be created on first use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownDependency {
    name: String,
    known: Vec<String>,
}

impl UnknownDependency {
    /// The name that was asked for, cut to 256 bytes.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The names that are known, sorted.
    #[must_use]
    pub fn known(&self) -> &[String] {
        &self.known
    }
}

impl fmt::Display for UnknownDependency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Through `Debug`: a name from a request may hold anything.
        write!(
            f,
            "unknown dependency {:?}, known are {:?}",
            self.name, self.known
        )
    }
}

impl Error for UnknownDependency {}

/// Why a dependency could not be declared.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeclareError {
    /// The dependency of this name has another policy.
    OtherPolicy(String),
    /// The name is empty, or longer than 256 bytes; this is its length.
    InvalidName(usize),
}

impl fmt::Display for DeclareError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherPolicy(name) => {
                write!(f, "dependency {name:?} was declared with another policy")
            }
            Self::InvalidName(bytes) => write!(
                f,
                "the dependency's name has {bytes} bytes, but must have from 1 to {MAX_NAME_BYTES}"
            ),
        }
    }
}

impl Error for DeclareError {}

impl CircuitBreakerRegistry {
    /// A builder with the defaults.
    pub fn builder() -> RegistryBuilder {
        RegistryBuilder {
            max_tenants: 100_000,
            max_dependencies: 64,
            default_policy: Policy::default(),
            histogram_bytes: 64 << 20,
            observer: None,
        }
    }

    /// Declares a dependency with a policy of its own. Declared again with the same policy, it is the same
    /// dependency.
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
            Some(known) if *known.policy() == policy => Ok(known.clone()),
            Some(_) => Err(DeclareError::OtherPolicy(name.to_owned())),
            None => Ok(self.add(name, policy)),
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
            return Err(UnknownDependency {
                name: cut(name).to_owned(),
                known: self.sorted().into_keys().map(str::to_owned).collect(),
            });
        }
        *on_first_use += 1;
        Ok(self.add(name, self.inner.default_policy.clone()))
    }

    fn add(&self, name: &str, policy: Policy) -> Dependency {
        let Inner {
            shared,
            directory,
            max_tenants,
            ..
        } = &*self.inner;
        let added = Dependency::new(shared, name, policy, *max_tenants);
        directory.insert(added.clone());
        // An override of the registry that was set before the insertion did not come by here.
        let _operator = shared.operator.lock();
        added.context().refresh_attention();
        added
    }

    /// The dependency of this name, if there is one. Creates none.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Dependency> {
        self.inner.directory.get(name).cloned()
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
        TenantHandle {
            registry: self.clone(),
            tenant: tenant.into(),
        }
    }

    /// The figures of all dependencies, sorted by name. Calls go on meanwhile.
    #[must_use]
    pub fn snapshot(&self) -> Vec<DependencySnapshot> {
        self.sorted()
            .into_values()
            .map(Dependency::snapshot)
            .collect()
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

    /// Makes every circuit of every dependency closed, with an empty window. Lifts no override.
    pub fn reset(&self) {
        self.inner.directory.iter().for_each(Dependency::reset);
    }

    /// Sets the registry's override: for every tenant of every dependency, also those yet to come.
    /// [`Override::Disabled`] here is the kill switch, and beats all other overrides.
    pub fn set(&self, kind: Override) {
        self.put(Some(Standing::new(kind)));
    }

    /// As [`set`](Self::set), for a time.
    pub fn set_for(&self, kind: Override, period: Duration) {
        self.put(Some(
            Standing::new(kind).lasting(&self.inner.shared.clock, period),
        ));
    }

    /// Rejects every call until [`clear`](Self::clear): [`Override::ForcedOpen`], with a reason that the
    /// rejections carry.
    pub fn force_open(&self, reason: &str) {
        self.put(Some(Standing::new(Override::ForcedOpen).with_note(reason)));
    }

    /// Clears the registry's override.
    pub fn clear(&self) {
        self.put(None);
    }

    fn put(&self, standing: Option<Standing>) {
        let shared = &self.inner.shared;
        let _operator = shared.operator.lock();
        shared.own.store(standing.map(Arc::new));
        for dependency in self.inner.directory.iter() {
            dependency.context().refresh_attention();
        }
    }
}

fn is_name(name: &str) -> bool {
    (1..=MAX_NAME_BYTES).contains(&name.len())
}

/// At most the first 256 bytes: the name may come from a request.
fn cut(name: &str) -> &str {
    let mut ends = (0..=name.len().min(MAX_NAME_BYTES)).rev();
    let end = ends.find(|end| name.is_char_boundary(*end));
    &name[..end.unwrap_or_default()]
}

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

impl TenantHandle {
    /// Sets the tenant's override: in all dependencies, also those without a circuit for it.
    pub fn set(&self, kind: Override) {
        self.put(Some(Standing::new(kind)));
    }

    /// As [`set`](Self::set), for a time.
    pub fn set_for(&self, kind: Override, period: Duration) {
        let clock = &self.registry.inner.shared.clock;
        self.put(Some(Standing::new(kind).lasting(clock, period)));
    }

    /// Rejects every call until [`clear`](Self::clear): [`Override::ForcedOpen`], with a reason that the
    /// rejections carry.
    pub fn force_open(&self, reason: &str) {
        self.put(Some(Standing::new(Override::ForcedOpen).with_note(reason)));
    }

    /// Clears the tenant's override.
    pub fn clear(&self) {
        self.put(None);
    }

    /// The tenant's circuits by dependency, sorted by its name.
    #[must_use]
    pub fn snapshot(&self) -> Vec<(String, CircuitSnapshot)> {
        let of = |dependency: &Dependency| {
            let snapshot = dependency.circuit(&self.tenant).snapshot()?;
            Some((dependency.name().to_owned(), snapshot))
        };
        self.registry
            .sorted()
            .into_values()
            .filter_map(of)
            .collect()
    }

    fn put(&self, standing: Option<Standing>) {
        let shared = &self.registry.inner.shared;
        let _operator = shared.operator.lock();
        let standing = standing.map(Arc::new);
        let now = shared.clock.now();
        // The circuits are looked for under the table's lock; see `Dependency::acquire_new`.
        let mut tenants = shared.tenants.write();
        tenants.retain(|_, standing| standing.in_force(now));
        match &standing {
            Some(standing) => _ = tenants.insert(self.tenant.clone(), Arc::clone(standing)),
            None => _ = tenants.remove(&self.tenant),
        }
        for dependency in self.registry.inner.directory.iter() {
            if let Some(circuit) = dependency.inner.circuits.get(&self.tenant) {
                circuit.set_tenant_override(standing.clone());
            }
        }
    }
}
