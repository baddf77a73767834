//! How many tenants are active in the window, and how many of them are down, without a count per call.

use super::Head;
use super::rare::Rare;
use super::rules::{is_of_earlier_era, is_one_era};
use super::window::{SLOTS, has_left};
use crate::policy::OutagePolicy;
use crate::sync::{AcqRel, Acquire, AtomicBool, AtomicU64, Relaxed, Release};

/// Ten slots, as those of a circuit's window, but by the dependency's rules.
///
/// A circuit stands in the slot of its last activity, and moves itself from there to the present one: so a slot holds
/// the tenants that have not been active since, and those of the window sum to distinct tenants. A slot packs `tag |
/// down | active`; its tag names the slot that it stands for, so that who is late by a window counts in no other. A
/// circuit has moved before it leaves and enters, so another move of it can overtake: both lanes begin with a bias,
/// beneath which they may fall for a moment. Whoever begins a slot begins those that nobody began before it too: so
/// none is left over, however long nothing happened.
#[derive(Debug, Default)]
pub(super) struct Activity {
    /// The newest slot that was begun, plus 1.
    newest: AtomicU64,
    slots: [AtomicU64; SLOTS],
    /// Whether there is a policy that asks.
    is_watched: AtomicBool,
    /// Whether tenants count of which no call ever succeeded.
    newcomers: AtomicBool,
    /// Before which there is no telling what share of the tenants is down.
    judged_from: AtomicU64,
}

const DOWN: u32 = 24;
const TAG: u32 = 48;
const LANE: u64 = (1 << 24) - 1;
const BIAS: u64 = 1 << 12;

/// A slot in which nobody stands.
fn empty(slot: u64) -> u64 {
    tag(slot) << TAG | BIAS << DOWN | BIAS
}

/// Where a circuit stands: `slot + 1 | is it down`; 0 for nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place(u64);

impl Place {
    /// Of a tenant that has not been active.
    pub(super) const NOWHERE: Self = Self(0);
    /// Of a circuit that several share: it is no tenant.
    pub(super) const NOBODY: Self = Self(u64::MAX);

    pub(super) fn kept(self) -> AtomicU64 {
        AtomicU64::new(self.0)
    }

    fn new(slot: u64, down: bool) -> Self {
        Self((slot + 1) << 1 | u64::from(down))
    }

    fn slot(self) -> Option<u64> {
        (self != Self::NOBODY)
            .then_some(self.0 >> 1)?
            .checked_sub(1)
    }

    fn is_down(self) -> bool {
        self != Self::NOBODY && self.0 & 1 != 0
    }

    fn not_down(self) -> Self {
        match self {
            Self::NOBODY => self,
            Self(place) => Self(place & !1),
        }
    }
}

impl Activity {
    pub(super) fn watch(&self, policy: Option<&OutagePolicy>) {
        let newcomers = policy.is_some_and(|policy| policy.newcomers);
        self.newcomers.store(newcomers, Relaxed);
        self.is_watched.store(policy.is_some(), Relaxed);
    }

    /// Has nothing be said of shares before this instant.
    pub(super) fn judge_from(&self, at: u64) {
        self.judged_from.store(at, Release);
    }

    /// The tenants that are down, and those that are active, in the window that ends with this slot.
    pub(super) fn sums(&self, slot: u64, now: u64) -> (u64, u64) {
        if now < self.judged_from.load(Acquire) {
            return (0, 0);
        }
        let lanes = |kept: &AtomicU64| {
            let kept = kept.load(Acquire);
            (kept >> TAG, kept >> DOWN & LANE, kept & LANE)
        };
        let newest = self.newest.load(Acquire);
        let oldest = (slot + 1).saturating_sub(SLOTS as u64);
        // The newest first: who moves on meanwhile has left the slot that is read later, and counts once at most. And what
        // one slot lacks, for a move that overtook another, is taken from the others.
        let (down, active) = (oldest..newest.min(slot + 1))
            .rev()
            .map(|slot| (tag(slot), lanes(self.at(slot))))
            .filter(|(tag, lanes)| *tag == lanes.0)
            .fold((0, 0), |sums, (_, (_, down, active))| {
                let above = |lane: u64| lane as i64 - BIAS as i64;
                (sums.0 + above(down), sums.1 + above(active))
            });
        let count = |sum: i64| u64::try_from(sum).unwrap_or(0);
        (count(down), count(active))
    }

    /// Counts nobody as down who is it now.
    pub(super) fn forget_down(&self) {
        for slot in &self.slots {
            let without = |lanes: u64| Some(lanes & !(LANE << DOWN) | BIAS << DOWN);
            let _ = slot.fetch_update(AcqRel, Relaxed, without);
        }
    }

    /// Begins the slot, if nobody has.
    fn begin(&self, slot: u64) {
        loop {
            let newest = self.newest.load(Acquire);
            let is_known = newest > 0 && is_one_era(newest - 1, slot);
            let is_late = newest > 0 && is_of_earlier_era(slot, newest - 1);
            if is_late || (is_known && newest > slot) {
                return;
            }
            let span = SLOTS as u64;
            let fresh = if is_known {
                (slot + 1 - newest).min(span)
            } else {
                span
            };
            for slot in (0..fresh).filter_map(|back| slot.checked_sub(back)) {
                self.empty(slot, newest);
            }
            let _ = self
                .newest
                .compare_exchange(newest, slot + 1, AcqRel, Relaxed);
        }
    }

