//! Why a circuit did not let a call through.

use std::time::Duration;

use super::rare::Rare;
use super::word::Word;
use crate::event::Origin;
use crate::overrides::Standing;
use crate::reason::Reason;
use crate::sync::{Arc, Relaxed};

/// Why a circuit did not let a call through. As it finds it: what somebody asks of it is made of it then.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    /// As in the state word.
    reason: u8,
    /// Nanoseconds until a call may be admitted; `NOBODY_KNOWS` is none.
    left: u64,
    generation: u64,
    /// Since when the dependency is unavailable to the tenant, plus 1; 0 where nobody knows.
    since: u64,
    /// What the operator said who forced the circuit open.
    note: Option<Arc<str>>,
}

const NOBODY_KNOWS: u64 = u64::MAX;

impl Refusal {
    pub(super) fn new(reason: Reason, left: u64, generation: u64) -> Self {
        Self {
            reason: reason.to_bits(),
            left,
            generation,
            since: 0,
            note: None,
        }
    }

    /// By a circuit that is not closed.
    pub(super) fn shut(reason: Reason, left: u64, word: Word, rare: &Rare) -> Self {
        Self {
            since: rare.shut_since.load(Relaxed),
            ..Self::new(reason, left, word.generation())
        }
    }

    /// By an open circuit, for the reason why it opened.
    #[inline]
    pub(super) fn open(left: u64, word: Word, rare: &Rare) -> Self {
        Self {
            reason: word.reason_bits(),
            left,
            generation: word.generation(),
            since: rare.shut_since.load(Relaxed),
            note: None,
        }
    }

    pub(crate) fn forced(now: u64, standing: Standing, generation: u64) -> Self {
        let left = standing.until().map(|until| until.saturating_sub(now));
        Self {
            reason: standing.reason.to_bits(),
            left: left.unwrap_or(NOBODY_KNOWS),
            generation,
            since: standing.since + 1,
            note: standing.note,
        }
    }

    /// What the refusal of an outage's circuit is to a call of this generation, whose own circuit would have it wait so
    /// long.
    pub(super) fn in_outage(self, own_left: u64, generation: u64) -> Self {
        let left = if self.left == NOBODY_KNOWS {
            0
        } else {
            self.left
        };
        Self {
            reason: Reason::Outage.to_bits(),
            left: left.max(own_left),
            generation,
            ..self
        }
    }

    pub(crate) fn reason(&self) -> Reason {
        Reason::from_bits(self.reason)
    }

    /// How long until a call may be admitted; none where nobody knows.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        (self.left != NOBODY_KNOWS).then(|| Duration::from_nanos(self.left))
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// Since when the dependency is unavailable to the tenant, by the circuit's clock; none where nobody knows.
    pub(crate) fn since(&self) -> Option<u64> {
        self.since.checked_sub(1)
    }

    pub(crate) fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// Who made it happen.
    pub(crate) fn origin(&self) -> Origin {
        match self.reason() {
            Reason::Forced | Reason::QuotaExhausted => Origin::Override,
            Reason::ByHand => Origin::ByHand,
            _ => Origin::Automatic,
        }
    }
}
