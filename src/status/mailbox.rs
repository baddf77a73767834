//! What waits for one reader.

use std::collections::VecDeque;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::service::Shared;
use crate::sync::{Arc, Mutex};

/// How many pieces may wait.
const ROOM: usize = 256;

/// How long a piece may wait.
const PATIENCE: Duration = Duration::from_secs(30);

/// Between a reader's body, which owns it, and the hub, which only puts in.
#[derive(Debug)]
pub(super) struct Mailbox {
    /// Whether its reader is told that there are actions.
    pub(super) has_actions: bool,
    /// None once the reader is dropped.
    open: Mutex<Option<Open>>,
}

#[derive(Debug)]
struct Open {
    waiting: VecDeque<(Instant, Bytes)>,
    waker: Option<Waker>,
    /// Whether the first overview, with its history, was put in.
    is_greeted: bool,
    /// Keeps the sampler at work.
    _service: Arc<Shared>,
}

impl Open {
    fn falls_behind(&self, now: Instant, more: usize) -> bool {
        let oldest = self.waiting.front();
        let waits = oldest.map(|(since, _)| now.saturating_duration_since(*since));
        self.waiting.len() + more > ROOM || waits.is_some_and(|waits| waits > PATIENCE)
    }
}

impl Mailbox {
    pub(super) fn new(service: Arc<Shared>, has_actions: bool) -> Self {
        let open = Open {
            waiting: VecDeque::new(),
            waker: None,
            is_greeted: false,
            _service: service,
        };
        Self {
            has_actions,
            open: Mutex::new(Some(open)),
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.open.lock().is_some()
    }

    pub(super) fn is_greeted(&self) -> bool {
        let open = self.open.lock();
        open.as_ref().is_some_and(|open| open.is_greeted)
    }

    pub(super) fn greet(&self, pieces: &[Bytes], now: Instant) -> Option<Waker> {
        let waker = self.put(pieces, now);
        if let Some(open) = &mut *self.open.lock() {
            open.is_greeted = true;
        }
        waker
    }

    /// Never waits: a reader that falls behind is dropped. Who reads is to be woken, outside of all locks.
    pub(super) fn put(&self, pieces: &[Bytes], now: Instant) -> Option<Waker> {
        let mut place = self.open.lock();
        let open = place.as_mut()?;
        if !open.falls_behind(now, pieces.len()) {
            let pieces = pieces.iter().map(|piece| (now, piece.clone()));
            open.waiting.extend(pieces);
            return open.waker.take();
        }
        let dropped = place.take();
        drop(place);
        // Outside of the lock: with it goes the service, if this was its last handle.
        dropped?.waker
    }

    /// The next piece; none once the reader is dropped.
    pub(super) fn poll(&self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        // Wakers are not ours: what they do is done outside of the lock.
        let waker = cx.waker().clone();
        let before = {
            let mut place = self.open.lock();
            let Some(open) = &mut *place else {
                return Poll::Ready(None);
            };
            if let Some((_, piece)) = open.waiting.pop_front() {
                return Poll::Ready(Some(piece));
            }
            open.waker.replace(waker)
        };
        drop(before);
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::{Arc, Bytes, Duration, Instant, Open, PATIENCE, ROOM, Shared, VecDeque};
    use crate::CircuitBreakerRegistry;

    fn with(waiting: usize) -> Open {
        let registry = CircuitBreakerRegistry::builder().build().unwrap();
        let piece = (Instant::now(), Bytes::from_static(b"data"));
        Open {
            waiting: VecDeque::from(vec![piece; waiting]),
            waker: None,
            is_greeted: true,
            _service: Arc::new(Shared::new(registry)),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_falls_behind_by_more_than_there_is_room_for_and_by_waiting_too_long() {
        let now = Instant::now();
        for (waiting, more, is_behind) in [
            (0, 1, false),
            (ROOM - 1, 1, false),
            (ROOM, 1, true),
            (ROOM - 1, 3, true),
        ] {
            let falls_behind = with(waiting).falls_behind(now, more);
            assert_eq!(falls_behind, is_behind, "{waiting} and {more}");
        }
        let open = with(1);
        assert!(format!("{open:?}").ends_with("_service: Shared { .. } }"));
        advance(PATIENCE).await;
        assert!(!open.falls_behind(Instant::now(), 1));
        advance(Duration::from_millis(1)).await;
        assert!(open.falls_behind(Instant::now(), 1));
    }
}
