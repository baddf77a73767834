//! What the end of a call means to its circuit.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use super::percentiles::{BUSY_CALLS, LOOK_EVERY};
use super::permit::{Ending, Permit};
use super::rare::{Rare, add};
use super::runs::Run;
use super::transition::{Opening, Transition};
use super::window::{Counted, Counts, SLOTS};
use super::{Circuit, Head};
use crate::CircuitState;
use crate::event::Origin;
use crate::outcome::Outcome;
use crate::overrides::Override;
use crate::reason::{Figures, Reason};
use crate::sync::{AcqRel, Acquire, Relaxed, Release};
use crate::time::nanos;

const GOOD: Counts = Counts {
    calls: 1,
    failures: 0,
    slow: [false; 4],
};

impl Circuit {
    pub(super) fn end(&self, permit: &Permit, ending: Ending) {
        let now = self.context.now();
        if tracing::enabled!(tracing::Level::TRACE) {
            self.trace(permit, now, ending);
        }
        if permit.counted {
            self.end_flight();
        }
        let word = self.word();
        if (word.is_overridden() || self.context.needs_attention())
            && self
                .override_in_force(now)
                .is_some_and(|standing| standing.kind == Override::Disabled)
        {
            return self.free_place(permit);
        }
        if permit.generation != word.generation() {
            return self.end_late(now, ending);
        }
        let latency = now.saturating_sub(permit.started);
        let transition = match word.state() {
            CircuitState::Closed => self.end_closed(permit.generation, now, latency, ending),
            CircuitState::HalfOpen => self.end_probe(permit, now, latency, ending),
            CircuitState::Open => None,
        };
        if let Some(transition) = transition {
            self.tell(transition);
        }
    }

    #[cold]
    fn trace(&self, permit: &Permit, now: u64, ending: Ending) {
        let latency = Duration::from_nanos(now.saturating_sub(permit.started));
        // In a `Drop`, perhaps while a panic unwinds: one of the log's own would end the process.
        let _ = catch_unwind(AssertUnwindSafe(|| {
            tracing::trace!(
                dependency = &*self.context.name,
                tenant = self.tenant().map(tracing::field::debug),
                generation = permit.generation,
                probe = permit.is_probe(),
                ?latency,
                ?ending,
                "call ended"
            );
        }));
    }
}

impl Head {
    #[inline]
    fn end_closed(
        &self,
        generation: u64,
        now: u64,
        latency: u64,
        ending: Ending,
    ) -> Option<Transition> {
        let is_success = matches!(ending, Ending::Recorded(Outcome::Success));
        if !is_success || latency > self.context.lowest_threshold {
            return self.end_notably(generation, now, latency, ending);
        }
        let slot = self.context.slot(now);
        if self.count(slot, generation, latency, GOOD) {
            self.runs.end(generation);
            self.mark_success(slot);
        } else {
            self.end_late(now, ending);
        }
        None
    }

    /// A call that did not plainly succeed.
    #[cold]
    fn end_notably(
        &self,
        generation: u64,
        now: u64,
        latency: u64,
        ending: Ending,
    ) -> Option<Transition> {
        let context = &*self.context;
        let rare = self.rare();
        let slot = context.slot(now);
        let was_idle = self.window.is_idle(slot);
        let slow = context.thresholds.map(|threshold| latency > threshold);
        let is_slow = latency > context.lowest_threshold;

        let restarted = |run: Run| Run {
            failures: if was_idle { 0 } else { run.failures },
            ..run
        };
        let (counts, run, hint) = match ending {
            Ending::Recorded(Outcome::Ignored) => {
                add(&rare.tally.ignored, 1);
                return None;
            }
            Ending::Recorded(Outcome::Success) => {
                let counts = Counts { slow, ..GOOD };
                (
                    counts,
                    self.runs.update(generation, |_| Run::default()),
                    None,
                )
            }
            Ending::Recorded(Outcome::Failure { retry_after }) => {
                let counts = Counts {
                    calls: 1,
                    failures: 1,
                    slow,
                };
                let change = |run| restarted(run).without_abandoned().failed(1);
                (counts, self.runs.update(generation, change), retry_after)
            }
            Ending::Recorded(Outcome::Throttled { retry_after }) => {
                let counts = Counts {
                    calls: 1,
                    failures: 1,
                    slow,
                };
                let change = |run| restarted(run).without_abandoned();
                (counts, self.runs.update(generation, change), retry_after)
            }
            Ending::Cancelled => {
                add(&rare.tally.cancelled, 1);
                let (failures, uncounted, run) =
                    self.abandon(rare, generation, slot, is_slow, was_idle);
                if failures == 0 && !is_slow {
                    return None;
                }
                let counts = Counts {
                    calls: u16::from(is_slow) + uncounted,
                    failures,
                    slow,
                };
                (counts, run, None)
            }
        };
        if !self.count(slot, generation, latency, counts) {
            self.end_late(now, ending);
            return None;
        }
        match ending {
            Ending::Recorded(Outcome::Success) => self.mark_success(slot),
            Ending::Recorded(Outcome::Throttled { .. }) => add(&rare.tally.throttled, 1),
            _ => {
                add(&rare.tally.failures, u64::from(counts.failures));
                if counts.failures > 0 {
                    rare.last_failure.store(now.max(1), Relaxed);
                }
            }
        }
        if is_slow {
            add(&rare.tally.slow, 1);
        }
        let hinted = self.hinted_instant(now, hint);
        if let Some(not_before) = hinted {
            self.keep_hint(rare, generation, not_before);
        }
        let figures = Figures {
            consecutive_failures: u32::from(run.failures),
            ..self.window.figures(slot, Some(&rare.more_slow))
        };
        let reason = self.rule_that_fires(&figures).or_else(|| {
            (context.policy.trip_on_hint && hinted.is_some()).then_some(Reason::Hint)
        })?;
        self.trip(rare, generation, now, reason, figures)
    }

