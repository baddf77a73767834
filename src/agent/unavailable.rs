use std::fmt;
use std::time::{Duration, SystemTime};

use super::{SignalReason, Wording};
use crate::sync::Arc;

/// The most tools that are listed as unavailable.
pub const MAX_LISTED: usize = 20;

/// A tool that a tenant cannot use now.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnavailableTool {
    /// Its name.
    pub name: Arc<str>,
    /// Why.
    pub reason: SignalReason,
    /// Since when; none where nobody knows.
    pub since: Option<SystemTime>,
    /// Until when, as far as is known: the end of the open period or of the override. It can lie in the past, where the
    /// tool has side effects and waits for a prober.
    pub until: Option<SystemTime>,
    /// What was left until then at the moment of asking.
    pub retry_after: Option<Duration>,
}

/// The tools that a tenant cannot use now; made by [`Tools::unavailable`](super::Tools::unavailable).
///
/// With more than [`MAX_LISTED`] of them, those that come first by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnavailableTools {
    /// Sorted by name.
    pub tools: Vec<UnavailableTool>,
    /// How many more there are.
    pub left_out: usize,
}

impl UnavailableTool {
    pub(super) fn note(&self, wording: &dyn Wording) -> String {
        struct Note<'a>(&'a UnavailableTool, &'a dyn Wording);

        impl fmt::Display for Note<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.1.tool_note(self.0, f)
            }
        }

        Note(self, wording).to_string()
    }
}

impl UnavailableTools {
    /// Whether the tenant can use all tools.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tools.is_empty()
    }

    /// How many there are, those left out among them.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tools.len() + self.left_out
    }

    pub(super) fn note(&self, wording: &dyn Wording) -> String {
        struct Note<'a>(&'a UnavailableTools, &'a dyn Wording);

        impl fmt::Display for Note<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.1.note(self.0, f)
            }
        }

        Note(self, wording).to_string()
    }
}

pub(super) fn capped(mut all: impl Iterator<Item = UnavailableTool>) -> UnavailableTools {
    UnavailableTools {
        tools: all.by_ref().take(MAX_LISTED).collect(),
        left_out: all.count(),
    }
}
