//! One survey for all instruments of a collection.

use std::thread::{self, ThreadId};

use crate::survey::Metric;

/// How many collections may be under way at once before one of them takes a survey more than it needs.
const PASSES: usize = 16;

/// The latest survey, and who is in the middle of reading it.
///
/// Readers do not say where a collection begins, but each asks for its instruments one after the other, on one thread. So
/// a collection is over once a thread is served an instrument again, and until then it is served the latest survey,
/// whoever asked for that. Holds also where a view drops an instrument, and needs no clock.
#[derive(Debug)]
pub(super) struct Collection<S> {
    latest: Option<S>,
    /// The longest under way first.
    passes: Vec<Pass>,
}

/// A collection that is under way.
#[derive(Clone, Copy, Debug)]
struct Pass {
    thread: ThreadId,
    served: u32,
}

const ALL: u32 = (1 << Metric::ALL.len()) - 1;

impl<S> Default for Collection<S> {
    fn default() -> Self {
        Self {
            latest: None,
            passes: Vec::new(),
        }
    }
}

impl<S> Collection<S> {
    /// Has the metric told from a survey that is as young as the collection.
    ///
    /// Nothing is kept of a survey that panics, so that the next instrument takes another.
    pub(super) fn serve(
        &mut self,
        metric: Metric,
        take: impl FnOnce() -> S,
        tell: impl FnOnce(&S),
    ) {
        if self.is_begun_by(metric) {
            self.latest = None;
        }
        tell(self.latest.get_or_insert_with(take));
        self.passes.retain(|pass| pass.served != ALL);
        if self.passes.is_empty() {
            self.latest = None;
        }
    }

    /// Forgets all of it.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Whether a collection of this thread begins with this metric.
    fn is_begun_by(&mut self, metric: Metric) -> bool {
        let thread = thread::current().id();
        let bit = 1 << metric as u32;
        let pass = self.passes.iter_mut().find(|pass| pass.thread == thread);
        if let Some(pass) = pass
            && pass.served & bit == 0
        {
            pass.served |= bit;
            return false;
        }
        self.passes.retain(|pass| pass.thread != thread);
        if self.passes.len() == PASSES {
            self.passes.remove(0);
        }
        let served = bit;
        self.passes.push(Pass { thread, served });
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which survey each of the metrics is told from, the first being 1.
    fn told(collection: &mut Collection<u32>, taken: &mut u32, metrics: &[Metric]) -> Vec<u32> {
        let mut told = Vec::new();
        for metric in metrics {
            let take = || {
                *taken += 1;
                *taken
            };
            collection.serve(*metric, take, |survey| told.push(*survey));
        }
        told
    }

    #[test]
    fn all_instruments_of_a_collection_are_told_from_one_survey_and_the_next_from_another() {
        let (mut collection, mut taken) = (Collection::default(), 0);
        for survey in 1..=3 {
            let told = told(&mut collection, &mut taken, &Metric::ALL);
            assert_eq!(told, [survey; Metric::ALL.len()]);
            assert!(collection.latest.is_none(), "nothing is kept in between");
        }
    }

    #[test]
    fn collections_without_an_instrument_that_a_view_drops_take_one_survey_each() {
        let (mut collection, mut taken) = (Collection::default(), 0);
        for survey in 1..=3 {
            let told = told(&mut collection, &mut taken, &Metric::ALL[3..9]);
            assert_eq!(told, [survey; 6]);
        }
    }

    #[test]
    fn a_collection_that_begins_amid_another_takes_one_survey_and_both_go_on_with_it() {
        let (mut collection, mut taken) = (Collection::default(), 0);
        let (first, rest) = Metric::ALL.split_at(4);
        assert_eq!(told(&mut collection, &mut taken, first), [1; 4]);
        let other = thread::scope(|scope| {
            let other = scope.spawn(|| told(&mut collection, &mut taken, &Metric::ALL));
            other.join().unwrap()
        });
        assert_eq!(other, [2; Metric::ALL.len()]);
        assert_eq!(told(&mut collection, &mut taken, rest), [2; 11]);
        assert_eq!(told(&mut collection, &mut taken, first), [3; 4]);
    }

    #[test]
    fn collections_that_are_never_over_take_no_more_memory_than_some() {
        let (mut collection, mut taken) = (Collection::default(), 0);
        for _ in 0..3 * PASSES {
            thread::scope(|scope| {
                scope.spawn(|| told(&mut collection, &mut taken, &Metric::ALL[..2]));
            });
        }
        assert_eq!(collection.passes.len(), PASSES);
        assert_eq!(taken as usize, 3 * PASSES);
    }

    #[test]
    fn a_survey_that_panics_is_taken_again_by_the_next_instrument() {
        let mut collection = Collection::default();
        let panics = crate::caught::caught(|| {
            collection.serve(Metric::Opened, || panic!("on purpose"), |_: &u32| ());
        });
        assert_eq!(panics, None);
        assert_eq!(told(&mut collection, &mut 6, &Metric::ALL[1..]), [7; 14]);
    }
}
