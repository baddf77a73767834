//! Streams of events, cut into pieces at any place, and what they mean.

mod provider;

use std::cell::RefCell;

use bytes::Bytes;
use http::Response;
use http::response::Parts;
use tower::BoxError;
use tower_tenant_breaker::Outcome;
use tower_tenant_breaker::agent::llm::LlmStreamJudge;
use tower_tenant_breaker::http::body::{JudgeBody, SseEvent, SseJudge};

/// The most that is kept of an event.
const MOST: usize = 4_096;

/// The first byte says how long the pieces are.
pub fn check(data: &[u8]) {
    let Some((size, stream)) = data.split_first() else {
        return;
    };
    let piece = usize::from(*size) % 40 + 1;
    let whole = events(stream, stream.len().max(1));
    assert_eq!(events(stream, piece), whole, "in pieces of {piece}");
    assert_eq!(events(stream, 1), whole, "byte by byte");
    if !stream.windows(3).any(|bytes| bytes == b"\xef\xbb\xbf") {
        assert_eq!(whole, by_the_standard(stream));
    }

    let by_default = outcome(&mut SseJudge::new(), stream, stream.len().max(1));
    assert_eq!(outcome(&mut SseJudge::new(), stream, piece), by_default);
    let first = whole
        .iter()
        .find_map(|event| match (&*event.name, &*event.data) {
            ("error", _) => Some(Outcome::failure()),
            ("message_stop", _) | (_, b"[DONE]") => Some(Outcome::Success),
            _ => None,
        });
    assert_eq!(by_default, first.unwrap_or(Outcome::Success));

    let by_model = outcome(&mut LlmStreamJudge::new(), stream, stream.len().max(1));
    assert_eq!(outcome(&mut LlmStreamJudge::new(), stream, piece), by_model);
    provider::is_settled_by_its_events(&whole, by_model);
    passes_unread(stream);
}

#[derive(Debug, PartialEq, Eq)]
struct Event {
    name: String,
    data: Vec<u8>,
    is_cut: bool,
}

fn head(content_type: &'static str) -> Parts {
    let response = Response::builder()
        .header("content-type", content_type)
        .body(());
    response.expect("a good head").into_parts().0
}

fn outcome<J: JudgeBody<Bytes, BoxError>>(judge: &mut J, stream: &[u8], piece: usize) -> Outcome {
    judge.head(&head("text/event-stream; charset=utf-8"));
    let mut pieces = stream.chunks(piece).map(Bytes::copy_from_slice);
    let early = pieces.find_map(|piece| judge.data(&piece));
    early.unwrap_or_else(|| judge.end())
}

/// The events that a judge is asked about.
fn events(stream: &[u8], piece: usize) -> Vec<Event> {
    let events = RefCell::new(Vec::new());
    let mut judge = SseJudge::of_events(|event: &SseEvent<'_>| {
        events.borrow_mut().push(Event {
            name: event.name().to_owned(),
            data: event.data().to_vec(),
            is_cut: event.is_cut(),
        });
        None
    });
    assert_eq!(outcome(&mut judge, stream, piece), Outcome::Success);
    drop(judge);
    events.into_inner()
}

/// Line by line, as the HTML standard has it; but what names an event is one without data too, and so is what the stream
/// breaks off in.
fn by_the_standard(stream: &[u8]) -> Vec<Event> {
    let mut text = Vec::new();
    let mut bytes = stream.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\r' => {
                bytes.next_if_eq(&b'\n');
                text.push(b'\n');
            }
            byte => text.push(byte),
        }
    }
    let mut events = Vec::new();
    let (mut name, mut data): (Vec<u8>, Option<Vec<u8>>) = (Vec::new(), None);
    let mut dispatch = |name: &mut Vec<u8>, data: &mut Option<Vec<u8>>| {
        let (name, data) = (std::mem::take(name), data.take());
        if name.is_empty() && data.is_none() {
            return;
        }
        let name = match &name[..] {
            [] => "message",
            name => std::str::from_utf8(name).unwrap_or_default(),
        };
        let mut data = data.unwrap_or_default();
        let is_cut = data.len() > MOST;
        data.truncate(MOST);
        let name = name.to_owned();
        events.push(Event { name, data, is_cut });
    };
    for line in text.split(|byte| *byte == b'\n') {
        if line.is_empty() {
            dispatch(&mut name, &mut data);
            continue;
        }
        let (field, value) = match line.iter().position(|byte| *byte == b':') {
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (line, &[][..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"event" => name = value[..value.len().min(MOST)].to_vec(),
            b"data" => match &mut data {
                Some(data) => {
                    data.push(b'\n');
                    data.extend_from_slice(value);
                }
                None => data = Some(value.to_vec()),
            },
            _ => {}
        }
    }
    dispatch(&mut name, &mut data);
    events
}

/// What is no stream of events is none, whatever is in it.
fn passes_unread(stream: &[u8]) {
    let mut judge = LlmStreamJudge::new();
    let judge: &mut dyn JudgeBody<Bytes, BoxError> = &mut judge;
    judge.head(&head("application/json"));
    assert_eq!(judge.data(&Bytes::copy_from_slice(stream)), None);
    assert_eq!(judge.end(), Outcome::Success);
}
