//! A registry as people read it.

use tokio::time::Instant;

use super::CircuitBreakerRegistry;
use crate::dependency::{Dependency, DependencySnapshot};
use crate::overrides::OverrideSnapshot;

/// The figures of all dependencies, and what is forced on all of them.
///
/// With feature `serde` it is written as JSON; `overridden` as [`OverrideSnapshot`] shows, the dependencies as
/// [`DependencySnapshot`] does:
///
/// ```json
/// { "overridden": null, "dependencies": [] }
/// ```
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct RegistrySnapshot {
    /// When the first of the figures was read; each dependency has its own moment.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub taken_at: Instant,
    /// The registry's own override; the kill switch is [`Override::Disabled`](crate::Override). What is forced on one
    /// dependency is in that one's snapshot.
    pub overridden: Option<OverrideSnapshot>,
    /// The dependencies, sorted by name.
    pub dependencies: Vec<DependencySnapshot>,
}

impl CircuitBreakerRegistry {
    /// The figures of all dependencies. Calls go on meanwhile.
    ///
    /// ```
    /// use tower_tenant_breaker::{CircuitBreakerRegistry, Override, Policy};
    ///
    /// let registry = CircuitBreakerRegistry::builder().build()?;
    /// registry.dependency_with("search", Policy::default())?;
    /// registry.set(Override::Disabled);
    ///
    /// let seen = registry.snapshot();
    /// assert_eq!(seen.overridden.unwrap().kind, Override::Disabled);
    /// for dependency in seen.dependencies {
    ///     println!("{}: {} open", dependency.name, dependency.open);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn snapshot(&self) -> RegistrySnapshot {
        let clock = self.clock();
        let dependencies = self.sorted().into_values();
        RegistrySnapshot {
            taken_at: clock.instant(clock.now()),
            overridden: self.override_in_force(),
            dependencies: dependencies.map(Dependency::snapshot).collect(),
        }
    }
}
