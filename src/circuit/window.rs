//! The sliding window of a circuit: ten slots of counters that a verdict sums up.

use super::rules::is_one_era;
use crate::reason::{Figures, MAX_LATENCY_RULES};
use crate::sync::{AcqRel, Acquire, AtomicU64, OnceLock, Relaxed, Release};

pub(crate) const SLOTS: usize = 10;
const SPAN: u64 = SLOTS as u64;
const LANE: u64 = 0xFFFF;
const SLOW: u32 = 16;
const FAILED: u32 = 32;
const TAG: u32 = 48;
/// The lane of throttled calls, among the further counts.
const THROTTLED: u32 = 48;
/// Where a tag's generation begins, above its lap.
const GENERATION: u32 = TAG + LAP_BITS;
const LAP_BITS: u32 = 6;

/// What one outcome adds to its slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) calls: u16,
    pub(super) failures: u16,
    /// Whether the failures are throttled calls.
    pub(super) throttled: bool,
    /// Whether the latency was over the threshold of each rule.
    pub(super) slow: [bool; MAX_LATENCY_RULES],
}

/// A slot, and where in a window it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) slot: u64,
    at: usize,
    lap: u64,
}

impl Position {
    #[inline]
    pub(super) fn of(slot: u64) -> Self {
        Self {
            slot,
            at: (slot % SPAN) as usize,
            lap: (slot / SPAN) & ((1 << LAP_BITS) - 1),
        }
    }
}

/// What became of an outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counted {
    /// It is in the window. `calls` are those of its slot, `folded` those that left the window by it.
    Here { calls: u64, folded: u64 },
    /// The circuit moved on to another generation meanwhile; `folded` as above.
    Stale { folded: u64 },
}

/// Ten slots, each a tenth of the window long and counted from the registry's creation.
///
/// A slot packs `tag | failures | slow | calls`, 16 bits each; its tag names the generation and the lap in
/// which it was cleared, so that a thread that slept since cannot count into a slot that has moved on. A
/// tag alone repeats after some laps, and a circuit may be idle for any time: so `touched` keeps the
/// whole number of the newest slot in use, and whoever begins a new one clears all that lie between.
// The slots first: see `Head`.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Window {
    slots: [AtomicU64; SLOTS],
    /// The newest slot in use, plus 1; 0 where nothing was counted in this generation.
    touched: AtomicU64,
}

/// Throttled calls, and slow calls of the second to fourth latency rule: `throttled | rule 3 | rule 2 | rule 1`.
#[derive(Debug, Default)]
pub(super) struct MoreCounts {
    slots: OnceLock<Box<[AtomicU64; SLOTS]>>,
}

impl Window {
    pub(super) fn new() -> Self {
        Self {
            touched: AtomicU64::new(0),
            slots: Default::default(),
        }
    }

    /// Counts a plain success in the slot in use, and returns the calls of the slot; none where that takes
    /// more than one look and one exchange, and nothing was counted.
    // Always, since a call of it takes more instructions than it does.
    #[inline(always)]
    pub(super) fn count_success(&self, now: Position, generation: u64) -> Option<u64> {
        let slot = &self.slots[now.at];
        let before = slot.load(Relaxed);
        let is_full = before & LANE == LANE;
        let is_begun = before >> TAG == (generation << LAP_BITS | now.lap) & LANE;
        if self.touched.load(Acquire) != now.slot + 1 || !is_begun || is_full {
            return None;
        }
        let counted = slot.compare_exchange(before, before + 1, AcqRel, Relaxed);
        counted.ok().map(|before| (before & LANE) + 1)
    }

