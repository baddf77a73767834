//! A policy as circuits ask it, and the slots into which it cuts time.

use std::ops::Deref;

use super::percentiles::bytes_of;
use super::window::SLOTS;
use crate::CircuitState;
use crate::policy::Policy;
use crate::reason::MAX_LATENCY_RULES;
use crate::sync::{Arc, Guard};
use crate::time::nanos;

/// Where a slot's era begins, above its index. The index has room for 557 years of the shortest slots.
const ERA: u32 = 44;
/// A bit of a slot's number is left to those who keep it.
const ERAS: u64 = 1 << 19;

/// Of how many earlier eras it is known how long their slots were.
const REMEMBERED: usize = 16;

/// A policy with the figures that calls need of it.
///
/// Slots are numbered by their era and, within it, from the registry's creation. A policy that counts otherwise
/// than the one before begins an era: what was counted by the old one is of another era, and so neither read nor
/// added to, without anybody going over the circuits.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) policy: Arc<Policy>,
    era: u64,
    /// The era in which the window got its length.
    window_era: u64,
    pub(super) slot_nanos: u64,
    pub(super) thresholds: [u64; MAX_LATENCY_RULES],
    pub(super) lowest_threshold: u64,
    /// Of the histograms of one circuit.
    pub(super) histogram_bytes: usize,
    /// The eras before, and the length of their slots.
    earlier: Vec<(u64, u64)>,
}

impl Rules {
    pub(crate) fn new(policy: Policy) -> Self {
        Self::in_era(policy, (0, 0), Vec::new())
    }

    /// The rules of a policy that takes the place of these. `era` gives the number of an era that there was not yet.
    pub(crate) fn followed_by(&self, policy: Policy, era: impl FnOnce() -> u64) -> Self {
        if policy.counts_like(&self.policy) {
            return Self::in_era(policy, self.eras(), self.earlier.clone());
        }
        let mut earlier = self.earlier.clone();
        earlier.push((self.era, self.slot_nanos));
        let forgotten = earlier.len().saturating_sub(REMEMBERED);
        earlier.drain(..forgotten);
        let era = era() % ERAS;
        let is_as_long = policy.window == self.policy.window;
        // Of its own numbers: those of all eras may have gone half round meanwhile, and then who is later looks earlier.
        let window_era = if is_as_long {
            self.window_era
        } else {
            (self.window_era + 1) % ERAS
        };
        Self::in_era(policy, (era, window_era), earlier)
    }

    fn eras(&self) -> (u64, u64) {
        (self.era, self.window_era)
    }

    /// The rules of the circuit that decides in an outage.
    pub(super) fn of_outage(self: &Arc<Self>) -> Arc<Self> {
        let outage = self.policy.outage.as_ref();
        let policy = Policy {
            open_for: outage.map_or(self.policy.open_for, |outage| outage.open_for),
            // What is said of a tenant's calls and of its circuit is not said of the dependency as a whole: one call
            // that hangs would keep all others from probing.
            max_in_flight: None,
            initial_state: CircuitState::Closed,
            ..Policy::clone(&self.policy)
        };
        Arc::new(Self::in_era(policy, self.eras(), self.earlier.clone()))
    }

    fn in_era(policy: Policy, eras: (u64, u64), earlier: Vec<(u64, u64)>) -> Self {
        let mut thresholds = [u64::MAX; MAX_LATENCY_RULES];
        for (threshold, rule) in thresholds.iter_mut().zip(&policy.latency) {
            *threshold = rule.threshold;
        }
        let (era, window_era) = eras;
        Self {
            era,
            window_era,
            slot_nanos: nanos(policy.window) / SLOTS as u64,
            lowest_threshold: thresholds.into_iter().min().unwrap_or(u64::MAX),
            thresholds,
            histogram_bytes: bytes_of(&policy.histogram),
            policy: Arc::new(policy),
            earlier,
        }
    }

    /// The number of the era's first slot.
    pub(super) fn base(&self) -> u64 {
        self.era << ERA
    }

