//! The policy of dependencies that have none of their own.

use super::CircuitBreakerRegistry;
use crate::event::say;
use crate::policy::Policy;
use crate::sync::Arc;

impl CircuitBreakerRegistry {
    /// The policy of dependencies that are created on first use.
    #[must_use]
    pub fn default_policy(&self) -> Arc<Policy> {
        Arc::clone(&self.inner.shared.default_policy.load())
    }

    /// Changes the policy of dependencies that are created on first use: of those that are yet to come, and of those
    /// that there are, unless [`Dependency::set_policy`](crate::Dependency::set_policy) gave them one of their own.
    /// All stays that it says, and there is one line in the log.
    ///
    /// ```
    /// use tower_tenant_breaker::{CircuitBreakerRegistry, Policy};
    ///
    /// let registry = CircuitBreakerRegistry::builder().build()?;
    /// let search = registry.dependency("search")?;
    /// registry.set_default_policy(Policy::builder().consecutive_failures(3).build()?);
    /// assert_eq!(search.policy(), registry.default_policy());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_default_policy(&self, policy: Policy) {
        self.put_default_policy(Arc::new(policy));
    }

    /// Makes the default policy what [`RegistryBuilder::default_policy`](crate::RegistryBuilder::default_policy) said.
    pub fn clear_default_policy(&self) {
        self.put_default_policy(Arc::clone(&self.inner.shared.first_default_policy));
    }

    fn put_default_policy(&self, policy: Arc<Policy>) {
        let differs = {
            // Against those who add: who read the old default is in the directory by now.
            let _adding = self.inner.on_first_use.lock();
            let before = self.inner.shared.default_policy.swap(Arc::clone(&policy));
            for dependency in self.inner.directory.iter() {
                dependency.follow_default_policy();
            }
            *before != *policy
        };
        if differs {
            for dependency in self.inner.directory.iter() {
                dependency.end_outage_with_its_policy();
            }
            say(|| tracing::info!("default policy replaced"));
        }
    }
}
