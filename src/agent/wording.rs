use std::fmt;

use super::template::DEFAULT_WARNING;
use super::{DegradationSignal, PlainName, SignalReason, UnavailableTool, UnavailableTools};

/// In which words models are told of tools that they cannot use.
///
/// By default in those of [`English`]; from a string, those of a [`MessageTemplate`](super::MessageTemplate). Whatever is put into text that was not written by you is to go through
/// [`PlainName`].
///
/// ```
/// use std::fmt;
/// use tower_tenant_breaker::agent::{
///     DegradationSignal, PlainName, SignalReason, UnavailableTools, Wording,
/// };
///
/// struct German;
///
/// fn reason(reason: SignalReason) -> &'static str {
///     match reason {
///         SignalReason::CircuitOpenOutage => "ausgefallen",
///         SignalReason::QuotaExhausted => "Kontingent verbraucht",
///         _ => "gestört",
///     }
/// }
///
/// impl Wording for German {
///     fn message(&self, signal: &DegradationSignal, f: &mut fmt::Formatter<'_>) -> fmt::Result {
///         let (name, reason) = (PlainName(signal.tool_name()), reason(signal.reason()));
///         write!(f, "Das Werkzeug \"{name}\" steht nicht zur Verfügung ({reason}). Plane ohne es.")
///     }
///
///     fn note(&self, unavailable: &UnavailableTools, f: &mut fmt::Formatter<'_>) -> fmt::Result {
///         f.write_str("Nicht verfügbar:")?;
///         for tool in &unavailable.tools {
///             write!(f, " \"{}\" ({}", PlainName(&tool.name), reason(tool.reason))?;
///             if let Some(until) = tool.until_in_utc() {
///                 write!(f, " bis {until}")?;
///             }
///             f.write_str(").")?;
///         }
///         match unavailable.left_out {
///             0 => Ok(()),
///             more => write!(f, " Und {more} weitere."),
///         }
///     }
/// }
/// ```
pub trait Wording: Send + Sync {
    /// The `message` of a signal.
    ///
    /// # Errors
    ///
    /// Those of the formatter alone.
    fn message(&self, signal: &DegradationSignal, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        English.message(signal, f)
    }

    /// The note for a prompt, of at least one tool. It has to be the same as long as the tools, their reasons, and
    /// their [`until`](super::UnavailableTool::until) and their alternatives are, or the caches of prompts do not hit.
    ///
    /// # Errors
    ///
    /// Those of the formatter alone.
    fn note(&self, unavailable: &UnavailableTools, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        English.note(unavailable, f)
    }

    /// What a list of tools says of one of them, beside its description, and so without its name. It has to be the same
    /// as long as the tool's reason, its [`until`](UnavailableTool::until) and its alternatives are.
    ///
    /// # Errors
    ///
    /// Those of the formatter alone.
    fn tool_note(&self, tool: &UnavailableTool, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        English.tool_note(tool, f)
    }
}

/// The words that models are told by default.
#[derive(Clone, Copy, Debug, Default)]
pub struct English;

impl Wording for English {
    fn message(&self, signal: &DegradationSignal, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = PlainName(signal.tool_name());
        match signal.reason() {
            SignalReason::ToolCallTimeout => {
                write!(
                    f,
                    "The call of the tool \"{name}\" took too long and was given up."
                )?;
            }
            SignalReason::ToolCallFailed => write!(f, "The call of the tool \"{name}\" failed.")?,
            reason => write!(
                f,
                "The tool \"{name}\" is unavailable: {}.",
                in_words(reason)
            )?,
        }
        if signal.may_have_taken_effect() {
            f.write_str(DEFAULT_WARNING)?;
        }
        match signal.retry_after_seconds() {
            Some(1) => f.write_str(" Do not call it for 1 second.")?,
            Some(seconds) => write!(f, " Do not call it for {seconds} seconds.")?,
            None if signal.reason().was_made() => {}
            None => f.write_str(" Do not call it until you are told that it is back.")?,
        }
        match Names::some(signal.alternatives()) {
            Some(names) => write!(f, " Use {names} in its place")?,
            None => f.write_str(" Plan without it")?,
        }
        f.write_str(", or tell the user what you cannot do.")
    }

    fn note(&self, unavailable: &UnavailableTools, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tools that are unavailable now: ")?;
        for (n, tool) in unavailable.tools.iter().enumerate() {
            let comma = if n > 0 { "; " } else { "" };
            let (name, reason) = (PlainName(&tool.name), in_words(tool.reason));
            write!(f, "{comma}\"{name}\" ({reason}")?;
            if let Some(until) = tool.until_in_utc() {
                write!(f, ", until {until}")?;
            }
            if let Some(names) = Names::some(tool.alternatives.iter().map(|name| &**name)) {
                write!(f, "; use {names}")?;
            }
            f.write_str(")")?;
        }
        match unavailable.left_out {
            0 => f.write_str(".")?,
            more => write!(f, "; and {more} more.")?,
        }
        f.write_str(" Do not call them. Plan without them, or tell the user what you cannot do.")
    }

    fn tool_note(&self, tool: &UnavailableTool, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unavailable now ({}", in_words(tool.reason))?;
        if let Some(until) = tool.until_in_utc() {
            write!(f, ", until {until}")?;
        }
        match Names::some(tool.alternatives.iter().map(|name| &**name)) {
            Some(names) => write!(f, "). Use {names} in its place."),
            None => f.write_str("). Do not call it."),
        }
    }
}

/// Names in quotes, one of which is to be chosen.
struct Names<I>(I);

impl<'a, I> Names<I>
where
    I: Iterator<Item = &'a str> + Clone,
{
    /// None where there is none.
    fn some(names: I) -> Option<Self> {
        names.clone().next().is_some().then_some(Self(names))
    }
}

impl<'a, I> fmt::Display for Names<I>
where
    I: Iterator<Item = &'a str> + Clone,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, name) in self.0.clone().enumerate() {
            let or = if n > 0 { " or " } else { "" };
            write!(f, "{or}\"{}\"", PlainName(name))?;
        }
        Ok(())
    }
}

pub(super) fn in_words(reason: SignalReason) -> &'static str {
    match reason {
        SignalReason::CircuitOpenFailures => "its calls have been failing",
        SignalReason::CircuitOpenLatency => "its calls have been too slow",
        SignalReason::CircuitOpenThrottled => "it has asked not to be called for a time",
        SignalReason::CircuitOpenOutage => "it is down",
        SignalReason::CircuitOpenUnproven => "it is not known to work yet",
        SignalReason::CircuitForcedOpen => "it has been taken out of service",
        SignalReason::QuotaExhausted => "its quota is used up",
        SignalReason::TooManyCalls => "too many of its calls are still running",
        SignalReason::ToolCallTimeout => "its last call took too long",
        SignalReason::ToolCallFailed => "its last call failed",
    }
}
