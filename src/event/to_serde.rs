//! Owned events as serde writes them.

use std::time::{Duration, SystemTime};

use serde::{Serialize, Serializer};

use super::{EventKind, OwnedEvent, names};
use crate::{Figures, Reason};

/// The flat object that an event is written as.
#[derive(Serialize)]
struct Written<'a> {
    #[serde(flatten)]
    kind: Kind,
    #[serde(skip_serializing_if = "Option::is_none")]
    dependency: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<&'a str>,
    generation: u64,
    unix_ms: u64,
    origin: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    figures: Option<Figures>,
    dry_run: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Kind {
    Transition {
        from: &'static str,
        to: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        not_closed_for_ms: Option<u64>,
    },
    Outage {
        from: &'static str,
        to: &'static str,
        down: u64,
        active: u64,
    },
    Rejection,
    Probe {
        outcome: &'static str,
        slow: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        retry_after_ms: Option<u64>,
    },
    Override {
        level: &'static str,
        /// Written also where there is none: it was cleared.
        set: Option<&'static str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        until_unix_ms: Option<u64>,
    },
    Overflow,
    Forgotten,
    Evicted,
}

impl Serialize for OwnedEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let written = Written {
            kind: self.kind_as_written(),
            dependency: self.dependency.as_deref(),
            tenant: self.tenant.as_deref(),
            generation: self.generation,
            unix_ms: unix_ms(self.told_at),
            origin: self.origin.as_str(),
            reason: self.reason,
            figures: self.figures,
            dry_run: self.dry_run,
            note: self.note.as_deref(),
        };
        written.serialize(serializer)
    }
}

impl OwnedEvent {
    fn kind_as_written(&self) -> Kind {
        match self.kind {
            EventKind::Transition {
                from,
                to,
                not_closed_for,
            } => Kind::Transition {
                from: from.as_str(),
                to: to.as_str(),
                not_closed_for_ms: not_closed_for.map(ms),
            },
            EventKind::Outage {
                from,
                to,
                down,
                active,
            } => Kind::Outage {
                from: from.as_str(),
                to: to.as_str(),
                down,
                active,
            },
            EventKind::Rejection => Kind::Rejection,
            EventKind::Probe { outcome, slow } => Kind::Probe {
                outcome: names::of_outcome(outcome),
                slow,
                retry_after_ms: outcome.retry_after().map(ms),
            },
            EventKind::Override { level, set, until } => {
                let left = until.map(|until| until.saturating_duration_since(self.at));
                let until = left.and_then(|left| self.told_at.checked_add(left));
                Kind::Override {
                    level: level.as_str(),
                    set: set.map(|set| set.as_str()),
                    until_unix_ms: until.map(unix_ms),
                }
            }
            EventKind::Overflow => Kind::Overflow,
            EventKind::Forgotten => Kind::Forgotten,
            EventKind::Evicted => Kind::Evicted,
        }
    }
}

/// A clock that is set before 1970 is written as 1970.
fn unix_ms(time: SystemTime) -> u64 {
    ms(time
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default())
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
