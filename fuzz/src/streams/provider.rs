//! What the events of a provider's stream mean, by a small reference: what it is sure of, and nothing of what it is not.

use serde_json::{Map, Value};
use tower_tenant_breaker::Outcome;

use super::Event;

/// What an event says.
enum Told {
    /// The stream goes on.
    Nothing,
    /// It has come to its good end.
    End,
    /// It has failed; by which outcome, where the names of the error are among the few that are known here.
    Error(Option<Outcome>),
    /// Its data are no plain JSON.
    Unsure,
}

/// The first event that is an error, or the end, settles the call, whatever came before.
pub fn is_settled_by_its_events(events: &[Event], outcome: Outcome) {
    for (n, event) in events.iter().enumerate() {
        match told(event) {
            Told::Nothing => {}
            Told::End => return assert_eq!(outcome, Outcome::Success, "{event:?}"),
            Told::Error(None) => {
                return assert_ne!(
                    outcome,
                    Outcome::Success,
                    "event {n} is an error: {event:?}"
                );
            }
            Told::Error(Some(expected)) => {
                return assert_eq!(outcome, expected, "event {n} is an error: {event:?}");
            }
            Told::Unsure => return,
        }
    }
    assert_eq!(outcome, Outcome::Success, "no event says otherwise");
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Error,
    End,
    /// The beginning or the middle of an answer.
    Middle,
    Other,
}

fn kind(name: &str) -> Kind {
    match name {
        "error" | "response.failed" => Kind::Error,
        "message_stop" | "response.completed" | "response.incomplete" => Kind::End,
        "ping" | "message_start" | "content_block_start" => Kind::Middle,
        name if name.ends_with("delta") || name.starts_with("response.") => Kind::Middle,
        _ => Kind::Other,
    }
}

fn told(event: &Event) -> Told {
    if event.data.starts_with(b"[DONE]") {
        return Told::End;
    }
    // An event without a name is a message, whose data say what it is.
    let by_name = Some(&*event.name)
        .filter(|name| *name != "message")
        .map(kind);
    match by_name {
        Some(Kind::End) => return Told::End,
        Some(Kind::Middle) => return Told::Nothing,
        _ => {}
    }
    let is_named_error = by_name == Some(Kind::Error);
    let Some(said) = plain(&event.data).filter(|_| !event.is_cut) else {
        return match is_named_error {
            true => Told::Error(None),
            false if may_say_more(&event.data) => Told::Unsure,
            false => Told::Nothing,
        };
    };
    let of_type = said.get("type").or_else(|| said.get("event_type"));
    let of_type = of_type.and_then(Value::as_str).map(kind);
    let kind = by_name.or(of_type).unwrap_or(Kind::Other);
    let error = said.get("error");
    let error = error.or_else(|| said.get("response")?.get("error"));
    let error = error.filter(|error| is_there(error));
    match (kind, error) {
        (_, Some(error)) => Told::Error(outcome(&said, Some(error))),
        (Kind::Error, None) => Told::Error(outcome(&said, None)),
        (Kind::End, None) => Told::End,
        _ => Told::Nothing,
    }
}

/// Words without which what is no JSON cannot be read as more than a piece of an answer; or they are behind escapes.
fn may_say_more(data: &[u8]) -> bool {
    let holds = |word: &[u8]| data.windows(word.len()).any(|bytes| bytes == word);
    [&b"error"[..], b"type", b"\\"].into_iter().any(holds)
}

/// A table that says nothing twice and nothing with escapes: written again, it is as long. None of what may be read in
/// more than one way.
fn plain(data: &[u8]) -> Option<Map<String, Value>> {
    let said: Value = serde_json::from_slice(data).ok()?;
    let mut is_in_text = false;
    let length = data.iter().filter(|byte| {
        is_in_text ^= **byte == b'"';
        is_in_text || !byte.is_ascii_whitespace()
    });
    let is_plain = !data.contains(&b'\\') && length.count() == said.to_string().len();
    let Value::Object(said) = said else {
        return None;
    };
    let is_table_or_none = |field: &str| {
        said.get(field)
            .is_none_or(|value| value.is_object() || value.is_null())
    };
    let is_one = !said.contains_key("type") || !said.contains_key("event_type");
    let is_one = is_one && !(said.contains_key("error") && said.contains_key("response"));
    let is_list = said.get("error").is_some_and(Value::is_array);
    (is_plain && is_one && !is_list && is_table_or_none("response")).then_some(said)
}

/// Neither null nor false, nor 0, nor empty.
fn is_there(error: &Value) -> bool {
    match error {
        Value::Null => false,
        Value::Bool(is) => *is,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
    }
}

/// By its code, or else its type; an exhausted quota is one by either.
fn outcome(said: &Map<String, Value>, error: Option<&Value>) -> Option<Outcome> {
    if said.contains_key("code") || said.contains_key("__type") {
        return None;
    }
    let nothing = Map::new();
    let fields = match error {
        None => &nothing,
        Some(Value::Object(fields)) => fields,
        Some(_) => return None,
    };
    let are_known = fields.iter().all(|(field, value)| match field.as_str() {
        "message" => value.as_str().is_some_and(|text| !text.starts_with("You")),
        "param" => true,
        "code" | "type" => value.is_null() || value.as_str().is_some_and(|name| of(name).is_some()),
        _ => false,
    });
    let named = ["code", "type"].map(|field| fields.get(field)?.as_str().and_then(of));
    let named = match named {
        [_, Some(Outcome::QuotaExhausted)] => Some(Outcome::QuotaExhausted),
        [code, of_type] => code.or(of_type),
    };
    are_known.then(|| named.unwrap_or(Outcome::failure()))
}

fn of(name: &str) -> Option<Outcome> {
    Some(match name {
        "insufficient_quota" | "billing_error" => Outcome::QuotaExhausted,
        "rate_limit_exceeded" | "rate_limit_error" => Outcome::throttled(),
        "server_error" | "api_error" | "overloaded_error" => Outcome::failure(),
        "invalid_request_error" | "context_length_exceeded" => Outcome::Ignored,
        _ => return None,
    })
}
