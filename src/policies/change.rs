use std::fmt;

use crate::policy::Policy;

/// What the application of a file changed.
///
/// Its [`Display`](fmt::Display) is a line for a log, in which names are escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// The default policy, in these fields.
    Default {
        /// The fields that differ, by the names of the builder's methods.
        fields: Vec<&'static str>,
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
        /// The fields that differ, by the names of the builder's methods.
        fields: Vec<&'static str>,
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
        /// The fields that differ, by the names of the builder's methods.
        fields: Vec<&'static str>,
        /// Whether the tenant has a policy of its own now.
        own: bool,
    },
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default { fields } => write!(f, "the default policy: {}", fields.join(", ")),
            Self::Declared { dependency } => write!(f, "{dependency:?} declared"),
            Self::Policy { dependency, fields } => {
                write!(f, "{dependency:?}: {}", fields.join(", "))
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
                    write!(f, ": {}", fields.join(", "))?;
                }
                Ok(())
            }
        }
    }
}

/// The fields in which two policies differ.
pub(super) fn difference(policy: &Policy, other: &Policy) -> Vec<&'static str> {
    macro_rules! differing {
        ($($field:ident),*) => {
            [$((stringify!($field), policy.$field != other.$field)),*]
        };
    }
    let fields = differing!(
        window,
        failure_threshold,
        failure_rate,
        min_calls,
        consecutive_failures,
        latency,
        histogram,
        open_for,
        half_open_max_calls,
        success_threshold,
        hint_cap,
        trip_on_hint,
        abandoned_run,
        probe_lease,
        initial_state,
        max_in_flight,
        overflow,
        ramp,
        outage
    );
    let differ = fields.into_iter().filter(|(_, differs)| *differs);
    differ.map(|(field, _)| field).collect()
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
///     println!("{change}"); // "search" declared; "search": consecutive_failures
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
