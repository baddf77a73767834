//! The policies of a whole registry, from a file.

mod apply;
mod change;
mod error;
mod file;

use std::collections::BTreeMap;

use serde::de::{Deserialize, Deserializer, Error};

pub use self::change::{Applied, Change, ChangedField};
pub use self::error::PoliciesError;
use self::error::join;
use self::file::{DependencyTable, File, Mode, Named, TenantTable};
use crate::policy::written::Fields;
use crate::policy::{Policy, PolicyBuilder};
use crate::registry::is_name;
use crate::rejection::InvalidTenant;

/// The policies of a registry as a file says them, in any self-describing format of serde's.
///
/// ```toml
/// [default]                        # of dependencies that have none of their own, and what others differ from
/// window = "60s"
/// open_for = { first = "30s", max = "5m", multiplier = 2.0, jitter = 0.1 }
///
/// [dependencies.search]            # as a difference from [default]
/// consecutive_failures = "off"
/// latency = [{ quantile = 0.95, threshold = "3s", min_calls = 20 }]
/// ramp = { start = 0.1, over = "30s" }
/// outage = { min_tenants = 10, min_share = 0.2, recovery_spread = "3s" }
///
/// [dependencies.search.tenants."acme"]   # as a difference from [dependencies.search]
/// failure_threshold = 20
///
/// [dependencies.mail]
/// base = "low_traffic"             # not a difference from [default], but from Policy::low_traffic()
/// mode = "dry_run"                 # what it would reject is admitted
/// ```
///
/// The fields are those of [`PolicyBuilder`], with its bounds; there are no others. A duration is text, such as
/// `1h 30m`, `250ms` or `10us`. What is named takes the place of the whole value: an `open_for` that names `first`
/// alone is a fixed period, whatever the cap of the one that it differs from; so is `open_for = "30s"`.
///
/// - What can be switched off is by the word `"off"`: `failure_threshold` and `failure_rate`, `consecutive_failures`,
///   `latency`, `hint_cap`, `abandoned_run`, `max_in_flight`, `ramp` and `outage`. Count and rate are one rule: either
///   of them switches it off, unless the same table names the other, which is then a rule by itself. (YAML 1.1 takes a
///   bare `off` for a boolean: there it is quoted.)
/// - `base` is `"standard"` (the defaults of the builder) or `"low_traffic"`; where a table names it, it differs from
///   that and from nothing else. `[default]` differs from the defaults of the builder.
/// - A dependency that is named has the policy that the file says, whatever the program declared it with; an empty
///   table that of `[default]`. A program that declares dependencies itself does so before it applies a file:
///   declared afterwards with another policy than the file's, it is an error.
/// - A tenant's table has all fields but those that concern the dependency as a whole: `outage`, `overflow` and `mode`.
/// - `mode` is `"enforce"` or `"dry_run"`, as if [`Override::DryRun`](crate::Override::DryRun) were set on the
///   dependency. What is set on it by hand goes before, and is neither changed nor cleared by a file; when that ends or
///   is cleared, the mode of the file holds again.
///
/// A policy alone is read and written too: [`Policy`] implements serde's traits.
///
/// ```
/// use std::time::Duration;
/// use tower_tenant_breaker::{CircuitBreakerRegistry, CircuitState, Outcome, Policies};
///
/// let file = r#"
/// [default]
/// window = "2m"
///
/// [dependencies.search]
/// consecutive_failures = 3
///
/// [dependencies.search.tenants."acme"]
/// failure_threshold = 10           # the rule of count and rate trips by itself
/// consecutive_failures = 10
/// "#;
/// let policies = Policies::from_deserializer(toml::Deserializer::parse(file)?)?;
/// let registry = CircuitBreakerRegistry::builder().build()?;
/// let applied = policies.apply(&registry);
/// assert_eq!(applied.changes().len(), 4); // the default, the dependency, its policy, its tenant
///
/// let search = registry.dependency("search")?;
/// assert_eq!(*search.policy(), *policies.dependency("search").unwrap());
///
/// let failures_until_open = |tenant| -> Result<_, Box<dyn std::error::Error>> {
///     let mut failures = 0;
///     while search.state(tenant) == CircuitState::Closed {
///         search.acquire(tenant)?.record(Outcome::failure());
///         failures += 1;
///     }
///     Ok(failures)
/// };
/// assert_eq!(failures_until_open("globex")?, 3);
/// assert_eq!(failures_until_open("acme")?, 10);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Policies {
    default: Option<Policy>,
    dependencies: BTreeMap<Box<str>, DependencyPolicies>,
}