    /// A cancelled call in the run of those: how many failures it makes, how many of these are not in the
    /// window as calls yet, and the runs after it.
    fn abandon(
        &self,
        rare: &Rare,
        generation: u64,
        slot: u64,
        is_slow: bool,
        was_idle: bool,
    ) -> (u16, u16, Run) {
        let enough = u16::from(self.context.policy.abandoned_run);
        let last = rare.last_abandoned.swap(slot + 1, AcqRel);
        let no_other = last == 0 || slot + 1 >= last + SLOTS as u64;
        let next = |run: Run| {
            let (abandoned, slow) = if was_idle && no_other {
                (0, 0)
            } else {
                (run.abandoned, run.abandoned_slow)
            };
            Run {
                failures: run.failures,
                abandoned: (abandoned + 1).min(enough + 1),
                abandoned_slow: slow + u16::from(is_slow && abandoned < enough),
            }
        };
        let failures_of = |run: Run| match run.abandoned {
            _ if enough == 0 => (0, 0),
            abandoned if abandoned == enough => (enough, enough - run.abandoned_slow),
            abandoned if abandoned > enough => (1, u16::from(!is_slow)),
            _ => (0, 0),
        };
        let run = self.runs.update(generation, |run| {
            let run = next(run);
            let (failures, _) = failures_of(run);
            // Only a call that is counted tells that nothing was counted before it.
            let is_counted = is_slow || failures > 0;
            let kept = if was_idle && is_counted {
                0
            } else {
                run.failures
            };
            Run {
                failures: kept,
                ..run
            }
            .failed(failures)
        });
        let (failures, uncounted) = failures_of(run);
        (failures, uncounted, run)
    }

    /// Counts a call into the window; `false` where the circuit has moved on meanwhile.
    #[inline]
    fn count(&self, slot: u64, generation: u64, latency: u64, counts: Counts) -> bool {
        let rare = self.rare.get();
        let more_slow = rare.map(|rare| &rare.more_slow);
        let is_current = || self.word().generation() == generation;
        let counted = self
            .window
            .count(slot, generation, counts, more_slow, is_current);
        let (Counted::Here { folded, .. } | Counted::Stale { folded }) = counted;
        if folded > 0 {
            add(&self.calls, folded);
        }
        let Counted::Here { calls, .. } = counted else {
            return false;
        };
        if rare.is_some_and(|rare| rare.is_measured.load(Relaxed)) {
            self.measure(slot, latency);
        } else if calls.is_multiple_of(LOOK_EVERY) || calls == 1 {
            self.begin_to_measure(slot, latency);
        }
        true
    }

    fn measure(&self, slot: u64, latency: u64) {
        let rare = self.rare();
        let percentiles = rare.percentiles.load();
        let Some(percentiles) = &*percentiles else {
            return;
        };
        if !percentiles.record(slot, latency) {
            add(&rare.tally.percentile_misses, 1);
            if percentiles.is_taken() {
                rare.is_measured.store(false, Relaxed);
                rare.percentiles.store(None);
            }
        }
    }

    /// Asks for histograms, if the circuit is busy enough to have them.
    fn begin_to_measure(&self, slot: u64, latency: u64) {
        if self.window.figures(slot, None).calls < BUSY_CALLS {
            return;
        }
        let context = &*self.context;
        let shape = &context.policy.histogram;
        let now = slot.saturating_mul(context.slot_nanos);
        let budget = &context.shared.histograms;
        let bytes = context.histogram_bytes;
        if let Some(percentiles) = budget.allot(shape, bytes, context.slot_nanos, now) {
            let rare = self.rare();
            percentiles.record(slot, latency);
            rare.percentiles.store(Some(percentiles));
            rare.is_measured.store(true, Release);
        }
    }

