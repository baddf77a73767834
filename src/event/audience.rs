//! Those who are told of events: the log, the subscribers, the observer.

use std::fmt;

use tokio::sync::broadcast::{Receiver, Sender};

use super::log::{log, say};
use super::{Event, EventKind, Observer, OwnedEvent};
use crate::caught::caught;
#[cfg(any(feature = "otel", feature = "metrics"))]
use crate::sync::Mutex;
use crate::sync::{Arc, AtomicUsize, OnceLock, Relaxed};

/// The observer and the subscribers of a registry.
pub(crate) struct Audience {
    observer: Option<Box<dyn Observer>>,
    capacity: usize,
    /// The observer, if there is one, is one of its listeners: while there is none, calls need not look further.
    everything: Channel,
    changes: Channel,
    /// Those of this crate that are told of changes at once, each as long as it says that it goes on.
    #[cfg(any(feature = "otel", feature = "metrics"))]
    watchers: Mutex<Vec<Watcher>>,
}

/// Told of changes, outside of every lock; `false` where it wants to hear no more.
#[cfg(any(feature = "otel", feature = "metrics"))]
type Watcher = Arc<dyn Fn(&Event<'_>) -> bool + Send + Sync>;

/// Which events a subscription receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Topic {
    Everything,
    /// What does not come with every call, nor with every newcomer.
    Changes,
}

struct Channel {
    listeners: AtomicUsize,
    /// Made for the first subscriber, since it allocates all of its places at once.
    sender: OnceLock<Sender<OwnedEvent>>,
}

impl Channel {
    fn new(listeners: usize) -> Self {
        Self {
            listeners: AtomicUsize::new(listeners),
            sender: OnceLock::new(),
        }
    }

    fn listeners(&self) -> usize {
        self.listeners.load(Relaxed)
    }

    fn subscribe(&self, capacity: usize) -> Receiver<OwnedEvent> {
        let receiver = self
            .sender
            .get_or_init(|| Sender::new(capacity))
            .subscribe();
        self.listeners.fetch_add(1, Relaxed);
        receiver
    }

    fn send(&self, event: &Event<'_>, dependency: Option<&Arc<str>>) {
        if let Some(sender) = self.sender.get() {
            // Wakes them, and so runs wakers. That the last one went meanwhile is no matter.
            say(|| _ = sender.send(OwnedEvent::new(event, dependency.cloned())));
        }
    }
}

impl Audience {
    pub(crate) fn new(observer: Option<Box<dyn Observer>>, capacity: usize) -> Self {
        Self {
            everything: Channel::new(usize::from(observer.is_some())),
            changes: Channel::new(0),
            observer,
            capacity,
            #[cfg(any(feature = "otel", feature = "metrics"))]
            watchers: Mutex::default(),
        }
    }

