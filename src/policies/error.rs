use std::error::Error;
use std::fmt;

use serde_path_to_error::{Path, Segment};

/// What is wrong in a file of policies, and where.
///
/// ```
/// use tower_tenant_breaker::Policies;
///
/// let file = r#"
/// [dependencies.search]
/// latency = [{ quantile = 0.95, threshold = "3 parsecs" }]
/// "#;
/// let error = Policies::from_deserializer(toml::Deserializer::parse(file)?).unwrap_err();
/// assert_eq!(error.path(), "dependencies.search.latency[0].threshold");
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoliciesError {
    path: String,
    message: String,
}

impl PoliciesError {
    pub(super) fn new(path: String, message: impl fmt::Display) -> Self {
        let message = message.to_string().trim_end().to_owned();
        Self { path, message }
    }

    /// Where in the file it is, such as `dependencies.search.latency[0].threshold`; empty where it concerns the whole.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What is wrong. Of several lines, with the number of the line in the file, where the format tells it.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for PoliciesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

impl Error for PoliciesError {}

impl<E: fmt::Display> From<serde_path_to_error::Error<E>> for PoliciesError {
    fn from(error: serde_path_to_error::Error<E>) -> Self {
        Self::new(written(error.path()), error.inner())
    }
}

fn written(path: &Path) -> String {
    let mut written = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => written += &format!("[{index}]"),
            Segment::Map { key } => written = join(&written, key),
            Segment::Enum { variant } => written = join(&written, variant),
            Segment::Unknown => {}
        }
    }
    written
}

/// A path and one name more, quoted where it could be taken for something else.
pub(super) fn join(path: &str, name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let dot = if path.is_empty() { "" } else { "." };
    if !name.is_empty() && name.chars().all(is_plain) {
        format!("{path}{dot}{name}")
    } else {
        format!("{path}{dot}{name:?}")
    }
}
