//! What the end of a call does to its circuit.

use tower_tenant_breaker::{CircuitState, Outcome, Reason};

use super::super::window::{is_on_the_edge, rules_that_hold};
use super::{Circuit, Ending, Ticket, Trip};

impl Circuit {
    /// The call is no longer in the air, whatever its end says.
    pub(crate) fn give_back(&mut self, now: u64, ticket: Ticket) {
        self.in_flight -= u32::from(ticket.flying);
        if self
            .places
            .iter()
            .any(|place| place.id == ticket.id && now >= place.lease_end)
        {
            self.seen.note("a probe ended after its lease");
        }
        self.places.retain(|place| place.id != ticket.id);
    }

    /// Ends a call for which [`give_back`](Self::give_back) was called.
    pub(crate) fn end(&mut self, now: u64, ticket: Ticket, ending: Ending) {
        let hint = match ending {
            Ending::Recorded(outcome) => self.instant_of(outcome, now),
            Ending::Cancelled => 0,
        };
        if ticket.generation != self.generation {
            self.end_late(now, hint);
            return;
        }
        let took = now - ticket.started;
        match (self.state, ending) {
            (_, Ending::Recorded(Outcome::Ignored)) => self.totals.ignored += 1,
            (CircuitState::Closed, Ending::Recorded(outcome)) => {
                self.record(now, outcome, took, hint);
            }
            (CircuitState::Closed, Ending::Cancelled) => self.cancel(now, took),
            (CircuitState::HalfOpen, Ending::Recorded(outcome)) => {
                self.record_probe(now, outcome, took, hint);
            }
            (CircuitState::HalfOpen, Ending::Cancelled) => self.cancel_probe(now, took),
            (CircuitState::Open, _) => unreachable!("nothing is admitted while open"),
        }
    }

    /// The instant that the outcome's hint names, or 0.
    fn instant_of(&self, outcome: Outcome, now: u64) -> u64 {
        let hint = outcome
            .retry_after()
            .map_or(0, |hint| hint.as_nanos() as u64);
        match hint.min(self.rules.hint_cap) {
            0 => 0,
            hint => now + hint,
        }
    }

    fn end_late(&mut self, now: u64, hint: u64) {
        self.totals.late += 1;
        self.seen.note(match self.state {
            CircuitState::Closed => "a straggler while closed",
            CircuitState::Open => "a straggler while open",
            CircuitState::HalfOpen => "a straggler while half-open",
        });
        if self.state != CircuitState::Open {
            return;
        }
        self.not_before = self.not_before.max(hint);
        if hint > self.deadline {
            self.seen.note("a straggler's hint moved the deadline");
            if now >= self.deadline {
                self.seen
                    .note("a straggler's hint moved a deadline that had passed");
            }
            self.deadline = hint;
        }
    }

    fn count_lifetime(&mut self, now: u64, outcome: Outcome, took: u64) {
        self.totals.calls += 1;
        match outcome {
            Outcome::Success => {
                let slot = self.rules.slot();
                self.last_success = Some(now / slot * slot);
            }
            Outcome::Failure { .. } => {
                self.totals.failures += 1;
                self.last_failure = Some(now);
            }
            Outcome::Throttled { .. } | Outcome::QuotaExhausted => self.totals.throttled += 1,
            _ => {}
        }
        self.totals.slow += u64::from(self.rules.slow(took).contains(&true));
    }

    /// A call is about to be counted: a window without one ends the run of failures.
    fn before_counting(&mut self, now: u64) {
        let slot = self.slot(now);
        if self.window.has_samples_one_window_old(slot) {
            self.seen.note("a sample exactly one window old was gone");
        }
        if self.window.is_idle(slot) {
            if self.consecutive > 0 {
                self.seen.note("an idle window ended a run of failures");
            }
            self.consecutive = 0;
        }
    }

    fn ask_the_rules(&mut self, now: u64, hinted_at_once: bool) {
        let figures = self.figures(now);
        let mut reasons = rules_that_hold(&self.rules, &figures);
        if self.has_relapsed(now, figures.consecutive_failures) {
            reasons.push(Reason::Relapsed);
        }
        if hinted_at_once {
            reasons.push(Reason::Hint);
        }
        if reasons.len() > 1 {
            self.seen.note("several rules fired at once");
        }
        if figures.failures > figures.calls {
            self.seen.note("more failures than calls in a window");
        }
        let Some(reason) = reasons.first().copied() else {
            return;
        };
        self.seen.note(match reason {
            Reason::ConsecutiveFailures => "trip: consecutive failures",
            Reason::FailureRate => "trip: failure rate",
            Reason::Latency { rule: 0 } => "trip: first latency rule",
            Reason::Latency { .. } => "trip: another latency rule",
            Reason::Relapsed => "trip: relapsed",
            _ => "trip: hint",
        });
        if reason == Reason::FailureRate && is_on_the_edge(&self.rules, &figures) {
            self.seen.note("trip: exactly at the failure rate");
        }
        let slot = self.slot(now);
        if reason == Reason::ConsecutiveFailures && self.window.has_old_samples(slot) {
            self.seen
                .note("a run of failures that began before the window");
        }
        self.last_trip = Some(Trip {
            at: now,
            reason,
            figures,
        });
        let is_limit = reason == Reason::Hint && !self.failed_with_a_hint;
        self.enter_open(now, reason, self.hinted, None, is_limit);
    }