    /// Tells it of changes from now on, until it says `false`.
    #[cfg(any(feature = "otel", feature = "metrics"))]
    pub(crate) fn watch(&self, watcher: impl Fn(&Event<'_>) -> bool + Send + Sync + 'static) {
        self.watchers.lock().push(Arc::new(watcher));
    }

    #[cfg(any(feature = "otel", feature = "metrics"))]
    fn tell_watchers(&self, event: &Event<'_>) {
        let watchers = self.watchers.lock().clone();
        for watcher in watchers {
            // Whoever panics has a recorder that does, and goes on being told.
            if caught(|| watcher(event)) == Some(false) {
                let is_it = |other: &Watcher| Arc::ptr_eq(other, &watcher);
                self.watchers.lock().retain(|other| !is_it(other));
            }
        }
    }

    /// Whether there is an observer or a subscriber to everything: whoever hears of changes alone is no reason to
    /// tell of a call.
    #[inline]
    pub(crate) fn is_listening(&self) -> bool {
        self.everything.listeners() > 0
    }

    fn subscribers(&self) -> usize {
        self.everything.listeners() - usize::from(self.observer.is_some())
    }

    fn channel(&self, topic: Topic) -> &Channel {
        match topic {
            Topic::Everything => &self.everything,
            Topic::Changes => &self.changes,
        }
    }

    pub(super) fn subscribe(&self, topic: Topic) -> Receiver<OwnedEvent> {
        self.channel(topic).subscribe(self.capacity)
    }

    pub(super) fn unsubscribe(&self, topic: Topic) {
        self.channel(topic).listeners.fetch_sub(1, Relaxed);
    }

    /// Tells everybody; `dependency` is the name in the event, if there is one there.
    ///
    /// Whoever panics ends neither the call nor keeps others from hearing: what made it happen may be a `Drop`,
    /// where a second panic would abort the process. The subscribers come before the observer, so that what an
    /// observer does in turn is told after what it was told of.
    pub(crate) fn tell(&self, event: &Event<'_>, dependency: Option<&Arc<str>>) {
        say(|| log(event));
        if self.subscribers() > 0 {
            self.everything.send(event, dependency);
        }
        if self.changes.listeners() > 0 && is_change(&event.kind) {
            self.changes.send(event, dependency);
        }
        #[cfg(any(feature = "otel", feature = "metrics"))]
        if is_change(&event.kind) {
            self.tell_watchers(event);
        }
        if let Some(observer) = &self.observer
            && caught(|| observer.on_event(event)).is_none()
        {
            say(|| tracing::error!("an observer of circuits panicked"));
        }
    }
}

/// Whether this comes neither with every call nor with every newcomer, of which one caller makes as many as it likes.
fn is_change(kind: &EventKind) -> bool {
    match kind {
        EventKind::Transition { .. }
        | EventKind::Outage { .. }
        | EventKind::Override { .. }
        | EventKind::Forgotten => true,
        EventKind::Rejection
        | EventKind::Probe { .. }
        | EventKind::Overflow
        | EventKind::Evicted => false,
    }
}

impl Drop for Channel {
    /// Tells the subscribers of the end, whose wakers are not ours.
    fn drop(&mut self) {
        say(|| drop(self.sender.take()));
    }
}

impl fmt::Debug for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Audience")
            .field("observer", &self.observer.is_some())
            .field("subscribers", &self.subscribers())
            .field("subscribers_to_changes", &self.changes.listeners())
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::{Audience, Topic};
    use crate::{CircuitBreakerRegistry, Event};

    #[test]
    fn it_listens_while_there_is_an_observer_or_a_subscriber() {
        let nobody = Audience::new(None, 1);
        let observer = Audience::new(Some(Box::new(|_: &Event<'_>| ())), 1);
        assert_eq!(
            [nobody.is_listening(), observer.is_listening()],
            [false, true]
        );
        assert_eq!([nobody.subscribers(), observer.subscribers()], [0, 0]);
        for audience in [nobody, observer] {
            let before = audience.is_listening();
            let _receivers = [(); 2].map(|()| audience.subscribe(Topic::Everything));
            for _ in 0..2 {
                assert!(audience.is_listening());
                audience.unsubscribe(Topic::Everything);
            }
            assert_eq!(audience.is_listening(), before);
        }
    }

    #[test]
    fn calls_are_not_told_of_once_the_last_subscriber_is_gone() {
        let registry = CircuitBreakerRegistry::builder().build().unwrap();
        let search = registry.dependency("search").unwrap();
        let audience = || &search.context().shared.audience;
        assert!(!audience().is_listening());
        let events = [registry.subscribe(), registry.subscribe()];
        assert_eq!(audience().subscribers(), 2);
        drop(events);
        assert!(!audience().is_listening());
    }

    #[test]
    fn calls_are_not_told_of_where_all_who_subscribed_hear_of_changes_alone() {
        let registry = CircuitBreakerRegistry::builder().build().unwrap();
        let search = registry.dependency("search").unwrap();
        let audience = || &search.context().shared.audience;
        let changes = [(); 2].map(|()| registry.subscribe_to_changes());
        assert!(!audience().is_listening());
        let counted = || [audience().subscribers(), audience().changes.listeners()];
        let events = registry.subscribe();
        assert_eq!(counted(), [1, 2]);
        drop(changes);
        assert_eq!(counted(), [1, 0]);
        drop(events);
        assert_eq!(counted(), [0, 0]);
    }
}
