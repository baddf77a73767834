//! What the end of a call means to a closed circuit: it is counted, and a bad one has the rules asked.

use std::mem;

use super::rare::{Rare, add};
use super::rules::Rules;
use super::runs::Run;
use super::transition::{Opening, Transition};
use super::window::{Counted, Counts, Position, has_left};
use super::{Circuit, Head};
use crate::CircuitState;
use crate::outcome::Outcome;
use crate::policy::Policy;
use crate::reason::{Figures, Reason};
use crate::sync::{AcqRel, Acquire, Relaxed};

pub(super) const GOOD: Counts = Counts {
    calls: 1,
    failures: 0,
    throttled: false,
    slow: [false; 4],
};

/// Why a closed circuit opens.
struct Cause {
    reason: Reason,
    figures: Figures,
    /// Whether the call opens it by the hint of a dependency that is down, whatever else does.
    hint_says_down: bool,
}

impl Circuit {
    #[inline]
    pub(super) fn end_closed(
        &self,
        generation: u64,
        now: u64,
        latency: u64,
        outcome: Outcome,
    ) -> Option<Transition> {
        let is_success = matches!(outcome, Outcome::Success);
        if !is_success || latency > self.context.lowest_threshold() {
            return self.end_notably(generation, now, latency, outcome);
        }
        self.end_well(self.context.slot(now), generation, now, latency);
        None
    }

    /// As [`end_closed`](Self::end_closed), by the policy of the tenant's own.
    #[cold]
    pub(super) fn end_by_own_rules(
        &self,
        generation: u64,
        now: u64,
        latency: u64,
        outcome: Outcome,
    ) -> Option<Transition> {
        let rules = self.rules();
        // Its slots may be longer than those of the dependency, in which a tenant is active or not.
        self.be_active(now);
        if !matches!(outcome, Outcome::Success) || latency > rules.lowest_threshold {
            return self.end_notably(generation, now, latency, outcome);
        }
        self.end_well(rules.slot(now), generation, now, latency);
        None
    }

    /// A call that succeeded, fast enough for every rule.
    fn end_well(&self, slot: u64, generation: u64, now: u64, latency: u64) {
        // Before it is counted: a failure that finds the window idle no more is not to find a run from before it.
        self.runs.end(generation);
        let in_begun_slot = self.window.count_success(Position::of(slot), generation);
        let counted = match in_begun_slot {
            Some(calls) => {
                self.look_at_latency(slot, calls, latency);
                true
            }
            None => self.count(slot, generation, now, latency, GOOD),
        };
        if counted {
            self.mark_success(slot);
        } else {
            self.end_late(now, latency, Outcome::Success);
        }
    }

