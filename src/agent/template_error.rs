use std::error::Error;
use std::fmt;

use super::MessageTemplate;

/// Why a text is no [`MessageTemplate`]. Places are counted in characters, the first of which is 1.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TemplateError {
    /// The text is empty.
    Empty,
    /// The text has more than [`MessageTemplate::MAX_BYTES`] bytes.
    TooLong {
        /// How many it has.
        bytes: usize,
    },
    /// There is no placeholder of this name.
    UnknownPlaceholder {
        /// The name, as [`PlainName`](super::PlainName) writes it.
        name: String,
        /// Where its brace is.
        at: usize,
    },
    /// What a placeholder stands for may be absent, and nothing says what is left out then.
    MayBeAbsent {
        /// The placeholder.
        name: &'static str,
        /// Where its brace is.
        at: usize,
    },
    /// A brace or a bracket that nothing closes, or that closes nothing.
    Unbalanced {
        /// The brace or bracket.
        sign: char,
        /// Where it is.
        at: usize,
    },
    /// A bracket within brackets.
    Nested {
        /// Where the inner one is.
        at: usize,
    },
    /// Text in brackets without a placeholder: it would never be left out.
    NoPlaceholder {
        /// Where the bracket is.
        at: usize,
    },
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the template is empty"),
            Self::TooLong { bytes } => write!(
                f,
                "the template has {bytes} bytes, but must have up to {}",
                MessageTemplate::MAX_BYTES
            ),
            Self::UnknownPlaceholder { name, at } => {
                write!(
                    f,
                    "the placeholder {{{name}}} at character {at} is unknown; there are "
                )?;
                for (n, known) in MessageTemplate::placeholders().enumerate() {
                    let comma = if n > 0 { ", " } else { "" };
                    write!(f, "{comma}{{{known}}}")?;
                }
                Ok(())
            }
            Self::MayBeAbsent { name, at } => write!(
                f,
                "what {{{name}}} at character {at} stands for may be absent, so it must be in square brackets, with all that \
                 is left out then"
            ),
            Self::Unbalanced { sign, at } => write!(
                f,
                "the {sign:?} at character {at} has no other half; to write it, double it"
            ),
            Self::Nested { at } => write!(
                f,
                "the '[' at character {at} is within square brackets; to write it, double it"
            ),
            Self::NoPlaceholder { at } => write!(
                f,
                "the square brackets at character {at} hold no placeholder; to write them, double them"
            ),
        }
    }
}

impl Error for TemplateError {}
