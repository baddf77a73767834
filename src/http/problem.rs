//! A problem document (RFC 9457), written member by member: rejections come in crowds, and a tree of JSON values takes
//! five times the instructions.

use std::fmt::Write;

use ::http::header::CONTENT_TYPE;
use ::http::{HeaderValue, Response, StatusCode};
use serde_json::Value;

pub(super) struct Problem {
    status: StatusCode,
    /// All members so far, without the brace that ends them.
    json: String,
}

impl Problem {
    pub(super) fn new(status: StatusCode, type_: &str, title: &str, detail: &str) -> Self {
        // Room for a circuit's rejection, unless the dependency has a very long name.
        let json = String::with_capacity(400);
        let mut problem = Self { status, json };
        problem.text("type", type_);
        problem.text("title", title);
        problem.number("status", status.as_u16().into());
        problem.text("detail", detail);
        problem
    }

    pub(super) fn text(&mut self, name: &'static str, value: &str) {
        self.name(name);
        if has_to_be_escaped(value) {
            self.json.push_str(&Value::from(value).to_string());
        } else {
            self.json.push('"');
            self.json.push_str(value);
            self.json.push('"');
        }
    }

    pub(super) fn number(&mut self, name: &'static str, value: u64) {
        self.name(name);
        // A `String` takes in whatever it is given.
        let _ = write!(self.json, "{value}");
    }

    fn name(&mut self, name: &'static str) {
        let before = if self.json.is_empty() { "{\"" } else { ",\"" };
        self.json.push_str(before);
        self.json.push_str(name);
        self.json.push_str("\":");
    }

    pub(super) fn into_response<B: From<String>>(self) -> Response<B> {
        let Self { status, mut json } = self;
        json.push('}');
        let mut response = Response::new(B::from(json));
        *response.status_mut() = status;
        response.headers_mut().insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        response
    }
}

/// Whether JSON cannot have this text as it is. To the end in any case, which is faster than to stop where it is known.
fn has_to_be_escaped(text: &str) -> bool {
    let is_odd = |byte| byte < b' ' || byte == b'"' || byte == b'\\';
    text.bytes().fold(false, |odd, byte| odd | is_odd(byte))
}

#[cfg(test)]
mod tests {
    use ::http::{Response, StatusCode};
    use serde_json::{Value, json};

    use super::Problem;

    #[test]
    fn whatever_a_text_holds_the_document_is_the_same_as_one_of_a_tree_of_values() {
        let odd = (0_u8..=0x7f).map(char::from).map(String::from);
        let whole = [
            "", "search", "\"", "\\", "a\nb", "\u{7f}", "größe", "\u{2028}", "🙂",
        ];
        for text in odd.chain(whole.map(String::from)) {
            let mut problem = Problem::new(StatusCode::BAD_GATEWAY, "about:blank", "Bad", &text);
            problem.text("dependency", &text);
            problem.number("retry_after_seconds", u64::MAX);
            let response: Response<String> = problem.into_response();
            let read: Value = serde_json::from_str(response.body()).unwrap();
            let tree = json!({
                "type": "about:blank", "title": "Bad", "status": 502, "detail": text,
                "dependency": text, "retry_after_seconds": u64::MAX,
            });
            assert_eq!(read, tree);
        }
    }
}
