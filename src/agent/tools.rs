use std::borrow::Cow;
use std::fmt;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;
use tower::BoxError;
use tower_service::Service;

use super::attempt::Selected;
use super::unavailable::{self, UnavailableTools};
use super::wall_clock::WallClock;
use super::{
    DegradationSignal, Dispatcher, ToolCall, ToolError, ToolsBuilder, UnavailableTool, UnknownTool,
    Wording,
};
use crate::caught::caught;
use crate::sync::Arc;
use crate::{
    CircuitBreakerRegistry, CircuitOpen, Classify, Dependency, ErrIsFailure, Probing,
    SelectDependency, UnknownDependency,
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
    words: Words,
}

/// What whoever declares the tools says of all of them.
pub(super) struct Words {
    pub(super) wording: Box<dyn Wording>,
    pub(super) clock: Arc<WallClock>,
    pub(super) on_error: Option<OnError>,
}

pub(super) type OnError = Box<dyn Fn(&ToolError<'_>) + Send + Sync>;

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

    pub(super) fn new(declared: Box<[Declared]>, words: Words) -> Self {
        let inner = Arc::new(Inner { declared, words });
        Self { inner }
    }

    /// Calls the tools of this service. An `Err` is a failure, unless it is a rejection by a circuit or a load shed
    /// further in ([`ErrIsFailure`]).
    pub fn dispatcher<S, I>(&self, service: S) -> Dispatcher<S, I>
    where
        S: Service<ToolCall<I>> + Clone,
        S::Error: Into<BoxError>,
    {
        self.dispatcher_with(service, ErrIsFailure)
    }

    /// As [`dispatcher`](Self::dispatcher), with a classifier of your own, which is asked of outputs and of errors. An
    /// output that it calls a failure is handed on as it is; an error is answered with a signal, whatever it is called.
    ///
    /// ```
    /// use tower::{BoxError, ServiceExt, service_fn};
    /// use tower_tenant_breaker::{CircuitBreakerRegistry, Outcome};
    /// use tower_tenant_breaker::agent::{Tool, ToolCall, Tools};
    ///
    /// /// What a tool of an MCP server answers.
    /// struct Answer { is_error: bool }
    ///
    /// fn judge(result: Result<&Answer, &BoxError>) -> Outcome {
    ///     match result {
    ///         Ok(answer) if !answer.is_error => Outcome::Success,
    ///         _ => Outcome::failure(),
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), BoxError> {
    /// let registry = CircuitBreakerRegistry::builder().build()?;
    /// let tools = Tools::builder(&registry).tool(Tool::new("search")).build()?;
    /// let server = service_fn(async |_: ToolCall<()>| Ok::<_, BoxError>(Answer { is_error: true }));
    /// let dispatcher = tools.dispatcher_with(server, judge);
    /// for _ in 0..3 {
    ///     let reply = dispatcher.clone().oneshot(ToolCall::new("acme", "search", ())).await?;
    ///     assert!(reply.output().is_some_and(|answer| answer.is_error));
    /// }
    /// assert_eq!(tools.unavailable("acme").len(), 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn dispatcher_with<S, I, C>(&self, service: S, classify: C) -> Dispatcher<S, I, C>
    where
        S: Service<ToolCall<I>> + Clone,
        S::Error: Into<BoxError>,
        C: Classify<S::Response, BoxError> + Clone,
    {
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

    /// The dependency that a tool is; none where there is no tool of this name.
    ///
    /// ```
    /// use tower_tenant_breaker::CircuitBreakerRegistry;
    /// use tower_tenant_breaker::agent::{Tool, Tools};
    ///
    /// let registry = CircuitBreakerRegistry::builder().build()?;
    /// let tools = Tools::builder(&registry).tool(Tool::new("search")).build()?;
    /// if let Some(search) = tools.dependency("search") {
    ///     search.force_open("its index is being rebuilt");
    /// }
    /// assert_eq!(tools.unavailable("acme").tools[0].name.as_ref(), "search");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn dependency(&self, name: &str) -> Option<&Dependency> {
        Some(&self.declared(self.index_of(name)?).dependency)
    }

    /// Why this tenant cannot use a tool now; none where it can, and where there is no tool of this name.
    ///
    /// What [`unavailable`](Self::unavailable) says of it, for whoever goes through a list of tools without a bound, as to
    /// annotate it. Changes nothing, and makes no circuit.
    ///
    /// ```
    /// use tower_tenant_breaker::CircuitBreakerRegistry;
    /// use tower_tenant_breaker::agent::{SignalReason, Tool, Tools};
    ///
    /// let registry = CircuitBreakerRegistry::builder().build()?;
    /// let tools = Tools::builder(&registry).tools(["search", "book"].map(Tool::new)).build()?;
    /// registry.tenant("acme").force_open("not paid");
    ///
    /// let listed = tools.names().map(|name| match tools.why_unavailable("acme", name) {
    ///     Some(tool) => format!("{name} ({})", tool.reason),
    ///     None => name.to_owned(),
    /// });
    /// assert_eq!(listed.collect::<Vec<_>>(), ["book (circuit_forced_open)", "search (circuit_forced_open)"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn why_unavailable(&self, tenant: &str, name: &str) -> Option<UnavailableTool> {
        self.unavailable_tool(self.declared(self.index_of(name)?), tenant, Instant::now())
    }

    /// The tools that this tenant cannot use now, sorted by name; no more than [`MAX_LISTED`](super::MAX_LISTED) of them.
    ///
    /// Not those whose calls only wait for others that are in the air: they can be asked for in a moment. Those with side
    /// effects until a prober or somebody by hand has closed their circuit, and so without an end, but for that of an
    /// override. Changes
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
        (!unavailable.is_empty()).then(|| unavailable.note(self.wording()))
    }

    /// What a list of tools should say of this one, beside its description: that the tenant cannot use it now. None where
    /// it can, and where there is no tool of this name.
    ///
    /// The same text as long as nothing changes, as that of [`prompt_note`](Self::prompt_note). Of each tool, however
    /// many there are.
    ///
    /// ```
    /// use tower_tenant_breaker::CircuitBreakerRegistry;
    /// use tower_tenant_breaker::agent::{Tool, Tools};
    ///
    /// let registry = CircuitBreakerRegistry::builder().build()?;
    /// let tools = Tools::builder(&registry).tool(Tool::new("search")).build()?;
    /// assert_eq!(tools.tool_note("acme", "search"), None);
    /// registry.get("search").unwrap().force_open("maintenance");
    /// assert_eq!(
    ///     tools.tool_note("acme", "search").unwrap(),
    ///     "Unavailable now (it has been taken out of service). Do not call it.",
    /// );
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn tool_note(&self, tenant: &str, tool: &str) -> Option<String> {
        let tool = self.declared(self.index_of(tool)?);
        let unavailable = self.unavailable_tool(tool, tenant, Instant::now())?;
        Some(unavailable.note(self.wording()))
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
        let until = standing.until_after(now, tool.probing());
        Some(UnavailableTool {
            name: Arc::clone(&tool.name),
            reason: standing.reason.into(),
            since: standing.since.map(|since| self.moment(since)),
            until: until.map(|until| self.moment(until)),
            retry_after: until.map(|until| until.saturating_duration_since(now)),
            alternatives: self.usable_substitutes(tool, tenant),
        })
    }

    /// Those too whose calls only wait for others that are in the air, so that a note does not change with each probe.
    fn usable_substitutes(&self, tool: &Declared, tenant: &str) -> Vec<Arc<str>> {
        let substitutes = tool.substitutes.iter().map(|index| self.declared(*index));
        let usable = substitutes.filter(|tool| {
            let standing = tool.dependency.standing_refusal(tenant, tool.probing());
            standing.is_none_or(|standing| standing.is_passing)
        });
        usable.map(|tool| Arc::clone(&tool.name)).collect()
    }

    pub(super) fn moment(&self, instant: Instant) -> SystemTime {
        self.inner.words.clock.at(instant)
    }

    pub(super) fn wording(&self) -> &dyn Wording {
        &*self.inner.words.wording
    }

    pub(super) fn hears_of_errors(&self) -> bool {
        self.inner.words.on_error.is_some()
    }

    pub(super) fn tell_of(&self, error: &ToolError<'_>) {
        if let Some(on_error) = &self.inner.words.on_error {
            // The call is over, and whoever only listens is not to end the turn.
            caught(|| on_error(error));
        }
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
    ) -> Result<Cow<'a, Dependency>, UnknownDependency> {
        Ok(Cow::Borrowed(&self.declared(selected.index).dependency))
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
