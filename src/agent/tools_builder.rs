use std::fmt;
use std::time::{Duration, SystemTime};

use super::tools::{Declared, OnError, Words};
use super::wall_clock::WallClock;
use super::{English, Tool, ToolError, Tools, ToolsError, Wording};
use crate::registry::is_name;
use crate::sync::Arc;
use crate::time::DAY;
use crate::{CircuitBreakerRegistry, DeclareError, Dependency, Policy};

/// The most substitutes of one tool.
const MOST_SUBSTITUTES: usize = 64;

/// Declares [`Tools`].
///
/// | field | meaning | default | bounds |
/// |---|---|---|---|
/// | [`tool`](Self::tool) | a tool | | at least 1 |
/// | [`policy`](Self::policy) | of tools without one of their own | [`Policy::low_traffic`] with [`abandoned_run`](crate::PolicyBuilder::abandoned_run) 0 | |
/// | [`timeout`](Self::timeout) | of tools without one of their own | 60 s | over 0, up to 24 h |
/// | [`wording`](Self::wording) | what models are told | [`English`] | |
/// | [`wall_clock`](Self::wall_clock) | what time it is | the system's | |
/// | [`on_error`](Self::on_error) | who is told of errors | nobody | |
#[must_use = "a builder does nothing until it is built"]
pub struct ToolsBuilder {
    registry: CircuitBreakerRegistry,
    tools: Vec<Tool>,
    policy: Option<Policy>,
    timeout: Duration,
    wording: Box<dyn Wording>,
    wall_clock: Arc<WallClock>,
    on_error: Option<OnError>,
}

impl ToolsBuilder {
    pub(super) fn new(registry: CircuitBreakerRegistry) -> Self {
        Self {
            registry,
            tools: Vec::new(),
            policy: None,
            timeout: Duration::from_secs(60),
            wording: Box::new(English),
            wall_clock: Arc::clone(WallClock::of_system()),
            on_error: None,
        }
    }

    /// Declares a tool. A dependency that the registry has by its name is that of the tool, with its policy, unless the
    /// tool has a policy of its own, which then has to be the same.
    pub fn tool(mut self, tool: Tool) -> Self {
        self.tools.push(tool);
        self
    }

    /// Declares tools, as those that a server lists.
    pub fn tools(mut self, tools: impl IntoIterator<Item = Tool>) -> Self {
        self.tools.extend(tools);
        self
    }

