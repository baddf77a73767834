//! The automatic machine of one circuit: what is admitted, and what changes the state.

mod changing;
mod ending;
mod memory;
mod ramp;

use tower_tenant_breaker::{CircuitState, Figures, Outcome, Probing, Reason, Totals};

use self::ramp::Ramp;
use super::policies::Numbered;
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
    /// Whether it is among the calls in the air, which only a policy that bounds them counts.
    flying: bool,
}

impl Ticket {
    pub(crate) fn unrecorded(now: u64) -> Self {
        Self {
            id: 0,
            generation: 0,
            started: now,
            recorded: false,
            flying: false,
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
    pub(crate) rules: Rules,
    counting: u64,
    /// Whether what would have been rejected is admitted now.
    pub(crate) dry_run: bool,
    pub(crate) state: CircuitState,
    pub(crate) generation: u64,
    window: Window,
    consecutive: u32,
    /// The cancelled calls in a row; true where one was counted as slow.
    abandoned: Vec<bool>,
    last_abandoned: u64,
    /// The latest instant that a hint of this closed generation named.
    hinted: u64,
    /// Whether the call for which the rules were asked last opens the circuit at once by the hint of a failure.
    pub(crate) failed_with_a_hint: bool,
    /// Whether it decides over the calls of all tenants.
    pub(crate) is_of_outage: bool,
    pub(crate) closed_since: u64,
    pub(crate) opened_at: u64,
    /// What the window held when the circuit, that was not open, opened.
    readable: Figures,
    pub(crate) deadline: u64,
    /// The latest instant that a hint named for this open period.
    not_before: u64,
    /// When the circuit opened that had been closed.
    broke_at: Option<u64>,
    ramp: Option<Ramp>,
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
    /// When the slot of the last success began.
    pub(crate) last_success: Option<u64>,
    pub(crate) last_failure: Option<u64>,
    pub(crate) changes: Vec<Change>,
    pub(crate) seen: Seen,
}

impl Circuit {
    pub(crate) fn new(policy: &Numbered, now: u64) -> Self {
        let Numbered { rules, counting } = policy;
        let period = rules.period(0);
        let begins_open = rules.initial == CircuitState::Open;
        let mut totals = Totals::default();
        // It waits for the first period, so that counts as the first opening.
        totals.opened = u64::from(begins_open);
        Self {
            rules: rules.clone(),
            counting: *counting,
            dry_run: false,
            state: rules.initial,
            generation: 0,
            window: Window::default(),
            consecutive: 0,
            abandoned: Vec::new(),
            last_abandoned: 0,
            hinted: 0,
            failed_with_a_hint: false,
            is_of_outage: false,
            closed_since: now,
            opened_at: now,
            readable: Figures::default(),
            not_before: 0,
            broke_at: None,
            ramp: None,
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
        if self.state == CircuitState::Open {
            // What the window held when the circuit opened stays readable.
            return self.readable;
        }
        let mut figures = self.window.figures(self.slot(now));
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

    pub(crate) fn is_of_this_generation(&self, ticket: Ticket) -> bool {
        ticket.generation == self.generation
    }

    pub(crate) fn totals_mut(&mut self) -> &mut Totals {
        &mut self.totals
    }

    /// From when on a call with `IfNoneElse` may probe.
    pub(crate) fn none_else_from(&self) -> u64 {
        self.deadline.max(self.attempt) + 3 * self.period
    }

    /// The calls in the air, where the policy bounds them.
    pub(crate) fn in_flight(&self) -> Option<u32> {
        self.rules.max_in_flight.map(|_| self.in_flight)
    }

    pub(crate) fn is_saturated(&self) -> bool {
        let most = self.rules.max_in_flight;
        most.is_some_and(|most| self.in_flight >= most)
    }

    pub(crate) fn next_lease_end(&self, now: u64) -> Option<u64> {
        let ends = self.places.iter().map(|place| place.lease_end);
        ends.filter(|end| *end > now).min()
    }

    // ===== Admitting =====

    /// Whether a call is admitted, ramps aside, without any effect.
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
        if self.is_saturated() {
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
        if self.state == CircuitState::Closed && !self.ramp_admits(now) {
            return Err(Refusal {
                reason: Reason::Recovering,
                retry_after: Some(0),
            });
        }
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
        let flying = self.rules.max_in_flight.is_some();
        self.in_flight += u32::from(flying);
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
            flying,
        })
    }
}
