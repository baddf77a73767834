use std::fmt;

use ::http::StatusCode;
use ::http::response::Parts;

use super::Said;
use super::classify::of_status;
use super::event::StreamEvent;
use crate::Outcome;
use crate::classify::of_error;
use crate::http::body::{JudgeBody, Lines, SseEvent, is_event_stream};

/// Judges the streams of language models: an error in a stream whose head said 200, its end, and the first token.
///
/// | event | outcome |
/// |---|---|
/// | named or typed `error` or `response.failed`, or with an `error` in its JSON that is neither null, false, 0 nor empty, unless its name is that of a piece of an answer | by its code where that is a status, and by its kind, as [`LlmClassify`](super::LlmClassify) has them; failure where neither is known |
/// | `[DONE]`, `message_stop`, `response.completed`, `response.incomplete` | success: SDKs read no further |
///
/// A kind that blames the request is ignored, a rate limit throttled, an exhausted quota
/// [exhausted](Outcome::QuotaExhausted).
///
/// The first token ([`has_begun`](JudgeBody::has_begun)) is the first event that is no greeting: not `ping`,
/// `message_start`, `content_block_start`, nor an event of the Responses API that is no delta (such as
/// `response.created`), nor a chunk whose choices give no more than a role. A thought and the arguments of a tool's call
/// are tokens too. Any other body than a `text/event-stream`, and one that is compressed, has begun with its first data, and
/// passes as it is.
///
/// Events are found as [`SseJudge`](crate::http::body::SseJudge) finds them, and no more is allocated than there, but
/// for what holds an `error` or a `type`, or is the first token, and is written with escapes or lists in lists. Of an event
/// that is longer than 4 KiB the first 4 KiB are read: a type, a code or a status that comes before is known, and what has
/// an error is one.
///
/// The sources are those of [the module](super#sources).
#[derive(Clone, Default)]
pub struct LlmStreamJudge {
    lines: Lines,
    is_event_stream: bool,
    has_begun: bool,
}

impl LlmStreamJudge {
    /// The judge of a stream that is yet to come.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl<D, E> JudgeBody<D, E> for LlmStreamJudge
where
    D: AsRef<[u8]>,
    E: 'static,
{
    fn head(&mut self, head: &Parts) {
        self.is_event_stream = is_event_stream(head);
        self.has_begun = !self.is_event_stream;
    }

    fn data(&mut self, data: &D) -> Option<Outcome> {
        if !self.is_event_stream {
            return None;
        }
        let has_begun = &mut self.has_begun;
        self.lines
            .judge(data.as_ref(), |event| judge(event, has_begun))
    }

    fn has_begun(&self) -> bool {
        self.has_begun
    }

    fn error(&mut self, error: &E) -> Outcome {
        of_error(error)
    }

    fn end(&mut self) -> Outcome {
        let has_begun = &mut self.has_begun;
        let last = self.lines.last().and_then(|event| judge(&event, has_begun));
        last.unwrap_or(Outcome::Success)
    }
}

fn judge(event: &SseEvent<'_>, has_begun: &mut bool) -> Option<Outcome> {
    let data = event.data();
    if data.starts_with(b"[DONE]") {
        return Some(Outcome::Success);
    }
    let named = match event.name() {
        "message" => None,
        name => Some(StreamEvent::of(name)),
    };
    // What is named as the middle of an answer is no error, and need not be read.
    let said = match named {
        Some(StreamEvent::Token | StreamEvent::Greeting | StreamEvent::End) => Said::default(),
        _ if !*has_begun => Said::read_chunk(data),
        _ if may_say_more(data) => Said::read(data),
        _ => Said::default(),
    };
    let kind = named.or(said.event).unwrap_or(StreamEvent::Other);
    if said.has_error || kind == StreamEvent::Error {
        return Some(of_said(&said));
    }
    *has_begun |= match kind {
        StreamEvent::Token => true,
        // What is too long to be read whole says more than its role.
        StreamEvent::Other => event.is_cut() || !data.is_empty() && said.has_token.unwrap_or(true),
        StreamEvent::Greeting | StreamEvent::Error | StreamEvent::End => false,
    };
    (kind == StreamEvent::End).then_some(Outcome::Success)
}

/// Whether one more piece of an answer may be something else: an error, or what its type says.
fn may_say_more(data: &[u8]) -> bool {
    // In a text the closing quote would be written with an escape.
    let holds = |word: &[u8]| data.windows(word.len()).any(|bytes| bytes == word);
    holds(b"\"error\"") || holds(b"\"type\"") || holds(b"\"event_type\"")
}

fn of_said(said: &Said) -> Outcome {
    let status = said.status.and_then(|code| StatusCode::from_u16(code).ok());
    match (said.kind(), status) {
        (kind, Some(status)) => of_status(status, kind),
        (Some(kind), None) => kind.outcome(),
        (None, None) => Outcome::failure(),
    }
}

// By hand, without the text: it is somebody's answer.
impl fmt::Debug for LlmStreamJudge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LlmStreamJudge")
            .field("has_begun", &self.has_begun)
            .finish_non_exhaustive()
    }
}
