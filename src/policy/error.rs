use std::fmt;

/// A field of a policy, of a registry or of what stands around them, that was given a value outside its bounds.
///
/// ```
/// use std::time::Duration;
/// use tower_tenant_breaker::Policy;
///
/// let error = Policy::builder().window(Duration::ZERO).build().unwrap_err();
/// assert_eq!(error.field(), "window");
/// assert_eq!(error.to_string(), "window is 0ns, but must be from 10 ms to 24 h");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyError {
    field: &'static str,
    value: String,
    bound: &'static str,
    /// What the bound comes to here, where that depends on other fields.
    here: Option<String>,
}

impl PolicyError {
    pub(crate) fn new(field: &'static str, value: impl fmt::Debug, bound: &'static str) -> Self {
        Self {
            field,
            value: format!("{value:?}"),
            bound,
            here: None,
        }
    }

    pub(crate) fn here(mut self, here: String) -> Self {
        self.here = Some(here);
        self
    }

    /// The field, by the name of the builder's method.
    #[must_use]
    pub fn field(&self) -> &'static str {
        self.field
    }

    /// The value that it was given.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    /// What it must be.
    #[must_use]
    pub fn bound(&self) -> &'static str {
        self.bound
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            field,
            value,
            bound,
            here,
        } = self;
        write!(f, "{field} is {value}, but must be {bound}")?;
        match here {
            Some(here) => write!(f, ", {here}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for PolicyError {}

pub(crate) fn check(
    holds: bool,
    field: &'static str,
    value: impl fmt::Debug,
    bound: &'static str,
) -> Result<(), PolicyError> {
    if holds {
        Ok(())
    } else {
        Err(PolicyError::new(field, value, bound))
    }
}
