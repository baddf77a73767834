//! What a call would be rejected with now, told without a call.

use tokio::time::Instant;

use super::{Circuit, Context};
use crate::overrides::{Override, Standing};
use crate::reason::Reason;
use crate::sync::{Acquire, Relaxed};
use crate::time::Clock;
use crate::{CircuitState, Probing};

/// What a call would be rejected with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(
    dead_code,
    reason = "those who tell of it are behind features; the core asks for the reason alone"
)]
pub(crate) struct StandingRefusal {
    /// Of a circuit that is open, or that is half-open and closed to a call that may not probe, why it opened.
    pub(crate) reason: Reason,
    /// As [`CircuitOpen::since`](crate::CircuitOpen::since) says it.
    pub(crate) since: Option<Instant>,
    /// When the open period or the override ends, as it was set or as a hint has moved it: the same instant whenever
    /// it is asked for, and one that has passed where the circuit waits for a probe that the call may not be. None
    /// where nobody has set one.
    pub(crate) until: Option<Instant>,
    /// Whether only calls in the air stand in the way: all places are taken, or the share of calls is still growing.
    pub(crate) is_passing: bool,
}

impl StandingRefusal {
    /// Under this override, which is in force.
    pub(crate) fn under(standing: &Standing, clock: &Clock) -> Option<Self> {
        (standing.kind == Override::ForcedOpen).then(|| Self {
            reason: standing.reason,
            since: Some(clock.instant(standing.since)),
            until: standing.until().map(|until| clock.instant(until)),
            is_passing: false,
        })
    }

    /// As `until`, for calls that all probe or all do not; none where it has passed, or ends in waiting for a probe that
    /// none of them is, and nobody knows when the circuit closes.
    #[cfg(feature = "agent")]
    pub(crate) fn until_after(&self, now: Instant, probing: Probing) -> Option<Instant> {
        let is_told = probing != Probing::No || self.reason.ends_without_probes();
        self.until.filter(|until| is_told && *until > now)
    }

    /// While there are calls in the air.
    fn passing(reason: Reason) -> Self {
        Self {
            reason,
            since: None,
            until: None,
            is_passing: true,
        }
    }

    fn of_outage(self, own: Option<Self>) -> Self {
        let own = own.and_then(|own| own.until);
        Self {
            reason: Reason::Outage,
            until: self.until.max(own),
            ..self
        }
    }
}

impl Context {
    /// As [`Circuit::standing_refusal`], of a tenant whose circuit would begin in this state, and that no override
    /// concerns.
    pub(crate) fn standing_refusal_of_newcomer(
        &self,
        initial: CircuitState,
        now: u64,
        probing: Probing,
    ) -> Option<StandingRefusal> {
        if let Some(outage) = self.outage(now) {
            if let Some(decided) = outage.refusal_unless_closed(now, probing) {
                return decided.map(|refusal| refusal.of_outage(None));
            }
            if initial == CircuitState::Closed {
                let admits = outage.ramp_would_admit(now);
                return (!admits).then(|| StandingRefusal::passing(Reason::Recovering));
            }
        }
        let admits = match initial {
            CircuitState::Closed => true,
            CircuitState::Open => false,
            // It would have had its whole patience.
            CircuitState::HalfOpen => probing == Probing::Yes,
        };
        (!admits).then_some(StandingRefusal {
            reason: Reason::Initial,
            since: None,
            until: None,
            is_passing: false,
        })
    }
}

impl Circuit {
    /// Why the circuit opened last; of one that never did, its first state.
    #[cfg(feature = "agent")]
    pub(crate) fn opened_for(&self) -> Reason {
        Reason::from_bits(self.rare().machine.lock().opened_for)
    }

    /// Whether it has a share of calls of its own that is growing.
    #[cfg(feature = "agent")]
    pub(crate) fn is_ramping(&self) -> bool {
        self.word().is_ramping()
    }

    /// What a call would be rejected with now; none where it would be admitted. As [`admit`](Self::admit) decides,
    /// but it changes nothing, counts nothing and tells nothing.
    pub(crate) fn standing_refusal(&self, probing: Probing) -> Option<StandingRefusal> {
        let context = &self.context;
        let now = context.now();
        if let Some(standing) = self.override_in_force(now) {
            return StandingRefusal::under(&standing, &context.shared.clock);
        }
        match context.outage(now) {
            Some(outage) => self.refusal_in_outage(outage, now, probing),
            None => self.refusal_by_machine(now, probing),
        }
    }

