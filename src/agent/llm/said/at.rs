use super::Rank;

/// Where in the JSON we are.
#[derive(Clone, Copy, Debug)]
pub(super) enum At {
    Root,
    /// A root that may hold the first token.
    Chunk,
    /// The type of an event.
    Event,
    Response,
    Error,
    /// More on an error: an object of Anthropic's, or a list of Google's.
    Details,
    /// A name of an error.
    Name(Rank),
    Message,
    Choices,
    Delta,
    /// What is a token, unless it is empty.
    Token,
}

impl At {
    /// What a field holds; none for one that nobody asks about.
    pub(super) fn of_field(self, field: &str) -> Option<Self> {
        Some(match (self, field) {
            (Self::Root | Self::Response, "error") => Self::Error,
            (Self::Root, "type" | "event_type") => Self::Event,
            (Self::Root, "response") => Self::Response,
            (Self::Chunk, "choices") => Self::Choices,
            (Self::Chunk, field) => return Self::Root.of_field(field),
            (Self::Root, "code" | "__type") | (Self::Error, "code") => Self::Name(Rank::Code),
            (Self::Details, "error_code") => Self::Name(Rank::Code),
            (Self::Error, "status") => Self::Name(Rank::Status),
            (Self::Error, "type") => Self::Name(Rank::Type),
            (Self::Error, "message") => Self::Message,
            (Self::Error, "details") => Self::Details,
            (Self::Choices, "delta") => Self::Delta,
            (Self::Choices, "text" | "finish_reason") => Self::Token,
            (Self::Delta, "role") => return None,
            (Self::Delta, _) => Self::Token,
            _ => return None,
        })
    }
}
