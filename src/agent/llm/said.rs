//! What a provider says in JSON: of an error, or in an event of a stream.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::ProviderErrorKind;
use super::event::StreamEvent;

/// What was found, and nothing of the text. What is cut off has said what comes before the cut.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// Whether there is an error at all.
    pub(super) has_error: bool,
    /// What the event says it is.
    pub(super) event: Option<StreamEvent>,
    /// A code that is a status of HTTP.
    pub(super) status: Option<u16>,
    /// Whether there were choices, and a token in one of them.
    pub(super) has_token: Option<bool>,
    kind: Option<(Rank, ProviderErrorKind)>,
}

/// How much a name has to say about the kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Type,
    Status,
    Code,
    /// Only ever named where it is so, beside broader names.
    Quota,
}

impl Said {
    /// Reads what there is of an error; garbage says nothing. Allocates a few bytes where there are escapes or lists in
    /// lists.
    pub(super) fn read(json: &[u8]) -> Self {
        Self::read_as(At::Root, json)
    }

    /// Reads of tokens too, which are written with escapes more often.
    pub(super) fn read_chunk(json: &[u8]) -> Self {
        Self::read_as(At::Chunk, json)
    }

    fn read_as(at: At, json: &[u8]) -> Self {
        let mut said = Self::default();
        // A byte order mark is no JSON, but may come before it.
        let json = json.strip_prefix(b"\xef\xbb\xbf").unwrap_or(json);
        let mut json = serde_json::Deserializer::from_slice(json);
        let root = Reader {
            said: &mut said,
            at,
        };
        // What was found before an error stays.
        let _ = root.deserialize(&mut json);
        said
    }

    pub(super) fn kind(&self) -> Option<ProviderErrorKind> {
        self.kind.map(|(_, kind)| kind)
    }

    fn note(&mut self, rank: Rank, kind: Option<ProviderErrorKind>) {
        let Some(kind) = kind else { return };
        let rank = match kind {
            ProviderErrorKind::QuotaExhausted => Rank::Quota,
            _ => rank,
        };
        if self.kind.is_none_or(|(known, _)| rank > known) {
            self.kind = Some((rank, kind));
        }
    }

    fn note_status(&mut self, status: u64) {
        if (400..600).contains(&status) {
            self.status = Some(status as u16);
        }
    }
}

/// Where in the JSON we are.
#[derive(Clone, Copy, Debug)]
enum At {
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
    fn of_field(self, field: &str) -> Option<Self> {
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

struct Reader<'a> {
    said: &'a mut Said,
    at: At,
}

impl Reader<'_> {
    /// What is no text may say that there is an error, too.
    fn note_truth(self, is: bool) {
        if let At::Error = self.at {
            self.said.has_error |= is;
        }
    }
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(at) = map.next_key_seed(Field(self.at))? {
            match self.at {
                At::Error => self.said.has_error = true,
                At::Token => self.said.has_token = Some(true),
                _ => {}
            }
            match at {
                Some(at) => map.next_value_seed(Reader {
                    said: &mut *self.said,
                    at,
                })?,
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let Self { said, at } = self;
        if matches!(at, At::Choices) {
            said.has_token.get_or_insert(false);
        }
        while seq
            .next_element_seed(Reader {
                said: &mut *said,
                at,
            })?
            .is_some()
        {
            if matches!(at, At::Token) {
                said.has_token = Some(true);
            }
        }
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        let said = self.said;
        match self.at {
            At::Event => said.event = Some(StreamEvent::of(text)),
            At::Name(rank) => {
                // Amazon's come with a namespace in front.
                let name = text.rsplit_once('#').map_or(text, |(_, name)| name);
                said.note(rank, ProviderErrorKind::of(name));
                if let Ok(status) = text.parse() {
                    said.note_status(status);
                }
            }
            At::Message => said.note(Rank::Quota, ProviderErrorKind::of_message(text)),
            At::Error => {
                said.has_error |= !text.is_empty();
                said.note(Rank::Type, ProviderErrorKind::of(text));
            }
            At::Token if !text.is_empty() => said.has_token = Some(true),
            _ => {}
        }
        Ok(())
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        if let At::Name(_) = self.at {
            self.said.note_status(number);
        }
        self.note_truth(number != 0);
        Ok(())
    }

    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        self.note_truth(number != 0);
        Ok(())
    }