    /// A call that did not plainly succeed.
    #[cold]
    fn end_notably(
        &self,
        generation: u64,
        now: u64,
        latency: u64,
        outcome: Outcome,
    ) -> Option<Transition> {
        if outcome == Outcome::QuotaExhausted {
            self.hold_for_quota(generation, now);
            // Who was told of it may have reset the circuit.
            if self.generation() != generation {
                self.end_late(now, latency, outcome);
                return None;
            }
        }
        let rules = &*self.rules();
        let rare = self.rare();
        let slot = rules.slot(now);
        let was_idle = self.window.is_idle(slot);
        let slow = rules.thresholds.map(|threshold| latency > threshold);
        let is_slow = latency > rules.lowest_threshold;

        if was_idle && outcome.is_bad() {
            self.begin_run(rare, generation, slot);
        }
        let (counts, run, hint) = match outcome {
            Outcome::Ignored => {
                add(&rare.tally.ignored, 1);
                return None;
            }
            Outcome::Success => {
                let counts = Counts { slow, ..GOOD };
                (
                    counts,
                    self.runs.update(generation, |_| Run::default()),
                    None,
                )
            }
            Outcome::Failure { retry_after } => {
                let counts = Counts {
                    calls: 1,
                    failures: 1,
                    throttled: false,
                    slow,
                };
                let change = |run: Run| run.without_abandoned().failed(1);
                (counts, self.runs.update(generation, change), retry_after)
            }
            Outcome::Throttled { .. } | Outcome::QuotaExhausted => {
                let counts = Counts {
                    calls: 1,
                    failures: 1,
                    throttled: true,
                    slow,
                };
                let change = |run: Run| run.without_abandoned();
                (
                    counts,
                    self.runs.update(generation, change),
                    outcome.retry_after(),
                )
            }
            Outcome::Cancelled => {
                add(&rare.tally.cancelled, 1);
                let (failures, uncounted, run) =
                    self.abandon(rules, rare, generation, slot, is_slow, was_idle);
                if failures == 0 && !is_slow {
                    return None;
                }
                let counts = Counts {
                    calls: u16::from(is_slow) + uncounted,
                    failures,
                    throttled: false,
                    slow,
                };
                (counts, run, None)
            }
        };
        if !self.count(slot, generation, now, latency, counts) {
            self.end_late(now, latency, outcome);
            return None;
        }
        match outcome {
            Outcome::Success => self.mark_success(slot),
            Outcome::Throttled { .. } | Outcome::QuotaExhausted => add(&rare.tally.throttled, 1),
            _ => {
                if outcome == Outcome::Cancelled {
                    add(&rare.tally.abandoned, counts.calls.into());
                    add(&rare.tally.abandoned_failures, counts.failures.into());
                }
                add(&rare.tally.failures, u64::from(counts.failures));
                if counts.failures > 0 {
                    rare.last_failure.store(now.max(1), Relaxed);
                }
            }
        }
        if is_slow {
            add(&rare.tally.slow, 1);
        }
        self.note_end(now, counts.failures, is_slow);
        let hinted = self.hinted_instant(now, hint);
        if let Some(not_before) = hinted {
            self.keep_hint(rare, generation, not_before);
        }
        let figures = Figures {
            consecutive_failures: u32::from(run.failures),
            ..self.window.figures(slot, Some(&rare.more_counts))
        };
        let by_rule = self.rule_that_fires(rules, &figures, now);
        let by_hint = (rules.policy.trip_on_hint && hinted.is_some()).then_some(Reason::Hint);
        let reason = by_rule.or(by_hint)?;
        // The hint of a failure, such as a 503's, is that of a dependency that is down; a throttled call's is not.
        let hint_says_down = by_hint.is_some() && matches!(outcome, Outcome::Failure { .. });
        let cause = Cause {
            reason,
            figures,
            hint_says_down,
        };
        self.trip(rules, rare, generation, now, cause)
    }

    /// Counts a call into the window; `false` where the circuit has moved on meanwhile.
    #[cold]
    fn count(&self, slot: u64, generation: u64, now: u64, latency: u64, counts: Counts) -> bool {
        self.be_in_hour(now);
        self.count_in_window(slot, generation, now, latency, counts)
    }
}

impl Head {
    /// Ends the run of failures from before an idle window, once for the calls that find it idle at once: before any of
    /// them adds to the run, and none of what they add is taken away again.
    #[cold]
    fn begin_run(&self, rare: &Rare, generation: u64, slot: u64) {
        let mut machine = rare.machine.lock();
        let before = mem::replace(&mut machine.run_slot, slot + 1);
        if has_left(before, slot) {
            self.runs
                .update(generation, |run| Run { failures: 0, ..run });
        }
    }

    /// A cancelled call in the run of those: how many failures it makes, how many of these are not in the
    /// window as calls yet, and the runs after it.
    fn abandon(
        &self,
        rules: &Rules,
        rare: &Rare,
        generation: u64,
        slot: u64,
        is_slow: bool,
        was_idle: bool,
    ) -> (u16, u16, Run) {
        let enough = u16::from(rules.policy.abandoned_run);
        let run = if was_idle {
            self.abandon_after_idle(rare, generation, slot, is_slow, enough)
        } else {
            rare.last_abandoned.swap(slot + 1, AcqRel);
            self.runs.update(generation, |run| {
                let run = run.abandoned(is_slow, enough);
                run.failed(run.failures_of_abandoned(is_slow, enough).0)
            })
        };
        let (failures, uncounted) = run.failures_of_abandoned(is_slow, enough);
        (failures, uncounted, run)
    }

