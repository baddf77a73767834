//! The head of an answer, or of a request, as text.

use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};

/// A status, headers, and after an empty line the body.
pub struct Message<'a> {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: &'a [u8],
}

impl<'a> Message<'a> {
    /// Reads what there is. A line that cannot be a header is none, and without a status it is 503.
    pub fn read(data: &'a [u8]) -> Self {
        let (mut head, body) = match data.windows(2).position(|two| two == b"\n\n") {
            Some(end) => (&data[..end], &data[end + 2..]),
            None => (data, &[][..]),
        };
        let mut status = StatusCode::SERVICE_UNAVAILABLE;
        if let Some((first, rest)) = head.split_at_checked(3)
            && let Ok(said) = StatusCode::from_bytes(first)
        {
            (status, head) = (said, rest);
        }
        Self {
            status,
            headers: headers(head),
            body,
        }
    }
}

/// One header a line; what comes after the colon and one space is its value, with all that is odd about it.
pub fn headers(text: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in text.split(|byte| *byte == b'\n').take(64) {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            continue;
        };
        let (name, value) = (&line[..colon], &line[colon + 1..]);
        let value = value.strip_prefix(b" ").unwrap_or(value);
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name), HeaderValue::from_bytes(value))
        {
            headers.append(name, value);
        }
    }
    headers
}
