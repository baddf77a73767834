//! What was not as it should be.

use std::fmt;

/// A sentence.
#[derive(Debug)]
pub(crate) struct Failure(pub(crate) String);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Of whatever went wrong around the page.
impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

/// Unless it is so, a failure of that sentence.
pub(crate) fn ensure(is_so: bool, otherwise: impl Into<String>) -> Result<(), Failure> {
    match is_so {
        true => Ok(()),
        false => Err(Failure(otherwise.into())),
    }
}
