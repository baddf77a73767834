use std::fmt;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::attempt::Selected;
use super::unavailable::{self, UnavailableTools};
use super::wall_clock::WallClock;
use super::{
    DegradationSignal, Dispatcher, SignalReason, ToolsBuilder, UnavailableTool, UnknownTool,
    Wording,
};
use crate::sync::Arc;
use crate::{
    CircuitBreakerRegistry, CircuitOpen, Dependency, ErrIsFailure, Probing, SelectDependency,
    UnknownDependency,
};

/// The tools that agents may call, each with a circuit for every tenant.
///
/// Clones are handles of the same tools. The circuits live in the registry: tools that are declared anew, when a server
/// of tools says that its list has changed, find those of before.
///
/// ```
/// use std::time::Duration;
/// use tower_tenant_breaker::agent::{Tool, Tools};
/// use tower_tenant_breaker::CircuitBreakerRegistry;
///
/// let registry = CircuitBreakerRegistry::builder().build()?;
/// let tools = Tools::builder(&registry)
///     .tool(Tool::new("search").substitutes(["encyclopedia"]))
///     .tool(Tool::new("encyclopedia").timeout(Duration::from_secs(5)))
///     .tool(Tool::new("book_flight").has_side_effects())
///     .build()?;
///
/// assert_eq!(tools.prompt_note("acme"), None);
/// registry.get("search").unwrap().force_open_for("maintenance", Duration::from_secs(600));
/// let note = tools.prompt_note("acme").unwrap();
/// assert!(note.contains("\"search\""), "{note}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Tools {
    inner: Arc<Inner>,
}

struct Inner {
    /// Sorted by their names.
    declared: Box<[Declared]>,
    wording: Box<dyn Wording>,
    clock: WallClock,
}

/// A tool with its dependency.
pub(super) struct Declared {
    pub(super) name: Arc<str>,
    pub(super) dependency: Dependency,
    pub(super) timeout: Option<Duration>,
    /// Where among the tools those are that may stand in for it.
    pub(super) substitutes: Box<[usize]>,
    pub(super) has_side_effects: bool,
}

impl Declared {
    pub(super) fn probing(&self) -> Probing {
        (!self.has_side_effects).into()
    }
}

impl Tools {
    /// A builder with the defaults.
    pub fn builder(registry: &CircuitBreakerRegistry) -> ToolsBuilder {
        ToolsBuilder::new(registry.clone())
    }

    pub(super) fn new(
        declared: Box<[Declared]>,
        wording: Box<dyn Wording>,
        clock: WallClock,
    ) -> Self {
        let inner = Inner {
            declared,
            wording,
            clock,
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Calls the tools of this service. An `Err` is a failure, unless it is a rejection by a circuit or a load shed
    /// further in ([`ErrIsFailure`]).
    pub fn dispatcher<S: Clone>(&self, service: S) -> Dispatcher<S> {
        self.dispatcher_with(service, ErrIsFailure)
    }

    /// As [`dispatcher`](Self::dispatcher), with a classifier of your own, which is asked of outputs and of errors. An
    /// output that it calls a failure is handed on as it is; an error is answered with a signal, whatever it is called.
    pub fn dispatcher_with<S: Clone, C: Clone>(&self, service: S, classify: C) -> Dispatcher<S, C> {
        Dispatcher::new(self.clone(), service, classify)
    }

    /// The names, sorted.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.inner.declared.iter().map(|tool| &*tool.name)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.inner.declared.len()
    }

    /// Whether there is none: never.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.inner.declared.is_empty()
    }

    /// The tools that this tenant cannot use now, sorted by name; no more than [`MAX_LISTED`](super::MAX_LISTED) of them.
    ///
    /// Not those whose calls only wait for others that are in the air: they can be asked for in a moment. Those with side
    /// effects also after their open period, until a prober or somebody by hand has closed their circuit. Changes
    /// nothing, and makes no circuit.
    #[must_use]
    pub fn unavailable(&self, tenant: &str) -> UnavailableTools {
        let now = Instant::now();
        let all = self.inner.declared.iter();
        unavailable::capped(all.filter_map(|tool| self.unavailable_tool(tool, tenant, now)))
    }

    /// What the tenant's next prompt should say of tools that it cannot use now; none where it can use all.
    ///
    /// The same text as long as nothing changes, so that the caches of prompts keep hitting: moments in it are those
    /// that were set when a circuit opened, rounded up to the minute.
    #[must_use]
    pub fn prompt_note(&self, tenant: &str) -> Option<String> {
        let unavailable = self.unavailable(tenant);
        (!unavailable.is_empty()).then(|| unavailable.note(&*self.inner.wording))
    }

