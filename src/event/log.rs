//! What the log says of events: at `info` what an operator cares about, at `debug` what the curious do, at `trace`
//! what comes with every call.
//!
//! The same events are what `tracing-opentelemetry` puts on the current span. So their messages are names, and their
//! fields are the attributes of the metrics.

use tracing::Level;
use tracing::level_filters::{LevelFilter, STATIC_MAX_LEVEL};

use super::text::Text;
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

// What is made of an event's text is made within the macros, which do so only where somebody listens.
pub(super) fn log(event: &Event<'_>) {
    let Event {
        dependency,
        tenant,
        generation,
        dry_run,
        note,
        ..
    } = *event;
    let reason = event.reason.map(|reason| reason.as_str());
    match event.kind {
        EventKind::Transition {
            from,
            to,
            not_closed_for,
        } => {
            let not_closed_for = not_closed_for.map(tracing::field::debug);
            let figures = event.figures.map(tracing::field::debug);
            let (from, state) = (from.as_str(), to.as_str());
            // A circuit that goes half-open is about to be open or closed, which is the news.
            if to == CircuitState::HalfOpen {
                tracing::debug!(
                    dependency = Text::new(dependency).as_value(),
                    tenant.id = Text::new(tenant).as_value(),
                    state,
                    from,
                    reason,
                    generation,
                    dry_run,
                    "circuit_breaker.transition"
                );
            } else {
                tracing::info!(
                    dependency = Text::new(dependency).as_value(),
                    tenant.id = Text::new(tenant).as_value(),
                    state,
                    from,
                    reason,
                    generation,
                    figures,
                    not_closed_for,
                    dry_run,
                    "circuit_breaker.transition"
                );
            }
        }
        EventKind::Outage {
            from,
            to,
            down,
            active,
        } => {
            let (from, state) = (from.as_str(), to.as_str());
            tracing::info!(
                dependency = Text::new(dependency).as_value(),
                state,
                from,
                reason,
                down,
                active,
                dry_run,
                "circuit_breaker.outage"
            );
        }
        EventKind::Rejection => {
            tracing::trace!(
                dependency = Text::new(dependency).as_value(),
                tenant.id = Text::new(tenant).as_value(),
                state = event.rejected_in.map(|state| state.as_str()),
                reason,
                generation,
                dry_run,
                note = Text::new(note).as_value(),
                "circuit_breaker.rejection"
            );
        }
        EventKind::Probe { outcome, slow } => {
            let outcome = names::counted_as(outcome);
            tracing::trace!(
                dependency = Text::new(dependency).as_value(),
                tenant.id = Text::new(tenant).as_value(),
                outcome,
                slow,
                generation,
                dry_run,
                "circuit_breaker.probe"
            );
        }
        EventKind::Override { level, set, until } => {
            let level = level.as_str();
            let set = set.map(|set| set.as_str());
            let lasts = until.map(|until| until.saturating_duration_since(event.at));
            let lasts = lasts.map(tracing::field::debug);
            tracing::info!(
                of = level,
                dependency = Text::new(dependency).as_value(),
                tenant.id = Text::new(tenant).as_value(),
                set,
                lasts,
                reason,
                note = Text::new(note).as_value(),
                "circuit_breaker.override"
            );
        }
        EventKind::Overflow => {
            tracing::trace!(
                dependency = Text::new(dependency).as_value(),
                tenant.id = Text::new(tenant).as_value(),
                "circuit_breaker.overflow"
            );
        }
        EventKind::Forgotten => {
            tracing::debug!(
                dependency = Text::new(dependency).as_value(),
                tenant.id = Text::new(tenant).as_value(),
                generation,
                "circuit_breaker.forgotten"
            );
        }
        EventKind::Evicted => {
            tracing::debug!(
                dependency = Text::new(dependency).as_value(),
                tenant.id = Text::new(tenant).as_value(),
                generation,
                "circuit_breaker.evicted"
            );
        }
    }
}
