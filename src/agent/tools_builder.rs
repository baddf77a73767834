use std::fmt;
use std::time::{Duration, SystemTime};

use super::tools::Declared;
use super::wall_clock::WallClock;
use super::{English, Tool, Tools, ToolsError, Wording};
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
/// | [`policy`](Self::policy) | of tools without one of their own | [`Policy::low_traffic`] | |
/// | [`timeout`](Self::timeout) | of tools without one of their own | 60 s | over 0, up to 24 h |
/// | [`wording`](Self::wording) | what models are told | [`English`] | |
/// | [`wall_clock`](Self::wall_clock) | what time it is | the system's | |
#[must_use = "a builder does nothing until it is built"]
pub struct ToolsBuilder {
    registry: CircuitBreakerRegistry,
    tools: Vec<Tool>,
    policy: Option<Policy>,
    timeout: Duration,
    wording: Box<dyn Wording>,
    wall_clock: Box<dyn Fn() -> SystemTime + Send + Sync>,
}

impl ToolsBuilder {
    pub(super) fn new(registry: CircuitBreakerRegistry) -> Self {
        Self {
            registry,
            tools: Vec::new(),
            policy: None,
            timeout: Duration::from_secs(60),
            wording: Box::new(English),
            wall_clock: Box::new(SystemTime::now),
        }
    }

    /// Declares a tool. A dependency that the registry has by its name is that of the tool, with its policy, unless the
    /// tool has a policy of its own, which then has to be the same.
    pub fn tool(mut self, tool: Tool) -> Self {
        self.tools.push(tool);
        self
    }

    /// The policy of tools without one of their own.
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
    /// for each signal and each note; where it was set, moments move with it.
    pub fn wall_clock(mut self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.wall_clock = Box::new(clock);
        self
    }

    /// Declares the tools in the registry.
    ///
    /// # Errors
    ///
    /// [`ToolsError`], where there is no tool, two have one name, a timeout is out of its bounds, a substitute is no
    /// other tool, or a dependency cannot be declared; only then other dependencies may have been.
    pub fn build(mut self) -> Result<Tools, ToolsError> {
        if self.tools.is_empty() {
            return Err(ToolsError::NoTool);
        }
        check_timeout(None, self.timeout)?;
        self.tools.sort_by(|one, other| one.name.cmp(&other.name));
        let mut neighbours = self.tools.iter().zip(self.tools.iter().skip(1));
        if let Some((twice, _)) = neighbours.find(|(one, other)| one.name == other.name) {
            return Err(ToolsError::Twice(twice.name.to_string()));
        }
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
        let default_policy = self.policy.take().unwrap_or_else(Policy::of_low_traffic);
        let declared: Result<Box<[_]>, ToolsError> = self
            .tools
            .iter()
            .zip(substitutes)
            .map(|(tool, substitutes)| {
                Ok(Declared {
                    name: Arc::clone(&tool.name),
                    dependency: self.dependency(tool, &default_policy)?,
                    timeout: tool.timeout.unwrap_or(Some(self.timeout)),
                    substitutes,
                    has_side_effects: tool.has_side_effects,
                })
            })
            .collect();
        let clock = WallClock::new(self.wall_clock);
        Ok(Tools::new(declared?, self.wording, clock))
    }

    /// Where in the sorted list the substitutes of a tool are.
    fn substitutes(&self, tool: &Tool) -> Result<Box<[usize]>, ToolsError> {
        let substitutes = tool.substitutes.len();
        if substitutes > MOST_SUBSTITUTES {
            let tool = tool.name.to_string();
            return Err(ToolsError::TooManySubstitutes { tool, substitutes });
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
        let known = || self.registry.get(&tool.name).map(Ok);
        match &tool.policy {
            Some(policy) => self.registry.dependency_with(&tool.name, policy.clone()),
            None => known().unwrap_or_else(|| {
                self.registry
                    .dependency_with(&tool.name, default_policy.clone())
            }),
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