    /// The policy of tools without one of their own.
    ///
    /// With an [`abandoned_run`](crate::PolicyBuilder::abandoned_run) over 0, one turn that a user stops can open the
    /// circuit of a tool that works: all its calls are cancelled at once, and so in a row. The policy by default has 0,
    /// since each call has a timeout, and that finds a tool which hangs. A tool
    /// [without a timeout](Tool::without_timeout) is the one to give a run.
    ///
    /// ```
    /// use tower_tenant_breaker::agent::{Tool, Tools};
    /// use tower_tenant_breaker::{CircuitBreakerRegistry, Policy};
    ///
    /// let registry = CircuitBreakerRegistry::builder().build()?;
    /// let policy = Policy::low_traffic().abandoned_run(0).consecutive_failures(2).build()?;
    /// let tools = Tools::builder(&registry).policy(policy).tool(Tool::new("search")).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = Some(policy);
        self
    }

    /// How long a call of a tool may take that has no timeout of its own: over 0 and up to 24 h.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// What models are told.
    pub fn wording(mut self, wording: impl Wording + 'static) -> Self {
        self.wording = Box::new(wording);
        self
    }

    /// What a clock on the wall says, where it is not the system's that counts: in a test, or a simulation. It is asked
    /// for each signal and each note; where it was set, moments move with it. All tools that go by the system's clock give
    /// an instant as the same moment, also those that are declared anew.
    pub fn wall_clock(mut self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.wall_clock = Arc::new(WallClock::new(Box::new(clock)));
        self
    }

    /// Who is told of each error that a tool answers a [`Dispatcher`](super::Dispatcher) with: for a log, since the signal
    /// in its place says nothing of it. Of timeouts and rejections the registry's events tell.
    ///
    /// It is told in the task of the call, after the circuit was, and before the signal is there. A panic in it is caught.
    ///
    /// ```
    /// use tower_tenant_breaker::CircuitBreakerRegistry;
    /// use tower_tenant_breaker::agent::{Tool, Tools};
    ///
    /// let registry = CircuitBreakerRegistry::builder().build()?;
    /// let tools = Tools::builder(&registry)
    ///     .tool(Tool::new("search"))
    ///     .on_error(|failed| eprintln!("{} failed: {}", failed.tool, failed.error))
    ///     .build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn on_error(mut self, tell: impl Fn(&ToolError<'_>) + Send + Sync + 'static) -> Self {
        self.on_error = Some(Box::new(tell));
        self
    }

    /// Declares the tools in the registry.
    ///
    /// # Errors
    ///
    /// [`ToolsError`], where there is no tool, a name is empty or longer than 256 bytes, two tools have one name, a timeout
    /// is out of its bounds, a substitute is no other tool or is there twice, or the dependency of a tool has another
    /// policy than the tool; only then other dependencies may have been declared.
    pub fn build(mut self) -> Result<Tools, ToolsError> {
        if self.tools.is_empty() {
            return Err(ToolsError::NoTool);
        }
        check_timeout(None, self.timeout)?;
        self.tools.sort_by(|one, other| one.name.cmp(&other.name));
        self.check_names()?;
        let substitutes: Result<Vec<_>, _> = self
            .tools
            .iter()
            .map(|tool| {
                if let Some(Some(timeout)) = tool.timeout {
                    check_timeout(Some(&tool.name), timeout)?;
                }
                self.substitutes(tool)
            })
            .collect();
        let substitutes = substitutes?;
        let default_policy = self.policy.take().unwrap_or_else(Policy::of_tools);
        let declared: Result<Box<[_]>, ToolsError> = self
            .tools
            .iter()
            .zip(substitutes)
            .map(|(tool, substitutes)| {
                Ok(Declared {
                    name: Arc::clone(&tool.name),
                    dependency: self.dependency(tool, &default_policy).map_err(|error| {
                        let tool = tool.name.to_string();
                        ToolsError::Declare { tool, error }
                    })?,
                    timeout: tool.timeout.unwrap_or(Some(self.timeout)),
                    substitutes,
                    has_side_effects: tool.has_side_effects,
                })
            })
            .collect();
        let words = Words {
            wording: self.wording,
            clock: self.wall_clock,
            on_error: self.on_error,
        };
        Ok(Tools::new(declared?, words))
    }

    /// Of the sorted list.
    fn check_names(&self) -> Result<(), ToolsError> {
        let mut names = self.tools.iter().map(|tool| &tool.name);
        if let Some(name) = names.find(|name| !is_name(name)) {
            let (tool, error) = (name.to_string(), DeclareError::InvalidName(name.len()));
            return Err(ToolsError::Declare { tool, error });
        }
        let mut neighbours = self.tools.iter().zip(self.tools.iter().skip(1));
        match neighbours.find(|(one, other)| one.name == other.name) {
            Some((twice, _)) => Err(ToolsError::Twice(twice.name.to_string())),
            None => Ok(()),
        }
    }

    /// Where in the sorted list the substitutes of a tool are.
    fn substitutes(&self, tool: &Tool) -> Result<Box<[usize]>, ToolsError> {
        let substitutes = tool.substitutes.len();
        if substitutes > MOST_SUBSTITUTES {
            let tool = tool.name.to_string();
            return Err(ToolsError::TooManySubstitutes { tool, substitutes });
        }
        let names = tool.substitutes.iter().enumerate();
        let mut twice = names.filter(|(n, name)| tool.substitutes[..*n].contains(name));
        if let Some((_, name)) = twice.next() {
            return Err(ToolsError::SubstituteTwice {
                tool: tool.name.to_string(),
                substitute: name.to_string(),
            });
        }
        let place_of = |name: &Arc<str>| {
            let place = self.tools.binary_search_by(|tool| tool.name.cmp(name));
            place.ok().filter(|_| *name != tool.name)
        };
        let places = tool.substitutes.iter().map(|name| {
            place_of(name).ok_or_else(|| ToolsError::Substitute {
                tool: tool.name.to_string(),
                substitute: name.to_string(),
            })
        });
        places.collect()
    }

    fn dependency(&self, tool: &Tool, default_policy: &Policy) -> Result<Dependency, DeclareError> {
        let declare = |policy: &Policy| self.registry.dependency_with(&tool.name, policy.clone());
        if let Some(policy) = &tool.policy {
            return declare(policy);
        }
        let known = || self.registry.get(&tool.name);
        match known() {
            Some(known) => Ok(known),
            // Somebody else may have declared it with another policy meanwhile.
            None => declare(default_policy).or_else(|error| known().ok_or(error)),
        }
    }
}

fn check_timeout(tool: Option<&str>, timeout: Duration) -> Result<(), ToolsError> {
    if timeout.is_zero() || timeout > DAY {
        let tool = tool.map(str::to_owned);
        return Err(ToolsError::Timeout { tool, timeout });
    }
    Ok(())
}

// By hand: neither words nor clocks have `Debug`.
impl fmt::Debug for ToolsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolsBuilder")
            .field("tools", &self.tools)
            .field("policy", &self.policy)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
