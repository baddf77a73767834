//! What a registry tells those who watch it.

mod audience;
mod log;
mod names;
mod override_change;
mod owned;
mod subscription;
mod text;
#[cfg(feature = "serde")]
mod to_serde;

use std::time::Duration;

use tokio::time::Instant;

pub(crate) use self::audience::Audience;
pub(crate) use self::log::{may_hear_of, may_hear_of_calls, say};
pub(crate) use self::names::counted_as;
pub(crate) use self::override_change::OverrideChange;
pub use self::owned::OwnedEvent;
pub use self::subscription::{Events, RecvError};
pub(crate) use self::text::Text;
use crate::{CircuitState, Figures, Outcome, Override, Reason};

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
        /// Where it closed: how long it was not closed, half-open time included. None for a circuit that began
        /// half-open and never opened.
        not_closed_for: Option<Duration>,
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
    /// A probe ended, and the circuit took its end in. One that ends after its circuit has moved on is counted as
    /// late, and one that ends while an override has nothing recorded is not: neither is told.
    ///
    /// Told before the change of state that it leads to.
    #[non_exhaustive]
    Probe {
        /// What became of it.
        outcome: Outcome,
        /// Whether it lasted longer than the largest latency threshold, which makes a failed probe of one that
        /// succeeded or was cancelled.
        slow: bool,
    },
    /// An override was set, or one that was in force was cleared. That one has come to its end is not told: when it
    /// will was said as it was set. That of a file lies beneath the one that was set by hand; [which is in
    /// force](crate::Dependency::override_in_force) is not said here. Where [a quota is used
    /// up](crate::Outcome::QuotaExhausted), the circuit sets one itself: with [`Origin::Automatic`] and that reason.
    #[non_exhaustive]
    Override {
        /// Of what. A registry's or a tenant's has no dependency, a registry's or a dependency's no tenant.
        level: OverrideLevel,
        /// What it is; `None` where it was cleared.
        set: Option<Override>,
        /// When it ends, if it does.
        until: Option<Instant>,
    },
    /// There was no room for the circuit of a new tenant.
    Overflow,
    /// A circuit made room for another although it did not equal a new one: it was not closed (or, where
    /// the policy has newcomers begin otherwise, no longer as they are), and nobody had asked for it in a
    /// long time.
    Forgotten,
    /// A circuit made room for another that equalled a new one of its policy: nothing was lost.
    Evicted,
}

/// What an override is set for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OverrideLevel {
    /// One tenant in one dependency.
    Circuit,
    /// One dependency, for all tenants.
    Dependency,
    /// One tenant, in all dependencies.
    Tenant,
    /// Everything.
    Registry,
}

/// Who made it happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// The automatic machine, from the outcomes of calls.
    Automatic,
    /// A person or a program, through a handle.
    ByHand,
    /// An override that holds: one that a person or a signal set, or by which a circuit is held open since
    /// [a quota is used up](crate::Outcome::QuotaExhausted). Of the rejections by it; who set it is said of the
    /// override's own event.
    Override,
    /// A file of policies that was applied: its dry runs are overrides that lie beneath those set by hand.
    Policies,
}

/// Something that happened to a circuit, a dependency or a registry.
///
/// Borrowed for as long as it is told; an [`OwnedEvent`] can be kept.
///
/// ```
/// use tower_tenant_breaker::{CircuitBreakerRegistry, Event, EventKind, Outcome};
///
/// let registry = CircuitBreakerRegistry::builder()
///     .observer(|event: &Event<'_>| {
///         if let EventKind::Transition { from, to, .. } = event.kind {
///             println!("{:?} of {:?}: {from} -> {to}", event.dependency, event.tenant);
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
    /// The dependency; `None` for an override that holds in all of them.
    pub dependency: Option<&'a str>,
    /// The tenant; `None` for a circuit that calls without a tenant, or newcomers without a circuit of
    /// their own, share, for what concerns the dependency as a whole (the probes of an outage too), and for an
    /// override that holds for all tenants.
    pub tenant: Option<&'a str>,
    /// The generation of the circuit after the event, the one in which a probe ran, its last where it made room;
    /// 0 where there is no circuit. The transitions of a circuit grow it one by one.
    pub generation: u64,
    /// When.
    pub at: Instant,
    /// Who made it happen.
    pub origin: Origin,
    /// Why; of transitions, outages and rejections, and [`Reason::QuotaExhausted`] of an override that a circuit sets
    /// itself.
    pub reason: Option<Reason>,
    /// What the window held, for the transitions that it decided.
    pub figures: Option<Figures>,
    /// Whether an override makes this a dry run: the machine moved, and no call was rejected for it.
    pub dry_run: bool,
    /// What was said by whoever forced something open: of the override, and of the rejections by it.
    pub note: Option<&'a str>,
    /// The state in which the circuit rejected the call; none where there is no circuit.
    pub(crate) rejected_in: Option<CircuitState>,
}

/// Watches what happens to circuits.
///
/// Called on the thread that made it happen, outside every lock of this crate: it may call back into
/// the registry. It is on the path of that call, so it should be quick; rejections come one by one.
/// A panic in here is caught and logged: watching must not fail a call, nor keep those who
/// [subscribe](crate::CircuitBreakerRegistry::subscribe) from hearing.
///
/// Two changes of one circuit that come right after each other on two threads may be told in the other order;
/// [`generation`](Event::generation) tells which came first.
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
