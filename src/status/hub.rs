//! Between the sampler and the readers.

use std::collections::VecDeque;
use std::task::Waker;

use bytes::Bytes;
use tokio::time::Instant;

use super::mailbox::Mailbox;
use super::overview::Overview;
use super::service::Shared;
use super::wire::{HELLO, event, head_of_overview};
use crate::OwnedEvent;
use crate::sync::{Arc, Mutex, Weak};

/// The most who may read at the same time.
pub(super) const READERS: usize = 64;

/// How many changes the log holds.
const LOG: usize = 200;

/// Under its lock each change is either in the log that a reader begins with, or is put in for it.
#[derive(Debug, Default)]
pub(super) struct Hub(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    latest: Option<Overview>,
    /// The oldest first.
    log: VecDeque<OwnedEvent>,
    readers: Vec<Weak<Mailbox>>,
}

type Readers = Vec<Arc<Mailbox>>;

impl State {
    /// Those who still read. To be dropped outside of the lock, as the wakers in them are not ours.
    fn readers(&mut self) -> Readers {
        let mut there = Readers::with_capacity(self.readers.len());
        self.readers.retain(|reader| {
            let reader = reader.upgrade().filter(|reader| reader.is_open());
            let is_there = reader.is_some();
            there.extend(reader);
            is_there
        });
        there
    }

    /// What a reader begins with; none before the first sample.
    fn greeting(&self, has_actions: bool) -> Option<[Bytes; 3]> {
        let overview = self.latest.as_ref()?.with_history();
        let log = event("log", &self.log);
        Some([head_of_overview(has_actions), overview, log])
    }
}

impl Hub {
    pub(super) fn readers(&self) -> usize {
        let readers = self.0.lock().readers();
        readers.len()
    }

    /// A new reader; none where there are too many.
    pub(super) fn join(&self, service: Arc<Shared>, has_actions: bool) -> Option<Arc<Mailbox>> {
        let now = Instant::now();
        let mailbox = Arc::new(Mailbox::new(service, has_actions));
        mailbox.put(&[HELLO], now);
        let mut state = self.0.lock();
        let others = state.readers();
        let has_room = others.len() < READERS;
        if has_room {
            // Before the first sample, that one will greet.
            if let Some(greeting) = state.greeting(has_actions) {
                mailbox.greet(&greeting, now);
            }
            state.readers.push(Arc::downgrade(&mailbox));
        }
        drop(state);
        has_room.then_some(mailbox)
    }

    /// Puts the overview in for all, with its history for those who have none.
    pub(super) fn see(&self, overview: Overview) {
        self.put_in_for_each(
            |state| state.latest = Some(overview),
            |state, reader, now| {
                if !reader.is_greeted() {
                    return reader.greet(&state.greeting(reader.has_actions)?, now);
                }
                let head = head_of_overview(reader.has_actions);
                reader.put(&[head, state.latest.as_ref()?.plain()], now)
            },
        );
    }

    /// Keeps a change in the log, and tells it where there is room.
    pub(super) fn change(&self, change: OwnedEvent, is_told: bool) {
        let told = is_told.then(|| event("change", &change));
        let keep = |state: &mut State| {
            if state.log.len() == LOG {
                state.log.pop_front();
            }
            state.log.push_back(change);
        };
        self.put_in_for_each(keep, |_, reader, now| {
            // Who is not greeted yet will find it in the log.
            let told = told.clone().filter(|_| reader.is_greeted())?;
            reader.put(&[told], now)
        });
    }

    /// Puts this in for those who have begun with an overview.
    pub(super) fn tell(&self, piece: Bytes) {
        let pieces = [piece];
        self.put_in_for_each(
            |_| (),
            |_, reader, now| {
                let pieces = Some(&pieces).filter(|_| reader.is_greeted())?;
                reader.put(pieces, now)
            },
        );
    }

    /// Puts this in for all who read.
    pub(super) fn say(&self, piece: Bytes) {
        let pieces = [piece];
        self.put_in_for_each(|_| (), |_, reader, now| reader.put(&pieces, now));
    }

    fn put_in_for_each(
        &self,
        change: impl FnOnce(&mut State),
        put: impl Fn(&State, &Mailbox, Instant) -> Option<Waker>,
    ) {
        let now = Instant::now();
        let mut state = self.0.lock();
        change(&mut state);
        let readers = state.readers();
        let put = |reader: &Arc<Mailbox>| put(&state, reader, now);
        let wakers: Vec<Waker> = readers.iter().filter_map(put).collect();
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }
}
