use super::DegradationSignal;

/// What comes of a tool call.
///
/// ```
/// use tower_tenant_breaker::agent::ToolReply;
///
/// fn content(reply: ToolReply<String>) -> String {
///     match reply {
///         ToolReply::Output(output) => output,
///         ToolReply::Unavailable(signal) => signal.to_json().to_string(),
///     }
/// }
/// ```
#[derive(Clone, Debug)]
pub enum ToolReply<O> {
    /// What the tool answers, also where that is an error in its own words.
    Output(O),
    /// The call was rejected, took too long, or failed.
    Unavailable(DegradationSignal),
}

impl<O> ToolReply<O> {
    /// What the tool answers.
    #[must_use]
    pub fn output(self) -> Option<O> {
        match self {
            Self::Output(output) => Some(output),
            Self::Unavailable(_) => None,
        }
    }

    /// Why there is no answer.
    #[must_use]
    pub fn signal(&self) -> Option<&DegradationSignal> {
        match self {
            Self::Output(_) => None,
            Self::Unavailable(signal) => Some(signal),
        }
    }

    /// The same reply with another output, as where it is written for a model.
    ///
    /// ```
    /// use tower_tenant_breaker::agent::ToolReply;
    ///
    /// let reply = ToolReply::Output(6).map(|dots: u32| dots.to_string());
    /// assert_eq!(reply.output().as_deref(), Some("6"));
    /// ```
    pub fn map<P>(self, map: impl FnOnce(O) -> P) -> ToolReply<P> {
        match self {
            Self::Output(output) => ToolReply::Output(map(output)),
            Self::Unavailable(signal) => ToolReply::Unavailable(signal),
        }
    }
}
