//! The three states.

use std::fmt;

/// The state of a circuit. With feature `serde` it is written as [`as_str`](Self::as_str) says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(rename_all = "snake_case")
)]
pub enum CircuitState {
    /// Calls pass, and their outcomes are counted.
    #[default]
    Closed,
    /// Calls are rejected.
    Open,
    /// A few calls pass, to find out whether the dependency is back.
    HalfOpen,
}

impl CircuitState {
    /// `closed`, `open` or `half_open`.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

impl fmt::Display for CircuitState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
