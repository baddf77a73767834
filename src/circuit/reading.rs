//! What monitoring asks of a circuit.

use std::time::Duration;

use hdrhistogram::Histogram;

use super::rare::Rare;
use super::{Circuit, Head};
use crate::CircuitState;
use crate::sync::{Acquire, Relaxed};
use crate::time::nanos;

/// For how long nobody must have called at least, so that a circuit that is not closed is one of a tenant that went away.
const QUIET: Duration = Duration::from_secs(60);

/// How far apart the marks are between which the share of rejected calls is told, in seconds.
const BETWEEN_MARKS: u32 = 60;

/// A circuit as monitoring sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    pub(crate) state: CircuitState,
    /// Whether it is not closed although its period is over, since nobody has called for a window, or for a minute where
    /// that is longer. Never while a probe is on its way, nor as long as an outage has whoever asks wait.
    pub(crate) is_idle: bool,
    /// Since when it has not been closed; none where it is, or began half-open.
    pub(crate) shut_since: Option<u64>,
    /// The share of the tenant's calls that was rejected in the last one to two minutes, as long as somebody has asked
    /// that often; otherwise since they asked before.
    pub(crate) rejected_share: f64,
}

/// Two earlier looks at the counts of a circuit, so that a share of late can be told without a clock in any call.
#[derive(Debug, Default)]
pub(super) struct Marks {
    older: Option<Mark>,
    newer: Option<Mark>,
}

/// Counts that wrap, of which only differences are taken.
#[derive(Clone, Copy, Debug)]
struct Mark {
    /// In seconds.
    at: u32,
    calls: u32,
    rejected: u32,
}

impl Marks {
    /// The share of rejected calls since the older mark.
    fn share_since(&mut self, now: Mark) -> f64 {
        let is_due = |newer: Mark| now.at.wrapping_sub(newer.at) >= BETWEEN_MARKS;
        if self.newer.is_none_or(is_due) {
            self.older = self.newer.replace(now);
        }
        let Some(since) = self.older.or(self.newer) else {
            return 0.0;
        };
        let rejected = f64::from(now.rejected.wrapping_sub(since.rejected));
        // Calls on their way from a slot to the lifetime count are in neither for a moment, so these can seem to fall.
        let calls = now.calls.wrapping_sub(since.calls).cast_signed().max(0);
        let calls = f64::from(calls) + rejected;
        if calls > 0.0 { rejected / calls } else { 0.0 }
    }
}

impl Head {
    pub(crate) fn reading(&self, now: u64) -> Reading {
        let state = self.state();
        let Some(rare) = self.rare.get() else {
            return Reading {
                state,
                is_idle: false,
                shut_since: None,
                rejected_share: 0.0,
            };
        };
        Reading {
            state,
            is_idle: state != CircuitState::Closed && self.is_quiet(rare, now),
            shut_since: rare.shut_since.load(Relaxed).checked_sub(1),
            rejected_share: self.rejected_share(rare, now),
        }
    }

    fn is_quiet(&self, rare: &Rare, now: u64) -> bool {
        let last = rare.last_attempt.load(Relaxed);
        let last = last.max(self.deadline(rare));
        let window = self.rules().policy.window.max(QUIET);
        let last = last.saturating_add(nanos(window));
        now >= last
            && now >= last.saturating_add(self.wait_of_outage())
            && !rare.machine.lock().has_probe(now)
    }

    /// How long an outage that lasts has whoever asks wait at most, so that a tenant that heeds it does not seem gone.
    fn wait_of_outage(&self) -> u64 {
        let outage = self.context.outage_circuit();
        let outage = outage.filter(|outage| outage.state() != CircuitState::Closed);
        let rare = outage.and_then(|outage| outage.rare.get());
        rare.map_or(0, |rare| {
            let opened_at = rare.machine.lock().opened_at;
            rare.deadline.load(Acquire).saturating_sub(opened_at)
        })
    }

    fn rejected_share(&self, rare: &Rare, now: u64) -> f64 {
        let rejected = rare.tally.rejected.load(Relaxed);
        if rejected == 0 {
            return 0.0;
        }
        let calls = self.calls.load(Acquire) + self.window.unfolded();
        let now = Mark {
            at: (now / 1_000_000_000) as u32,
            calls: calls as u32,
            rejected: rejected as u32,
        };
        rare.machine.lock().marks.share_since(now)
    }

    /// Adds the latencies of the current window.
    pub(crate) fn add_latencies(&self, now: u64, into: &mut Histogram<u32>) {
        let percentiles = self.rare.get();
        let percentiles = percentiles.and_then(|rare| rare.percentiles.load_full());
        if let Some(percentiles) = percentiles {
            percentiles.add_to(into, now);
        }
    }
}

