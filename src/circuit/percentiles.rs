//! The latency percentiles that people read, from a global budget of bytes.
//!
//! No verdict needs them. A histogram for each slot of the window costs some 100 kB, so only busy circuits
//! have them, and the budget decides how many. Where it is spent, a circuit that has been quiet for a
//! window gives up its own.

use std::fmt;
use std::time::Duration;

use hdrhistogram::Histogram;

use super::rules::{Rules, is_one_era};
use super::window::{SLOTS, has_left};
use crate::policy::HistogramShape;
use crate::sync::{Arc, AtomicU64, AtomicUsize, Mutex, Relaxed, Weak};

const SPAN: u64 = SLOTS as u64;

/// How many calls a window must hold before its circuit is given histograms.
pub(super) const BUSY_CALLS: u64 = 100;

/// Whether the circuit may have become busy by a call that was the so many-th of its slot.
///
/// To sum up a window costs as much as some calls, so that is done for the first of a slot, and for every tenth.
#[inline]
pub(super) fn is_to_be_looked_at(calls: u64) -> bool {
    calls.is_multiple_of(10) || calls == 1
}

/// How many holders a newcomer looks at for one that is quiet.
const SEARCH: usize = 16;

/// Percentiles of the latencies in a circuit's current window.
///
/// Values are the upper edges of histogram buckets: with two digits, less than 1 % over the latency that
/// was measured.
///
/// With feature `serde` it is written as milliseconds: `samples`, `p50_ms`, `p95_ms`, `p99_ms`, `max_ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct LatencyQuantiles {
    /// How many calls of the window they are made of. Fewer than the window's calls where the histograms
    /// were allocated within the window, or where a call met a reader and did not wait for it.
    pub samples: u64,
    /// The median.
    #[cfg_attr(feature = "serde", serde(rename = "p50_ms", with = "crate::json::ms"))]
    pub p50: Duration,
    /// The 95th percentile.
    #[cfg_attr(feature = "serde", serde(rename = "p95_ms", with = "crate::json::ms"))]
    pub p95: Duration,
    /// The 99th percentile.
    #[cfg_attr(feature = "serde", serde(rename = "p99_ms", with = "crate::json::ms"))]
    pub p99: Duration,
    /// The longest.
    #[cfg_attr(feature = "serde", serde(rename = "max_ms", with = "crate::json::ms"))]
    pub max: Duration,
}

impl LatencyQuantiles {
    /// None of an empty histogram.
    pub(crate) fn of(histogram: &Histogram<u32>) -> Option<Self> {
        let quantile = |q| Duration::from_nanos(histogram.value_at_quantile(q));
        (!histogram.is_empty()).then(|| Self {
            samples: histogram.len(),
            p50: quantile(0.5),
            p95: quantile(0.95),
            p99: quantile(0.99),
            max: Duration::from_nanos(histogram.max()),
        })
    }
}

/// The histograms of one circuit.
#[derive(Debug)]
pub(super) struct Percentiles {
    slots: Mutex<Slots>,
    /// The newest slot in use, plus 1.
    touched: AtomicU64,
    /// The rules by which they were made: the shape, and slots to tell whether the owner is quiet.
    rules: Arc<Rules>,
    budget: Arc<Budget>,
}

struct Slots {
    /// `None` once another circuit took them over.
    histograms: Option<[Histogram<u32>; SLOTS]>,
    owners: [u64; SLOTS],
}

impl Percentiles {
    /// Takes in a latency, unless somebody is reading; `false` where it had to be left out.
    pub(super) fn record(&self, slot: u64, latency: u64) -> bool {
        if !is_one_era(slot, self.rules.base()) {
            return false;
        }
        self.touched.fetch_max(slot + 1, Relaxed);
        let Some(mut slots) = self.slots.try_lock() else {
            return false;
        };
        let Slots { histograms, owners } = &mut *slots;
        let Some(histograms) = histograms else {
            return false;
        };
        let at = (slot % SPAN) as usize;
        if owners[at] != slot + 1 {
            histograms[at].reset();
            owners[at] = slot + 1;
        }
        histograms[at].saturating_record(latency);
        true
    }

    /// Whether they are of no more use: another circuit has taken them over, or the rules count otherwise by now.
    pub(super) fn is_lost(&self, slot: u64) -> bool {
        !is_one_era(slot, self.rules.base())
            || self
                .slots
                .try_lock()
                .is_some_and(|slots| slots.histograms.is_none())
    }