    /// Empties a slot, unless somebody else has begun it since this slot was the newest: tenants may stand in it.
    fn empty(&self, slot: u64, newest: u64) {
        let at = self.at(slot);
        loop {
            let before = at.load(Acquire);
            if self.newest.load(Acquire) != newest {
                return;
            }
            let emptied = at.compare_exchange(before, empty(slot), AcqRel, Relaxed);
            if emptied.is_ok() {
                return;
            }
        }
    }

    fn enter(&self, place: Place) {
        let Some(slot) = self.slot_in_window(place) else {
            return;
        };
        let one = u64::from(place.is_down()) << DOWN | 1;
        let _ = self.at(slot).fetch_update(AcqRel, Relaxed, |lanes| {
            // A map of 16 million active tenants is beyond what the lanes can tell apart.
            (lanes >> TAG == tag(slot) && lanes & LANE < LANE).then_some(lanes + one)
        });
    }

    fn leave(&self, place: Place) {
        let Some(slot) = self.slot_in_window(place) else {
            return;
        };
        let one = u64::from(place.is_down()) << DOWN | 1;
        let _ = self.at(slot).fetch_update(AcqRel, Relaxed, |lanes| {
            let has_room = lanes & LANE >= one & LANE && lanes >> DOWN & LANE >= one >> DOWN;
            (lanes >> TAG == tag(slot) && has_room).then(|| lanes - one)
        });
    }

    /// The slot of the place, unless it is so old that another stands for it.
    fn slot_in_window(&self, place: Place) -> Option<u64> {
        let newest = self.newest.load(Acquire).checked_sub(1)?;
        place.slot().filter(|slot| !has_left(slot + 1, newest))
    }

    fn at(&self, slot: u64) -> &AtomicU64 {
        &self.slots[(slot % SLOTS as u64) as usize]
    }
}

/// Four bits of the slot's era, twelve of its index.
fn tag(slot: u64) -> u64 {
    slot >> 32 & 0xF000 | slot & 0xFFF
}

impl Head {
    /// Moves the circuit to the present slot.
    #[cold]
    pub(super) fn be_active(&self, now: u64) {
        self.be_active_in(self.context.activity_slot(now));
    }

    fn be_active_in(&self, slot: u64) {
        let before = Place(self.active.load(Relaxed));
        if before.slot() == Some(slot) || before == Place::NOBODY || !self.counts_as_tenant() {
            return;
        }
        // Not back: by a clock that steps back, or by rules that others have seen replaced since the slot was reckoned.
        let is_behind = |before: u64| {
            (is_one_era(slot, before) && slot < before) || is_of_earlier_era(slot, before)
        };
        if before.slot().is_some_and(is_behind) {
            return;
        }
        self.context.activity.begin(slot);
        self.stand(before, Place::new(slot, self.counted(before).is_down()));
    }

    fn counts_as_tenant(&self) -> bool {
        let activity = &self.context.activity;
        let has_succeeded = self.last_success.load(Relaxed) > 0;
        activity.is_watched.load(Relaxed) && (has_succeeded || activity.newcomers.load(Relaxed))
    }

    /// Counts the tenant as down, or as down no longer; under the machine's lock.
    pub(super) fn be_down(&self, is_down: bool) {
        let mut before = Place(self.active.load(Relaxed));
        while before.is_down() != is_down {
            let Some(slot) = before.slot() else { return };
            if self.stand(before, Place::new(slot, is_down)) {
                return;
            }
            before = Place(self.active.load(Relaxed));
        }
    }

    pub(super) fn is_counted_down(&self) -> bool {
        self.counted(Place(self.active.load(Relaxed))).is_down()
    }

    /// The place as it is counted: after a recovery, nobody is down who has not opened since.
    fn counted(&self, place: Place) -> Place {
        let recoveries = self.context.recoveries.load(Acquire);
        let is_heeded = |rare: &Rare| rare.heeded.load(Acquire) == recoveries;
        if place.is_down() && !self.rare.get().is_some_and(is_heeded) {
            place.not_down()
        } else {
            place
        }
    }

    fn stand(&self, before: Place, after: Place) -> bool {
        let counted = self.counted(before);
        let moved = self
            .active
            .compare_exchange(before.0, after.0, AcqRel, Relaxed)
            .is_ok();
        if moved {
            self.context.activity.leave(counted);
            // Again as it is counted: a recovery may have begun since the caller looked.
            self.context.activity.enter(self.counted(after));
        }
        moved
    }

    /// Takes the circuit out of the counts.
    pub(super) fn be_gone(&self) {
        let counted = self.counted(Place(self.active.load(Relaxed)));
        self.context.activity.leave(counted);
    }
}

#[cfg(test)]
mod tests;
