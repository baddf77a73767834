use std::fmt;

use super::{CircuitBreakerRegistry, Inner};
use crate::circuit::{Budget, Shared};
use crate::directory::Directory;
use crate::event::Observer;
use crate::overrides::Place;
use crate::policy::{Policy, PolicyError};
use crate::sync::{Apart, Arc, ArcSwap, Mutex};
use crate::time::Clock;

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
    pub(super) fn new() -> Self {
        Self {
            max_tenants: 100_000,
            max_dependencies: 64,
            default_policy: Policy::default(),
            histogram_bytes: 64 << 20,
            observer: None,
        }
    }

    /// How many circuits each dependency may have. Never exceeded; a circuit takes some 200 bytes, and some
    /// 600 once a call of it was bad.
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

    /// The policy of dependencies that are created on first use, until
    /// [`set_default_policy`](CircuitBreakerRegistry::set_default_policy) says otherwise.
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
        let default_policy = Arc::new(self.default_policy);
        Ok(CircuitBreakerRegistry {
            inner: Arc::new(Inner {
                shared: Arc::new(Shared {
                    clock: Clock::new(),
                    observer: self.observer,
                    histograms: Arc::new(Budget::new(self.histogram_bytes)),
                    own: Place::empty(),
                    default_policy: ArcSwap::new(Arc::clone(&default_policy)),
                    first_default_policy: default_policy,
                    tenants: Apart::default(),
                    operator: Mutex::new(()),
                }),
                directory: Directory::new(),
                on_first_use: Mutex::new(0),
                max_dependencies: self.max_dependencies,
                max_tenants: self.max_tenants,
            }),
        })
    }
}