    pub(super) fn read(&self, now: u64) -> Option<LatencyQuantiles> {
        let mut window: Histogram<u32> = self.rules.policy.histogram.histogram()?;
        let slots = self.slots.lock();
        for (histogram, owner) in slots.histograms.iter().flatten().zip(slots.owners) {
            if !has_left(owner, now) {
                window.add(histogram).ok()?;
            }
        }
        drop(slots);
        LatencyQuantiles::of(&window)
    }

    /// Adds the latencies of the window that ends now to those of other circuits.
    #[cfg(any(feature = "otel", feature = "metrics", feature = "status"))]
    pub(super) fn add_to(&self, into: &mut Histogram<u32>, now: u64) {
        let slot = self.rules.slot(now);
        let slots = self.slots.lock();
        for (histogram, owner) in slots.histograms.iter().flatten().zip(slots.owners) {
            if !has_left(owner, slot) {
                // Fails where a value lies beyond the bounds, and these grow.
                let _ = into.add(histogram);
            }
        }
    }

    /// What the histograms take, if another circuit has not taken them over.
    #[cfg(any(feature = "otel", feature = "metrics", feature = "status"))]
    pub(super) fn bytes(&self) -> usize {
        let is_there = self.slots.lock().histograms.is_some();
        if is_there {
            self.rules.histogram_bytes
        } else {
            0
        }
    }

    pub(super) fn clear(&self) {
        self.slots.lock().owners = [0; SLOTS];
    }

    fn is_quiet(&self, now: u64) -> bool {
        has_left(self.touched.load(Relaxed), self.rules.slot(now))
    }
}

impl Drop for Percentiles {
    fn drop(&mut self) {
        if self.slots.lock().histograms.is_some() {
            self.budget
                .used
                .fetch_sub(self.rules.histogram_bytes, Relaxed);
        }
    }
}

impl fmt::Debug for Slots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slots")
            .field("owners", &self.owners)
            .finish_non_exhaustive()
    }
}

/// The bytes that the histograms of one circuit take; none where the shape was not validated.
pub(super) fn bytes_of(shape: &HistogramShape) -> usize {
    let histogram: Option<Histogram<u32>> = shape.histogram();
    histogram.map_or(0, |histogram| {
        histogram.distinct_values() * size_of::<u32>() * SLOTS
    })
}

/// The bytes that all histograms of a registry may take together.
#[derive(Debug)]
pub(crate) struct Budget {
    bytes: usize,
    used: AtomicUsize,
    holders: Mutex<Holders>,
}

#[derive(Debug, Default)]
struct Holders {
    list: Vec<Weak<Percentiles>>,
    /// Where the next search begins.
    hand: usize,
}

impl Budget {
    pub(crate) fn new(bytes: usize) -> Self {
        Self {
            bytes,
            used: AtomicUsize::new(0),
            holders: Mutex::default(),
        }
    }

    /// The bytes that are taken.
    pub(crate) fn used(&self) -> usize {
        self.used.load(Relaxed)
    }

    /// Histograms for a busy circuit, or none where the budget is spent on others as busy.
    ///
    /// Asked again and again by circuits that get none, so it allocates nothing before it is sure.
    pub(super) fn allot(
        self: &Arc<Self>,
        rules: &Arc<Rules>,
        slot: u64,
    ) -> Option<Arc<Percentiles>> {
        let bytes = rules.histogram_bytes;
        let now = rules
            .began(slot)
            .filter(|_| is_one_era(slot, rules.base()))?;
        if bytes > self.bytes {
            return None;
        }
        // Whoever is looking already does so for a circuit as busy as this one; there is a next call.
        let mut holders = self.holders.try_lock()?;
        while self.used() + bytes > self.bytes {
            self.take_back(&mut holders, now)?;
        }
        let empty: Histogram<u32> = rules.policy.histogram.histogram()?;
        self.used.fetch_add(bytes, Relaxed);
        let allotted = Arc::new(Percentiles {
            slots: Mutex::new(Slots {
                histograms: Some(std::array::from_fn(|_| empty.clone())),
                owners: [0; SLOTS],
            }),
            touched: AtomicU64::new(slot + 1),
            rules: Arc::clone(rules),
            budget: Arc::clone(self),
        });
        holders.list.retain(|holder| holder.strong_count() > 0);
        holders.list.push(Arc::downgrade(&allotted));
        Some(allotted)
    }

