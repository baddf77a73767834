//! The automatic machine of one circuit: what is admitted, and what changes the state.

mod ending;

use tower_tenant_breaker::{CircuitState, Figures, Outcome, Probing, Reason, Totals};

use super::rules::{Rules, nanos};
use super::seen::Seen;
use super::window::Window;

/// What the model gives instead of a permit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticket {
    id: u64,
    generation: u64,
    pub(crate) started: u64,
    /// False where the call was let through without being guarded: its end says nothing.
    pub(crate) recorded: bool,
}

impl Ticket {
    pub(crate) fn unrecorded(now: u64) -> Self {
        Self {
            id: 0,
            generation: 0,
            started: now,
            recorded: false,
        }
    }
}

/// What the model gives instead of a rejection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) reason: Reason,
    pub(crate) retry_after: Option<u64>,
}

/// How a call ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ending {
    Recorded(Outcome),
    /// Its permit is dropped.
    Cancelled,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    id: u64,
    lease_end: u64,
}

/// A change of the state, as an observer is told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) at: u64,
    pub(crate) from: CircuitState,
    pub(crate) to: CircuitState,
    pub(crate) generation: u64,
    pub(crate) reason: Reason,
}

/// A trip by a rule.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trip {
    pub(crate) at: u64,
    pub(crate) reason: Reason,
    pub(crate) figures: Figures,
}

#[derive(Clone, Debug)]
pub(crate) struct Circuit {
    rules: Rules,
    pub(crate) state: CircuitState,
    pub(crate) generation: u64,
    window: Window,
    consecutive: u32,
    /// The cancelled calls in a row; true where one was counted as slow.
    abandoned: Vec<bool>,
    last_abandoned: u64,
    /// The latest instant that a hint of this closed generation named.
    hinted: u64,
    pub(crate) closed_since: u64,
    opened_at: u64,
    /// When the circuit, that was not open, opened.
    readable_until: u64,
    pub(crate) deadline: u64,
    /// The length of the last open period as it was set, without hints.
    period: u64,
    reason: Reason,
    /// When a call that may always probe last came, in this stretch of not being closed.
    attempt: u64,
    growth: u32,
    places: Vec<Place>,
    probe_successes: u32,
    in_flight: u32,
    admitted: u64,
    totals: Totals,
    pub(crate) last_trip: Option<Trip>,
    pub(crate) last_success: Option<u64>,
    pub(crate) last_failure: Option<u64>,
    pub(crate) changes: Vec<Change>,
    pub(crate) seen: Seen,
}

impl Circuit {
    pub(crate) fn new(rules: &Rules, now: u64) -> Self {
        let period = rules.period(0);
        let begins_open = rules.initial == CircuitState::Open;
        let mut totals = Totals::default();
        // It waits for the first period, so that counts as the first opening.
        totals.opened = u64::from(begins_open);
        Self {
            rules: rules.clone(),
            state: rules.initial,
            generation: 0,
            window: Window::default(),
            consecutive: 0,
            abandoned: Vec::new(),
            last_abandoned: 0,
            hinted: 0,
            closed_since: now,
            opened_at: now,
            readable_until: now,
            deadline: if begins_open { now + period } else { now },
            period,
            reason: Reason::Initial,
            attempt: 0,
            growth: u32::from(begins_open),
            places: Vec::new(),
            probe_successes: 0,
            in_flight: 0,
            admitted: 0,
            totals,
            last_trip: None,
            last_success: None,
            last_failure: None,
            changes: Vec::new(),
            seen: Seen::default(),
        }
    }

    fn slot(&self, now: u64) -> u64 {
        now / self.rules.slot()
    }

    // ===== Reading =====

    pub(crate) fn figures(&self, now: u64) -> Figures {
        let until = match self.state {
            // What the window held when the circuit opened stays readable.
            CircuitState::Open => self.readable_until,
            _ => now,
        };
        let mut figures = self.window.figures(self.slot(until));
        if figures.calls > 0 {
            figures.consecutive_failures = self.consecutive;
        }
        figures
    }

    pub(crate) fn totals(&self, now: u64) -> Totals {
        let mut totals = self.totals;
        if self.state == CircuitState::Open {
            totals.time_open += nanos(now - self.opened_at);
        }
        totals
    }

    pub(crate) fn totals_mut(&mut self) -> &mut Totals {
        &mut self.totals
    }

    /// From when on a call with `IfNoneElse` may probe.
    pub(crate) fn none_else_from(&self) -> u64 {
        self.deadline.max(self.attempt) + 3 * self.period
    }

    pub(crate) fn next_lease_end(&self, now: u64) -> Option<u64> {
        let ends = self.places.iter().map(|place| place.lease_end);
        ends.filter(|end| *end > now).min()
    }

    // ===== Admitting =====

