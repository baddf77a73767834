use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::signal::whole_seconds;
use super::{SignalReason, Wording};
use crate::sync::Arc;
use crate::utc::Utc;

/// The most tools that are listed as unavailable.
pub const MAX_LISTED: usize = 20;

/// A tool that a tenant cannot use now.
///
/// As JSON, which `serde` writes: `name`, `reason`, `alternatives`, and where they are known `since`, `until` and
/// `retry_after_seconds`.
/// Moments are those of RFC 3339, to the second: `since` rounded down, `until` rounded up.
///
/// Two are equal as long as nothing changes: what is left, which is less each time, is not compared.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct UnavailableTool {
    /// Its name.
    pub name: Arc<str>,
    /// Why.
    pub reason: SignalReason,
    /// Since when; none where nobody knows.
    pub since: Option<SystemTime>,
    /// Until when, as far as is known: the end of the open period or of the override. None where nobody has set one. Of a
    /// tool with side effects the end of an override alone: none of its calls probes, so no period ends in one that is
    /// admitted, and nobody knows when a prober or somebody by hand closes the circuit.
    pub until: Option<SystemTime>,
    /// What was left until then at the moment of asking; none where `until` is.
    pub retry_after: Option<Duration>,
    /// The tools that were declared as its substitutes, the best first, without those that this tenant cannot use either.
    pub alternatives: Vec<Arc<str>>,
}

// By hand, without what is left.
impl PartialEq for UnavailableTool {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, self.reason, self.since, self.until)
            == (&other.name, other.reason, other.since, other.until)
            && self.alternatives == other.alternatives
    }
}

impl Eq for UnavailableTool {}

impl UnavailableTool {
    /// What was left, in whole seconds, rounded up; at least 1.
    #[must_use]
    pub fn retry_after_seconds(&self) -> Option<u64> {
        self.retry_after.map(whole_seconds)
    }

    /// Until when, as a note writes it: in UTC, of RFC 3339, as the full minute that is not before it. It does not
    /// change with the moment of asking.
    ///
    /// [`Wording`] has an example.
    #[must_use]
    pub fn until_in_utc(&self) -> Option<impl fmt::Display> {
        self.until.map(|until| Utc(to_the_minute(until)))
    }
}

/// The full minute that is not before this moment.
fn to_the_minute(moment: SystemTime) -> SystemTime {
    let since = moment.duration_since(UNIX_EPOCH).unwrap_or_default();
    let minutes = since
        .as_secs()
        .saturating_add((since.subsec_nanos() > 0).into())
        .div_ceil(60);
    let rounded = UNIX_EPOCH.checked_add(Duration::from_secs(minutes.saturating_mul(60)));
    rounded.unwrap_or(moment)
}

/// The tools that a tenant cannot use now; made by [`Tools::unavailable`](super::Tools::unavailable).
///
/// With more than [`MAX_LISTED`] of them, those that come first by name.
///
/// As JSON, which `serde` writes:
///
/// ```json
/// {
///   "tools": [{
///     "name": "search", "reason": "circuit_open_failures",
///     "since": "2026-11-29T12:00:00Z", "until": "2026-11-29T12:00:30Z", "retry_after_seconds": 27,
///     "alternatives": ["encyclopedia"]
///   }],
///   "left_out": 0
/// }
/// ```
///
/// ```
/// use std::time::Duration;
/// use tower_tenant_breaker::CircuitBreakerRegistry;
/// use tower_tenant_breaker::agent::{Tool, Tools};
///
/// let registry = CircuitBreakerRegistry::builder().build()?;
/// let tools = Tools::builder(&registry).tool(Tool::new("search")).build()?;
/// assert!(tools.unavailable("acme").is_empty());
///
/// registry.get("search").unwrap().force_open("maintenance");
/// let json = serde_json::to_value(tools.unavailable("acme"))?;
/// assert_eq!(json["tools"][0]["name"], "search");
/// assert_eq!(json["tools"][0]["reason"], "circuit_forced_open");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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
