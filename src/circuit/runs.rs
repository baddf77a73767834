//! Runs of failures, and of cancelled calls, in one atomic word.

use std::cmp::Ordering;

use crate::sync::{AcqRel, Acquire, AtomicU64, Relaxed, Release};

/// The runs of a closed circuit: `generation (24 bits) | failures (16) | abandoned (12) | abandoned slow (12)`.
///
/// With the generation in the word, a straggler cannot lengthen the run of a circuit that has opened and
/// closed since.
#[derive(Debug)]
pub(super) struct Runs(AtomicU64);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Run {
    /// Failures in a row.
    pub(super) failures: u16,
    /// Cancelled calls in a row.
    pub(super) abandoned: u16,
    /// Those of the cancelled calls that were counted as slow.
    pub(super) abandoned_slow: u16,
}

impl Run {
    pub(super) fn failed(self, times: u16) -> Self {
        Self {
            failures: self.failures.saturating_add(times),
            ..self
        }
    }

    /// After one more cancelled call, of which more than `enough` in a row need not be told apart.
    pub(super) fn abandoned(self, is_slow: bool, enough: u16) -> Self {
        Self {
            abandoned: (self.abandoned + 1).min(enough + 1),
            abandoned_slow: self.abandoned_slow + u16::from(is_slow && self.abandoned < enough),
            ..self
        }
    }

    /// How many failures the last of the cancelled calls makes, where `enough` in a row are failures, and how many of
    /// them were not counted as slow calls.
    pub(super) fn failures_of_abandoned(self, is_slow: bool, enough: u16) -> (u16, u16) {
        match self.abandoned.cmp(&enough) {
            _ if enough == 0 => (0, 0),
            Ordering::Less => (0, 0),
            Ordering::Equal => (enough, enough - self.abandoned_slow),
            Ordering::Greater => (1, u16::from(!is_slow)),
        }
    }

    pub(super) fn without_abandoned(self) -> Self {
        Self {
            failures: self.failures,
            ..Self::default()
        }
    }
}

const TWELVE: u64 = 0xFFF;

impl Runs {
    pub(super) fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// No runs, in this generation.
    pub(super) fn restart(&self, generation: u64) {
        self.0.store(pack(generation, Run::default()), Release);
    }

    /// A success ends both runs.
    #[inline]
    pub(super) fn end(&self, generation: u64) {
        let none = generation << 40;
        if self.0.load(Relaxed) != none {
            self.update(generation, |_| Run::default());
        }
    }

    pub(super) fn get(&self, generation: u64) -> Run {
        unpack(generation, self.0.load(Acquire)).unwrap_or_default()
    }

    /// The runs after the change, or none where the circuit has moved on to another generation.
    pub(super) fn update(&self, generation: u64, change: impl Fn(Run) -> Run) -> Run {
        let updated = self.0.fetch_update(AcqRel, Acquire, |word| {
            unpack(generation, word).map(|run| pack(generation, change(run)))
        });
        let before = updated.ok().and_then(|word| unpack(generation, word));
        before.map(change).unwrap_or_default()
    }
}

fn pack(generation: u64, run: Run) -> u64 {
    generation << 40
        | u64::from(run.failures) << 24
        | u64::from(run.abandoned).min(TWELVE) << 12
        | u64::from(run.abandoned_slow).min(TWELVE)
}

fn unpack(generation: u64, word: u64) -> Option<Run> {
    (word >> 40 == generation & 0xFF_FFFF).then_some(Run {
        failures: (word >> 24) as u16,
        abandoned: (word >> 12 & TWELVE) as u16,
        abandoned_slow: (word & TWELVE) as u16,
    })
}
