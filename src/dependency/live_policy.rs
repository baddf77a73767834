//! Policies that change while calls go on.

use super::Dependency;
use crate::circuit::{InForce, Rules};
#[cfg(feature = "serde")]
use crate::event::Origin;
use crate::event::{Text, say};
#[cfg(feature = "serde")]
use crate::overrides::Override;
use crate::policy::Policy;
use crate::sync::{Arc, Relaxed};

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
    /// begins to hold are not counted. Tenants that have a policy of their own keep it. Where the policy differs, a
    /// line at `info` says that it was replaced.
    ///
    /// [`Policy::to_builder`] makes the new one of the one that holds, where a field or two are to change.
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
        let differs = {
            let _operator = self.context().shared.operator.lock();
            self.inner.follows_default.store(false, Relaxed);
            self.replace_policy(policy)
        };
        if differs {
            self.say_replaced(None);
            self.end_outage_with_its_policy();
        }
    }

    /// Puts the policy with which the dependency was declared in the place of the one that holds; where it was created
    /// on first use, the registry's [default](crate::CircuitBreakerRegistry::set_default_policy), now and when that
    /// changes. All stays that [`set_policy`](Self::set_policy) says.
    ///
    /// ```
    /// use tower_tenant_breaker::{CircuitBreakerRegistry, Policy};
    ///
    /// let registry = CircuitBreakerRegistry::builder().build()?;
    /// let search = registry.dependency_with("search", Policy::default())?;
    /// search.set_policy(Policy::builder().consecutive_failures(3).build()?);
    /// search.clear_policy();
    /// assert_eq!(*search.policy(), Policy::default());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn clear_policy(&self) {
        let differs = {
            let _operator = self.context().shared.operator.lock();
            self.go_back()
        };
        if differs {
            self.say_replaced(None);
            self.end_outage_with_its_policy();
        }
    }

    /// As [`clear_policy`](Self::clear_policy), where this policy holds; tells whether it did.
    #[cfg(feature = "serde")]
    pub(crate) fn clear_policy_if(&self, policy: &Policy) -> bool {
        let (holds, differs) = {
            let _operator = self.context().shared.operator.lock();
            let holds = !self.follows_default() && *self.policy() == *policy;
            (holds, holds && self.go_back())
        };
        if differs {
            self.say_replaced(None);
            self.end_outage_with_its_policy();
        }
        holds
    }

    /// Tells whether another policy holds now. Whoever calls this holds the operator's lock.
    fn go_back(&self) -> bool {
        let policy = if self.inner.is_on_first_use.load(Relaxed) {
            self.inner.follows_default.store(true, Relaxed);
            // Under the lock: who changes the default goes over those who follow it afterwards.
            Arc::clone(&self.context().shared.default_policy.load())
        } else {
            self.inner.declared.load_full()
        };
        self.replace_policy(Policy::clone(&policy))
    }

    /// Says in the log that another policy holds, of the tenant or of all that have none of their own. Outside of every
    /// lock: what writes the log is not ours.
    fn say_replaced(&self, tenant: Option<&str>) {
        let dependency = self.name();
        say(|| {
            tracing::info!(
                dependency = Text::new(dependency).as_value(),
                tenant.id = Text::new(tenant).as_value(),
                "policy replaced"
            );
        });
    }

    /// Where the policy that holds asks for no outages, the one that lasts is over. Outside of every lock, since that is
    /// told.
    pub(crate) fn end_outage_with_its_policy(&self) {
        let context = self.context();
        context.outage(context.now());
    }

    /// Whether the registry's default policy holds, whatever that is.
    pub(crate) fn follows_default(&self) -> bool {
        self.inner.follows_default.load(Relaxed)
    }

    /// Who declares a dependency with the policy that it has wants that policy, not what the default will be, and wants
    /// it back.
    pub(crate) fn declare(&self, policy: Policy) {
        let _operator = self.context().shared.operator.lock();
        if self.inner.is_on_first_use.swap(false, Relaxed) {
            self.inner.declared.store(Arc::new(policy));
        }
        self.inner.follows_default.store(false, Relaxed);
    }

    /// What holds is to hold whatever the default will be.
    #[cfg(feature = "serde")]
    pub(crate) fn stop_following_default_policy(&self) {
        let _operator = self.context().shared.operator.lock();
        self.inner.follows_default.store(false, Relaxed);
    }

    /// Takes over the registry's default policy, where it is the one that holds here.
    pub(crate) fn follow_default_policy(&self) {
        let shared = &self.context().shared;
        let _operator = shared.operator.lock();
        if self.follows_default() {
            self.replace_policy(Policy::clone(&shared.default_policy.load()));
        }
    }

    /// Tells whether it is another one. Whoever calls this holds the operator's lock.
    fn replace_policy(&self, policy: Policy) -> bool {
        let context = self.context();
        let before = self.policy();
        let had_cap = before.max_in_flight.is_some();
        let differs = *before != policy;
        context.replace_policy(policy);
        let rules = Arc::clone(&context.rules());
        if had_cap == rules.policy.max_in_flight.is_some() {
            return differs;
        }
        // A newcomer that is not in the map yet reads the policy under the lock of its shard, and so this one.
        self.inner.circuits.for_each(|circuit| {
            if !circuit.has_own_rules() {
                circuit.follow_cap(&rules);
            }
        });
        for shared in self.shared_circuits() {
            shared.follow_cap(&rules);
        }
        differs
    }

    /// Whether this policy is the one with which the dependency was declared, or the one that holds now.
    pub(crate) fn is_declared_with(&self, policy: &Policy) -> bool {
        let is_declared = !self.inner.is_on_first_use.load(Relaxed);
        (is_declared && **self.inner.declared.load() == *policy) || *self.policy() == *policy
    }

    /// The policy that holds for the tenant.
    pub(crate) fn policy_of(&self, tenant: &str) -> Arc<Policy> {
        self.own_policy(tenant).unwrap_or_else(|| self.policy())
    }

    /// The policy that the tenant has of its own.
    pub(crate) fn own_policy(&self, tenant: &str) -> Option<Arc<Policy>> {
        let own = self.context().policies.read();
        own.get(tenant).map(|rules| Arc::clone(&rules.policy))
    }

    /// Changes the policy of a tenant's own; none for that of the dependency.
    pub(crate) fn put_policy(&self, tenant: &str, policy: Option<Policy>) {
        let differs = {
            let _operator = self.context().shared.operator.lock();
            self.replace_own_policy(tenant, policy)
        };
        if differs {
            self.say_replaced(Some(tenant));
        }
    }

    /// Takes the tenant's own policy away where it is this one; tells whether it was.
    #[cfg(feature = "serde")]
    pub(crate) fn clear_own_policy_if(&self, tenant: &str, policy: &Policy) -> bool {
        let (holds, differs) = {
            let _operator = self.context().shared.operator.lock();
            let holds = self.own_policy(tenant).is_some_and(|own| *own == *policy);
            (holds, holds && self.replace_own_policy(tenant, None))
        };
        if differs {
            self.say_replaced(Some(tenant));
        }
        holds
    }

    /// Tells whether another policy holds for the tenant now. Whoever calls this holds the operator's lock.
    fn replace_own_policy(&self, tenant: &str, policy: Option<Policy>) -> bool {
        let context = self.context();
        let held = self.policy_of(tenant);
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
        drop(policies);
        *held != *self.policy_of(tenant)
    }

    /// Changes what a file of policies says, beneath the override that was set by hand; tells whether it is a change.
    #[cfg(feature = "serde")]
    pub(crate) fn put_mode(&self, mode: Option<Override>) -> bool {
        let context = self.context();
        let before = context.mode.load_full().map(|standing| standing.kind);
        if before == mode {
            return false;
        }
        let standing = mode.map(|kind| self.new_standing(kind));
        self.begin_dry_run_of_mode(standing.as_ref());
        self.put_in(&context.mode, standing, Origin::Policies);
        true
    }
}