    /// Takes the histograms of a holder that is quiet; `None` where a bounded search finds none.
    fn take_back(&self, holders: &mut Holders, now: u64) -> Option<()> {
        for _ in 0..SEARCH.min(holders.list.len()) {
            holders.hand = (holders.hand + 1) % holders.list.len();
            let Some(holder) = holders.list[holders.hand].upgrade() else {
                continue;
            };
            if !holder.is_quiet(now) {
                continue;
            }
            let taken = holder
                .slots
                .try_lock()
                .and_then(|mut slots| slots.histograms.take());
            if taken.is_some() {
                self.used.fetch_sub(holder.rules.histogram_bytes, Relaxed);
                holders.list.swap_remove(holders.hand);
                return Some(());
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policy;

    #[test]
    fn a_call_does_not_wait_for_a_reader() {
        let rules = Arc::new(Rules::new(Policy::default()));
        let budget = Arc::new(Budget::new(rules.histogram_bytes));
        let percentiles = budget.allot(&rules, 0).unwrap();
        let reader = percentiles.slots.lock();
        assert!(!percentiles.record(0, 1_000));
        drop(reader);
        assert!(percentiles.record(0, 1_000));
        assert_eq!(percentiles.read(0).unwrap().samples, 1);
    }

    #[test]
    fn a_window_is_summed_up_for_the_first_call_of_a_slot_and_for_every_tenth() {
        let looked_at: Vec<_> = (1..=25)
            .filter(|calls| is_to_be_looked_at(*calls))
            .collect();
        assert_eq!(looked_at, [1, 10, 20]);
    }

    fn rules() -> Arc<Rules> {
        Arc::new(Rules::new(Policy::default()))
    }

    /// The budget of so many circuits.
    fn budget(rules: &Rules, circuits: usize) -> Arc<Budget> {
        Arc::new(Budget::new(circuits * rules.histogram_bytes))
    }

    #[test]
    fn a_budget_is_spent_to_the_last_byte_and_what_is_dropped_is_given_back() {
        let rules = rules();
        let budget = budget(&rules, 2);
        let [first, second] = [0; 2].map(|_| budget.allot(&rules, 0).unwrap());
        assert!(budget.allot(&rules, 0).is_none());
        assert_eq!(budget.used(), 2 * rules.histogram_bytes);
        drop(first);
        assert_eq!(budget.used(), rules.histogram_bytes);
        let _third = budget.allot(&rules, 0).unwrap();
        assert_eq!(budget.holders.lock().list.len(), 2);
        drop(second);
    }

    #[test]
    fn those_that_are_quiet_are_taken_back_wherever_they_are_and_given_back_once() {
        let rules = rules();
        let budget = budget(&rules, 3);
        let held = [0; 3].map(|_| budget.allot(&rules, 0).unwrap());
        held[1].record(100, 1_000);
        let _others = [0; 2].map(|_| budget.allot(&rules, 100).unwrap());
        assert!(budget.allot(&rules, 100).is_none());
        assert_eq!(
            held.each_ref().map(|held| held.is_lost(100)),
            [true, false, true]
        );
        drop(held);
        assert_eq!(budget.used(), 2 * rules.histogram_bytes);

        let budget = self::budget(&rules, 2);
        let held = [0; 2].map(|_| budget.allot(&rules, 0).unwrap());
        held[0].record(100, 1_000);
        assert!(budget.allot(&rules, 100).is_some());
    }

    #[test]
    fn who_was_measured_within_the_window_is_not_quiet() {
        let rules = rules();
        let percentiles = budget(&rules, 1).allot(&rules, 0).unwrap();
        percentiles.record(5, 1_000);
        let is_quiet = |slot| percentiles.is_quiet(slot * rules.slot_nanos);
        assert_eq!([14, 15].map(is_quiet), [false, true]);
    }

    #[test]
    fn what_holds_them_is_shown_without_the_latencies() {
        let rules = rules();
        let percentiles = budget(&rules, 1).allot(&rules, 0).unwrap();
        percentiles.record(5, 1_000);
        let shown = format!("{:?}", percentiles.slots.lock());
        assert!(shown.contains("owners: [0, 0, 0, 0, 0, 6"), "{shown}");
    }
}