    /// Counts an outcome in slot `now`, or in the newest slot in use where the clock stands behind it.
    #[inline]
    pub(super) fn count(
        &self,
        mut now: u64,
        generation: u64,
        counts: Counts,
        more: Option<&MoreCounts>,
        is_current: impl Fn() -> bool,
    ) -> Counted {
        let mut folded = 0;
        loop {
            let touched = self.touched.load(Acquire);
            if touched < now + 1 || !is_one_era(touched - 1, now) {
                folded += self.advance(touched, now, generation, more);
                continue;
            }
            let slot = touched - 1;
            let at = (slot % SPAN) as usize;
            let before = self.slots[at].load(Relaxed);
            if before >> TAG != tag(generation, slot) {
                if !is_current() {
                    return Counted::Stale { folded };
                }
                // A straggler of an older generation began this slot after the window was cleared. Begun anew, it is this
                // slot again: a thread that slept since it read the clock is not to take the window back.
                now = slot;
                let _ = self.touched.compare_exchange(touched, 0, AcqRel, Relaxed);
                continue;
            }
            let (kept, removed) = make_room(before, counts);
            let after = kept + pack(counts);
            if self.slots[at]
                .compare_exchange(before, after, AcqRel, Relaxed)
                .is_err()
            {
                continue;
            }
            if let Some(more) = more {
                more.count(at, counts, removed > 0);
            }
            return Counted::Here {
                calls: after & LANE,
                folded: folded + removed,
            };
        }
    }

    /// Clears the slots after `touched` up to `now`, and returns the calls that they held.
    ///
    /// Several threads may do so at once. A slot is only cleared as long as `touched` has not moved,
    /// which is looked at after the slot was read: what was counted since belongs to the new slot.
    #[cold]
    fn advance(&self, touched: u64, now: u64, generation: u64, more: Option<&MoreCounts>) -> u64 {
        let mut folded = 0;
        let stale = if touched == 0 || !is_one_era(touched - 1, now) {
            SPAN
        } else {
            (now + 1 - touched).min(SPAN)
        };
        for back in 0..stale {
            let (at, fresh) = match now.checked_sub(back) {
                Some(slot) => ((slot % SPAN) as usize, tag(generation, slot) << TAG),
                // Before the registry's creation.
                None => (((now + SPAN - back) % SPAN) as usize, 0),
            };
            loop {
                let before = self.slots[at].load(Acquire);
                if self.touched.load(Acquire) != touched {
                    return folded;
                }
                if let Some(more) = more {
                    more.clear(at);
                }
                if before == fresh {
                    break;
                }
                if self.slots[at]
                    .compare_exchange(before, fresh, AcqRel, Relaxed)
                    .is_ok()
                {
                    folded += before & LANE;
                    break;
                }
            }
        }
        let _ = self
            .touched
            .compare_exchange(touched, now + 1, AcqRel, Relaxed);
        folded
    }

    /// Empties the window for the next generation. The slots are cleared by whoever counts first.
    pub(super) fn clear(&self) {
        self.touched.store(0, Release);
    }

    /// Whether nothing was counted in the window that ends with slot `now`.
    pub(super) fn is_idle(&self, now: u64) -> bool {
        has_left(self.touched.load(Acquire), now)
    }

    /// The newest slot in use, plus 1.
    pub(super) fn touched(&self) -> u64 {
        self.touched.load(Acquire)
    }

    /// The calls that have not been folded into the lifetime figures yet, in the window or not.
    pub(super) fn unfolded(&self) -> u64 {
        let calls = |slot: &AtomicU64| slot.load(Relaxed) & LANE;
        self.slots.iter().map(calls).sum()
    }

    /// The sums over the window that ends with slot `now`, consecutive failures aside.
    ///
    /// Those of the newest slot's generation alone: a straggler of an older one may have counted between
    /// the clearing of the window and the first count of the next generation.
    pub(super) fn figures(&self, now: u64, more: Option<&MoreCounts>) -> Figures {
        let mut figures = Figures::default();
        let touched = self.touched.load(Acquire);
        if has_left(touched, now) {
            return figures;
        }
        let oldest = touched.max(now + 1).saturating_sub(SPAN);
        let mut newest = None;
        for slot in (oldest..touched).rev() {
            let at = (slot % SPAN) as usize;
            let counts = self.slots[at].load(Acquire);
            let generation = counts >> GENERATION;
            if *newest.get_or_insert(generation) != generation {
                continue;
            }
            figures.calls += counts & LANE;
            figures.slow[0] += counts >> SLOW & LANE;
            figures.failures += counts >> FAILED & LANE;
            if let Some(more) = more {
                more.add_to(at, &mut figures);
            }
        }
        figures
    }
}

