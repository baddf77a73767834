use std::fmt;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::wall_clock::WallClock;
use super::{English, SignalReason, Tools, Wording};
use crate::sync::Arc;
use crate::{CircuitOpen, Probing};

/// What a model is told in the place of a tool's result.
///
/// As JSON, which [`to_json`](Self::to_json) and `serde` write:
///
/// ```json
/// {
///   "status": "tool_unavailable", "tool_name": "search", "reason": "circuit_open_failures",
///   "message": "The tool \"search\" is unavailable: its calls have been failing. Do not call it for 30 seconds. Use \"encyclopedia\" in its place, or tell the user what you cannot do.",
///   "retry_after_seconds": 30, "since": "2026-11-29T12:00:00Z", "alternatives": ["encyclopedia"]
/// }
/// ```
///
/// `retry_after_seconds` and `since` are absent where nobody knows. The former is also absent while the circuit of a tool
/// with side effects is open: none of its calls probes, so the end of the period admits none. It holds neither the tenant, nor anything that the
/// tool or an operator said.
///
/// It is a snapshot of the moment at which the call ended, and takes no allocation. Text is made where it is asked for. It
/// holds the tools, and so their circuits: a history is to keep what was made of it.
///
/// ```
/// use std::time::Duration;
/// use tower_tenant_breaker::CircuitBreakerRegistry;
/// use tower_tenant_breaker::agent::{DegradationSignal, SignalReason};
///
/// let search = CircuitBreakerRegistry::builder().build()?.dependency("search")?;
/// search.force_open_for("maintenance", Duration::from_secs(600));
///
/// let rejection = search.acquire("acme").unwrap_err();
/// let signal = DegradationSignal::from(rejection.circuit_open().unwrap());
/// assert_eq!(signal.reason(), SignalReason::CircuitForcedOpen);
/// assert_eq!(signal.to_json()["retry_after_seconds"], 600);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct DegradationSignal {
    tool_name: Arc<str>,
    reason: SignalReason,
    retry_after: Option<Duration>,
    since: Option<Instant>,
    declared: Option<Declared>,
}

/// The tool as it was declared.
#[derive(Clone)]
struct Declared {
    tools: Tools,
    index: Option<usize>,
    /// A bit for each of its substitutes.
    admitting: u64,
}

impl DegradationSignal {
    pub(super) fn new(
        tool_name: Arc<str>,
        reason: SignalReason,
        retry_after: Option<Duration>,
        since: Option<Instant>,
    ) -> Self {
        Self {
            tool_name,
            reason,
            retry_after,
            since,
            declared: None,
        }
    }

    pub(super) fn of_rejection(tool_name: Arc<str>, open: &CircuitOpen, probing: Probing) -> Self {
        let reason = open.reason_to_open().into();
        let left = open.retry_after_if_known(probing);
        Self::new(tool_name, reason, left, open.since())
    }

    /// A call of this tool took too long, just now. For tools that are declared there is
    /// [`Tools::timed_out`].
    #[must_use]
    pub fn timed_out(tool_name: impl Into<Arc<str>>) -> Self {
        let reason = SignalReason::ToolCallTimeout;
        Self::new(tool_name.into(), reason, None, Some(Instant::now()))
    }

    /// A call of this tool failed, just now. For tools that are declared there is [`Tools::failed`].
    #[must_use]
    pub fn failed(tool_name: impl Into<Arc<str>>) -> Self {
        let reason = SignalReason::ToolCallFailed;
        Self::new(tool_name.into(), reason, None, Some(Instant::now()))
    }

    pub(super) fn of_tool(mut self, tools: Tools, index: usize, admitting: u64) -> Self {
        let index = Some(index);
        self.declared = Some(Declared {
            tools,
            index,
            admitting,
        });
        self
    }

    pub(super) fn in_words_of(mut self, tools: Tools) -> Self {
        self.declared = Some(Declared {
            tools,
            index: None,
            admitting: 0,
        });
        self
    }

    /// The tool's name, as it was declared.
    #[must_use]
    pub fn tool_name(&self) -> &str {
        &self.tool_name
    }

    /// Why it gave no result.
    #[must_use]
    pub fn reason(&self) -> SignalReason {
        self.reason
    }

    /// How long until a call may be admitted. None where nobody knows: somebody holds the circuit open without an end, or
    /// it is that of a tool with side effects, and open by itself or in an outage, so that it closes when a prober or
    /// somebody by hand closes it. Where such a tool is forced open, what is left of that.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// The same in whole seconds, rounded up; at least 1.
    #[must_use]
    pub fn retry_after_seconds(&self) -> Option<u64> {
        self.retry_after.map(whole_seconds)
    }

    /// Since when the tool is unavailable; of a call that was made, when it ended. None where nobody knows.
    ///
    /// The same moment whenever it is asked for, unless the clock on the wall was set meanwhile.
    #[must_use]
    pub fn since(&self) -> Option<SystemTime> {
        let since = self.since?;
        Some(match &self.declared {
            Some(declared) => declared.tools.moment(since),
            None => WallClock::of_system().at(since),
        })
    }

    /// The tools that were declared as substitutes, the best first, whose circuits for this tenant admitted calls.
    pub fn alternatives(&self) -> impl Iterator<Item = &str> + Clone {
        let tool = self.declared.iter().filter_map(|declared| {
            let tool = declared.tools.declared(declared.index?);
            Some((declared, tool))
        });
        tool.flat_map(|(declared, tool)| {
            let places = tool.substitutes.iter().enumerate();
            let admitting = places.filter(|(n, _)| declared.admitting >> n & 1 == 1);
            admitting.map(|(_, index)| &*declared.tools.declared(*index).name)
        })
    }

    /// Whether the call was made, and its tool has side effects: then it may have had some.
    #[must_use]
    pub fn may_have_taken_effect(&self) -> bool {
        let has_side_effects = self.declared.as_ref().is_some_and(|declared| {
            let index = declared.index;
            index.is_some_and(|index| declared.tools.declared(index).has_side_effects)
        });
        has_side_effects && self.reason.was_made()
    }

    /// What tells the model to plan without the tool, or to tell the user; in the words of [`Wording`].
    #[must_use]
    pub fn message(&self) -> String {
        self.shown().to_string()
    }

    pub(super) fn shown(&self) -> impl fmt::Display {
        struct Message<'a>(&'a DegradationSignal);

        impl fmt::Display for Message<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let declared = self.0.declared.as_ref();
                match declared {
                    Some(declared) => declared.tools.wording().message(self.0, f),
                    None => English.message(self.0, f),
                }
            }
        }

        Message(self)
    }
}

/// Rounded up, and at least 1: no model is to come back too early.
pub(super) fn whole_seconds(left: Duration) -> u64 {
    let begun = u64::from(left.subsec_nanos() > 0);
    left.as_secs().saturating_add(begun).max(1)
}

/// What a model is told of a rejection, in [`English`] and without alternatives. The tool's name is that of the dependency.
impl From<&CircuitOpen> for DegradationSignal {
    fn from(open: &CircuitOpen) -> Self {
        Self::of_rejection(open.dependency_name(), open, Probing::Yes)
    }
}

impl fmt::Debug for DegradationSignal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DegradationSignal")
            .field("tool_name", &self.tool_name)
            .field("reason", &self.reason)
            .field("retry_after", &self.retry_after)
            .finish_non_exhaustive()
    }
}
