//! Overrides as they are told.

use super::{Event, EventKind, Origin, OverrideLevel};
use crate::circuit::Shared;
use crate::overrides::Standing;
use crate::reason::Reason;
use crate::sync::Arc;

/// Somebody, or the circuit itself, set or cleared an override: of what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OverrideChange<'a> {
    pub(crate) level: OverrideLevel,
    pub(crate) origin: Origin,
    pub(crate) dependency: Option<&'a Arc<str>>,
    pub(crate) tenant: Option<&'a str>,
    /// Of the circuit, if it is one circuit's; or 0.
    pub(crate) generation: u64,
}

impl OverrideChange<'_> {
    /// To be called after the change, outside of every lock. To clear what was not in force is no news.
    pub(crate) fn tell(
        self,
        shared: &Shared,
        now: u64,
        before: Option<&Standing>,
        after: Option<&Standing>,
    ) {
        if after.is_none() && !before.is_some_and(|standing| standing.in_force(now)) {
            return;
        }
        let until = after.and_then(Standing::until);
        let event = Event {
            kind: EventKind::Override {
                level: self.level,
                set: after.map(|standing| standing.kind),
                until: until.map(|until| shared.clock.instant(until)),
            },
            dependency: self.dependency.map(|name| &**name),
            tenant: self.tenant,
            generation: self.generation,
            at: shared.clock.instant(now),
            origin: self.origin,
            reason: after
                .map(|standing| standing.reason)
                .filter(|reason| *reason != Reason::Forced),
            figures: None,
            dry_run: false,
            note: after.and_then(|standing| standing.note.as_deref()),
            rejected_in: None,
        };
        shared.audience.tell(&event, self.dependency);
    }
}