/// Whether the slot that is kept plus 1, or 0 for none, has left the window that ends with slot `now`.
pub(super) fn has_left(kept: u64, now: u64) -> bool {
    kept == 0 || now + 1 >= kept + SPAN || !is_one_era(kept - 1, now)
}

impl MoreCounts {
    fn count(&self, at: usize, counts: Counts, halve: bool) {
        let slow = counts.slow[1..].iter().rev();
        let throttled = u64::from(counts.throttled) * u64::from(counts.failures);
        let added = slow.fold(throttled, |lanes, &slow| lanes << 16 | u64::from(slow));
        if !halve && added == 0 {
            return;
        }
        let slots = match self.slots.get() {
            // To halve nothing takes no memory.
            None if added == 0 => return,
            _ => self.slots.get_or_init(Box::default),
        };
        let _ = slots[at].fetch_update(AcqRel, Relaxed, |lanes| {
            let lanes = if halve || is_full(lanes, added, 4) {
                halve_up(lanes, 4)
            } else {
                lanes
            };
            Some(lanes + added)
        });
    }

    fn clear(&self, at: usize) {
        if let Some(slots) = self.slots.get() {
            slots[at].store(0, Release);
        }
    }

    fn add_to(&self, at: usize, figures: &mut Figures) {
        if let Some(slots) = self.slots.get() {
            let lanes = slots[at].load(Acquire);
            for (rule, slow) in figures.slow[1..].iter_mut().enumerate() {
                *slow += lanes >> (16 * rule) & LANE;
            }
            figures.throttled += lanes >> THROTTLED & LANE;
        }
    }
}

fn pack(counts: Counts) -> u64 {
    u64::from(counts.calls)
        | u64::from(counts.slow[0]) << SLOW
        | u64::from(counts.failures) << FAILED
}

/// Ten bits of the generation, six of the lap.
fn tag(generation: u64, slot: u64) -> u64 {
    (generation << LAP_BITS | Position::of(slot).lap) & LANE
}

/// The slot with room for `counts`, and how many calls were taken out of it.
///
/// A lane that saturated would make every later verdict wrong; halving keeps the proportions. Bad counts
/// are rounded up, so that a few failures do not vanish.
fn make_room(slot: u64, counts: Counts) -> (u64, u64) {
    let lanes = slot & ((1 << TAG) - 1);
    if !is_full(lanes, pack(counts), 3) {
        return (slot, 0);
    }
    let calls = slot & LANE;
    let halved = (halve_up(lanes, 3) & !LANE) | (calls / 2);
    ((slot >> TAG << TAG) | halved, calls - calls / 2)
}

/// Whether a lane would overflow.
fn is_full(lanes: u64, added: u64, count: u32) -> bool {
    (0..count).any(|lane| (lanes >> (16 * lane) & LANE) + (added >> (16 * lane) & LANE) > LANE)
}

fn halve_up(lanes: u64, count: u32) -> u64 {
    (0..count).fold(0, |halved, lane| {
        halved | (lanes >> (16 * lane) & LANE).div_ceil(2) << (16 * lane)
    })
}

#[cfg(test)]
mod tests {
    use super::{Counts, LANE, MoreCounts, Position, Window, make_room, pack, tag};

    const FAILED: Counts = Counts {
        calls: 1,
        failures: 1,
        throttled: false,
        slow: [false; 4],
    };

    #[test]
    fn what_a_straggler_counted_into_a_cleared_window_is_not_read() {
        let window = Window::new();
        let count = |slot, generation, is_current| {
            window.count(slot, generation, FAILED, None, || is_current)
        };
        count(20, 0, true);
        // Generation 1 begins while a call of generation 0 is between the look at the state and the count.
        window.clear();
        count(20, 0, false);
        count(21, 1, true);
        let figures = window.figures(21, None);
        assert_eq!((figures.calls, figures.failures), (1, 1));
        assert_eq!(window.unfolded(), 2);
    }

