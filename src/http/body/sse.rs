use std::fmt;

use ::http::HeaderMap;
use ::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use ::http::response::Parts;

use super::JudgeBody;
use crate::Outcome;
use crate::classify::of_error;

/// The most of an event's name, and of its data, that a judge is shown, in bytes.
const MOST: usize = 4096;

/// Judges the events of a `text/event-stream`, wherever they are split into frames.
///
/// Providers answer 200 and begin to stream; what goes wrong then comes as an event. By default one
/// that is named `error` is a failure, and what language models end with is a success. What ends a stream without the
/// blank line that an event ends with is judged too. Responses of other content types pass as they are, and so does
/// what is compressed: decompress it further in.
///
/// Lines are read as the [HTML standard](https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream)
/// has it. Of an event's data no more than 4 KiB are kept, in a buffer that the stream's events share.
///
/// ```
/// use tower_tenant_breaker::Outcome;
/// use tower_tenant_breaker::http::body::{SseEvent, SseJudge};
///
/// // Where errors come as unnamed events, as in `data: {"error": {"message": ..}}`.
/// let judge = SseJudge::of_events(|event: &SseEvent<'_>| match event.data() {
///     b"[DONE]" => Some(Outcome::Success), // and nobody reads on
///     data => data.starts_with(b"{\"error\"").then(Outcome::failure),
/// });
/// ```
#[derive(Clone)]
pub struct SseJudge<F = JudgeEvents> {
    judge: F,
    is_event_stream: bool,
    lines: Lines,
}

/// A judge of events without a state of its own.
pub type JudgeEvents = fn(&SseEvent<'_>) -> Option<Outcome>;

/// An event of a stream.
#[derive(Clone, Copy)]
pub struct SseEvent<'a> {
    name: &'a [u8],
    data: &'a [u8],
    is_cut: bool,
}

impl SseEvent<'_> {
    /// The name; `message` where the stream gives none, and empty where it is not UTF-8.
    #[must_use]
    pub fn name(&self) -> &str {
        match self.name {
            [] => "message",
            name => str::from_utf8(name).unwrap_or_default(),
        }
    }

    /// The data, its lines joined by line feeds; at most the first 4 KiB of it.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        self.data
    }

    /// Whether there was more data.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }
}

// By hand, without the data: it is somebody's answer.
impl fmt::Debug for SseEvent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SseEvent")
            .field("name", &self.name())
            .finish_non_exhaustive()
    }
}

fn by_default(event: &SseEvent<'_>) -> Option<Outcome> {
    if event.name() == "error" {
        Some(Outcome::failure())
    } else if event.data() == b"[DONE]" || event.name() == "message_stop" {
        Some(Outcome::Success)
    } else {
        None
    }
}

impl SseJudge {
    /// An event that is named `error` is a failure. `[DONE]` for data, and an event that is named `message_stop`, are the
    /// end of a good stream: clients of language models read no further, and would be taken for clients that left.
    #[must_use]
    pub fn new() -> Self {
        Self::of_events(by_default)
    }
}

impl Default for SseJudge {
    fn default() -> Self {
        Self::new()
    }
}