    /// Whether a call is admitted, without any effect.
    pub(crate) fn verdict(&self, now: u64, probing: Probing) -> Result<(), Refusal> {
        let at_once = |reason| {
            Err(Refusal {
                reason,
                retry_after: Some(0),
            })
        };
        if self.state == CircuitState::Open && now < self.deadline {
            let left = self.deadline - now;
            return Err(Refusal {
                reason: self.reason,
                retry_after: Some(left),
            });
        }
        if self.state != CircuitState::Closed && !self.may_probe(now, probing) {
            return at_once(Reason::Barred);
        }
        if self.state == CircuitState::HalfOpen {
            let taken = self
                .places
                .iter()
                .filter(|place| now < place.lease_end)
                .count();
            if taken >= self.rules.places as usize {
                return at_once(Reason::HalfOpenFull);
            }
        }
        if self
            .rules
            .max_in_flight
            .is_some_and(|most| self.in_flight >= most)
        {
            return at_once(Reason::Saturated);
        }
        Ok(())
    }

    fn may_probe(&self, now: u64, probing: Probing) -> bool {
        match probing {
            Probing::Yes => true,
            Probing::No => false,
            Probing::IfNoneElse => now >= self.none_else_from(),
        }
    }

    pub(crate) fn admit(&mut self, now: u64, probing: Probing) -> Result<Ticket, Refusal> {
        let verdict = self.verdict(now, probing);
        let waits_for_a_probe = match self.state {
            CircuitState::Closed => false,
            CircuitState::Open => now >= self.deadline,
            CircuitState::HalfOpen => true,
        };
        let none_else = probing == Probing::IfNoneElse;
        // It is the others that a call with `IfNoneElse` waits for.
        if waits_for_a_probe && probing == Probing::Yes {
            self.attempt = now;
        }
        verdict?;
        if waits_for_a_probe {
            if none_else {
                self.seen.note("IfNoneElse probed");
            }
            if self.state == CircuitState::Open {
                if now == self.deadline {
                    self.seen.note("a probe at exactly the deadline");
                }
                self.enter_half_open(now, Reason::PeriodOver);
            }
            if self.places.iter().any(|place| now == place.lease_end) {
                self.seen
                    .note("a probe at exactly the end of another's lease");
            }
        }
        self.admitted += 1;
        self.in_flight += 1;
        let id = self.admitted;
        if waits_for_a_probe {
            self.totals.probes += 1;
            self.places.push(Place {
                id,
                lease_end: now + self.rules.lease(),
            });
        }
        Ok(Ticket {
            id,
            generation: self.generation,
            started: now,
            recorded: true,
        })
    }

    // ===== Changing the state =====

    fn change(&mut self, now: u64, to: CircuitState, reason: Reason) {
        if self.state == CircuitState::Open {
            self.totals.time_open += nanos(now - self.opened_at);
        }
        self.generation += 1;
        // A closed circuit that is reset is no news.
        if (self.state, to) != (CircuitState::Closed, CircuitState::Closed) {
            self.changes.push(Change {
                at: now,
                from: self.state,
                to,
                generation: self.generation,
                reason,
            });
        }
        self.state = to;
        self.abandoned.clear();
        self.places.clear();
        self.probe_successes = 0;
        self.hinted = 0;
    }

    fn forget_the_window(&mut self) {
        self.window.clear();
        self.consecutive = 0;
    }

    /// `until` is what hints ask for, `by_hand` a period that takes the place of the policy's.
    fn enter_open(&mut self, now: u64, reason: Reason, until: u64, by_hand: Option<u64>) {
        if self.state == CircuitState::Closed && now - self.closed_since >= self.rules.window {
            if self.growth > 0 {
                self.seen
                    .note("growth began anew after a window spent closed");
            }
            self.growth = 0;
        }
        if self.growth >= 3 {
            self.seen.note("a fourth opening in a stretch");
        }
        if self.state != CircuitState::Open {
            self.readable_until = now;
        }
        self.change(now, CircuitState::Open, reason);
        self.period = by_hand.unwrap_or(self.rules.period(self.growth));
        self.growth += 1;
        self.reason = reason;
        self.opened_at = now;
        if until > now + self.period {
            self.seen
                .note("a hint lengthened the period that it led to");
        }
        self.deadline = until.max(now + self.period);
        self.attempt = 0;
        self.totals.opened += 1;
    }

    fn enter_half_open(&mut self, now: u64, reason: Reason) {
        self.change(now, CircuitState::HalfOpen, reason);
        self.forget_the_window();
    }

    fn enter_closed(&mut self, now: u64, reason: Reason) {
        self.change(now, CircuitState::Closed, reason);
        self.forget_the_window();
        self.closed_since = now;
    }

    pub(crate) fn open(&mut self, now: u64, by_hand: Option<u64>) {
        self.enter_open(now, Reason::ByHand, self.hinted, by_hand);
    }

    /// An error where the circuit is closed.
    pub(crate) fn half_open(&mut self, now: u64) -> Result<(), ()> {
        match self.state {
            CircuitState::Closed => Err(()),
            CircuitState::Open => {
                self.enter_half_open(now, Reason::ByHand);
                // The period ends here, and the others have their chance from now on.
                self.deadline = now;
                Ok(())
            }
            CircuitState::HalfOpen => Ok(()),
        }
    }

    pub(crate) fn reset(&mut self, now: u64) {
        self.enter_closed(now, Reason::ByHand);
        self.growth = 0;
    }
}