impl Circuit {
    /// The memory of the circuit in bytes, with its place in the map and its histograms; what an allocator adds is not
    /// in it.
    pub(crate) fn bytes(&self) -> usize {
        // The pointer in the map, and in its allocation two counts beside the circuit.
        let fixed = size_of::<Self>() + 2 * size_of::<usize>() + size_of::<Head>();
        let rare = self.rare.get().map_or(0, |rare| {
            let percentiles = rare.percentiles.load_full();
            let histograms = percentiles.map_or(0, |percentiles| percentiles.bytes());
            size_of::<Rare>() + histograms
        });
        fixed + self.id().len() + rare
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::advance;

    use super::*;
    use crate::{CircuitBreakerRegistry, Outcome, Policy};

    fn share(marks: &mut Marks, [at, calls, rejected]: [u32; 3]) -> f64 {
        marks.share_since(Mark {
            at,
            calls,
            rejected,
        })
    }

    #[test]
    fn the_share_of_rejected_calls_is_that_of_the_last_one_to_two_minutes() {
        let mut marks = Marks::default();
        assert_eq!(
            share(&mut marks, [10, 1_000, 500]),
            0.0,
            "what was before is unknown"
        );
        assert_eq!(share(&mut marks, [40, 1_000, 510]), 1.0);
        assert_eq!(share(&mut marks, [70, 1_010, 510]), 0.5);
        assert_eq!(
            share(&mut marks, [100, 1_030, 510]),
            0.25,
            "since the first mark"
        );
        assert_eq!(
            share(&mut marks, [130, 1_030, 510]),
            0.0,
            "the first mark is gone"
        );
    }

    #[test]
    fn counts_that_wrap_make_no_odd_share() {
        let mut marks = Marks::default();
        share(&mut marks, [u32::MAX - 5, u32::MAX - 1, u32::MAX]);
        assert_eq!(share(&mut marks, [4, 2, 3]), 0.5);
    }

    #[test]
    fn calls_that_are_in_no_count_for_a_moment_make_no_odd_share() {
        let mut marks = Marks::default();
        share(&mut marks, [10, 1_000, 0]);
        assert_eq!(share(&mut marks, [20, 999, 10]), 1.0);
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_circuit_takes_is_told_with_all_that_it_holds() {
        let registry = CircuitBreakerRegistry::builder().build().unwrap();
        let search = registry
            .dependency_with("search", Policy::default())
            .unwrap();
        let end = |outcome| search.acquire("acme").unwrap().record(outcome);
        end(Outcome::Success);
        let circuit = search.inner.circuits.get("acme").unwrap();
        let two_counts = size_of::<[usize; 2]>();
        let pointer = size_of::<Circuit>();
        let of_a_good_one = pointer + two_counts + size_of::<Head>() + "acme".len();
        assert_eq!(circuit.bytes(), of_a_good_one);
        end(Outcome::failure());
        let of_a_bad_one = of_a_good_one + size_of::<Rare>();
        assert_eq!(circuit.bytes(), of_a_bad_one);
        (0..100).for_each(|_| end(Outcome::Success));
        let histograms = circuit.rare().percentiles.load_full().unwrap().bytes();
        assert!(histograms > 1_000);
        assert_eq!(circuit.bytes(), of_a_bad_one + histograms);
    }

    #[tokio::test(start_paused = true)]
    async fn the_share_of_a_circuit_is_of_late_and_not_of_its_life() {
        let registry = CircuitBreakerRegistry::builder().build().unwrap();
        let policy = Policy::builder().consecutive_failures(1).build().unwrap();
        let search = registry.dependency_with("search", policy).unwrap();
        search.acquire("acme").unwrap().record(Outcome::failure());
        let circuit = search.inner.circuits.get("acme").unwrap();
        let share = || circuit.rejected_share(circuit.rare(), search.context().now());
        let reject = |times| (0..times).for_each(|_| assert!(search.acquire("acme").is_err()));
        let succeed = |times| {
            (0..times).for_each(|_| search.acquire("acme").unwrap().record(Outcome::Success));
        };
        reject(1);
        assert_eq!(share(), 0.0, "what was before is unknown");
        reject(10);
        assert_eq!(share(), 1.0);
        search.circuit("acme").reset();
        succeed(10);
        assert_eq!(share(), 0.5);
        // Two looks, more than a minute apart: what was before them is gone.
        for _ in 0..2 {
            advance(Duration::from_secs(70)).await;
            share();
        }
        succeed(30);
        assert_eq!(share(), 0.0);
    }
}
