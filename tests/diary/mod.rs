//! A service that keeps a diary of what is done to it and its clones.

#![allow(unreachable_pub)]

use std::collections::VecDeque;
use std::future::{Ready, ready};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use tower::Service;

use crate::job::{Job, OutOfPaper};

pub type Readiness = Poll<Result<(), OutOfPaper>>;

/// What was done to a service and its clones, in order.
#[derive(Clone, Default)]
pub struct Diary {
    lines: Arc<Mutex<Vec<String>>>,
    readiness: Arc<Mutex<VecDeque<Readiness>>>,
    waker: Arc<Mutex<Option<Waker>>>,
}

impl Diary {
    pub fn first(&self) -> Diarist {
        Diarist {
            number: 0,
            ready: false,
            diary: self.clone(),
        }
    }

    /// What the next asked for readiness say; after these, they are ready.
    pub fn expect(&self, readiness: impl IntoIterator<Item = Readiness>) {
        self.readiness.lock().unwrap().extend(readiness);
    }

    fn write(&self, line: String) {
        self.lines.lock().unwrap().push(line);
    }

    pub fn read(&self) -> Vec<String> {
        std::mem::take(&mut *self.lines.lock().unwrap())
    }

    pub fn wake(&self) {
        self.waker
            .lock()
            .unwrap()
            .take()
            .expect("somebody waits")
            .wake();
    }
}

/// A service that may only be called by whom it told that it is ready, as a `ConcurrencyLimit`.
pub struct Diarist {
    number: usize,
    ready: bool,
    diary: Diary,
}

impl Clone for Diarist {
    fn clone(&self) -> Self {
        let number = self.number + 1;
        self.diary.write(format!("{} cloned", self.number));
        Self {
            number,
            ready: false,
            diary: self.diary.clone(),
        }
    }
}

impl Drop for Diarist {
    fn drop(&mut self) {
        self.diary.write(format!("{} dropped", self.number));
    }
}

impl Service<Job> for Diarist {
    type Response = usize;
    type Error = OutOfPaper;
    type Future = Ready<Result<usize, OutOfPaper>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), OutOfPaper>> {
        let readiness = self.diary.readiness.lock().unwrap().pop_front();
        let readiness = readiness.unwrap_or(Poll::Ready(Ok(())));
        self.ready = readiness == Poll::Ready(Ok(()));
        *self.diary.waker.lock().unwrap() = Some(cx.waker().clone());
        self.diary.write(match readiness {
            Poll::Ready(Ok(())) => format!("{} ready", self.number),
            Poll::Ready(Err(_)) => format!("{} broken", self.number),
            Poll::Pending => format!("{} pending", self.number),
        });
        readiness
    }

    fn call(&mut self, _job: Job) -> Self::Future {
        assert!(self.ready, "called without having been ready");
        self.ready = false;
        self.diary.write(format!("{} called", self.number));
        ready(Ok(self.number))
    }
}
