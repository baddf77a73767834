//! What is asked for, and its doing.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::answer::{Answer, Problem, of_json, shown};
use super::circuits::find;
use crate::event::{Text, say};
use crate::rejection::InvalidTenant;
use crate::{CircuitBreakerRegistry, Dependency};

/// The longest note, in bytes.
const LONGEST_NOTE: usize = 500;

/// The longest time of a forced open that ends by itself: 30 days, in milliseconds.
const LONGEST_MS: u64 = 30 * 24 * 60 * 60 * 1_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    action: String,
    dependency: String,
    tenant: Option<String>,
    for_ms: Option<u64>,
    note: Option<String>,
}

#[derive(Clone, Copy)]
enum Action {
    ForceOpen { period: Option<Duration> },
    Clear,
    Reset,
}

/// An action that can be done.
pub(super) struct Order {
    action: Action,
    dependency: Dependency,
    /// None for all.
    tenant: Option<String>,
    note: Option<String>,
}

#[derive(Serialize)]
struct Done {
    done: bool,
}

impl Order {
    pub(super) fn read(body: &[u8], registry: &CircuitBreakerRegistry) -> Result<Self, Problem> {
        let written = written(body)?;
        let action = action(&written)?;
        let dependency = find(registry, &written.dependency)?;
        if let Some(tenant) = &written.tenant
            && let Err(error) = InvalidTenant::check(tenant)
        {
            let detail = format!("the member tenant is {}: {error}", shown(tenant));
            return Err(Problem::bad_request(detail));
        }
        let note = written.note.filter(|note| !note.is_empty());
        if let Some(bytes) = note.as_ref().map(String::len)
            && bytes > LONGEST_NOTE
        {
            let detail =
                format!("the member note has {bytes} bytes, but must have up to {LONGEST_NOTE}");
            return Err(Problem::bad_request(detail));
        }
        Ok(Self {
            action,
            dependency,
            tenant: written.tenant,
            note,
        })
    }

    /// Goes over all circuits of the dependency, where it resets that.
    pub(super) fn carry_out(self, who: &str) -> Answer {
        let note = match &self.note {
            Some(note) => format!("{who}: {note}"),
            None => who.to_owned(),
        };
        let dependency = &self.dependency;
        let circuit = self.tenant.as_deref();
        let circuit = circuit.map(|tenant| dependency.circuit(tenant));
        match (self.action, circuit) {
            (Action::ForceOpen { period: None }, None) => dependency.force_open(&note),
            (Action::ForceOpen { period: None }, Some(circuit)) => circuit.force_open(&note),
            (
                Action::ForceOpen {
                    period: Some(period),
                },
                None,
            ) => {
                dependency.force_open_for(&note, period);
            }
            (
                Action::ForceOpen {
                    period: Some(period),
                },
                Some(circuit),
            ) => {
                circuit.force_open_for(&note, period);
            }
            (Action::Clear, None) => dependency.clear(),
            (Action::Clear, Some(circuit)) => circuit.clear(),
            (Action::Reset, None) => dependency.reset(),
            (Action::Reset, Some(circuit)) => circuit.reset(),
        }
        of_json(&Done { done: true })
    }

    /// What comes of it is told by its own events, which do not know who cleared or reset.
    pub(super) fn log(&self, who: &str) {
        let action = match self.action {
            Action::ForceOpen { .. } => "force_open",
            Action::Clear => "clear",
            Action::Reset => "reset",
        };
        say(|| {
            tracing::info!(
                who = Text::new(who).as_value(),
                action,
                dependency = Text::new(self.dependency.name()).as_value(),
                tenant.id = Text::new(self.tenant.as_deref()).as_value(),
                note = Text::new(self.note.as_deref()).as_value(),
                "action by the status page"
            );
        });
    }
}

fn written(body: &[u8]) -> Result<Written, Problem> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let written: Written = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let error = error.into_inner();
        no_action(match path.as_str() {
            "." | "?" => error.to_string(),
            member => format!("{member}: {error}"),
        })
    })?;
    let end = reader.end();
    end.map_err(|error| no_action(error.to_string()))?;
    Ok(written)
}

/// The most that is told of what is wrong with a body, in bytes: it quotes the body, as long as that may be.
const LONGEST_WHY: usize = 300;

fn no_action(mut why: String) -> Problem {
    if why.len() > LONGEST_WHY {
        let mut ends = (0..=LONGEST_WHY).rev();
        let end = ends.find(|end| why.is_char_boundary(*end));
        why.truncate(end.unwrap_or_default());
        why += "..";
    }
    Problem::bad_request(format!("the body is no action: {why}"))
}

fn action(written: &Written) -> Result<Action, Problem> {
    let Some(for_ms) = written.for_ms else {
        return match written.action.as_str() {
            "force_open" => Ok(Action::ForceOpen { period: None }),
            "clear" => Ok(Action::Clear),
            "reset" => Ok(Action::Reset),
            other => Err(unknown(other)),
        };
    };
    match written.action.as_str() {
        "force_open" if (1..=LONGEST_MS).contains(&for_ms) => Ok(Action::ForceOpen {
            period: Some(Duration::from_millis(for_ms)),
        }),
        "force_open" => Err(Problem::bad_request(format!(
            "the member for_ms is {for_ms}, but must be from 1 to {LONGEST_MS}"
        ))),
        known @ ("clear" | "reset") => Err(Problem::bad_request(format!(
            "the member for_ms is {for_ms}, but must not be there for {known}"
        ))),
        other => Err(unknown(other)),
    }
}

fn unknown(action: &str) -> Problem {
    let action = shown(action);
    let detail = format!("the member action is {action}, but must be force_open, clear or reset");
    Problem::bad_request(detail)
}
