//! An event that can be kept.

use std::time::SystemTime;

use tokio::time::Instant;

use super::{Event, EventKind, Origin};
use crate::sync::Arc;
use crate::{CircuitState, Figures, Reason};

/// An [`Event`] that outlives its telling, as subscribers receive it.
///
/// With feature `serde` it is written by stable names, one flat object: `kind` (as [`EventKind::as_str`]) and the
/// kind's own fields; `dependency`, `tenant`, `generation`, `unix_ms`, `origin`, `reason` (with the rule for latency: `latency:0`),
/// `figures`, `dry_run`, `note`; what there is none of is left out.
///
/// ```
/// use tower_tenant_breaker::{CircuitBreakerRegistry, Event, OwnedEvent};
///
/// let (sender, receiver) = std::sync::mpsc::channel();
/// let registry = CircuitBreakerRegistry::builder()
///     .observer(move |event: &Event<'_>| _ = sender.send(OwnedEvent::from(event)))
///     .build()?;
/// registry.dependency("search")?.force_open("maintenance");
/// assert_eq!(receiver.try_recv()?.note.as_deref(), Some("maintenance"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OwnedEvent {
    /// What happened.
    pub kind: EventKind,
    /// The dependency; see [`Event::dependency`].
    pub dependency: Option<Arc<str>>,
    /// The tenant; see [`Event::tenant`].
    pub tenant: Option<Arc<str>>,
    /// The generation of the circuit; see [`Event::generation`].
    pub generation: u64,
    /// When.
    pub at: Instant,
    /// The same by the system's clock, as it stood when the event was told. Where this was made of an [`Event`],
    /// reckoned from how long ago [`at`](Self::at) was; an `at` that lies ahead counts as now.
    pub told_at: SystemTime,
    /// Who made it happen.
    pub origin: Origin,
    /// Why; of transitions, outages and rejections.
    pub reason: Option<Reason>,
    /// What the window held, for the transitions that it decided.
    pub figures: Option<Figures>,
    /// Whether an override makes this a dry run: the machine moved, and no call was rejected for it.
    pub dry_run: bool,
    /// What was said by whoever forced something open; see [`Event::note`].
    pub note: Option<Arc<str>>,
    /// See [`Event`].
    pub(super) rejected_in: Option<CircuitState>,
}

impl OwnedEvent {
    pub(super) fn new(event: &Event<'_>, dependency: Option<Arc<str>>) -> Self {
        Self {
            kind: event.kind,
            dependency,
            tenant: event.tenant.map(Arc::from),
            generation: event.generation,
            at: event.at,
            told_at: SystemTime::now(),
            origin: event.origin,
            reason: event.reason,
            figures: event.figures,
            dry_run: event.dry_run,
            note: event.note.map(Arc::from),
            rejected_in: event.rejected_in,
        }
    }

    /// The event as it was told.
    ///
    /// ```
    /// use tower_tenant_breaker::{CircuitBreakerRegistry, Observer};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// async fn hand_on(registry: &CircuitBreakerRegistry, observer: impl Observer) {
    ///     let mut events = registry.subscribe();
    ///     while let Ok(event) = events.recv().await {
    ///         observer.on_event(&event.as_event());
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn as_event(&self) -> Event<'_> {
        Event {
            kind: self.kind,
            dependency: self.dependency.as_deref(),
            tenant: self.tenant.as_deref(),
            generation: self.generation,
            at: self.at,
            origin: self.origin,
            reason: self.reason,
            figures: self.figures,
            dry_run: self.dry_run,
            note: self.note.as_deref(),
            rejected_in: self.rejected_in,
        }
    }
}

impl From<&Event<'_>> for OwnedEvent {
    fn from(event: &Event<'_>) -> Self {
        // It may be told a second time, long after it happened.
        let ago = Instant::now().saturating_duration_since(event.at);
        let mut owned = Self::new(event, event.dependency.map(Arc::from));
        owned.told_at = owned.told_at.checked_sub(ago).unwrap_or(owned.told_at);
        owned
    }
}