    /// A cancelled call that finds the window idle: of those which find it so at once, one ends the runs from before it.
    #[cold]
    fn abandon_after_idle(
        &self,
        rare: &Rare,
        generation: u64,
        slot: u64,
        is_slow: bool,
        enough: u16,
    ) -> Run {
        // Held until it has added to the runs.
        let mut machine = rare.machine.lock();
        if has_left(rare.last_abandoned.swap(slot + 1, AcqRel), slot) {
            self.runs.update(generation, Run::without_abandoned);
        }
        let begins = has_left(machine.run_slot, slot);
        // Only a call that is counted tells that nothing was counted before it.
        let is_counted = |run: Run| is_slow || run.failures_of_abandoned(is_slow, enough).0 > 0;
        let run = self.runs.update(generation, |run| {
            let run = run.abandoned(is_slow, enough);
            let (failures, _) = run.failures_of_abandoned(is_slow, enough);
            if begins && is_counted(run) {
                return Run { failures, ..run };
            }
            run.failed(failures)
        });
        if is_counted(run) {
            machine.run_slot = slot + 1;
        }
        run
    }

    fn count_in_window(
        &self,
        slot: u64,
        generation: u64,
        now: u64,
        latency: u64,
        counts: Counts,
    ) -> bool {
        let rare = self.rare.get();
        let more = rare.map(|rare| &rare.more_counts);
        let is_current = || self.word().generation() == generation;
        let counted = self
            .window
            .count(slot, generation, counts, more, is_current);
        let (Counted::Here { folded, .. } | Counted::Stale { folded }) = counted;
        if folded > 0 {
            add(&self.calls, folded);
        }
        let Counted::Here { calls, .. } = counted else {
            return false;
        };
        self.be_active(now);
        self.look_at_latency(slot, calls, latency);
        true
    }

    fn rule_that_fires(&self, rules: &Rules, figures: &Figures, now: u64) -> Option<Reason> {
        let policy = &rules.policy;
        if policy
            .consecutive_failures
            .is_some_and(|enough| figures.consecutive_failures >= enough)
        {
            return Some(Reason::ConsecutiveFailures);
        }
        if is_rate_over(policy, figures) {
            return Some(Reason::FailureRate);
        }
        let mut latency_rules = policy.latency.iter().zip(figures.slow);
        let by_latency = latency_rules.position(|(rule, slow)| rule.fires(figures.calls, slow));
        by_latency.map(|rule| Reason::Latency { rule }).or_else(|| {
            let relapses = figures.consecutive_failures >= u32::from(policy.success_threshold);
            (relapses && self.ramp_share(now).is_some()).then_some(Reason::Relapsed)
        })
    }

    fn trip(
        &self,
        rules: &Rules,
        rare: &Rare,
        generation: u64,
        now: u64,
        cause: Cause,
    ) -> Option<Transition> {
        let Cause {
            reason, figures, ..
        } = cause;
        let mut machine = rare.machine.lock();
        let word = self.word_after_all();
        if word.generation() != generation || word.state() != CircuitState::Closed {
            return None;
        }
        let is_throttling = reason == Reason::FailureRate && {
            let figures = Figures {
                failures: figures.failures.saturating_sub(figures.throttled),
                ..figures
            };
            !is_rate_over(&rules.policy, &figures)
        };
        let automatic = Opening::automatic(reason, rare.hinted.load(Acquire));
        let opening = Opening {
            figures: Some(figures),
            is_down: (automatic.is_down && !is_throttling) || cause.hint_says_down,
            ..automatic
        };
        let is_limit = reason == Reason::Hint && !cause.hint_says_down;
        let opening = match is_limit {
            true => opening.until_the_hint(now),
            false => opening,
        };
        Some(self.open(rules, rare, &mut machine, now, opening))
    }
}

fn is_rate_over(policy: &Policy, figures: &Figures) -> bool {
    let by_rate = policy.failure_threshold.is_some() || policy.failure_rate.is_some();
    let enough_calls = figures.calls.max(figures.failures) >= u64::from(policy.min_calls);
    let enough_failures = figures.failures >= u64::from(policy.failure_threshold.unwrap_or(1));
    let share = policy.failure_rate.unwrap_or_default();
    by_rate && enough_calls && enough_failures && figures.failure_rate() >= share
}

#[cfg(test)]
mod tests;