/// What a file says of a dependency.
#[derive(Clone, Debug, Default, PartialEq)]
struct DependencyPolicies {
    policy: Policy,
    dry_run: bool,
    tenants: BTreeMap<Box<str>, Policy>,
}

impl Policies {
    /// Reads a file, and checks all of it.
    ///
    /// # Errors
    ///
    /// [`PoliciesError`], with the path of what is wrong: a value out of its bounds, a field that there is not, a name
    /// that none can have; and with the line, where the format tells it. Of values that each would do, and do not
    /// together, such as a cap below the first period, no format tells the line.
    pub fn from_deserializer<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Self, PoliciesError> {
        let file: File = serde_path_to_error::deserialize(deserializer)?;
        Self::checked(file)
    }

    /// The default policy; none where the file does not say it.
    #[must_use]
    pub fn default_policy(&self) -> Option<&Policy> {
        self.default.as_ref()
    }

    /// The names of the dependencies that the file names, sorted.
    pub fn dependencies(&self) -> impl Iterator<Item = &str> {
        self.dependencies.keys().map(|name| &**name)
    }

    /// The policy of a dependency; none where the file does not name it.
    #[must_use]
    pub fn dependency(&self, name: &str) -> Option<&Policy> {
        self.dependencies.get(name).map(|said| &said.policy)
    }

    /// Whether a dependency is in dry run by the file.
    #[must_use]
    pub fn is_dry_run(&self, name: &str) -> bool {
        self.dependencies.get(name).is_some_and(|said| said.dry_run)
    }

    /// The policy of a tenant of its own; none where the file does not name it.
    #[must_use]
    pub fn tenant(&self, dependency: &str, tenant: &str) -> Option<&Policy> {
        self.dependencies.get(dependency)?.tenants.get(tenant)
    }

    fn checked(file: File) -> Result<Self, PoliciesError> {
        let is_said = file.default.is_some();
        let fields = file.default.unwrap_or_default();
        let (builder, default) = build(&fields, Policy::builder(), "default")?;
        let mut dependencies = BTreeMap::new();
        for (name, table) in file.dependencies.unwrap_or_default().0 {
            let path = join("dependencies", &name);
            if !is_name(&name) {
                let message = "the name of a dependency must have from 1 to 256 bytes";
                return Err(PoliciesError::new(path, message));
            }
            dependencies.insert(name, DependencyPolicies::checked(table, &builder, &path)?);
        }
        Ok(Self {
            default: is_said.then_some(default),
            dependencies,
        })
    }
}

impl DependencyPolicies {
    fn checked(
        table: DependencyTable,
        default: &PolicyBuilder,
        path: &str,
    ) -> Result<Self, PoliciesError> {
        let (builder, policy) = build(&table.fields, default.clone(), path)?;
        let mut tenants = BTreeMap::new();
        let Named(named) = table.tenants.unwrap_or_default();
        for (tenant, TenantTable(fields)) in named {
            let path = join(&join(path, "tenants"), &tenant);
            InvalidTenant::check(&tenant)
                .map_err(|error| PoliciesError::new(path.clone(), error))?;
            let (_, policy) = build(&fields, builder.clone(), &path)?;
            tenants.insert(tenant, policy);
        }
        Ok(Self {
            policy,
            dry_run: table.mode == Some(Mode::DryRun),
            tenants,
        })
    }
}

/// The policy that differs by these fields from what the builder has, and a builder of it.
fn build(
    fields: &Fields,
    from: PolicyBuilder,
    path: &str,
) -> Result<(PolicyBuilder, Policy), PoliciesError> {
    let builder = fields.onto(from.clone());
    let policy = builder.clone().build().map_err(|error| {
        let within = fields.path_of(&error, &from);
        let path = within.map_or_else(|| path.to_owned(), |within| format!("{path}.{within}"));
        PoliciesError::new(path, error)
    })?;
    Ok((builder, policy))
}

/// Errors are of the format's own; those of [`Policies::from_deserializer`] know the path.
impl<'de> Deserialize<'de> for Policies {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::checked(File::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
