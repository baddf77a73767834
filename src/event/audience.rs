//! Those who are told of events: the log, the subscribers, the observer.

use std::fmt;

use tokio::sync::broadcast::{Receiver, Sender};

use super::log::{log, say};
use super::{Event, Observer, OwnedEvent};
use crate::caught::caught;
use crate::sync::{Arc, AtomicUsize, OnceLock, Relaxed};

/// The observer and the subscribers of a registry.
pub(crate) struct Audience {
    observer: Option<Box<dyn Observer>>,
    /// The observer, if there is one, and the subscriptions that there are: while it is 0, calls need not look
    /// further.
    listeners: AtomicUsize,
    capacity: usize,
    /// Made for the first subscriber, since it allocates all of its places at once.
    channel: OnceLock<Sender<OwnedEvent>>,
}

impl Audience {
    pub(crate) fn new(observer: Option<Box<dyn Observer>>, capacity: usize) -> Self {
        Self {
            listeners: AtomicUsize::new(usize::from(observer.is_some())),
            observer,
            capacity,
            channel: OnceLock::new(),
        }
    }

    /// Whether there is an observer or a subscriber.
    #[inline]
    pub(crate) fn is_listening(&self) -> bool {
        self.listeners.load(Relaxed) > 0
    }

    fn subscribers(&self) -> usize {
        self.listeners.load(Relaxed) - usize::from(self.observer.is_some())
    }

    pub(super) fn subscribe(&self) -> Receiver<OwnedEvent> {
        let channel = self.channel.get_or_init(|| Sender::new(self.capacity));
        let receiver = channel.subscribe();
        self.listeners.fetch_add(1, Relaxed);
        receiver
    }

    pub(super) fn unsubscribe(&self) {
        self.listeners.fetch_sub(1, Relaxed);
    }

    /// Tells everybody; `dependency` is the name in the event, if there is one there.
    ///
    /// Whoever panics ends neither the call nor keeps others from hearing: what made it happen may be a `Drop`,
    /// where a second panic would abort the process. The subscribers come before the observer, so that what an
    /// observer does in turn is told after what it was told of.
    pub(crate) fn tell(&self, event: &Event<'_>, dependency: Option<&Arc<str>>) {
        say(|| log(event));
        if self.subscribers() > 0
            && let Some(channel) = self.channel.get()
        {
            // Wakes them, and so runs wakers. That the last one went meanwhile is no matter.
            say(|| _ = channel.send(OwnedEvent::new(event, dependency.cloned())));
        }
        if let Some(observer) = &self.observer
            && caught(|| observer.on_event(event)).is_none()
        {
            say(|| tracing::error!("an observer of circuits panicked"));
        }
    }
}

impl Drop for Audience {
    /// Tells the subscribers of the end, whose wakers are not ours.
    fn drop(&mut self) {
        say(|| drop(self.channel.take()));
    }
}

impl fmt::Debug for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Audience")
            .field("observer", &self.observer.is_some())
            .field("subscribers", &self.subscribers())
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::Audience;
    use crate::{CircuitBreakerRegistry, Event};

    #[test]
    fn it_listens_while_there_is_an_observer_or_a_subscriber() {
        let nobody = Audience::new(None, 1);
        let observer = Audience::new(Some(Box::new(|_: &Event<'_>| ())), 1);
        assert_eq!(
            [nobody.is_listening(), observer.is_listening()],
            [false, true]
        );
        for audience in [nobody, observer] {
            let before = audience.is_listening();
            let _receivers = [audience.subscribe(), audience.subscribe()];
            for _ in 0..2 {
                assert!(audience.is_listening());
                audience.unsubscribe();
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
}
