use std::fmt;

use crate::sync::Arc;

/// A call of a tool that a model asks for.
///
/// ```
/// use tower_tenant_breaker::agent::ToolCall;
///
/// let call = ToolCall::new("acme", "search", r#"{"words": "red shoes"}"#).call_id("call_1").turn_id("turn 17");
/// assert_eq!((&*call.tenant, &*call.tool), ("acme", "search"));
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ToolCall<I> {
    /// Who it is for.
    pub tenant: Arc<str>,
    /// The tool's name, as the model wrote it.
    pub tool: Arc<str>,
    /// By which the model knows the result again.
    pub call_id: Option<Arc<str>>,
    /// The turn that it belongs to, so that [impact](crate::impact) counts turns; without one, it is that of the running
    /// task.
    pub turn_id: Option<Arc<str>>,
    /// What the tool is given.
    pub input: I,
}

impl<I> ToolCall<I> {
    /// A call without an id, of the running task's turn.
    pub fn new(tenant: impl Into<Arc<str>>, tool: impl Into<Arc<str>>, input: I) -> Self {
        Self {
            tenant: tenant.into(),
            tool: tool.into(),
            call_id: None,
            turn_id: None,
            input,
        }
    }

    /// By which the model knows the result again.
    #[must_use]
    pub fn call_id(mut self, id: impl Into<Arc<str>>) -> Self {
        self.call_id = Some(id.into());
        self
    }

    /// The turn that it belongs to.
    #[must_use]
    pub fn turn_id(mut self, id: impl Into<Arc<str>>) -> Self {
        self.turn_id = Some(id.into());
        self
    }

    /// The same call with another input, as where arguments are parsed.
    ///
    /// ```
    /// use tower_tenant_breaker::agent::ToolCall;
    ///
    /// let call = ToolCall::new("acme", "roll_dice", "6").call_id("call_1").map_input(|sides| sides.parse::<u32>());
    /// assert_eq!(call.input, Ok(6));
    /// assert_eq!(call.call_id.as_deref(), Some("call_1"));
    /// ```
    pub fn map_input<J>(self, map: impl FnOnce(I) -> J) -> ToolCall<J> {
        ToolCall {
            tenant: self.tenant,
            tool: self.tool,
            call_id: self.call_id,
            turn_id: self.turn_id,
            input: map(self.input),
        }
    }
}

// By hand, without the input, which is somebody's.
impl<I> fmt::Debug for ToolCall<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolCall")
            .field("tenant", &self.tenant)
            .field("tool", &self.tool)
            .field("call_id", &self.call_id)
            .field("turn_id", &self.turn_id)
            .finish_non_exhaustive()
    }
}
