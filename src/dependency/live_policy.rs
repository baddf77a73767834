//! Policies that change while calls go on.

use super::Dependency;
use crate::circuit::{InForce, Rules};
use crate::policy::Policy;
use crate::sync::Arc;

impl Dependency {
    /// The policy that holds now.
    #[must_use]
    pub fn policy(&self) -> Arc<Policy> {
        Arc::clone(&self.context().rules().policy)
    }

    /// Puts a policy in the place of the one that holds, without stopping calls.
    ///
    /// Circuits keep their state, their deadline, the growth of their open periods and their overrides, and permits
    /// stay current. Where the window, a threshold or another field of the rules differs, windows and runs begin anew:
    /// what was counted by other rules is not read by these. A period, a place or a hint is measured by the policy that
    /// holds when it begins. The calls that are in the air when [`max_in_flight`](crate::PolicyBuilder::max_in_flight)
    /// begins to hold are not counted. Tenants that have a policy of their own keep it.
    ///
    /// ```
    /// use tower_tenant_breaker::{CircuitBreakerRegistry, Policy};
    ///
    /// let registry = CircuitBreakerRegistry::builder().build()?;
    /// let search = registry.dependency_with("search", Policy::default())?;
    /// search.set_policy(Policy::builder().consecutive_failures(3).build()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_policy(&self, policy: Policy) {
        let context = self.context();
        let _operator = context.shared.operator.lock();
        let had_cap = context.rules().policy.max_in_flight.is_some();
        context.replace_policy(policy);
        let rules = Arc::clone(&context.rules());
        if had_cap == rules.policy.max_in_flight.is_some() {
            return;
        }
        // A newcomer that is not in the map yet reads the policy under the lock of its shard, and so this one.
        self.inner.circuits.for_each(|circuit| {
            if !circuit.has_own_rules() {
                circuit.follow_cap(&rules);
            }
        });
        for shared in self.shared_circuits().chain(context.outage_circuit()) {
            shared.follow_cap(&rules);
        }
    }

    /// Whether this policy is the one with which the dependency was declared, or the one that holds now.
    pub(crate) fn is_declared_with(&self, policy: &Policy) -> bool {
        *self.inner.declared == *policy || *self.policy() == *policy
    }

    /// The policy that holds for the tenant.
    pub(crate) fn policy_of(&self, tenant: &str) -> Arc<Policy> {
        let own = self.context().policies.read();
        let own = own.get(tenant).map(|rules| Arc::clone(&rules.policy));
        own.unwrap_or_else(|| self.policy())
    }

    /// Changes the policy of a tenant's own; none for that of the dependency.
    pub(crate) fn put_policy(&self, tenant: &str, policy: Option<Policy>) {
        let context = self.context();
        let _operator = context.shared.operator.lock();
        // The circuit is looked for under the table's lock; see `circuit_or_new`.
        let mut policies = context.policies.write();
        let before = policies.get(tenant).map(Arc::clone);
        let before = before.map_or_else(|| InForce::Common(context.rules()), InForce::Own);
        let follow = |policy| Arc::new(Rules::followed_by(&before, policy, || context.next_era()));
        let rules = policy.map(follow);
        match &rules {
            Some(rules) => _ = policies.insert(tenant.into(), Arc::clone(rules)),
            None => _ = policies.remove(tenant),
        }
        if let Some(circuit) = self.inner.circuits.get(tenant) {
            circuit.set_own_rules(rules);
        }
    }
}
