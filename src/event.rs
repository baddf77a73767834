//! What a dependency tells those who watch it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::time::Instant;
use tracing::Level;
use tracing::level_filters::{LevelFilter, STATIC_MAX_LEVEL};

use crate::{CircuitState, Figures, Reason};

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventKind {
    /// A circuit changed its state.
    #[non_exhaustive]
    Transition {
        /// The state it left.
        from: CircuitState,
        /// The state it is in now.
        to: CircuitState,
    },
    /// The dependency as a whole changed: an outage began, was probed, or ended.
    #[non_exhaustive]
    Outage {
        /// The state it left.
        from: CircuitState,
        /// The state it is in now.
        to: CircuitState,
        /// The tenants whose circuits had been opened when the outage was declared.
        down: u64,
        /// The tenants that had been active in the window then.
        active: u64,
    },
    /// A call was rejected, or, under a dry run, would have been.
    Rejection,
    /// There was no room for the circuit of a new tenant.
    Overflow,
    /// A circuit made room for another although it did not equal a new one: it was not closed (or, where
    /// the policy has newcomers begin otherwise, no longer as they are), and nobody had asked for it in a
    /// long time.
    Forgotten,
}

/// Who made it happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// The automatic machine, from the outcomes of calls.
    Automatic,
    /// A person or a program, through a handle.
    ByHand,
    /// An override that a person or a signal set.
    Override,
}

/// Something that happened to a circuit.
///
/// ```
/// use tower_tenant_breaker::{CircuitBreakerRegistry, Event, EventKind, Outcome};
///
/// let registry = CircuitBreakerRegistry::builder()
///     .observer(|event: &Event<'_>| {
///         if let EventKind::Transition { from, to, .. } = event.kind {
///             println!("{} of {:?}: {from} -> {to}", event.dependency, event.tenant);
///         }
///     })
///     .build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Event<'a> {
    /// What happened.
    pub kind: EventKind,
    /// The dependency.
    pub dependency: &'a str,
    /// The tenant; `None` for a circuit that calls without a tenant, or newcomers without a circuit of
    /// their own, share.
    pub tenant: Option<&'a str>,
    /// The generation of the circuit after the event, its last where it was forgotten; 0 where there is no
    /// circuit.
    pub generation: u64,
    /// When.
    pub at: Instant,
    /// Who made it happen.
    pub origin: Origin,
    /// Why.
    pub reason: Option<Reason>,
    /// What the window held, for the transitions that it decided.
    pub figures: Option<Figures>,
    /// Whether an override makes this a dry run: the machine moved, and no call was rejected for it.
    pub dry_run: bool,
}

/// Watches what happens to circuits.
///
/// Called on the thread that made it happen, outside every lock of this crate: it may call back into
/// the registry. It is on the path of that call, so it should be quick; rejections come one by one.
/// A panic in here is caught and logged: watching must not fail a call.
///
/// The registry owns its observer. One that owns a handle of the same registry in turn keeps it alive for
/// ever: let it hold a `Weak` of an `Arc` around the handle.
pub trait Observer: Send + Sync + 'static {
    /// Something happened.
    fn on_event(&self, event: &Event<'_>);
}

impl<F> Observer for F
where
    F: Fn(&Event<'_>) + Send + Sync + 'static,
{
    fn on_event(&self, event: &Event<'_>) {
        self(event);
    }
}

/// Tells the log and the observer.
///
/// The unwinding of both stops here, since the call that made it happen may be in a `Drop`, where a
/// second panic would abort the process.
pub(crate) fn tell(observer: Option<&dyn Observer>, event: &Event<'_>) {
    let told = catch_unwind(AssertUnwindSafe(|| {
        log(event);
        if let Some(observer) = observer {
            observer.on_event(event);
        }
    }));
    if told.is_err() {
        say(|| tracing::error!("an observer of circuits panicked"));
    }
}

/// Whether a log may want to hear of every single call.
///
/// The level alone, which is one load: to ask the log's filter is to run code that is not ours, in a
/// `Drop` too.
#[inline]
pub(crate) fn may_hear_of_calls() -> bool {
    STATIC_MAX_LEVEL >= Level::TRACE && LevelFilter::current() >= Level::TRACE
}

/// Writes to the log, whose panic is to end neither a call nor, in a `Drop`, the process.
pub(crate) fn say(write: impl FnOnce()) {
    let _ = catch_unwind(AssertUnwindSafe(write));
}

fn log(event: &Event<'_>) {
    let Event {
        dependency,
        generation,
        dry_run,
        ..
    } = *event;
    // Through `Debug`, so that an id with line breaks cannot forge a line of the log.
    let tenant = event.tenant.map(tracing::field::debug);
    let reason = event.reason.map(|reason| reason.as_str());
    match event.kind {
        EventKind::Transition { from, to } => {
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
                "call rejected"
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
    }
}
