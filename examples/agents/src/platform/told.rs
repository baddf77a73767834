//! What an agent has told its model of tools that it cannot use, and what came of it: counted from the text that was
//! handed over and the calls that were made, not by what the model says of itself.

use std::collections::{BTreeMap, BTreeSet};

use tower_tenant_breaker::agent::UnavailableTools;

use super::hour::Hour;
use super::turn::{Seen, TurnRecord};

/// What can name a tool that stands in for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamedBy {
    /// The note in the turn's prompt.
    Note,
    /// The signal that an earlier call of the turn got in the place of its result.
    Signal,
}

/// What the agent has handed to the model in this turn, kept by the agent: the model is not asked what it made of it.
#[derive(Default)]
pub(super) struct Told {
    pub(super) noted: BTreeSet<String>,
    pub(super) stand_ins: BTreeMap<String, NamedBy>,
}

impl Told {
    /// Counts only what the text says: what the tools know and the note does not say, the model has not been told.
    pub(super) fn by_note(&mut self, note: &str, unavailable: &UnavailableTools) {
        let is_said = |name: &str| note.contains(&format!("\"{name}\""));
        for tool in &unavailable.tools {
            if is_said(&tool.name) {
                self.noted.insert(tool.name.to_string());
            }
            let stand_ins = tool.alternatives.iter().filter(|name| is_said(name));
            let stand_ins = stand_ins.map(|name| (name.to_string(), NamedBy::Note));
            self.stand_ins.extend(stand_ins);
        }
    }

    pub(super) fn by_signal(&mut self, stand_ins: Vec<String>) {
        for name in stand_ins {
            self.stand_ins.entry(name).or_insert(NamedBy::Signal);
        }
    }
}

impl TurnRecord {
    /// The calls of tools that the note in its prompt said not to call.
    pub fn against_note(&self) -> impl Iterator<Item = &Seen> {
        let is_noted = |seen: &&Seen| self.noted.contains(&*seen.tool);
        self.calls.iter().filter(is_noted)
    }

    /// It wanted a tool that the note in its prompt named, and did without, at once.
    #[must_use]
    pub fn is_spared_by_note(&self) -> bool {
        !self.noted.is_disjoint(&self.without)
    }
}

impl Hour {
    /// Turns whose prompts had a note that named a tool.
    #[must_use]
    pub fn noted(&self) -> usize {
        let is_noted = |turn: &&TurnRecord| !turn.noted.is_empty();
        self.turns.iter().filter(is_noted).count()
    }

    /// Calls of tools that the note in the turn's prompt said not to call.
    #[must_use]
    pub fn against_notes(&self) -> usize {
        let turns = self.turns.iter();
        turns.map(|turn| turn.against_note().count()).sum()
    }

    /// Turns that the note spared a call that would have been rejected.
    #[must_use]
    pub fn spared_by_notes(&self) -> usize {
        let is_spared = |turn: &&TurnRecord| turn.is_spared_by_note();
        self.turns.iter().filter(is_spared).count()
    }

    /// Calls of tools that this had named in the place of another. A few of them the script wanted all the same.
    #[must_use]
    pub fn stood_in(&self, named_by: NamedBy) -> usize {
        let calls = self.turns.iter().flat_map(|turn| &turn.calls);
        let is_named = |seen: &&Seen| seen.named_by == Some(named_by);
        calls.filter(is_named).count()
    }

    /// Calls that were rejected, as the impact report has it.
    #[must_use]
    pub fn rejected(&self) -> u64 {
        let rows = self.impact.rows().iter();
        rows.map(|row| row.counts.rejected).sum()
    }
}
