//! What a provider says in JSON: of an error, or in an event of a stream.

mod at;
mod reader;

use serde::de::DeserializeSeed;

use self::at::At;
use self::reader::Reader;
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
    fn of_two_names_of_one_rank_the_first_is_believed() {
        for (json, expected) in [
            (
                r#"{"error":{"code":"slow_down","code":"server_error"}}"#,
                RateLimited,
            ),
            (
                r#"{"error":{"code":"server_error","code":"slow_down"}}"#,
                Unavailable,
            ),
            (
                r#"{"__type":"ThrottlingException","code":"server_error"}"#,
                RateLimited,
            ),
        ] {
            assert_eq!(kind(json), Some(expected), "{json}");
        }
    }

    #[test]
    fn a_number_is_an_error_unless_it_is_none() {
        for (number, is_one) in [
            ("0", false),
            ("7", true),
            ("-7", true),
            ("0.0", false),
            ("0.5", true),
        ] {
            let json = format!("{{\"error\":{number}}}");
            assert_eq!(Said::read(json.as_bytes()).has_error, is_one, "{json}");
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
        for token in [r#"{"id":"a"}"#, r#"[{"id":"a"}]"#, r#""a""#] {
            let chunk = format!(r#"{{"choices":[{{"delta":{{"audio":{token}}}}}]}}"#);
            assert_eq!(
                Said::read_chunk(chunk.as_bytes()).has_token,
                Some(true),
                "{chunk}"
            );
        }
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
