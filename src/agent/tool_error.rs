use std::error::Error;

/// An error that a tool's service answered a call with; see [`ToolsBuilder::on_error`](super::ToolsBuilder::on_error).
///
/// No model is told of it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ToolError<'a> {
    /// Whose call it was.
    pub tenant: &'a str,
    /// The tool's name, as it was declared.
    pub tool: &'a str,
    /// By which the model knows the result again.
    pub call_id: Option<&'a str>,
    /// The error, which may hold anything that the tool and what is behind it say.
    pub error: &'a (dyn Error + Send + Sync + 'static),
}