    fn visit_f64<E>(self, number: f64) -> Result<(), E> {
        self.note_truth(number != 0.0);
        Ok(())
    }

    fn visit_bool<E>(self, is: bool) -> Result<(), E> {
        self.note_truth(is);
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// The name of a field, and where it leads.
struct Field(At);

impl<'de> DeserializeSeed<'de> for Field {
    type Value = Option<At>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Option<At>, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for Field {
    type Value = Option<At>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field")
    }

    fn visit_str<E>(self, field: &str) -> Result<Option<At>, E> {
        Ok(self.0.of_field(field))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use ProviderErrorKind::{InvalidRequest, QuotaExhausted, RateLimited, Unavailable};

    fn kind(json: &str) -> Option<ProviderErrorKind> {
        Said::read(json.as_bytes()).kind()
    }

    #[test]
    fn the_code_says_more_than_the_status_and_the_status_more_than_the_type_in_any_order() {
        for (json, expected) in [
            (
                r#"{"error":{"type":"invalid_request_error","code":"context_length_exceeded"}}"#,
                InvalidRequest,
            ),
            (
                r#"{"error":{"type":"service_unavailable_error","code":"slow_down"}}"#,
                RateLimited,
            ),
            (
                r#"{"error":{"code":"slow_down","type":"service_unavailable_error"}}"#,
                RateLimited,
            ),
            (
                r#"{"error":{"type":"tokens","code":"rate_limit_exceeded"}}"#,
                RateLimited,
            ),
            (
                r#"{"error":{"type":"insufficient_quota","code":"rate_limit_exceeded"}}"#,
                QuotaExhausted,
            ),
            (
                r#"{"error":{"type":"rate_limit_error","details":{"error_code":"enforced_spend_limit_reached"}}}"#,
                QuotaExhausted,
            ),
            (
                r#"{"error":{"type":"invalid_request_error","message":"Your credit balance is too low to go on"}}"#,
                QuotaExhausted,
            ),
            (
                r#"[{"error":{"code":503,"status":"UNAVAILABLE","details":[{"@type":"x"}]}}]"#,
                Unavailable,
            ),
            (
                r#"{"__type":"com.amazon.coral.service#ThrottlingException","message":"slower"}"#,
                RateLimited,
            ),
            (
                r#"{"type":"error","code":"server_error","message":"sorry","param":null}"#,
                Unavailable,
            ),
        ] {
            assert_eq!(kind(json), Some(expected), "{json}");
        }
    }

    #[test]
    fn what_is_cut_off_has_said_what_comes_before_the_cut() {
        let whole = r#"{"error":{"code":"slow_down","message":"you are too fast"}}"#;
        let named = whole.find(",\"message").unwrap();
        for cut in 0..=whole.len() {
            let said = Said::read(&whole.as_bytes()[..cut]).kind();
            let expected = (cut >= named).then_some(RateLimited);
            assert_eq!(said, expected, "cut at {cut}");
        }
    }

    #[test]
    fn tokens_are_looked_for_in_chunks_alone() {
        let chunk = br#"{"choices":[{"delta":{"role":"assistant","content":"\n"}}]}"#;
        assert_eq!(Said::read_chunk(chunk).has_token, Some(true));
        assert_eq!(Said::read(chunk).has_token, None);
        let role = br#"{"choices":[{"delta":{"role":"assistant","content":""}}]}"#;
        assert_eq!(Said::read_chunk(role).has_token, Some(false));
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(json in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Said::read_chunk(&json);
        }

        #[test]
        fn nothing_that_looks_like_an_error_makes_it_panic(
            json in r#"(\{|\}|\[|\]|:|,|"error"|"code"|"type"|"choices"|"delta"|"details"|"response"|null|-?[0-9]{1,20}|"\\u[0-9a-f]{4}"){0,60}"#,
        ) {
            let _ = Said::read_chunk(json.as_bytes());
        }
    }

    #[test]
    fn garbage_says_nothing() {
        let deep = "[".repeat(10_000);
        for json in [
            "",
            "null",
            "7",
            "\"error\"",
            "{",
            "{\"error\":null}",
            "{\"error\":{}}",
            "\u{0}",
            &deep,
        ] {
            let said = Said::read(json.as_bytes());
            assert!(!said.has_error && said.kind().is_none(), "{json}");
        }
    }
}
