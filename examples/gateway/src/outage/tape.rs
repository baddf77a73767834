//! What happened, as it happened: the calls, and what the dependency told. Read at the end of the run.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;
use tower_tenant_breaker::CircuitState;

use crate::load::Answer;

/// A call that is over.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) tenant: &'static str,
    pub(crate) sent: Instant,
    pub(crate) ended: Instant,
    pub(crate) answer: Answer,
    /// Why it was rejected.
    pub(crate) reason: Option<String>,
}

/// A circuit changed its state, or the dependency as a whole did.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) at: Instant,
    pub(crate) whose: Whose,
    pub(crate) from: CircuitState,
    pub(crate) to: CircuitState,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    Tenant(String),
    /// Of all: an outage, with the tenants that were down and those that were active.
    All {
        down: u64,
        active: u64,
    },
}

/// Clones are handles of the same tape.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tape(Arc<Mutex<Reel>>);

#[derive(Debug, Default)]
pub(crate) struct Reel {
    pub(crate) calls: Vec<Call>,
    pub(crate) changes: Vec<Change>,
    is_over: bool,
}

impl Tape {
    pub(crate) fn add_call(&self, call: Call) {
        self.on_reel(|reel| {
            if !reel.is_over {
                reel.calls.push(call);
            }
        });
    }

    pub(crate) fn add_change(&self, change: Change) {
        self.on_reel(|reel| {
            if !reel.is_over {
                reel.changes.push(change);
            }
        });
    }

    /// When an outage was first declared, not before `since`.
    pub(crate) fn declared(&self, since: Instant) -> Option<Instant> {
        self.on_reel(|reel| reel.outages(since).next().map(|change| change.at))
    }

    /// Whether each of these tenants had a call, sent since then, that was answered so.
    pub(crate) fn all_got(&self, answer: Answer, since: Instant, tenants: &[&str]) -> bool {
        self.on_reel(|reel| {
            let got = |tenant| {
                let calls = reel.calls.iter().rev();
                let mut own = calls.filter(|call| call.tenant == tenant && call.sent >= since);
                own.any(|call| call.answer == answer)
            };
            tenants.iter().all(|tenant| got(*tenant))
        })
    }

    /// Hands out what there is, and takes nothing in from now on: it would grow for as long as there is load.
    pub(crate) fn end(&self) -> Reel {
        self.on_reel(|reel| {
            let over = Reel {
                is_over: true,
                ..Reel::default()
            };
            std::mem::replace(reel, over)
        })
    }

    fn on_reel<T>(&self, look: impl FnOnce(&mut Reel) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Reel {
    /// The outages that were declared since then.
    pub(crate) fn outages(&self, since: Instant) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(move |change| {
            let of_all = matches!(change.whose, Whose::All { .. });
            of_all && change.at >= since && change.from == CircuitState::Closed
        })
    }
}
