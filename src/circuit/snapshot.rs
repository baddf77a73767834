//! A circuit as people read it.

use std::time::Duration;

use tokio::time::Instant;

use super::percentiles::LatencyQuantiles;
use super::{Circuit, Totals};
use crate::overrides::{EffectiveState, OverrideSnapshot, Standing};
use crate::reason::{Figures, Reason};
use crate::sync::Relaxed;
use crate::{CircuitState, time::Clock};

/// A trip of a closed circuit. [`CircuitSnapshot`] shows how it is written as JSON.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Trip {
    /// When.
    pub at: Instant,
    /// The rule that fired.
    pub reason: Reason,
    /// What the window held.
    pub figures: Figures,
}

/// A circuit at one moment.
///
/// Read piece by piece while calls go on: on a busy circuit the figures of one snapshot can be some calls
/// apart.
///
/// With feature `serde` it is written as JSON with the names of the fields; durations are milliseconds, with `_ms` at
/// the end of their names, and instants are how long ago they were at the moment of the snapshot, with `_ago_ms`:
///
/// ```json
/// {
///   "dependency": "search", "tenant": "acme", "state": "open",
///   "effective_state": { "decided_by": "automatic", "state": "open" }, "overridden": null,
///   "generation": 7, "retry_after_ms": 2500.0, "ramp": null, "in_flight": null,
///   "window": {
///     "calls": 40, "failures": 9, "throttled": 0, "consecutive_failures": 5, "slow": [3, 0, 0, 0]
///   },
///   "latency": { "samples": 40, "p50_ms": 12.5, "p95_ms": 80.0, "p99_ms": 3100.0, "max_ms": 3200.0 },
///   "totals": { "calls": 7000, "time_open_ms": 1500.0, "time_to_recover_ms": 0.0 },
///   "last_success_ago_ms": 4000.0, "last_failure_ago_ms": 1500.0,
///   "last_trip": {
///     "ago_ms": 1500.0, "reason": "consecutive_failures",
///     "figures": { "calls": 40, "failures": 9, "throttled": 0, "consecutive_failures": 5, "slow": [3, 0, 0, 0] }
///   }
/// }
/// ```
///
/// What there is not is `null`; `overridden` is as [`OverrideSnapshot`] shows; `totals` has all fields of [`Totals`]. `decided_by` is `automatic`, `forced_open`,
/// `disabled`, `dry_run` or `outage`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CircuitSnapshot {
    /// When it was read.
    pub taken_at: Instant,
    /// The name of the dependency.
    pub dependency: String,
    /// The tenant; none for a circuit that several share.
    pub tenant: Option<String>,
    /// The state of the automatic machine.
    pub state: CircuitState,
    /// What decides over calls.
    pub effective_state: EffectiveState,
    /// The override that wins over the circuit, of whatever level.
    pub overridden: Option<OverrideSnapshot>,
    /// Grows with every change of the state.
    pub generation: u64,
    /// What is left of the open period; zero once it is over, none where the circuit is not open.
    pub retry_after: Option<Duration>,
    /// The share of calls that is admitted, from 0 to 1, while it grows after the circuit closed.
    pub ramp: Option<f64>,
    /// The calls in the air, where the policy bounds them.
    pub in_flight: Option<u32>,
    /// The current window; while the circuit is open, the one that tripped.
    pub window: Figures,
    /// Percentiles of the current window. None for a circuit that has no histograms: a quiet one, with under
    /// 100 calls in a window, or any where the registry's budget is spent.
    pub latency: Option<LatencyQuantiles>,
    /// Lifetime counts.
    pub totals: Totals,
    /// The beginning of the window's slot in which a call succeeded last.
    pub last_success: Option<Instant>,
    /// When a call failed last.
    pub last_failure: Option<Instant>,
    /// The last trip of the closed circuit.
    pub last_trip: Option<Trip>,
}

impl Circuit {
    pub(crate) fn snapshot(&self) -> CircuitSnapshot {
        let context = &*self.context;
        let rules = self.rules();
        let clock = context.shared.clock;
        let now = context.now();
        let standing = self.override_in_force(now);
        let word = self.word();
        let rare = self.rare.get();
        let last_success = self.last_success.load(Relaxed).checked_sub(1);
        CircuitSnapshot {
            taken_at: clock.instant(now),
            dependency: context.name.as_ref().to_owned(),
            tenant: self.tenant().map(str::to_owned),
            state: word.state(),
            effective_state: self.effective_state_under(standing.as_ref(), now),
            overridden: standing.and_then(|standing| standing.snapshot(now, &clock)),
            generation: word.generation(),
            retry_after: rare
                .filter(|_| word.state() == CircuitState::Open)
                .map(|rare| self.deadline(rare).saturating_sub(now))
                .map(Duration::from_nanos),
            ramp: self.ramp(),
            in_flight: rules
                .policy
                .max_in_flight
                .map(|_| rare.map_or(0, |rare| rare.in_flight.load(Relaxed))),
            window: self.window_figures(now),
            latency: self.latency(now),
            totals: self.totals(now),
            last_success: last_success
                .and_then(|slot| rules.began(slot))
                .map(|at| clock.instant(at)),
            last_failure: rare
                .map(|rare| rare.last_failure.load(Relaxed))
                .filter(|at| *at > 0)
                .map(|at| clock.instant(at)),
            last_trip: rare.and_then(|rare| trip(rare.machine.lock().last_trip, &clock)),
        }
    }

    /// The percentiles of the current window.
    pub(crate) fn latency(&self, now: u64) -> Option<LatencyQuantiles> {
        let percentiles = self.rare.get()?.percentiles.load_full()?;
        percentiles.read(self.readable_slot(now))
    }

    /// What decides over calls.
    pub(crate) fn effective_state(&self, now: u64) -> EffectiveState {
        self.effective_state_under(self.override_in_force(now).as_ref(), now)
    }

    fn effective_state_under(&self, standing: Option<&Standing>, now: u64) -> EffectiveState {
        let in_outage = standing.is_none() && self.context.is_in_outage(now);
        match in_outage {
            true => EffectiveState::Outage(self.state()),
            false => EffectiveState::new(standing, self.state()),
        }
    }

    fn window_figures(&self, now: u64) -> Figures {
        let word = self.word();
        let slot = self.readable_slot(now);
        let rare = self.rare.get();
        let more = rare.map(|rare| &rare.more_counts);
        let consecutive = match word.state() {
            CircuitState::Closed if !self.window.is_idle(slot) => {
                self.runs.get(word.generation()).failures
            }
            CircuitState::Open => rare.map_or(0, |rare| rare.machine.lock().readable_run),
            _ => 0,
        };
        Figures {
            consecutive_failures: consecutive.into(),
            ..self.window.figures(slot, more)
        }
    }

    /// The slot with which the readable window ends: the window that tripped stands still while the circuit
    /// is open.
    fn readable_slot(&self, now: u64) -> u64 {
        let slot = self.rules().slot(now);
        match self.state() {
            CircuitState::Open => {
                let rare = self.rare.get();
                rare.map_or(slot, |rare| rare.machine.lock().readable_slot)
            }
            _ => slot,
        }
    }
}

fn trip(last: Option<(u64, Reason, Figures)>, clock: &Clock) -> Option<Trip> {
    last.map(|(at, reason, figures)| Trip {
        at: clock.instant(at),
        reason,
        figures,
    })
}
