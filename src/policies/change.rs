use std::fmt;

use crate::policy::Policy;
use crate::policy::written::differences;

/// What the application of a file changed.
///
/// Its [`Display`](fmt::Display) is a line for a log, in which names are escaped: `"search": window: 1m -> 2m`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// The default policy, in these fields.
    Default {
        /// The fields that differ.
        fields: Vec<ChangedField>,
    },
    /// A dependency that there was not yet.
    Declared {
        /// Its name.
        dependency: String,
    },
    /// The policy of a dependency, in these fields.
    Policy {
        /// Its name.
        dependency: String,
        /// The fields that differ.
        fields: Vec<ChangedField>,
    },
    /// Whether a dependency is in dry run by the file.
    DryRun {
        /// Its name.
        dependency: String,
        /// Whether it is now.
        on: bool,
    },
    /// The policy that holds for a tenant, in these fields.
    Tenant {
        /// The name of the dependency.
        dependency: String,
        /// The tenant.
        tenant: String,
        /// The fields that differ.
        fields: Vec<ChangedField>,
        /// Whether the tenant has a policy of its own now.
        own: bool,
    },
}

/// A field of a policy that was changed, from what to what.
///
/// Its [`Display`](fmt::Display) is such as `window: 1m -> 2m`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChangedField {
    /// The field, by the name of the builder's method.
    pub name: &'static str,
    /// What it was, in one line, worded as in a file.
    pub from: String,
    /// What it is now.
    pub to: String,
}

impl fmt::Display for ChangedField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, from, to } = self;
        write!(f, "{name}: {from} -> {to}")
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default { fields } => write!(f, "the default policy: {}", listed(fields)),
            Self::Declared { dependency } => write!(f, "{dependency:?} declared"),
            Self::Policy { dependency, fields } => {
                write!(f, "{dependency:?}: {}", listed(fields))
            }
            Self::DryRun { dependency, on } => {
                let now = if *on { "in dry run" } else { "enforced" };
                write!(f, "{dependency:?} is {now}")
            }
            Self::Tenant {
                dependency,
                tenant,
                fields,
                own,
            } => {
                let whose = if *own { "its own" } else { "the dependency's" };
                write!(f, "tenant {tenant:?} of {dependency:?} has {whose} policy")?;
                if !fields.is_empty() {
                    write!(f, ": {}", listed(fields))?;
                }
                Ok(())
            }
        }
    }
}

/// All of them, in a line.
fn listed(fields: &[ChangedField]) -> String {
    let fields: Vec<_> = fields.iter().map(ToString::to_string).collect();
    fields.join(", ")
}

/// The fields in which a policy differs from the one before.
pub(super) fn difference(from: &Policy, to: &Policy) -> Vec<ChangedField> {
    let differences = differences(from, to).into_iter();
    differences
        .map(|(name, from, to)| ChangedField { name, from, to })
        .collect()
}

/// What the application of a file changed, in the order in which it did.
///
/// ```
/// use tower_tenant_breaker::{CircuitBreakerRegistry, Policies};
///
/// let registry = CircuitBreakerRegistry::builder().build()?;
/// let file = "[dependencies.search]\nconsecutive_failures = 3";
/// let policies = Policies::from_deserializer(toml::Deserializer::parse(file)?)?;
/// for change in policies.apply(&registry).changes() {
///     println!("{change}"); // "search" declared; "search": consecutive_failures: 5 -> 3
/// }
/// assert!(policies.apply(&registry).is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    pub(super) changes: Vec<Change>,
}

impl Applied {
    /// The changes.
    #[must_use]
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Whether nothing was changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}
