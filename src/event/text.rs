//! Text that others wrote, as a value of an event or of a span.

use tracing::Value;
use tracing::field::{DebugValue, Empty, debug};

/// As it is where it can stand in a line, so that an attribute that is made of it equals that of a metric; through
/// `Debug`, in quotes and escaped, where it could forge a line of a log that writes strings as they are.
///
/// Takes no allocation.
pub(crate) enum Text<'a> {
    None,
    Plain(&'a str),
    Escaped(DebugValue<&'a str>),
}

impl<'a> Text<'a> {
    pub(crate) fn new(text: impl Into<Option<&'a str>>) -> Self {
        match text.into() {
            None => Self::None,
            Some(text) if stands_in_a_line(text) => Self::Plain(text),
            Some(text) => Self::Escaped(debug(text)),
        }
    }

    pub(crate) fn as_value(&self) -> &dyn Value {
        match self {
            Self::None => &Empty,
            Self::Plain(text) => text,
            Self::Escaped(text) => text,
        }
    }
}

/// Whether it holds nothing that ends a line, moves the cursor or turns the direction of writing.
fn stands_in_a_line(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte == b' ' || byte.is_ascii_graphic())
        || !text.chars().any(|char| {
            char.is_control()
                || matches!(
                    char,
                    '\u{61c}'
                        | '\u{200e}'
                        | '\u{200f}'
                        | '\u{2028}'..='\u{202e}'
                        | '\u{2066}'..='\u{2069}'
                )
        })
}

#[cfg(test)]
mod tests {
    use super::stands_in_a_line;

    #[test]
    fn words_and_punctuation_of_any_language_stand_in_a_line_and_what_steers_a_terminal_does_not() {
        for text in [
            "",
            "acme",
            "O'Brien & Söhne",
            r#"CORP\"a""#,
            "हिन्दी",
            "顧客 7",
        ] {
            assert!(stands_in_a_line(text), "{text:?}");
        }
        for char in ['\n', '\r', '\t', '\u{1b}', '\u{85}', '\u{2028}', '\u{202e}'] {
            assert!(!stands_in_a_line(&format!("acme{char}")), "{char:?}");
        }
    }
}
