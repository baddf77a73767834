//! Agents: a rejected tool call is information that a model can plan with.
//!
//! | | |
//! |---|---|
//! | the tools there are | [`Tools`], [`Tool`] |
//! | a call of one, and who makes it | [`ToolCall`], [`Dispatcher`], [`ToolReply`] |
//! | what a model is told in the place of a result | [`DegradationSignal`], [`SignalReason`] |
//! | what the next prompt says | [`Tools::unavailable`], [`Tools::prompt_note`] |
//! | in which words | [`Wording`], [`MessageTemplate`] |
//!
//! A tool is a dependency, and so each (tenant, tool) pair has a circuit of its own.

mod attempt;
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
mod tools;
mod tools_builder;
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
pub use self::tools::Tools;
pub use self::tools_builder::ToolsBuilder;
pub use self::unavailable::{MAX_LISTED, UnavailableTool, UnavailableTools};
pub use self::wording::{English, Wording};
