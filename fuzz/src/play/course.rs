//! How far each circuit is on its way to another state, by a small model that counts on its fingers.
//!
//! It follows what is sure: calls that were admitted and have ended while neither an override nor an outage decided. What
//! else may count makes it unsure, until a new generation begins, or a success ends the run.

use std::time::Duration;

use tokio::time::Instant;
use tower_tenant_breaker::{CircuitSnapshot, CircuitState, Outcome, Reason};

use super::menu::{Figures, STAYS};
use super::{End, Play, Who};

/// The way of one circuit.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Course {
    /// None where there is no circuit.
    generation: Option<u64>,
    /// Failures in a row of a closed circuit, successful probes of a half-open one; none where that is not sure.
    count: Option<u32>,
    /// Before then newcomers do not take its place.
    stays_until: Option<Instant>,
}

/// A call that ends in the generation in which it was admitted.
pub(super) struct Ended {
    pub(super) end: End,
    /// Whether nothing but the circuit decided over it.
    pub(super) is_sure: bool,
    pub(super) latency: Duration,
}

impl Course {
    /// Each generation begins with no runs.
    fn at(self, circuit: &CircuitSnapshot) -> Self {
        if self.generation == Some(circuit.generation) {
            return self;
        }
        Self {
            generation: Some(circuit.generation),
            count: Some(0),
            stays_until: None,
        }
    }

    /// What it has counted by other rules, or by calls that may count or not, is not known.
    pub(super) fn lose_count(&mut self) {
        self.count = None;
    }

    /// After each operation.
    pub(super) fn hold(&mut self, circuit: Option<&CircuitSnapshot>) {
        let now = Instant::now();
        let Some(circuit) = circuit else {
            let has_to_stay = self.stays_until.is_some_and(|until| now < until);
            assert!(!has_to_stay, "it made room for a newcomer: {self:?}");
            *self = Self::default();
            return;
        };
        *self = self.at(circuit);
        let window = &circuit.window;
        let is_idle = window.calls + window.failures == 0;
        if let Some(run) = self.count.filter(|_| circuit.state == CircuitState::Closed) {
            let run = if is_idle { 0 } else { run };
            assert_eq!(window.consecutive_failures, run, "{circuit:?}");
        }
        self.stays_until = match circuit.retry_after {
            Some(Duration::ZERO) => self.stays_until.map(|until| until.min(now + STAYS)),
            Some(left) => Some(now + left + STAYS),
            // What has calls in its window is no newcomer's equal.
            None => (!is_idle).then(|| now + Duration::from_nanos(1)),
        };
    }
}

impl Play {
    /// A closed circuit opens by the failure that makes the run long enough, and by none before; a half-open one closes by
    /// the probe that makes the successes enough, and by none before, and opens by the first that fails.
    pub(super) fn follow(
        &mut self,
        who: Who,
        ended: &Ended,
        before: &CircuitSnapshot,
        after: &CircuitSnapshot,
    ) {
        let figures = self.figures(who);
        let course = &mut self.courses[who.number()];
        *course = course.at(before);
        course.count = match (before.state, ended.end) {
            _ if !ended.is_sure => None,
            (CircuitState::Closed, End::Recorded(outcome)) => {
                let idle = before.window.calls + before.window.failures == 0;
                let run = course.count;
                closed(
                    outcome,
                    if idle { Some(0) } else { run },
                    &figures,
                    before,
                    after,
                )
            }
            (CircuitState::HalfOpen, End::Recorded(outcome)) => {
                let is_fast = figures.slow.is_none_or(|slow| ended.latency <= slow);
                half_open(outcome, is_fast, course.count, &figures, before, after)
            }
            // Of several that are dropped each may count.
            (CircuitState::Closed, End::Dropped) => None,
            (_, End::Dropped) => course.count,
            (state, _) => panic!("no call of an open circuit is current: {state}"),
        };
    }
}

/// The run of failures after this end, and whether it has opened the circuit.
fn closed(
    outcome: Outcome,
    run: Option<u32>,
    figures: &Figures,
    before: &CircuitSnapshot,
    after: &CircuitSnapshot,
) -> Option<u32> {
    let (run, is_failure) = match outcome {
        Outcome::Success => (Some(0), false),
        Outcome::Failure { .. } => (run.map(|run| run + 1), true),
        Outcome::Throttled { .. } => (run, false),
        Outcome::Ignored => {
            is_where_it_was(before, after);
            return run;
        }
        _ => return None,
    };
    let run = run?;
    let has_tripped = after.generation != before.generation;
    let trip = after.last_trip.filter(|_| has_tripped);
    let by_the_run = trip.is_some_and(|trip| trip.reason == Reason::ConsecutiveFailures);
    let enough = figures.consecutive_failures;
    assert_eq!(
        by_the_run,
        is_failure && enough.is_some_and(|enough| run >= enough),
        "{run} of {enough:?}: {after:?}"
    );
    if by_the_run {
        assert_eq!(after.state, CircuitState::Open, "{after:?}");
    }
    Some(run)
}

/// The successes after this end, and whether it was enough of them.
fn half_open(
    outcome: Outcome,
    is_fast: bool,
    successes: Option<u32>,
    figures: &Figures,
    before: &CircuitSnapshot,
    after: &CircuitSnapshot,
) -> Option<u32> {
    match outcome {
        Outcome::Success if is_fast => {
            let successes = successes? + 1;
            let state = if successes >= figures.success_threshold {
                CircuitState::Closed
            } else {
                CircuitState::HalfOpen
            };
            assert_eq!(after.state, state, "{successes} successes: {after:?}");
            Some(successes)
        }
        Outcome::Failure { .. } | Outcome::Throttled { .. } => {
            assert_eq!(after.state, CircuitState::Open, "{after:?}");
            None
        }
        Outcome::Ignored => {
            is_where_it_was(before, after);
            successes
        }
        _ => None,
    }
}

/// What says nothing changes nothing.
fn is_where_it_was(before: &CircuitSnapshot, after: &CircuitSnapshot) {
    let [was, is] = [before, after].map(|circuit| (circuit.generation, circuit.window));
    assert_eq!(is, was, "{after:?}");
}
