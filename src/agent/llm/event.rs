/// What an event of a stream is, by its name or type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StreamEvent {
    /// Something went wrong.
    Error,
    /// The end of a good stream.
    End,
    /// Comes before the first token, or in between to keep the connection.
    Greeting,
    /// A piece of the answer.
    Token,
    /// Any other.
    Other,
}

impl StreamEvent {
    pub(super) fn of(name: &str) -> Self {
        match name {
            "error" | "response.failed" => Self::Error,
            // Cut short by the caller's own limit of tokens, it is as good.
            "message_stop" | "response.completed" | "response.incomplete" => Self::End,
            "ping" | "message_start" | "content_block_start" => Self::Greeting,
            // Both `content_block_delta` and `response.output_text.delta`.
            name if name.ends_with("delta") => Self::Token,
            name if name.starts_with("response.") => Self::Greeting,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_greeting_is_no_token() {
        for (name, event) in [
            ("message_start", StreamEvent::Greeting),
            ("content_block_start", StreamEvent::Greeting),
            ("ping", StreamEvent::Greeting),
            ("content_block_delta", StreamEvent::Token),
            ("message_stop", StreamEvent::End),
            ("response.created", StreamEvent::Greeting),
            ("response.output_item.added", StreamEvent::Greeting),
            ("response.output_text.delta", StreamEvent::Token),
            ("response.function_call_arguments.delta", StreamEvent::Token),
            ("response.completed", StreamEvent::End),
            ("response.failed", StreamEvent::Error),
            ("chat.completion.chunk", StreamEvent::Other),
        ] {
            assert_eq!(StreamEvent::of(name), event, "{name}");
        }
    }
}