    /// As [`standing_refusal`](Self::standing_refusal), but for the calls that a ramp spaces: the next may be admitted.
    pub(crate) fn would_admit_as(&self, probing: Probing) -> bool {
        self.standing_refusal(probing).is_none_or(|refusal| {
            let is_spaced = refusal.reason == Reason::Recovering;
            is_spaced && !(self.word().is_capped() && self.is_saturated())
        })
    }

    fn refusal_in_outage(
        &self,
        outage: &Self,
        now: u64,
        probing: Probing,
    ) -> Option<StandingRefusal> {
        if outage.state() == CircuitState::Closed {
            return self.refusal_in_ramp(outage, now, probing);
        }
        if self.word().is_capped() && self.is_saturated() {
            return Some(StandingRefusal::passing(Reason::Saturated));
        }
        let is_open = self.state() == CircuitState::Open;
        let is_in_period = is_open && now < self.deadline(self.rare());
        let probing_for_all = if is_in_period { Probing::No } else { probing };
        match outage.refusal_unless_closed(now, probing_for_all) {
            None => self.refusal_in_ramp(outage, now, probing),
            Some(refusal) => {
                let own = is_in_period.then(|| self.refusal_unless_closed(now, probing));
                refusal.map(|refusal| refusal.of_outage(own.flatten().flatten()))
            }
        }
    }

    fn refusal_in_ramp(
        &self,
        outage: &Self,
        now: u64,
        probing: Probing,
    ) -> Option<StandingRefusal> {
        let is_plain = self.state() == CircuitState::Closed && self.ramp_share(now).is_none();
        if is_plain && !outage.ramp_would_admit(now) {
            return Some(StandingRefusal::passing(Reason::Recovering));
        }
        self.refusal_by_machine(now, probing)
    }

    fn refusal_by_machine(&self, now: u64, probing: Probing) -> Option<StandingRefusal> {
        if let Some(decided) = self.refusal_unless_closed(now, probing) {
            return decided;
        }
        let word = self.word();
        if word.is_ramping() && !self.ramp_would_admit(now) {
            return Some(StandingRefusal::passing(Reason::Recovering));
        }
        let is_saturated = word.is_capped() && self.is_saturated();
        is_saturated.then(|| StandingRefusal::passing(Reason::Saturated))
    }

    /// What the machine of a circuit says that is not closed; none where it is.
    fn refusal_unless_closed(&self, now: u64, probing: Probing) -> Option<Option<StandingRefusal>> {
        if self.state() == CircuitState::Closed {
            return None;
        }
        let rare = self.rare();
        // That of a recovery which the circuit has not heeded yet.
        self.deadline(rare);
        let machine = rare.machine.lock();
        let state = self.state();
        if state == CircuitState::Closed {
            return None;
        }
        let clock = &self.context.shared.clock;
        let instant = |at: u64| (at > 0).then(|| clock.instant(at));
        let deadline = rare.deadline.load(Acquire);
        let since = rare.shut_since.load(Relaxed).checked_sub(1);
        let shut = StandingRefusal {
            reason: Reason::from_bits(machine.opened_for),
            since: since.map(|since| clock.instant(since)),
            until: instant(deadline).or_else(|| instant(machine.over_at)),
            is_passing: false,
        };
        let may_probe = match probing {
            Probing::Yes => true,
            Probing::No => false,
            Probing::IfNoneElse => self.nobody_else_probes(&machine, now),
        };
        if (state == CircuitState::Open && now < deadline) || !may_probe {
            return Some(Some(shut));
        }
        let places = self.rules().policy.half_open_max_calls;
        if state == CircuitState::HalfOpen && !machine.has_place(now, places) {
            return Some(Some(StandingRefusal {
                reason: Reason::HalfOpenFull,
                is_passing: true,
                ..shut
            }));
        }
        let is_saturated = self.word().is_capped() && self.is_saturated();
        Some(is_saturated.then(|| StandingRefusal::passing(Reason::Saturated)))
    }
}

#[cfg(test)]
mod tests;
