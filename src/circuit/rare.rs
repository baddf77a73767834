//! The part of a circuit that a healthy tenant never needs, allocated at the first event that does.

use super::percentiles::Percentiles;
use super::rules::Rules;
use super::window::{MoreCounts, has_left};
use crate::overrides::Place;
use crate::reason::{Figures, Reason};
use crate::sync::{ArcSwapOption, AtomicU32, AtomicU64, Mutex, Relaxed};

/// What only circuits need that had a bad call, a rejection, an override or much traffic.
///
/// In this order, so that what rejections read does not lie beside what they count.
#[derive(Debug, Default)]
#[repr(C)]
pub(super) struct Rare {
    /// When the open period ends, in nanoseconds; published before the state word.
    pub(super) deadline: AtomicU64,
    /// Since when the circuit is open or half-open, plus 1; 0 where it is closed. Published before the state word.
    pub(super) shut_since: AtomicU64,
    /// The latest instant that a hint named in this closed generation.
    pub(super) hinted: AtomicU64,
    /// The recovery of the dependency that the open period has heeded.
    pub(super) heeded: AtomicU64,
    /// Until when a rejected call need not look whether its tenant counts as active.
    pub(super) active_until: AtomicU64,
    /// Of which slots that one was; see [`Context::activity_base`](super::Context::activity_base).
    pub(super) active_base: AtomicU64,
    /// When the ramp began, and what share of a call is saved up.
    pub(super) ramp_since: AtomicU64,
    pub(super) ramp_credit: AtomicU64,
    /// When a call last was rejected or asked to probe; rejections of an open circuit before its deadline need not be kept.
    pub(super) last_attempt: AtomicU64,
    /// Up to which rejected call a prober has answered, by the count of all of them; see [`wanted`](super::wanted).
    pub(super) answered: AtomicU64,
    /// When a call failed last.
    pub(super) last_failure: AtomicU64,
    /// The slot of the last cancelled call, plus 1.
    pub(super) last_abandoned: AtomicU64,
    pub(super) in_flight: AtomicU32,
    pub(super) tally: Tally,
    pub(super) more_counts: MoreCounts,
    pub(super) percentiles: ArcSwapOption<Percentiles>,
    /// The override of the circuit itself.
    pub(super) own: Place,
    /// The override of its tenant.
    pub(super) tenant: Place,
    /// The policy of its tenant's own.
    pub(super) rules: ArcSwapOption<Rules>,
    pub(super) machine: Mutex<Machine>,
}

/// Lifetime counts of what does not happen on a plain good call.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) failures: AtomicU64,
    pub(super) throttled: AtomicU64,
    pub(super) ignored: AtomicU64,
    pub(super) cancelled: AtomicU64,
    pub(super) abandoned: AtomicU64,
    pub(super) abandoned_failures: AtomicU64,
    pub(super) slow: AtomicU64,
    pub(super) rejected: AtomicU64,
    pub(super) would_reject: AtomicU64,
    pub(super) would_open: AtomicU64,
    pub(super) late: AtomicU64,
    pub(super) probes: AtomicU64,
    pub(super) probe_successes: AtomicU64,
    pub(super) probe_failures: AtomicU64,
    pub(super) unmeasured: AtomicU64,
}

pub(super) fn add(counter: &AtomicU64, n: u64) {
    counter.fetch_add(n, Relaxed);
}

/// What changes with the state, under one short lock that no plain call takes.
#[derive(Debug, Default)]
pub(super) struct Machine {
    /// How often the circuit opened since it was last closed for a whole window.
    pub(super) openings: u32,
    pub(super) closed_since: u64,
    pub(super) opened_at: u64,
    /// The latest instant before which the dependency asked not to be called, in this open period.
    pub(super) not_before: u64,
    /// Whether the circuit was closed before it was shut, and did not begin open or half-open.
    pub(super) has_broken: bool,
    /// How long it has waited for probes since, after the ends of its open periods, and whether an operator had a
    /// hand in it.
    pub(super) waited: u64,
    pub(super) had_a_hand: bool,
    /// The slot in which the circuit opened, and the run of failures at that moment.
    pub(super) readable_slot: u64,
    pub(super) readable_run: u16,
    /// The slot in which the run of failures last began after an idle window, plus 1.
    pub(super) run_slot: u64,
    /// How long the open period was set to last, hints aside.
    pub(super) period: u64,
    /// When the open period ended that a call has seen to be over.
    pub(super) over_at: u64,
    /// When a call last had the chance to probe, or will have it first.
    pub(super) last_chance: u64,
    pub(super) warned_of_barred: bool,
    /// Why the circuit opened last, as in the state word, which forgets it once the circuit is half-open.
    pub(super) opened_for: u8,
    pub(super) probes: Vec<Lease>,
    pub(super) last_probe: u32,
    pub(super) successes: u8,
    /// Cancelled probes in a row.
    pub(super) abandoned: u8,
    /// The slot of the last of them, plus 1.
    pub(super) last_abandoned_probe: u64,
    pub(super) opened: u64,
    pub(super) time_open: u64,
    /// How often probes closed it that rules had opened, and the time from one to the other.
    pub(super) recovered: u64,
    pub(super) time_to_recover: u64,
    pub(super) last_trip: Option<(u64, Reason, Figures)>,
    #[cfg(any(feature = "otel", feature = "metrics", feature = "status"))]
    pub(super) marks: super::reading::Marks,
}

/// The place of a probe in flight.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lease {
    pub(super) probe: u32,
    pub(super) until: u64,
}

impl Machine {
    /// A cancelled probe; `true` where so many came in a row that the circuit opens again.
    pub(super) fn abandon_probe(&mut self, slot: u64, enough: u8) -> bool {
        let is_idle = has_left(self.last_abandoned_probe, slot);
        self.abandoned = if is_idle { 0 } else { self.abandoned };
        self.abandoned = self.abandoned.saturating_add(1);
        self.last_abandoned_probe = slot + 1;
        enough > 0 && self.abandoned >= enough
    }
}
