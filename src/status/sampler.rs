//! The task of a service: samples, and hands changes on.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::{AbortHandle, JoinError, JoinHandle, spawn_blocking};
use tokio::time::{Instant, Sleep, sleep_until};

use super::book::Book;
use super::flood::Flood;
use super::overview::Overview;
use super::service::Shared;
use super::wire::{SIGN_OF_LIFE, skipped};
use crate::event::say;
use crate::sync::{Arc, Weak};
use crate::{Events, OwnedEvent, RecvError};

/// How long nothing is sent until a comment is.
const QUIET: Duration = Duration::from_secs(15);

pub(super) struct Sampler {
    /// Held by nothing of ours between two steps, so that it goes when its owners let it go.
    shared: Weak<Shared>,
    changes: Events,
    flood: Flood,
    looking: Looking,
    last_said: Instant,
}

/// What samples are made of is with whoever makes one.
enum Looking {
    Due(Instant, Book),
    At(JoinHandle<(Book, Overview)>),
}

enum Woken {
    Seen(Result<(Book, Overview), JoinError>),
    Timer,
    Change(Result<OwnedEvent, RecvError>),
}

/// None where there is no runtime.
pub(super) fn start(shared: &Arc<Shared>) -> Option<AbortHandle> {
    let runtime = Handle::try_current().ok()?;
    let sampler = Sampler::new(shared, Instant::now());
    Some(runtime.spawn(sampler.run()).abort_handle())
}

impl Sampler {
    fn new(shared: &Arc<Shared>, first: Instant) -> Self {
        let now = Instant::now();
        Self {
            shared: Arc::downgrade(shared),
            changes: shared.registry.subscribe_to_changes(),
            flood: Flood::new(now),
            looking: Looking::Due(first, Book::default()),
            last_said: now,
        }
    }

    async fn run(mut self) {
        let mut timer = Box::pin(sleep_until(Instant::now()));
        loop {
            timer.as_mut().reset(self.wakes_at());
            let woken = self.next(timer.as_mut()).await;
            let Some(shared) = self.shared.upgrade() else {
                return;
            };
            let now = Instant::now();
            if let Some(changes) = self.flood.left_out(now) {
                self.last_said = now;
                shared.hub.tell(skipped(changes));
            }
            match woken {
                Woken::Change(Ok(change)) => {
                    let is_told = self.flood.has_room_for(&change, now);
                    shared.hub.change(change, is_told);
                }
                Woken::Change(Err(RecvError::Lagged(lost))) => self.flood.lost(lost),
                // The service holds the registry.
                Woken::Change(Err(RecvError::Closed)) => return,
                Woken::Timer => self.look(&shared, now),
                Woken::Seen(Ok((book, overview))) => {
                    self.looking = Looking::Due(now + overview.interval, book);
                    self.last_said = now;
                    shared.hub.see(overview);
                }
                Woken::Seen(Err(error)) => {
                    // Begun anew by the next request.
                    say(|| tracing::error!(%error, "the sampler of a status page ended"));
                    return;
                }
            }
        }
    }

    fn wakes_at(&self) -> Instant {
        let life = self.last_said + QUIET;
        let at = self.flood.due().map_or(life, |due| due.min(life));
        match self.looking {
            Looking::Due(due, _) => due.min(at),
            Looking::At(_) => at,
        }
    }

    async fn next(&mut self, mut timer: Pin<&mut Sleep>) -> Woken {
        let Self {
            changes, looking, ..
        } = self;
        let mut change = pin!(changes.recv());
        poll_fn(|cx: &mut Context<'_>| {
            if let Looking::At(seen) = looking
                && let Poll::Ready(seen) = Pin::new(seen).poll(cx)
            {
                return Poll::Ready(Woken::Seen(seen));
            }
            // Before the changes, which may come without an end.
            if timer.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Woken::Timer);
            }
            change.as_mut().poll(cx).map(Woken::Change)
        })
        .await
    }

    fn look(&mut self, shared: &Shared, now: Instant) {
        if now >= self.last_said + QUIET {
            self.last_said = now;
            shared.hub.say(SIGN_OF_LIFE);
        }
        if let Looking::Due(due, book) = &mut self.looking
            && now >= *due
        {
            let mut book = std::mem::take(book);
            let registry = shared.registry.clone();
            self.looking = Looking::At(spawn_blocking(move || {
                let overview = book.sample(&registry);
                (book, overview)
            }));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{QUIET, Sampler};
    use crate::CircuitBreakerRegistry;
    use crate::status::service::Shared;
    use crate::status::wire::{HELLO, SIGN_OF_LIFE, head_of_overview};
    use crate::sync::Arc;

    #[tokio::test(start_paused = true)]
    async fn a_comment_keeps_a_connection_alive_on_which_nothing_is_said() {
        let registry = CircuitBreakerRegistry::builder().build().unwrap();
        let shared = Arc::new(Shared::new(registry));
        let began = Instant::now();
        // As where a sample takes a minute.
        let sampler = Sampler::new(&shared, began + Duration::from_secs(60));
        tokio::spawn(sampler.run());
        let reader = shared.hub.join(Arc::clone(&shared), false).unwrap();
        let next = async || poll_fn(|cx| reader.poll(cx)).await.unwrap();
        assert_eq!(next().await, HELLO);
        for times in 1..=3 {
            assert_eq!(next().await, SIGN_OF_LIFE);
            assert_eq!(Instant::now(), began + QUIET * times);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_no_overview_yet_is_not_told_what_was_skipped_before_it() {
        let registry = CircuitBreakerRegistry::builder().build().unwrap();
        let shared = Arc::new(Shared::new(registry));
        let first = Instant::now() + Duration::from_secs(5);
        let sampler = Sampler::new(&shared, first);
        let search = shared.registry.dependency("search").unwrap();
        tokio::spawn(sampler.run());
        let reader = shared.hub.join(Arc::clone(&shared), false).unwrap();
        let next = async || poll_fn(|cx| reader.poll(cx)).await.unwrap();
        for _ in 0..60 {
            search.force_open("again");
        }
        assert_eq!(next().await, HELLO);
        assert_eq!(next().await, head_of_overview(false));
        assert!(Instant::now() >= first);
    }
}
