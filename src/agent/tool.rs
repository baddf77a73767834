use std::time::Duration;

use crate::Policy;
use crate::sync::Arc;

/// A tool, as it is declared: what protects its calls, and what may stand in for it.
///
/// ```
/// use std::time::Duration;
/// use tower_tenant_breaker::Policy;
/// use tower_tenant_breaker::agent::Tool;
///
/// # fn main() -> Result<(), tower_tenant_breaker::PolicyError> {
/// let search = Tool::new("search")
///     .policy(Policy::low_traffic().abandoned_run(0).consecutive_failures(2).build()?)
///     .timeout(Duration::from_secs(20))
///     .substitutes(["web_search", "encyclopedia"]);
/// let book = Tool::new("book_flight").has_side_effects();
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a tool does nothing until it is declared"]
pub struct Tool {
    pub(super) name: Arc<str>,
    pub(super) policy: Option<Policy>,
    pub(super) timeout: Option<Option<Duration>>,
    pub(super) substitutes: Vec<Arc<str>>,
    pub(super) has_side_effects: bool,
}

impl Tool {
    /// The tool of this name, which is that of its dependency too.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self {
            name: name.into(),
            policy: None,
            timeout: None,
            substitutes: Vec::new(),
            has_side_effects: false,
        }
    }

    /// The policy of its circuits, in the place of [that of all tools](super::ToolsBuilder::policy), which says what to
    /// set of [`abandoned_run`](crate::PolicyBuilder::abandoned_run).
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = Some(policy);
        self
    }

    /// How long a call may take, in the place of [that of all tools](super::ToolsBuilder::timeout): over 0 and up to
    /// 24 h.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(Some(timeout));
        self
    }

    /// Its calls have no timeout: they bring one of their own, or are known to end. By the default policy nothing else
    /// finds that it hangs, but for a latency rule, which hears of calls that are cancelled after its threshold.
    pub fn without_timeout(mut self) -> Self {
        self.timeout = Some(None);
        self
    }

    /// Tools that a model can use in its stead, the best first; declared as tools themselves, and up to 64 of them.
    pub fn substitutes<N: Into<Arc<str>>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.substitutes = names.into_iter().map(Into::into).collect();
        self
    }

    /// Its calls change something: they are never probes, which may fail half-way.
    ///
    /// An open circuit then closes by a [`RecoveryProber`](crate::RecoveryProber), or by hand, and by nothing else. So no
    /// model is told a time after which to call the tool again, unless somebody has forced the circuit open for a time.
    pub fn has_side_effects(mut self) -> Self {
        self.has_side_effects = true;
        self
    }
}
