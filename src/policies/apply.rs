use super::change::{Applied, Change, difference};
use super::{DependencyPolicies, Policies};
use crate::dependency::Dependency;
use crate::overrides::Override;
use crate::policy::Policy;
use crate::registry::CircuitBreakerRegistry;

impl Policies {
    /// Makes what the file says hold, while calls go on.
    ///
    /// Dependencies that there are not yet are declared; policies that differ are put in the place of those that hold,
    /// as [`Dependency::set_policy`] does; and so are those of tenants. What holds already is not touched. It cannot
    /// fail: all was checked as the file was read.
    ///
    /// A policy that the file names is what it says, whatever was set by hand since. What it does not name stays as it
    /// is. Where it takes the place of another file, use
    /// [`apply_after`](Self::apply_after).
    pub fn apply(&self, registry: &CircuitBreakerRegistry) -> Applied {
        self.apply_after(&Self::default(), registry)
    }

    /// As [`apply`](Self::apply), in the place of the policies that were applied before; what those named and these do
    /// not is taken back.
    ///
    /// A dependency goes back to the policy with which the program declared it, or to the default one, a tenant to its
    /// dependency's, the default policy to the registry's first. What somebody else has changed since, by hand, is not
    /// what the file said, and stays.
    ///
    /// Whoever reloads a file keeps the policies that it applied last, and applies the next ones after those, from one
    /// task. Each change is made whole, but a file is not: of two files that are applied at once, some dependencies may
    /// end with the policies of the one and some with those of the other, as may their tenants. There is no lock against
    /// it, since observers and logs hear of changes as they come, and may apply policies themselves.
    ///
    /// ```
    /// use tower_tenant_breaker::{CircuitBreakerRegistry, Policies, Policy};
    ///
    /// let registry = CircuitBreakerRegistry::builder().build()?;
    /// let read = |file: &str| -> Result<_, Box<dyn std::error::Error>> {
    ///     Ok(Policies::from_deserializer(toml::Deserializer::parse(file)?)?)
    /// };
    /// let first = read("[dependencies.search]\nconsecutive_failures = 3")?;
    /// first.apply(&registry);
    /// let second = read("[dependencies.mail]\nwindow = '5m'")?;
    /// second.apply_after(&first, &registry);
    /// assert_eq!(*registry.dependency("search")?.policy(), Policy::default());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn apply_after(&self, before: &Self, registry: &CircuitBreakerRegistry) -> Applied {
        let mut applied = Applied::default();
        for name in self.dependencies.keys() {
            // Or it would have the policy of the default for a moment, and begin its windows anew for that.
            if let Some(dependency) = registry.get(name) {
                dependency.stop_following_default_policy();
            }
        }
        applied.default_policy(self, before, registry);
        for (name, policies) in &self.dependencies {
            let (dependency, is_new) = registry.get_or_add(name);
            if is_new {
                let dependency = dependency.name().to_owned();
                applied.changes.push(Change::Declared { dependency });
            }
            applied.dependency(&dependency, policies);
            if let Some(before) = before.dependencies.get(name) {
                applied.take_back_tenants(&dependency, before, policies);
            }
        }
        for (name, policies) in &before.dependencies {
            if !self.dependencies.contains_key(name)
                && let Some(dependency) = registry.get(name)
            {
                applied.take_back(&dependency, policies);
            }
        }
        applied
    }
}

impl Applied {
    fn default_policy(
        &mut self,
        now: &Policies,
        before: &Policies,
        registry: &CircuitBreakerRegistry,
    ) {
        let held = registry.default_policy();
        match (&now.default, &before.default) {
            (Some(policy), _) if *policy != *held => registry.set_default_policy(policy.clone()),
            (None, Some(before)) if *before == *held => registry.clear_default_policy(),
            _ => return,
        }
        let fields = difference(&held, &registry.default_policy());
        if !fields.is_empty() {
            self.changes.push(Change::Default { fields });
        }
    }

    fn dependency(&mut self, dependency: &Dependency, policies: &DependencyPolicies) {
        // A policy that is to be tried in dry run does not reject a call before, nor one that is enforced after.
        if policies.dry_run {
            self.dry_run(dependency, true);
        }
        let held = dependency.policy();
        // Also where it is the default one: that would change with the default.
        if *held != policies.policy || dependency.follows_default() {
            dependency.set_policy(policies.policy.clone());
            self.policy(dependency, &held);
        }
        for (tenant, policy) in &policies.tenants {
            let before = dependency.own_policy(tenant);
            if before.is_none_or(|own| *own != *policy) {
                let held = dependency.policy_of(tenant);
                dependency.put_policy(tenant, Some(policy.clone()));
                self.tenant(dependency, tenant, &held, true);
            }
        }
        if !policies.dry_run {
            self.dry_run(dependency, false);
        }
    }

    /// Tenants that were named and no longer are.
    fn take_back_tenants(
        &mut self,
        dependency: &Dependency,
        before: &DependencyPolicies,
        now: &DependencyPolicies,
    ) {
        for (tenant, policy) in &before.tenants {
            if !now.tenants.contains_key(tenant) && dependency.clear_own_policy_if(tenant, policy) {
                self.tenant(dependency, tenant, policy, false);
            }
        }
    }

    /// A dependency that was named and no longer is.
    fn take_back(&mut self, dependency: &Dependency, before: &DependencyPolicies) {
        if dependency.clear_policy_if(&before.policy) {
            self.policy(dependency, &before.policy);
        }
        self.take_back_tenants(dependency, before, &DependencyPolicies::default());
        if before.dry_run {
            self.dry_run(dependency, false);
        }
    }

    fn dry_run(&mut self, dependency: &Dependency, on: bool) {
        if dependency.put_mode(on.then_some(Override::DryRun)) {
            let dependency = dependency.name().to_owned();
            self.changes.push(Change::DryRun { dependency, on });
        }
    }

    fn policy(&mut self, dependency: &Dependency, before: &Policy) {
        let fields = difference(before, &dependency.policy());
        if !fields.is_empty() {
            let dependency = dependency.name().to_owned();
            self.changes.push(Change::Policy { dependency, fields });
        }
    }

    fn tenant(&mut self, dependency: &Dependency, tenant: &str, before: &Policy, own: bool) {
        let fields = difference(before, &dependency.policy_of(tenant));
        self.changes.push(Change::Tenant {
            dependency: dependency.name().to_owned(),
            tenant: tenant.to_owned(),
            fields,
            own,
        });
    }
}
