//! How things are written: as JSON, and as server-sent events.

use bytes::Bytes;
use serde::Serialize;

/// On one line: what breaks lines is escaped within strings, and stands nowhere else.
pub(super) fn json(value: &impl Serialize) -> String {
    // No type of ours refuses to be written.
    serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())
}

pub(super) fn event(name: &str, data: &impl Serialize) -> Bytes {
    let data = json(data);
    format!("event: {name}\ndata: {data}\n\n").into()
}

/// How long a page waits until it connects again.
pub(super) const HELLO: Bytes = Bytes::from_static(b"retry: 2000\n\n");

/// A comment, which pages do not hear of, and proxies take for a sign of life.
pub(super) const SIGN_OF_LIFE: Bytes = Bytes::from_static(b":\n\n");

#[derive(Serialize)]
struct Skipped {
    skipped: u64,
}

pub(super) fn skipped(skipped: u64) -> Bytes {
    event("skipped", &Skipped { skipped })
}

/// The head of an overview, which differs between the readers of one sample.
pub(super) fn head_of_overview(has_actions: bool) -> Bytes {
    Bytes::from_static(match has_actions {
        true => b"event: overview\ndata: {\"actions\":true,",
        false => b"event: overview\ndata: {\"actions\":false,",
    })
}

/// The rest of an overview, the same for all readers.
pub(super) fn rest_of_overview(overview: &impl Serialize) -> Bytes {
    let overview = json(overview);
    let members = overview.strip_prefix('{').unwrap_or(&overview);
    format!("{members}\n\n").into()
}