    #[test]
    fn a_slot_of_an_era_whose_number_is_lower_is_later_where_eras_have_gone_round() {
        let window = Window::new();
        let [before, after] = [u64::MAX / 2, 7];
        let count = |slot| window.count(slot, 0, FAILED, None, || true);
        count(before);
        count(after);
        assert_eq!(window.figures(after, None).calls, 1);
        assert!(!window.is_idle(after) && window.is_idle(before));
    }

    #[test]
    fn a_success_is_counted_in_one_step_only_in_the_slot_in_use_of_its_generation() {
        const GOOD: Counts = Counts {
            failures: 0,
            ..FAILED
        };
        let window = Window::new();
        let count = |slot, generation| window.count_success(Position::of(slot), generation);
        // Nothing is in use, though the tag of an empty slot is that of the first lap.
        assert_eq!(count(0, 0), None);
        window.count(0, 0, GOOD, None, || true);
        assert_eq!(count(0, 0), Some(2));
        // Of another lap, of all laps that a tag tells apart, and of another generation.
        assert_eq!([count(10, 0), count(640, 0), count(0, 1)], [None; 3]);
        window.count(3, 0, GOOD, None, || true);
        // No longer the newest, and not begun.
        assert_eq!([count(0, 0), count(4, 0)], [None; 2]);
        for calls in 2..=LANE {
            assert_eq!(count(3, 0), Some(calls));
        }
        assert_eq!(count(3, 0), None, "the slot is full");
        assert_eq!(window.figures(3, None).calls, 2 + LANE);
        window.clear();
        assert_eq!(count(3, 0), None);
    }

    #[test]
    fn a_full_slot_allocates_nothing_for_rules_that_there_are_not() {
        let (window, more) = (Window::new(), MoreCounts::default());
        for _ in 0..70_000 {
            window.count(0, 0, FAILED, Some(&more), || true);
        }
        assert!(more.slots.get().is_none());
    }

    #[test]
    fn a_slot_has_a_place_and_a_lap_and_its_tag_a_generation_too() {
        let of = |slot| {
            let Position { at, lap, .. } = Position::of(slot);
            (at, lap)
        };
        assert_eq!([9, 10, 25, 645].map(of), [(9, 0), (0, 1), (5, 2), (5, 0)]);
        assert_eq!(tag(3, 25), 3 << 6 | 2);
        assert_eq!(tag(1 << 10 | 3, 645), 3 << 6);
    }

    #[test]
    fn what_was_counted_at_the_end_of_an_era_is_not_read_in_the_next() {
        const END: u64 = 1 << 44;
        let window = Window::new();
        for slot in [END - 2, END - 1, END] {
            window.count(slot, 0, FAILED, None, || true);
        }
        assert_eq!(window.figures(END, None).calls, 1);
    }

    #[test]
    fn a_slot_that_is_full_in_any_lane_is_halved_in_all_and_keeps_its_tag() {
        let bad = |failures, slow| Counts {
            calls: 100,
            failures,
            throttled: false,
            slow: [slow, false, false, false],
        };
        let with_tag = 77 << 48;
        // Failures of cancelled calls may outlive the calls.
        let slot = with_tag | 0xFFFF << 32 | 7 << 16 | 101;
        let halved = with_tag | 0x8000 << 32 | 4 << 16 | 50;
        assert_eq!(make_room(slot, bad(1, true)), (halved, 51));
        assert_eq!(make_room(slot, bad(0, true)), (slot, 0));
        let slot = with_tag | 3 << 32 | 0xFFFF << 16 | 101;
        let halved = with_tag | 2 << 32 | 0x8000 << 16 | 50;
        assert_eq!(make_room(slot, bad(1, true)), (halved, 51));
        assert_eq!(make_room(slot, bad(1, false)), (slot, 0));
        let slot = with_tag | 3 << 32 | 0xFFFF;
        let halved = with_tag | 2 << 32 | 0x7FFF;
        assert_eq!(make_room(slot, bad(1, false)), (halved, 0x8000));
        assert_eq!(pack(bad(5, true)), 5 << 32 | 1 << 16 | 100);
    }
}
