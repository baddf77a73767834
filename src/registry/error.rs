use std::error::Error;
use std::fmt;

/// The longest name of a dependency, in bytes.
const MAX_NAME_BYTES: usize = 256;

pub(crate) fn is_name(name: &str) -> bool {
    (1..=MAX_NAME_BYTES).contains(&name.len())
}

/// No dependency has this name, and none may be created on first use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownDependency {
    name: String,
    known: Vec<String>,
}

impl UnknownDependency {
    pub(super) fn new(name: &str, known: Vec<String>) -> Self {
        // The name may come from a request.
        let mut ends = (0..=name.len().min(MAX_NAME_BYTES)).rev();
        let end = ends.find(|end| name.is_char_boundary(*end));
        let name = name[..end.unwrap_or_default()].to_owned();
        Self { name, known }
    }

    /// The name that was asked for, cut to 256 bytes.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The names that are known, sorted.
    #[must_use]
    pub fn known(&self) -> &[String] {
        &self.known
    }
}

impl fmt::Display for UnknownDependency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Through `Debug`: a name from a request may hold anything.
        write!(
            f,
            "unknown dependency {:?}, known are {:?}",
            self.name, self.known
        )
    }
}

impl Error for UnknownDependency {}

/// Why a dependency could not be declared.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeclareError {
    /// The dependency of this name has another policy.
    OtherPolicy(String),
    /// The name is empty, or longer than 256 bytes; this is its length.
    InvalidName(usize),
}

impl fmt::Display for DeclareError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherPolicy(name) => {
                write!(f, "dependency {name:?} was declared with another policy")
            }
            Self::InvalidName(bytes) => write!(
                f,
                "the dependency's name has {bytes} bytes, but must have from 1 to {MAX_NAME_BYTES}"
            ),
        }
    }
}

impl Error for DeclareError {}
