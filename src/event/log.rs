//! What the log says of events: at `info` what an operator cares about, at `debug` what the curious do, at `trace`
//! what comes with every call.

use tracing::Level;
use tracing::level_filters::{LevelFilter, STATIC_MAX_LEVEL};

use super::{Event, EventKind, names};
use crate::CircuitState;
use crate::caught::caught;

/// Whether a log may want to hear of every single call.
#[inline]
pub(crate) fn may_hear_of_calls() -> bool {
    may_hear_of(Level::TRACE)
}

/// Whether a log may want to hear of what is said at this level.
///
/// The level alone, which is one load: to ask the log's filter is to run code that is not ours, in a
/// `Drop` too.
#[inline]
pub(crate) fn may_hear_of(level: Level) -> bool {
    STATIC_MAX_LEVEL >= level && LevelFilter::current() >= level
}

/// Writes to the log, whose panic is to end neither a call nor, in a `Drop`, the process.
pub(crate) fn say(write: impl FnOnce()) {
    let _ = caught(write);
}

pub(super) fn log(event: &Event<'_>) {
    let Event {
        dependency,
        generation,
        dry_run,
        ..
    } = *event;
    // Through `Debug`, so that an id with line breaks cannot forge a line of the log.
    let tenant = event.tenant.map(tracing::field::debug);
    let note = event.note.map(tracing::field::debug);
    let reason = event.reason.map(|reason| reason.as_str());
    match event.kind {
        EventKind::Transition { from, to, .. } => {
            let figures = event.figures.map(tracing::field::debug);
            let (from, to) = (from.as_str(), to.as_str());
            // A circuit that goes half-open is about to be open or closed, which is the news.
            if to == CircuitState::HalfOpen.as_str() {
                tracing::debug!(
                    dependency,
                    tenant,
                    from,
                    to,
                    reason,
                    generation,
                    dry_run,
                    "circuit changed"
                );
            } else {
                tracing::info!(
                    dependency,
                    tenant,
                    from,
                    to,
                    reason,
                    generation,
                    figures,
                    dry_run,
                    "circuit changed"
                );
            }
        }
        EventKind::Outage {
            from,
            to,
            down,
            active,
        } => {
            let (from, to) = (from.as_str(), to.as_str());
            tracing::info!(
                dependency,
                from,
                to,
                reason,
                down,
                active,
                dry_run,
                "outage changed"
            );
        }
        EventKind::Rejection => {
            tracing::trace!(
                dependency,
                tenant,
                reason,
                generation,
                dry_run,
                note,
                "call rejected"
            );
        }
        EventKind::Probe { outcome, slow } => {
            let outcome = names::of_outcome(outcome);
            tracing::trace!(
                dependency,
                tenant,
                outcome,
                slow,
                generation,
                dry_run,
                "probe ended"
            );
        }
        EventKind::Override { level, set, until } => {
            let level = level.as_str();
            let set = set.map(|set| set.as_str());
            let lasts = until.map(|until| until.saturating_duration_since(event.at));
            let lasts = lasts.map(tracing::field::debug);
            tracing::info!(
                level,
                dependency,
                tenant,
                set,
                lasts,
                reason,
                note,
                "override changed"
            );
        }
        EventKind::Overflow => {
            tracing::trace!(
                dependency,
                tenant,
                "no room for the circuit of a new tenant"
            );
        }
        EventKind::Forgotten => {
            tracing::debug!(dependency, tenant, generation, "circuit forgotten");
        }
        EventKind::Evicted => {
            tracing::debug!(dependency, tenant, generation, "circuit evicted");
        }
    }
}