    /// What a model is told of a rejected call of a tool.
    ///
    /// Where the circuit is that of no tool here, as that of a provider further in is, the signal names it all the same,
    /// and has no alternatives.
    #[must_use]
    pub fn signal(&self, open: &CircuitOpen) -> DegradationSignal {
        match (self.index_of(open.dependency()), open.tenant()) {
            (Some(index), Some(tenant)) => self.rejected(index, tenant, open),
            _ => DegradationSignal::from(open).in_words_of(self.clone()),
        }
    }

    /// What a model is told of a call that took too long.
    ///
    /// # Errors
    ///
    /// [`UnknownTool`], where there is no tool of this name.
    pub fn timed_out(&self, tenant: &str, tool: &str) -> Result<DegradationSignal, UnknownTool> {
        let index = self.index_of(tool).ok_or_else(|| self.unknown(tool))?;
        Ok(self.timed_out_call(index, tenant))
    }

    /// What a model is told of a call that failed.
    ///
    /// # Errors
    ///
    /// [`UnknownTool`], where there is no tool of this name.
    pub fn failed(&self, tenant: &str, tool: &str) -> Result<DegradationSignal, UnknownTool> {
        let index = self.index_of(tool).ok_or_else(|| self.unknown(tool))?;
        Ok(self.failed_call(index, tenant))
    }

    pub(super) fn rejected(
        &self,
        index: usize,
        tenant: &str,
        open: &CircuitOpen,
    ) -> DegradationSignal {
        let name = Arc::clone(&self.declared(index).name);
        let signal = DegradationSignal::of_rejection(name, open);
        signal.of_tool(
            self.clone(),
            index,
            self.admitting_substitutes(index, tenant),
        )
    }

    pub(super) fn timed_out_call(&self, index: usize, tenant: &str) -> DegradationSignal {
        self.unsuccessful(index, tenant, SignalReason::ToolCallTimeout)
    }

    pub(super) fn failed_call(&self, index: usize, tenant: &str) -> DegradationSignal {
        self.unsuccessful(index, tenant, SignalReason::ToolCallFailed)
    }

    /// Of a call that was made. It may have opened the circuit, and then the next one would be rejected.
    fn unsuccessful(&self, index: usize, tenant: &str, reason: SignalReason) -> DegradationSignal {
        let tool = self.declared(index);
        let now = Instant::now();
        let standing = tool.dependency.standing_refusal(tenant, tool.probing());
        let until = standing.and_then(|standing| standing.until_after(now));
        let left = until.map(|until| until.saturating_duration_since(now));
        let signal = DegradationSignal::new(Arc::clone(&tool.name), reason, left, Some(now));
        signal.of_tool(
            self.clone(),
            index,
            self.admitting_substitutes(index, tenant),
        )
    }

    /// A bit for each substitute, set where the tenant's circuit of it admits calls.
    fn admitting_substitutes(&self, index: usize, tenant: &str) -> u64 {
        let substitutes = self.declared(index).substitutes.iter();
        let bits = substitutes.enumerate().map(|(n, index)| {
            let tool = self.declared(*index);
            u64::from(tool.dependency.would_admit_as(tenant, tool.probing())) << n
        });
        bits.sum()
    }

    fn unavailable_tool(
        &self,
        tool: &Declared,
        tenant: &str,
        now: Instant,
    ) -> Option<UnavailableTool> {
        let standing = tool.dependency.standing_refusal(tenant, tool.probing())?;
        if standing.is_passing {
            return None;
        }
        let until = standing.until_after(now);
        Some(UnavailableTool {
            name: Arc::clone(&tool.name),
            reason: standing.reason.into(),
            since: standing.since.map(|since| self.moment(since)),
            until: until.map(|until| self.moment(until)),
            retry_after: until.map(|until| until.saturating_duration_since(now)),
        })
    }

    pub(super) fn moment(&self, instant: Instant) -> SystemTime {
        self.inner.clock.at(instant)
    }

    pub(super) fn wording(&self) -> &dyn Wording {
        &*self.inner.wording
    }

    pub(super) fn index_of(&self, name: &str) -> Option<usize> {
        let tools = &self.inner.declared;
        tools.binary_search_by(|tool| (*tool.name).cmp(name)).ok()
    }

    pub(super) fn declared(&self, index: usize) -> &Declared {
        &self.inner.declared[index]
    }

    pub(super) fn unknown(&self, name: &str) -> UnknownTool {
        UnknownTool::new(name, self.clone())
    }
}

impl<I> SelectDependency<Selected<I>> for Tools {
    fn select<'a>(
        &'a self,
        selected: &Selected<I>,
    ) -> Result<std::borrow::Cow<'a, Dependency>, UnknownDependency> {
        let dependency = &self.declared(selected.index).dependency;
        Ok(std::borrow::Cow::Borrowed(dependency))
    }
}

/// By the names of the tools.
impl fmt::Debug for Tools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tools")
            .field(&self.names().collect::<Vec<_>>())
            .finish()
    }
}
