//! Agents: a rejected tool call is information that a model can plan with.
//!
//! | | |
//! |---|---|
//! | the tools there are | [`Tools`], [`Tool`] |
//! | a call of one, and who makes it | [`ToolCall`], [`Dispatcher`], [`ToolReply`] |
//! | a service for each of them | [`Toolbox`] |
//! | what a model is told in the place of a result | [`DegradationSignal`], [`SignalReason`] |
//! | what the next prompt says | [`Tools::unavailable`], [`Tools::prompt_note`] |
//! | in which words | [`Wording`], [`MessageTemplate`] |
//! | what providers of language models answer | `llm` (with feature `http`) |
//!
//! A tool is a dependency, and so each (tenant, tool) pair has a circuit of its own. The guide's chapter on agents has
//! whole programs, with MCP and language models.
//!
//! ```
//! use tower::{BoxError, ServiceExt, service_fn};
//! use tower_tenant_breaker::CircuitBreakerRegistry;
//! use tower_tenant_breaker::agent::{Tool, ToolCall, Tools};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! let registry = CircuitBreakerRegistry::builder().build()?;
//! let tools = Tools::builder(&registry)
//!     .tool(Tool::new("search").substitutes(["encyclopedia"]))
//!     .tool(Tool::new("encyclopedia"))
//!     .build()?;
//! registry.get("search").unwrap().force_open("its index is being rebuilt");
//!
//! let run = service_fn(async |call: ToolCall<&str>| Ok::<_, BoxError>(call.input.len()));
//! let reply = tools.dispatcher(run).oneshot(ToolCall::new("acme", "search", "red shoes")).await?;
//! let told = reply.signal().unwrap().to_mcp();
//! assert_eq!(told["isError"], true);
//! assert_eq!(told["structuredContent"]["reason"], "circuit_forced_open");
//! assert_eq!(told["structuredContent"]["alternatives"][0], "encyclopedia");
//! assert!(tools.prompt_note("acme").is_some_and(|note| note.contains("\"search\"")));
//! # Ok(())
//! # }
//! ```

mod attempt;
mod dispatched;
mod dispatcher;
mod error;
mod future;
mod json;
#[cfg(feature = "http")]
pub mod llm;
mod name;
mod render;
mod reply;
mod signal;
mod signal_reason;
mod template;
mod template_error;
mod template_parse;
mod tool;
mod tool_call;
mod tool_error;
mod toolbox;
mod tools;
mod tools_builder;
mod tools_signals;
mod unavailable;
mod wall_clock;
mod wording;

pub(crate) use self::attempt::{HandOn, OfCall};
pub use self::dispatcher::Dispatcher;
pub use self::error::{DispatchError, ToolsError, UnknownTool};
pub use self::future::DispatchFuture;
pub use self::name::PlainName;
pub use self::reply::ToolReply;
pub use self::signal::DegradationSignal;
pub use self::signal_reason::SignalReason;
pub use self::template::MessageTemplate;
pub use self::template_error::TemplateError;
pub use self::tool::Tool;
pub use self::tool_call::ToolCall;
pub use self::tool_error::ToolError;
pub use self::toolbox::{Toolbox, ToolboxError, ToolboxFuture, ToolboxService};
pub use self::tools::Tools;
pub use self::tools_builder::ToolsBuilder;
pub use self::unavailable::{MAX_LISTED, UnavailableTool, UnavailableTools};
pub use self::wording::{English, Wording};