    pub(super) fn slot(&self, now: u64) -> u64 {
        self.base() + now / self.slot_nanos
    }

    /// The slot in which a tenant is active that calls now: one of an era that begins anew with the length of the window
    /// alone.
    pub(super) fn activity_slot(&self, now: u64) -> u64 {
        (self.window_era << ERA) + now / self.slot_nanos
    }

    /// When a slot began; none where it is of an era of which nothing is known any more.
    pub(super) fn began(&self, slot: u64) -> Option<u64> {
        let era = slot >> ERA;
        let now = std::iter::once((self.era, self.slot_nanos));
        let eras = now.chain(self.earlier.iter().rev().copied());
        let (_, slot_nanos) = eras.into_iter().find(|(known, _)| *known == era)?;
        Some((slot & ((1 << ERA) - 1)).saturating_mul(slot_nanos))
    }
}

/// Whether the slot is of an era before that of the other.
pub(super) fn is_of_earlier_era(slot: u64, other: u64) -> bool {
    let behind = (other >> ERA).wrapping_sub(slot >> ERA) % ERAS;
    behind > 0 && behind < ERAS / 2
}

/// Whether two slots are of one era.
#[inline]
pub(super) fn is_one_era(slot: u64, other: u64) -> bool {
    slot >> ERA == other >> ERA
}

/// The rules that hold for a circuit: its tenant's own, or those of the dependency.
pub(crate) enum InForce {
    Own(Arc<Rules>),
    /// Without a count of those who hold them, which all cores would write to.
    Common(Guard<Arc<Rules>>),
}

impl Deref for InForce {
    type Target = Arc<Rules>;

    fn deref(&self) -> &Arc<Rules> {
        match self {
            Self::Own(rules) => rules,
            Self::Common(rules) => rules,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{ERA, ERAS, Rules, is_of_earlier_era};
    use crate::policy::{OpenPeriod, Policy};
    use crate::sync::Arc;
    use crate::{CircuitState, OutagePolicy};

    fn of(seconds: u64) -> Policy {
        let window = Duration::from_secs(seconds);
        Policy::builder().window(window).build().unwrap()
    }

    #[test]
    fn a_window_of_another_length_is_later_however_many_thresholds_have_changed_before() {
        let mut before = Rules::new(of(1));
        for (seconds, era) in [(2, 1), (3, ERAS / 2 + 1), (4, 2 * ERAS - 1), (5, 2 * ERAS)] {
            let after = before.followed_by(of(seconds), || era);
            let (old, new) = (before.activity_slot(0), after.activity_slot(0));
            assert!(is_of_earlier_era(old, new) && !is_of_earlier_era(new, old));
            before = after;
        }
    }

    #[test]
    fn eras_go_round() {
        let after = Rules::new(of(1)).followed_by(of(2), || 2 * ERAS + 3);
        assert_eq!(after.slot(0) >> ERA, 3);
        assert_eq!(after.began(after.slot(0) + 1), Some(after.slot_nanos));
        let half = after.slot(0) ^ (ERAS / 2) << ERA;
        assert!(!is_of_earlier_era(half, after.slot(0)) && !is_of_earlier_era(after.slot(0), half));
    }

    #[test]
    fn what_is_said_of_a_tenant_is_not_said_of_an_outage() {
        let fixed = |seconds| OpenPeriod::fixed(Duration::from_secs(seconds));
        let policy = Policy::builder()
            .success_threshold(2)
            .open_for(fixed(3))
            .max_in_flight(4)
            .initial_state(CircuitState::Open)
            .outage(OutagePolicy::default().open_for(fixed(7)))
            .build()
            .unwrap();
        let rules = Arc::new(Rules::new(policy));
        let of_outage = &rules.of_outage().policy;
        assert_eq!(of_outage.success_threshold, 2);
        assert_eq!(of_outage.open_for, fixed(7));
        assert_eq!(of_outage.max_in_flight, None);
        assert_eq!(of_outage.initial_state, CircuitState::Closed);
    }
}
