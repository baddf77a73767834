use std::fmt;

use super::{CircuitBreakerRegistry, Inner};
use crate::circuit::{Budget, Shared};
use crate::directory::Directory;
use crate::event::{Audience, Observer};
use crate::impact::{ImpactPolicy, Ledger};
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
/// | [`event_capacity`](Self::event_capacity) | events that a subscription may fall behind | 1,024 | 1 to 1,048,576 |
/// | [`impact`](Self::impact) | keeps a ledger of what bad calls did to tenants | none | see [`ImpactPolicy`] |
#[must_use = "a builder does nothing until it is built"]
pub struct RegistryBuilder {
    max_tenants: usize,
    max_dependencies: usize,
    default_policy: Policy,
    histogram_bytes: usize,
    observer: Option<Box<dyn Observer>>,
    event_capacity: usize,
    impact: Option<ImpactPolicy>,
}

const MAX_EVENT_CAPACITY: usize = 1 << 20;

impl fmt::Debug for RegistryBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryBuilder")
            .field("max_tenants", &self.max_tenants)
            .field("max_dependencies", &self.max_dependencies)
            .field("default_policy", &self.default_policy)
            .field("histogram_bytes", &self.histogram_bytes)
            .field("event_capacity", &self.event_capacity)
            .field("impact", &self.impact)
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
            event_capacity: 1_024,
            impact: None,
        }
    }

    /// How many circuits each dependency may have. Never exceeded; a circuit takes some 210 bytes, and some
    /// 730 once a call of it was bad. A dependency without any takes 1.4 kB for each shard of its map, of which there are
    /// 16 to 127, by the cores of the machine and by this number.
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

    /// How many events a [subscription](CircuitBreakerRegistry::subscribe) may fall behind before it loses the
    /// oldest; rounded up to a power of two. The places, some 300 bytes each, are allocated by the first subscription
    /// of its kind, to all events or to [changes](CircuitBreakerRegistry::subscribe_to_changes), and shared by all of it.
    pub fn event_capacity(mut self, events: usize) -> Self {
        self.event_capacity = events;
        self
    }

    /// Keeps a ledger of what bad calls did to tenants, by the hour: [`CircuitBreakerRegistry::impact`] reads it.
    pub fn impact(mut self, policy: ImpactPolicy) -> Self {
        self.impact = Some(policy);
        self
    }

    /// Builds the registry.
    ///
    /// # Errors
    ///
    /// [`PolicyError`], where `max_tenants` is 0, `event_capacity` is 0 or over 1,048,576, or a field of the
    /// [`ImpactPolicy`] is out of its bounds.
    pub fn build(self) -> Result<CircuitBreakerRegistry, PolicyError> {
        if self.max_tenants == 0 {
            return Err(PolicyError::new("max_tenants", 0, "at least 1"));
        }
        let capacity = self.event_capacity;
        if !(1..=MAX_EVENT_CAPACITY).contains(&capacity) {
            let bound = "from 1 to 1048576";
            return Err(PolicyError::new("event_capacity", capacity, bound));
        }
        let impact = self.impact.map(ImpactPolicy::checked).transpose()?;
        let default_policy = Arc::new(self.default_policy);
        Ok(CircuitBreakerRegistry {
            inner: Arc::new(Inner {
                shared: Arc::new(Shared {
                    clock: Clock::new(),
                    audience: Audience::new(self.observer, capacity),
                    histograms: Arc::new(Budget::new(self.histogram_bytes)),
                    own: Place::empty(),
                    default_policy: ArcSwap::new(Arc::clone(&default_policy)),
                    first_default_policy: default_policy,
                    tenants: Apart::default(),
                    operator: Mutex::new(()),
                    impact: impact.map(|bounds| Box::new(Ledger::new(bounds))),
                }),
                directory: Directory::new(),
                on_first_use: Mutex::new(0),
                max_dependencies: self.max_dependencies,
                max_tenants: self.max_tenants,
            }),
        })
    }
}
