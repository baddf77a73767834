//! What is measured: this crate, and beside it the least that people would write by hand.

use std::error::Error;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use dashmap::DashMap;
use tower_tenant_breaker::{CircuitBreakerRegistry, Dependency, Outcome, Policy};

/// What has something for each tenant.
pub(crate) trait Subject: Sized {
    /// One with room for so many tenants, and none yet.
    fn new(most: usize) -> Result<Self, Box<dyn Error>>;

    /// A good call. The first one of a tenant makes what there is for it.
    fn call(&self, id: &str) -> Result<(), Box<dyn Error>>;
}

/// A dependency under the default policy: the call is admitted, its latency is measured, its outcome is counted.
pub(crate) struct Breaker {
    dependency: Dependency,
}

impl Breaker {
    pub(crate) fn dependency(&self) -> &Dependency {
        &self.dependency
    }
}

impl Subject for Breaker {
    fn new(most: usize) -> Result<Self, Box<dyn Error>> {
        let registry = CircuitBreakerRegistry::builder()
            .max_tenants(most)
            .build()?;
        let dependency = registry.dependency_with("search", Policy::default())?;
        Ok(Self { dependency })
    }

    #[inline]
    fn call(&self, id: &str) -> Result<(), Box<dyn Error>> {
        self.dependency.acquire(id)?.record(Outcome::Success);
        Ok(())
    }
}

/// A count for each tenant, and no breaker: what any map with the same hash costs, from which no clock is read.
pub(crate) struct Floor {
    counts: DashMap<Box<str>, AtomicU64>,
}

impl Subject for Floor {
    fn new(_: usize) -> Result<Self, Box<dyn Error>> {
        Ok(Self {
            counts: DashMap::new(),
        })
    }

    #[inline]
    fn call(&self, id: &str) -> Result<(), Box<dyn Error>> {
        if let Some(count) = self.counts.get(id) {
            count.fetch_add(1, Relaxed);
            return Ok(());
        }
        let count = self.counts.entry(id.into()).or_default();
        count.fetch_add(1, Relaxed);
        Ok(())
    }
}