    fn record(&mut self, now: u64, outcome: Outcome, took: u64, hint: u64) {
        let slow = self.rules.slow(took);
        self.before_counting(now);
        self.abandoned.clear();
        self.count_lifetime(now, outcome, took);
        self.hinted = self.hinted.max(hint);
        let success = outcome == Outcome::Success;
        let throttled = matches!(outcome, Outcome::Throttled { .. } | Outcome::QuotaExhausted);
        self.window.call(self.slot(now), !success, throttled, slow);
        match outcome {
            Outcome::Success => self.consecutive = 0,
            Outcome::Failure { .. } => self.consecutive += 1,
            _ => {}
        }
        if success && slow.contains(&true) {
            self.seen.note("a slow success");
        }
        if !success || slow.contains(&true) {
            let hinted_at_once = self.rules.trip_on_hint && hint > 0;
            self.failed_with_a_hint = hinted_at_once && matches!(outcome, Outcome::Failure { .. });
            self.ask_the_rules(now, hinted_at_once);
        }
    }

    /// One more cancelled call in a row; gives the length of the row.
    fn abandon(&mut self, now: u64, slow: bool) -> usize {
        let slot = self.slot(now);
        if !self.abandoned.is_empty() && slot - self.last_abandoned >= 10 {
            self.seen
                .note("an idle window ended a run of abandoned calls");
            self.abandoned.clear();
        }
        self.abandoned.push(slow);
        self.last_abandoned = slot;
        self.abandoned.len()
    }

    fn cancel(&mut self, now: u64, took: u64) {
        self.totals.cancelled += 1;
        let slot = self.slot(now);
        let slow = self.rules.slow(took);
        let is_slow = slow.contains(&true);
        let in_a_row = self.abandon(now, is_slow);
        let limit = self.rules.abandoned_run as usize;
        // Those that count as failures from now on.
        let abandoned = if limit == 0 || in_a_row < limit {
            Vec::new()
        } else if in_a_row == limit {
            self.seen.note("a run of abandoned calls counted");
            self.abandoned.clone()
        } else {
            self.seen.note("a further abandoned call counted at once");
            vec![is_slow]
        };
        if is_slow || !abandoned.is_empty() {
            self.before_counting(now);
        }
        if is_slow {
            self.seen.note("a slow call was cancelled");
            self.window.call(slot, false, false, slow);
            self.totals.calls += 1;
            self.totals.abandoned += 1;
            self.totals.slow += 1;
        }
        for counted_as_slow in &abandoned {
            if *counted_as_slow {
                self.seen.note("a cancelled slow call gained the failure");
                self.window.failure_only(slot);
            } else {
                self.window.call(slot, true, false, [false; 4]);
                self.totals.calls += 1;
                self.totals.abandoned += 1;
            }
            self.totals.failures += 1;
            self.totals.abandoned_failures += 1;
            self.last_failure = Some(now);
            self.consecutive += 1;
        }
        if is_slow || !abandoned.is_empty() {
            self.failed_with_a_hint = false;
            self.ask_the_rules(now, false);
        }
    }

    fn is_slow_probe(&self, took: u64) -> bool {
        self.rules
            .largest_threshold()
            .is_some_and(|threshold| took > threshold)
    }

    fn reopen(&mut self, now: u64, reason: Reason, hint: u64) {
        self.seen.note(match reason {
            Reason::ProbeFailed => "a probe failed",
            Reason::ProbeThrottled => "a probe was throttled",
            Reason::ProbeSlow => "a probe was slow",
            _ => "a run of probes was abandoned",
        });
        let may_be_limit = self.rules.trip_on_hint && !self.is_of_outage;
        let is_limit = may_be_limit && reason == Reason::ProbeThrottled;
        self.enter_open(now, reason, hint, None, is_limit);
    }

    fn record_probe(&mut self, now: u64, outcome: Outcome, took: u64, hint: u64) {
        self.abandoned.clear();
        self.count_lifetime(now, outcome, took);
        if self.is_of_outage && outcome == Outcome::QuotaExhausted {
            return;
        }
        let reason = match outcome {
            Outcome::Failure { .. } => Some(Reason::ProbeFailed),
            Outcome::Throttled { .. } | Outcome::QuotaExhausted => Some(Reason::ProbeThrottled),
            _ => self.is_slow_probe(took).then_some(Reason::ProbeSlow),
        };
        if let Some(reason) = reason {
            self.totals.probe_failures += 1;
            self.reopen(now, reason, hint);
            return;
        }
        self.totals.probe_successes += 1;
        self.probe_successes += 1;
        if self.probe_successes >= self.rules.successes {
            self.seen.note("recovered");
            self.enter_closed(now, Reason::Recovered);
        }
    }

    fn cancel_probe(&mut self, now: u64, took: u64) {
        self.totals.cancelled += 1;
        if self.is_slow_probe(took) {
            self.seen.note("a slow probe was cancelled");
            self.totals.calls += 1;
            self.totals.abandoned += 1;
            self.totals.slow += 1;
            self.totals.probe_failures += 1;
            self.reopen(now, Reason::ProbeSlow, 0);
            return;
        }
        let in_a_row = self.abandon(now, false);
        if self.rules.abandoned_run > 0 && in_a_row >= self.rules.abandoned_run as usize {
            self.reopen(now, Reason::ProbesAbandoned, 0);
        }
    }
}