impl<F> SseJudge<F>
where
    F: Fn(&SseEvent<'_>) -> Option<Outcome>,
{
    /// Asks this closure of every event. A verdict settles the call.
    pub fn of_events(judge: F) -> Self {
        Self {
            judge,
            is_event_stream: false,
            lines: Lines::default(),
        }
    }
}

impl<D, E, F> JudgeBody<D, E> for SseJudge<F>
where
    D: AsRef<[u8]>,
    E: 'static,
    F: Fn(&SseEvent<'_>) -> Option<Outcome>,
{
    fn head(&mut self, head: &Parts) {
        self.is_event_stream = is_event_stream(head);
    }

    fn data(&mut self, data: &D) -> Option<Outcome> {
        if !self.is_event_stream {
            return None;
        }
        self.lines.judge(data.as_ref(), |event| (self.judge)(event))
    }

    fn error(&mut self, error: &E) -> Outcome {
        of_error(error)
    }

    fn end(&mut self) -> Outcome {
        let verdict = self.lines.last().and_then(|event| (self.judge)(&event));
        verdict.unwrap_or(Outcome::Success)
    }
}

/// Whether events can be found in it: what is compressed has none before it is unpacked.
pub(crate) fn is_event_stream(head: &Parts) -> bool {
    const EVENT_STREAM: &[u8] = b"text/event-stream";
    let content_type = head.headers.get(CONTENT_TYPE);
    let essence = content_type.and_then(|value| value.as_bytes().get(..EVENT_STREAM.len()));
    essence.is_some_and(|essence| essence.eq_ignore_ascii_case(EVENT_STREAM))
        && is_plain(&head.headers)
}

/// Whether a body of these headers can be read as it comes.
pub(crate) fn is_plain(headers: &HeaderMap) -> bool {
    let mut encodings = headers.get_all(CONTENT_ENCODING).iter();
    encodings.all(|encoding| encoding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

// By hand: closures have no `Debug`.
impl<F> fmt::Debug for SseJudge<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SseJudge")
    }
}

/// Where in a line of the stream we are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum At {
    /// In the name of a field, of which so many bytes were there.
    #[default]
    Field,
    /// Before the value: one space is skipped.
    Colon(Field),
    Value(Field),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Event,
    Data,
    /// A comment, or what no judge is asked about.
    Other,
}

/// Finds the events in what comes in pieces of any size.
#[derive(Clone, Default)]
pub(crate) struct Lines {
    at: At,
    /// The field's name so far; none is longer that we care for.
    field: [u8; 8],
    field_len: usize,
    after_cr: bool,
    name: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
    is_cut: bool,
}

impl Lines {
    /// Asks of every event that this piece of the stream ends, up to a verdict.
    pub(crate) fn judge(
        &mut self,
        mut rest: &[u8],
        mut judge: impl FnMut(&SseEvent<'_>) -> Option<Outcome>,
    ) -> Option<Outcome> {
        while !rest.is_empty() {
            if let Some(event) = self.take(&mut rest) {
                let verdict = judge(&event);
                self.forget();
                if verdict.is_some() {
                    return verdict;
                }
            }
        }
        None
    }

    /// Takes what there is of one line; an event where an empty line ends one.
    fn take(&mut self, rest: &mut &[u8]) -> Option<SseEvent<'_>> {
        if std::mem::take(&mut self.after_cr)
            && let Some(after) = rest.strip_prefix(b"\n")
        {
            *rest = after;
        }
        let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
        let (line, after) = rest.split_at(end.unwrap_or(rest.len()));
        self.read(line);
        let Some((end, after)) = after.split_first() else {
            *rest = after;
            return None;
        };
        *rest = after;
        self.after_cr = *end == b'\r';
        let is_empty = self.at == At::Field && self.field_len == 0;
        self.end_line();
        if is_empty { self.event() } else { None }
    }

    fn read(&mut self, mut line: &[u8]) {
        while let Some((byte, after)) = line.split_first() {
            match self.at {
                At::Field => {
                    if *byte == b':' {
                        self.at = At::Colon(self.begin_value());
                    } else {
                        if let Some(place) = self.field.get_mut(self.field_len) {
                            *place = *byte;
                        }
                        self.field_len = self.field_len.saturating_add(1);
                    }
                    line = after;
                }
                At::Colon(field) => {
                    self.at = At::Value(field);
                    if *byte == b' ' {
                        line = after;
                    }
                }
                At::Value(field) => {
                    self.keep(field, line);
                    return;
                }
            }
        }
    }

    /// The name of a field is complete.
    fn begin_value(&mut self) -> Field {
        let name = self.field.get(..self.field_len);
        // The stream may begin with a byte order mark.
        match name.map(|name| name.strip_prefix(b"\xef\xbb\xbf").unwrap_or(name)) {
            Some(b"event") => {
                self.name.clear();
                Field::Event
            }
            Some(b"data") => {
                if self.has_data {
                    self.keep(Field::Data, b"\n");
                }
                self.has_data = true;
                Field::Data
            }
            _ => Field::Other,
        }
    }

    fn keep(&mut self, field: Field, bytes: &[u8]) {
        let (kept, is_cut) = match field {
            Field::Event => (&mut self.name, &mut false),
            Field::Data => (&mut self.data, &mut self.is_cut),
            Field::Other => return,
        };
        let room = MOST - kept.len();
        *is_cut |= bytes.len() > room;
        kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn end_line(&mut self) {
        if self.at == At::Field && self.field_len > 0 {
            // A field without a colon has an empty value.
            self.begin_value();
        }
        self.at = At::Field;
        self.field_len = 0;
    }

    fn event(&self) -> Option<SseEvent<'_>> {
        let is_one = self.has_data || !self.name.is_empty();
        is_one.then_some(SseEvent {
            name: &self.name,
            data: &self.data,
            is_cut: self.is_cut,
        })
    }

    fn forget(&mut self) {
        self.name.clear();
        self.data.clear();
        self.has_data = false;
        self.is_cut = false;
    }

    /// What the stream broke off in.
    pub(crate) fn last(&mut self) -> Option<SseEvent<'_>> {
        self.end_line();
        self.event()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Seen = Vec<(String, String)>;

    /// The events of a stream that comes in pieces of this size.
    fn events(stream: &[u8], size: usize) -> Seen {
        let mut lines = Lines::default();
        let mut seen = Seen::new();
        let mut see = |event: SseEvent<'_>| {
            let data = String::from_utf8_lossy(event.data()).into_owned();
            seen.push((event.name().to_owned(), data));
        };
        for mut piece in stream.chunks(size) {
            while !piece.is_empty() {
                if let Some(event) = lines.take(&mut piece) {
                    see(event);
                    lines.forget();
                }
            }
        }
        if let Some(event) = lines.last() {
            see(event);
        }
        seen
    }

    #[test]
    fn a_field_without_a_colon_is_empty_and_ends_no_event() {
        let stream = b"data: 1\ndata\nid\ndata: 2\n\n";
        for size in [1, stream.len()] {
            let one = [("message".to_owned(), "1\n\n2".to_owned())];
            assert_eq!(events(stream, size), one, "in pieces of {size}");
        }
    }

    #[test]
    fn an_event_is_cut_where_it_has_more_than_is_kept() {
        for (length, is_cut) in [(MOST, false), (MOST + 1, true)] {
            let stream = format!("data:{}\n\n", "x".repeat(length));
            let mut rest = stream.as_bytes();
            let mut lines = Lines::default();
            while lines.take(&mut rest).is_none() {}
            assert_eq!(lines.is_cut, is_cut, "{length} bytes");
        }
    }

    #[test]
    fn events_are_found_wherever_the_stream_is_split() {
        let stream = b"\xef\xbb\xbfevent: first\ndata: 0\n\n: hello\nevent: start\ndata: 1\n\ndata:2\r\ndata: 3\r\n\r\nid: 7\nretry: 10\n\n\
            event\ndata\n\nevents: no\ndata : no\n\nevent: a\nevent:  error\rdata: \xe2\x82\xac\r\rdata: last";
        let expected = [
            ("first", "0"),
            ("start", "1"),
            ("message", "2\n3"),
            ("message", ""),
            (" error", "\u{20ac}"),
            ("message", "last"),
        ];
        let expected: Seen = expected
            .map(|(name, data)| (name.to_owned(), data.to_owned()))
            .into();
        for size in 1..=stream.len() {
            assert_eq!(events(stream, size), expected, "in pieces of {size}");
        }
    }

    #[test]
    fn of_a_long_event_the_first_4_kib_are_kept() {
        let mut lines = Lines::default();
        let mut stream: &[u8] = &[b"data:", &[b'x'; MOST + 1][..], b"\ndata: y\n\n"].concat();
        let event = loop {
            if let Some(event) = lines.take(&mut stream) {
                break event;
            }
        };
        assert_eq!((event.data().len(), event.is_cut()), (MOST, true));
        lines.forget();
        let mut stream: &[u8] = b"data: y\n\n";
        lines.take(&mut stream);
        assert_eq!(
            lines.take(&mut stream).map(|event| event.is_cut()),
            Some(false)
        );
    }
}
