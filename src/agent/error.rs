use std::error::Error;
use std::fmt;
use std::time::Duration;

use super::{PlainName, Tools};
use crate::{DeclareError, InvalidTenant};

/// The most tools that an error lists.
const MOST_LISTED: usize = 32;

/// Why a call is not dispatched, and no circuit hears of it.
///
/// Of an unknown tool it says itself what [`UnknownTool`] says, which is then not its source: so a model that is told no
/// more than this error can choose another tool.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum DispatchError {
    /// There is no tool of this name.
    UnknownTool(UnknownTool),
    /// The tenant's id is not one.
    InvalidTenant(InvalidTenant),
}

impl fmt::Display for DispatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownTool(unknown) => unknown.fmt(f),
            Self::InvalidTenant(_) => f.write_str("the call has no valid tenant"),
        }
    }
}

impl Error for DispatchError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::UnknownTool(unknown) => unknown.source(),
            Self::InvalidTenant(invalid) => Some(invalid),
        }
    }
}

impl From<UnknownTool> for DispatchError {
    fn from(unknown: UnknownTool) -> Self {
        Self::UnknownTool(unknown)
    }
}

impl From<InvalidTenant> for DispatchError {
    fn from(invalid: InvalidTenant) -> Self {
        Self::InvalidTenant(invalid)
    }
}

/// A name that is no tool's. It says which there are, so that a model that made it up can choose one. As a result of the
/// call, it is written by [`to_openai`](Self::to_openai) and [`to_anthropic`](Self::to_anthropic).
///
/// ```
/// use tower_tenant_breaker::CircuitBreakerRegistry;
/// use tower_tenant_breaker::agent::{Tool, Tools};
///
/// let registry = CircuitBreakerRegistry::builder().build()?;
/// let tools = Tools::builder(&registry).tool(Tool::new("search")).tool(Tool::new("book")).build()?;
/// let unknown = tools.failed("acme", "serach").unwrap_err();
/// assert_eq!(unknown.to_string(), r#"there is no tool "serach"; the tools are "book", "search""#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct UnknownTool {
    asked: Box<str>,
    tools: Tools,
}

impl UnknownTool {
    pub(super) fn new(asked: &str, tools: Tools) -> Self {
        let asked = PlainName(asked).to_string().into();
        Self { asked, tools }
    }

    /// The name that was asked for, as [`PlainName`] writes it.
    #[must_use]
    pub fn asked(&self) -> &str {
        &self.asked
    }

    /// The tools that there are.
    #[must_use]
    pub fn known(&self) -> &Tools {
        &self.tools
    }
}

impl fmt::Display for UnknownTool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no tool \"{}\"; the tools are ", self.asked)?;
        for (n, name) in self.tools.names().take(MOST_LISTED).enumerate() {
            let comma = if n > 0 { ", " } else { "" };
            write!(f, "{comma}\"{}\"", PlainName(name))?;
        }
        match self.tools.len().saturating_sub(MOST_LISTED) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

impl Error for UnknownTool {}

/// Why tools could not be declared.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ToolsError {
    /// There is no tool among them.
    NoTool,
    /// Two tools have this name.
    Twice(String),
    /// The dependency that a tool is cannot be declared.
    Declare {
        /// The tool.
        tool: String,
        /// Why.
        error: DeclareError,
    },
    /// A timeout is 0, or over 24 h.
    Timeout {
        /// The tool; none for the timeout of all.
        tool: Option<String>,
        /// The timeout.
        timeout: Duration,
    },
    /// A tool has more than 64 substitutes.
    TooManySubstitutes {
        /// The tool.
        tool: String,
        /// How many it has.
        substitutes: usize,
    },
    /// What is to stand in for a tool is no other tool.
    Substitute {
        /// The tool.
        tool: String,
        /// The name of its substitute.
        substitute: String,
    },
    /// A tool has the same substitute twice.
    SubstituteTwice {
        /// The tool.
        tool: String,
        /// The name of its substitute.
        substitute: String,
    },
    /// A [`Toolbox`](super::Toolbox) has no service for the tool of this name.
    NoService(String),
}

impl fmt::Display for ToolsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTool => f.write_str("there are 0 tools, but must be at least 1"),
            Self::Twice(name) => write!(f, "the tool {name:?} is declared twice"),
            Self::Declare { tool, .. } => {
                write!(f, "the tool \"{}\" cannot be declared", PlainName(tool))
            }
            Self::Timeout { tool, timeout } => {
                f.write_str("the timeout of ")?;
                match tool {
                    Some(tool) => write!(f, "the tool {tool:?}")?,
                    None => f.write_str("all tools")?,
                }
                write!(f, " is {timeout:?}, but must be over 0 and up to 24 h")
            }
            Self::TooManySubstitutes { tool, substitutes } => write!(
                f,
                "the tool {tool:?} has {substitutes} substitutes, but must have up to 64"
            ),
            Self::Substitute { tool, substitute } => write!(
                f,
                "the tool {tool:?} has {substitute:?} as a substitute, which is no other tool"
            ),
            Self::SubstituteTwice { tool, substitute } => write!(
                f,
                "the tool {tool:?} has {substitute:?} as a substitute twice"
            ),
            Self::NoService(tool) => write!(f, "there is no service for the tool {tool:?}"),
        }
    }
}

impl Error for ToolsError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Declare { error, .. } => Some(error),
            _ => None,
        }
    }
}
