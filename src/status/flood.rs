//! How many changes a second are told.

use std::mem;
use std::time::Duration;

use tokio::time::Instant;

use crate::{EventKind, OverrideLevel, OwnedEvent};

const SECOND: Duration = Duration::from_secs(1);
const MOST: u32 = 50;

/// Of which so many are for circuits: what concerns more than one finds room.
const MOST_OF_CIRCUITS: u32 = 40;

/// A second in which changes come. The next begins with the first change after it.
#[derive(Debug)]
pub(super) struct Flood {
    began: Instant,
    told: u32,
    skipped: u64,
}

impl Flood {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            began: now,
            told: 0,
            skipped: 0,
        }
    }

    /// Whether this change is told. What was [left out](Self::left_out) in a second before is to be told first.
    pub(super) fn has_room_for(&mut self, change: &OwnedEvent, now: Instant) -> bool {
        if now >= self.end() {
            *self = Self::new(now);
        }
        let most = match concerns_one_circuit(change) {
            true => MOST_OF_CIRCUITS,
            false => MOST,
        };
        let has_room = self.told < most;
        match has_room {
            true => self.told += 1,
            false => self.skipped += 1,
        }
        has_room
    }

    /// That so many were lost before they came here.
    pub(super) fn lost(&mut self, changes: u64) {
        self.skipped = self.skipped.saturating_add(changes);
    }

    /// When to say how many were not told.
    pub(super) fn due(&self) -> Option<Instant> {
        (self.skipped > 0).then(|| self.end())
    }

    /// How many were not told in a second that is over.
    pub(super) fn left_out(&mut self, now: Instant) -> Option<u64> {
        let is_due = self.due().is_some_and(|due| now >= due);
        is_due.then(|| mem::take(&mut self.skipped))
    }

    fn end(&self) -> Instant {
        self.began + SECOND
    }
}

fn concerns_one_circuit(change: &OwnedEvent) -> bool {
    match change.kind {
        EventKind::Outage { .. } => false,
        EventKind::Override { level, .. } => level == OverrideLevel::Circuit,
        _ => true,
    }
}
