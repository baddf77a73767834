use std::fmt;
use std::time::SystemTime;

use super::template_error::TemplateError;
use super::template_parse::parse;
use super::{DegradationSignal, PlainName, Wording};
use crate::utc::Utc;

/// The message of a signal, in words from a string, such as one of a file of settings.
///
/// | placeholder | is | may be absent |
/// |---|---|---|
/// | `{tool_name}` | the tool's name, in quotes | |
/// | `{reason}` | why, as [`SignalReason::as_str`](super::SignalReason::as_str) says it | |
/// | `{retry_after_seconds}` | for how many seconds it is not to be called | where nobody knows |
/// | `{since}` | since when it is unavailable, in UTC | where nobody knows |
/// | `{alternatives}` | the names of its substitutes, in quotes, with commas between | where there are none |
///
/// What may be absent stands in square brackets, with the text that is left out then. `{{`, `}}`, `[[` and `]]` write the
/// sign itself. Names are written as [`PlainName`] writes them, so nothing that is put in can change what the text says.
///
/// The note for prompts stays that of [`English`](super::English). Where more depends on the reason than a word,
/// [`Wording`] is for you to implement.
///
/// ```
/// use tower_tenant_breaker::CircuitBreakerRegistry;
/// use tower_tenant_breaker::agent::{MessageTemplate, Tool, Tools};
///
/// let german = MessageTemplate::new(
///     "Das Werkzeug {tool_name} ist gestört.[ Rufe es {retry_after_seconds} Sekunden lang nicht auf.]\
///      [ Nimm stattdessen {alternatives}.] Sonst sage, was du nicht tun kannst.",
/// )?
/// .warning(" Der Aufruf kann trotzdem gewirkt haben.")?;
///
/// let registry = CircuitBreakerRegistry::builder().build()?;
/// let search = Tool::new("suche").substitutes(["lexikon"]);
/// let tools = Tools::builder(&registry).tool(search).tool(Tool::new("lexikon")).wording(german).build()?;
/// assert_eq!(
///     tools.failed("acme", "suche")?.message(),
///     "Das Werkzeug \"suche\" ist gestört. Nimm stattdessen \"lexikon\". Sonst sage, was du nicht tun kannst.",
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageTemplate {
    runs: Box<[Run]>,
    warning: Box<str>,
}

/// Text with placeholders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) parts: Box<[Part]>,
    /// Whether it is left out where something in it is absent.
    pub(super) is_optional: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Text(Box<str>),
    Put(Placeholder),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Placeholder {
    ToolName,
    Reason,
    RetryAfterSeconds,
    Since,
    Alternatives,
}

impl Placeholder {
    pub(super) const ALL: [Self; 5] = [
        Self::ToolName,
        Self::Reason,
        Self::RetryAfterSeconds,
        Self::Since,
        Self::Alternatives,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::ToolName => "tool_name",
            Self::Reason => "reason",
            Self::RetryAfterSeconds => "retry_after_seconds",
            Self::Since => "since",
            Self::Alternatives => "alternatives",
        }
    }

    pub(super) const fn may_be_absent(self) -> bool {
        !matches!(self, Self::ToolName | Self::Reason)
    }
}

impl MessageTemplate {
    /// The longest template, and the longest [`warning`](Self::warning), in bytes.
    pub const MAX_BYTES: usize = 4_096;

    /// The template of this text.
    ///
    /// # Errors
    ///
    /// [`TemplateError`], which says what is wrong, and where.
    ///
    /// ```
    /// use tower_tenant_breaker::agent::MessageTemplate;
    ///
    /// let error = MessageTemplate::new("No {tool} now.").unwrap_err();
    /// assert!(error.to_string().starts_with("the placeholder {tool} at character 4 is unknown"));
    /// ```
    pub fn new(text: &str) -> Result<Self, TemplateError> {
        check_length(text)?;
        Ok(Self {
            runs: parse(text)?,
            warning: DEFAULT_WARNING.into(),
        })
    }

    /// What follows where the call was made and may have taken effect
    /// ([`may_have_taken_effect`](DegradationSignal::may_have_taken_effect)), as it is written, without placeholders; by
    /// default the English ` It may have taken effect all the same: find out before you call it again.`
    ///
    /// # Errors
    ///
    /// [`TemplateError`], where the text is empty or too long. What a model is not told of, it does twice.
    pub fn warning(mut self, text: &str) -> Result<Self, TemplateError> {
        check_length(text)?;
        self.warning = text.into();
        Ok(self)
    }

    /// The names of the placeholders that there are.
    pub fn placeholders() -> impl ExactSizeIterator<Item = &'static str> {
        Placeholder::ALL.into_iter().map(Placeholder::name)
    }
}

/// As [`English`](super::English) says it.
pub(super) const DEFAULT_WARNING: &str =
    " It may have taken effect all the same: find out before you call it again.";

fn check_length(text: &str) -> Result<(), TemplateError> {
    match text.len() {
        0 => Err(TemplateError::Empty),
        1..=MessageTemplate::MAX_BYTES => Ok(()),
        bytes => Err(TemplateError::TooLong { bytes }),
    }
}

impl Wording for MessageTemplate {
    fn message(&self, signal: &DegradationSignal, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = Known::of(signal);
        for run in &self.runs {
            if run.is_optional && !run.parts.iter().all(|part| known.has(part)) {
                continue;
            }
            for part in &run.parts {
                match part {
                    Part::Text(text) => f.write_str(text)?,
                    Part::Put(placeholder) => known.put(*placeholder, f)?,
                }
            }
        }
        if signal.may_have_taken_effect() {
            f.write_str(&self.warning)?;
        }
        Ok(())
    }
}

/// What is known of a signal, asked for once.
struct Known<'a> {
    signal: &'a DegradationSignal,
    retry_after_seconds: Option<u64>,
    since: Option<SystemTime>,
}

impl<'a> Known<'a> {
    fn of(signal: &'a DegradationSignal) -> Self {
        Self {
            signal,
            retry_after_seconds: signal.retry_after_seconds(),
            since: signal.since(),
        }
    }

    fn has(&self, part: &Part) -> bool {
        let Part::Put(placeholder) = part else {
            return true;
        };
        match placeholder {
            Placeholder::ToolName | Placeholder::Reason => true,
            Placeholder::RetryAfterSeconds => self.retry_after_seconds.is_some(),
            Placeholder::Since => self.since.is_some(),
            Placeholder::Alternatives => self.signal.alternatives().next().is_some(),
        }
    }

    fn put(&self, placeholder: Placeholder, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match placeholder {
            Placeholder::ToolName => write!(f, "\"{}\"", PlainName(self.signal.tool_name())),
            Placeholder::Reason => f.write_str(self.signal.reason().as_str()),
            Placeholder::RetryAfterSeconds => match self.retry_after_seconds {
                Some(seconds) => write!(f, "{seconds}"),
                None => Ok(()),
            },
            Placeholder::Since => match self.since {
                Some(since) => write!(f, "{}", Utc(since)),
                None => Ok(()),
            },
            Placeholder::Alternatives => {
                for (n, name) in self.signal.alternatives().enumerate() {
                    let comma = if n > 0 { ", " } else { "" };
                    write!(f, "{comma}\"{}\"", PlainName(name))?;
                }
                Ok(())
            }
        }
    }
}
