//! Events as a stream that its reader takes at its own pace.

use std::error::Error;
use std::fmt;

use tokio::sync::broadcast;

use super::OwnedEvent;
use super::audience::Topic;
use crate::circuit::Shared;
use crate::sync::{Arc, Weak};

/// A subscription to the events of a registry; made by
/// [`CircuitBreakerRegistry::subscribe`](crate::CircuitBreakerRegistry::subscribe), or for changes alone by
/// [`subscribe_to_changes`](crate::CircuitBreakerRegistry::subscribe_to_changes).
///
/// Each subscription receives every event of its kind that is told from its beginning on. It neither holds up a call
/// nor grows: there is room for [`event_capacity`](crate::RegistryBuilder::event_capacity) events, and who falls
/// further behind is told how many were lost. It does not keep the registry alive.
///
/// # Which to use
///
/// | | [`subscribe_to_changes`](crate::CircuitBreakerRegistry::subscribe_to_changes) | [`subscribe`](crate::CircuitBreakerRegistry::subscribe) |
/// |---|---|---|
/// | receives | [`Transition`](crate::EventKind::Transition), [`Outage`](crate::EventKind::Outage), [`Override`](crate::EventKind::Override), [`Forgotten`](crate::EventKind::Forgotten) | these, and [`Rejection`](crate::EventKind::Rejection), [`Probe`](crate::EventKind::Probe), [`Overflow`](crate::EventKind::Overflow), [`Evicted`](crate::EventKind::Evicted) |
/// | how many come | as many as circuits and operators make, whatever the calls | one at least for each rejected call |
/// | costs | a copy of each change; a rejected call pays nothing | a copy of each event, so that each rejected call allocates |
/// | for | alerts, audits, dashboards of states | whoever must see each rejection, and reads as fast as they come |
///
/// 10,000 rejections a second overrun the default capacity in a tenth of a second, and what they push out may be the
/// change that explains them. How many calls were rejected is in the [snapshots](crate::CircuitBreakerRegistry::snapshot).
/// One program may have both: each has its own places.
///
/// What one thread does is received in the order in which it did so. Two changes of one circuit that come right after
/// each other on two threads may be received in the other order, since both are told outside of the circuit's lock;
/// [`generation`](OwnedEvent::generation) tells which came first. Nothing is promised of the order of what different
/// threads do to different circuits, or of two overrides of one level that are set at the same time: who must know
/// which holds asks [`effective_state`](crate::Dependency::effective_state).
///
/// ```
/// use tower_tenant_breaker::{CircuitBreakerRegistry, RecvError};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let registry = CircuitBreakerRegistry::builder().build()?;
/// let mut events = registry.subscribe_to_changes();
/// let watcher = tokio::spawn(async move {
///     loop {
///         match events.recv().await {
///             Ok(event) => println!("{:?} of {:?}: {:?}", event.tenant, event.dependency, event.kind),
///             Err(RecvError::Lagged(lost)) => println!("{lost} events were lost"),
///             Err(_) => break,
///         }
///     }
/// });
/// registry.dependency("search")?.force_open("maintenance");
/// drop(registry);
/// watcher.await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "a subscription that is dropped receives nothing"]
pub struct Events {
    receiver: broadcast::Receiver<OwnedEvent>,
    topic: Topic,
    shared: Weak<Shared>,
}

/// Why there is no event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecvError {
    /// So many events were lost, since the subscription fell behind. The next one is the oldest that is left.
    Lagged(u64),
    /// The registry is gone, and so is everything that could have told of something. No more events will come.
    Closed,
}

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lagged(lost) => write!(f, "{lost} events were lost"),
            Self::Closed => f.write_str("the registry is gone"),
        }
    }
}

impl Error for RecvError {}

impl Events {
    pub(crate) fn of_everything(shared: &Arc<Shared>) -> Self {
        Self::new(shared, Topic::Everything)
    }

    pub(crate) fn of_changes(shared: &Arc<Shared>) -> Self {
        Self::new(shared, Topic::Changes)
    }

    fn new(shared: &Arc<Shared>, topic: Topic) -> Self {
        Self {
            receiver: shared.audience.subscribe(topic),
            topic,
            shared: Arc::downgrade(shared),
        }
    }

    /// Waits for the next event.
    ///
    /// # Errors
    ///
    /// [`RecvError::Lagged`], once, where events were lost; the subscription goes on. [`RecvError::Closed`] once the
    /// registry, its dependencies and handles, all permits and all rejections are dropped, and all that was told
    /// before is received.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a future that is dropped has taken no event.
    pub async fn recv(&mut self) -> Result<OwnedEvent, RecvError> {
        self.receiver.recv().await.map_err(|error| match error {
            broadcast::error::RecvError::Lagged(lost) => RecvError::Lagged(lost),
            broadcast::error::RecvError::Closed => RecvError::Closed,
        })
    }

    /// The next event, if it has been told already; `None` where there is none yet.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    ///
    /// ```
    /// use tower_tenant_breaker::{CircuitBreakerRegistry, EventKind};
    ///
    /// let registry = CircuitBreakerRegistry::builder().build()?;
    /// let mut events = registry.subscribe();
    /// assert!(events.try_recv()?.is_none());
    ///
    /// registry.dependency("search")?.circuit("acme").open()?;
    /// let event = events.try_recv()?.unwrap();
    /// assert!(matches!(event.kind, EventKind::Transition { .. }));
    /// assert_eq!(event.tenant.as_deref(), Some("acme"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_recv(&mut self) -> Result<Option<OwnedEvent>, RecvError> {
        match self.receiver.try_recv() {
            Ok(event) => Ok(Some(event)),
            Err(broadcast::error::TryRecvError::Empty) => Ok(None),
            Err(broadcast::error::TryRecvError::Lagged(lost)) => Err(RecvError::Lagged(lost)),
            Err(broadcast::error::TryRecvError::Closed) => Err(RecvError::Closed),
        }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.upgrade() {
            shared.audience.unsubscribe(self.topic);
        }
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events")
            .field("topic", &self.topic)
            .field("waiting", &self.receiver.len())
            .finish_non_exhaustive()
    }
}