    fn rule_that_fires(&self, figures: &Figures) -> Option<Reason> {
        let policy = &self.context.policy;
        if policy
            .consecutive_failures
            .is_some_and(|enough| figures.consecutive_failures >= enough)
        {
            return Some(Reason::ConsecutiveFailures);
        }
        let by_rate = policy.failure_threshold.is_some() || policy.failure_rate.is_some();
        let enough_calls = figures.calls.max(figures.failures) >= u64::from(policy.min_calls);
        let enough_failures = figures.failures >= u64::from(policy.failure_threshold.unwrap_or(1));
        let share = policy.failure_rate.unwrap_or_default();
        if by_rate && enough_calls && enough_failures && figures.failure_rate() >= share {
            return Some(Reason::FailureRate);
        }
        policy
            .latency
            .iter()
            .zip(figures.slow)
            .position(|(rule, slow)| rule.fires(figures.calls, slow))
            .map(|rule| Reason::Latency { rule })
    }

    fn trip(
        &self,
        rare: &Rare,
        generation: u64,
        now: u64,
        reason: Reason,
        figures: Figures,
    ) -> Option<Transition> {
        let mut machine = rare.machine.lock();
        let word = self.word();
        if word.generation() != generation || word.state() != CircuitState::Closed {
            return None;
        }
        let opening = Opening {
            figures: Some(figures),
            ..Opening::automatic(reason, rare.hinted.load(Acquire))
        };
        Some(self.open(rare, &mut machine, now, opening))
    }

    fn end_probe(
        &self,
        permit: &Permit,
        now: u64,
        latency: u64,
        ending: Ending,
    ) -> Option<Transition> {
        let policy = &self.context.policy;
        let rare = self.rare();
        let tally = &rare.tally;
        let mut machine = rare.machine.lock();
        if self.word().generation() != permit.generation {
            drop(machine);
            self.end_late(now, ending);
            return None;
        }
        machine.free_place(permit.probe);
        let is_slow = policy
            .largest_threshold()
            .is_some_and(|threshold| latency > threshold);
        let slot = self.context.slot(now);
        let (failure, hint) = match ending {
            Ending::Recorded(Outcome::Ignored) => {
                add(&tally.ignored, 1);
                return None;
            }
            Ending::Cancelled => {
                add(&tally.cancelled, 1);
                if !is_slow {
                    if !machine.abandon_probe(slot, policy.abandoned_run) {
                        return None;
                    }
                    let opening = Opening::automatic(Reason::ProbesAbandoned, 0);
                    return Some(self.open(rare, &mut machine, now, opening));
                }
                (Some(Reason::ProbeSlow), None)
            }
            Ending::Recorded(Outcome::Failure { retry_after }) => {
                add(&tally.failures, 1);
                rare.last_failure.store(now.max(1), Relaxed);
                (Some(Reason::ProbeFailed), retry_after)
            }
            Ending::Recorded(Outcome::Throttled { retry_after }) => {
                add(&tally.throttled, 1);
                (Some(Reason::ProbeThrottled), retry_after)
            }
            Ending::Recorded(Outcome::Success) => {
                self.mark_success(slot);
                (is_slow.then_some(Reason::ProbeSlow), None)
            }
        };
        add(&self.calls, 1);
        if latency > self.context.lowest_threshold {
            add(&tally.slow, 1);
        }
        if let Some(reason) = failure {
            add(&tally.probe_failures, 1);
            let not_before = self.hinted_instant(now, hint).unwrap_or_default();
            let opening = Opening::automatic(reason, not_before);
            return Some(self.open(rare, &mut machine, now, opening));
        }
        add(&tally.probe_successes, 1);
        machine.abandoned = 0;
        machine.last_probe_end = slot + 1;
        machine.successes += 1;
        (machine.successes >= policy.success_threshold).then(|| {
            self.close(
                rare,
                &mut machine,
                now,
                Reason::Recovered,
                Origin::Automatic,
            )
        })
    }

    /// A call of an older generation: it is counted as late, and a hint still moves an open deadline.
    #[cold]
    fn end_late(&self, now: u64, ending: Ending) {
        let rare = self.rare();
        add(&rare.tally.late, 1);
        if let Ending::Recorded(outcome) = ending
            && let Some(not_before) = self.hinted_instant(now, outcome.retry_after())
        {
            self.move_deadline(rare, not_before);
        }
    }

    fn free_place(&self, permit: &Permit) {
        if permit.probe != 0 {
            let mut machine = self.rare().machine.lock();
            if self.word().generation() == permit.generation {
                machine.free_place(permit.probe);
            }
        }
    }

    /// The instant that a hint names, capped; none for a hint that says nothing.
    fn hinted_instant(&self, now: u64, hint: Option<Duration>) -> Option<u64> {
        let capped = nanos(hint?.min(self.context.policy.hint_cap));
        (capped > 0).then(|| now.saturating_add(capped))
    }

    #[inline]
    fn mark_success(&self, slot: u64) {
        if self.last_success.load(Relaxed) != slot + 1 {
            self.last_success.store(slot + 1, Relaxed);
        }
    }
}
