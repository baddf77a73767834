//! What one operation does, and what has to hold after it.

use std::time::Duration;

use tokio::time::{Instant, advance};
use tower_tenant_breaker::{CircuitSnapshot, CircuitState, EffectiveState, Override};

use super::course::Ended;
use super::{Call, End, Level, Play, Who};

impl Play {
    /// What ends in another generation than it began in changes nothing.
    pub(super) fn end(&mut self, which: usize, end: End) {
        let Call {
            permit,
            who,
            generation,
            is_sure,
            started,
            ..
        } = self.calls.swap_remove(which);
        let before = self.snapshot(who);
        let outage = self.dependency(who).outage();
        let is_disabled = match self.circuit(who).override_in_force() {
            Some(over) => over.kind == Override::Disabled,
            None => false,
        };
        let is_gone = before.is_none();
        let hint = match end {
            End::Recorded(outcome) => {
                permit.record(outcome);
                outcome.retry_after()
            }
            End::Dropped => {
                drop(permit);
                None
            }
        };
        let seen = &mut self.seen[who.dependency];
        seen.ended += 1;
        seen.ended_surely += u64::from(is_sure && !is_disabled && !is_gone && outage.is_none());
        let after = self.snapshot(who);
        let (Some(before), Some(after), Some(generation)) = (before, after, generation) else {
            return;
        };
        if generation == before.generation {
            let ended = Ended {
                end,
                is_sure: is_sure && outage.is_none() && is_automatic(&before),
                latency: Instant::now().saturating_duration_since(started),
            };
            self.follow(who, &ended, &before, &after);
        } else if hint.is_none() && outage.is_none() {
            changes_nothing(&before, &after);
        }
    }

    /// At exactly the deadline the next call probes, and not a nanosecond before.
    pub(super) async fn wait_for_deadline(&mut self, who: Who) {
        let Some(circuit) = self.snapshot(who) else {
            return;
        };
        let is_full = circuit.in_flight.is_some_and(|calls| calls > 0);
        let is_open = circuit.effective_state == EffectiveState::Automatic(CircuitState::Open);
        let Some(left) = circuit.retry_after.filter(|_| is_open && !is_full) else {
            return;
        };
        if let Some(before) = left.checked_sub(Duration::from_nanos(1)) {
            advance(before).await;
            assert!(!self.circuit(who).would_admit(), "{circuit:?}");
            advance(left - before).await;
        }
        let circuit = self.circuit(who);
        if matches!(circuit.effective_state(), EffectiveState::Automatic(_)) {
            assert!(circuit.would_admit(), "{:?}", circuit.snapshot());
        }
    }

    pub(super) fn open(&mut self, who: Who, period: Option<Duration>) {
        let circuit = self.circuit(who);
        let opened = match period {
            Some(period) => circuit.open_for(period),
            None => circuit.open(),
        };
        let is_good = |period: Duration| !period.is_zero() && period <= Duration::from_secs(86_400);
        if period.is_none_or(is_good) {
            match opened {
                Ok(()) => assert_eq!(circuit.state(), CircuitState::Open),
                Err(_) => assert_eq!(self.dependency(who).len(), self.room, "there is no room"),
            }
        } else {
            assert!(opened.is_err(), "{period:?}");
        }
    }

    pub(super) fn half_open(&mut self, who: Who) {
        let circuit = self.circuit(who);
        let before = circuit.state();
        let half_opened = circuit.half_open();
        if half_opened.is_ok() {
            assert_eq!(circuit.state(), CircuitState::HalfOpen);
        } else {
            assert_eq!(circuit.state(), before);
            let is_full = self.dependency(who).len() == self.room;
            assert!(before == CircuitState::Closed || is_full, "{before}");
        }
    }

    pub(super) fn reset(&mut self, who: Who) {
        let circuit = self.circuit(who);
        circuit.reset();
        let Some(circuit) = circuit.snapshot() else {
            return;
        };
        assert_eq!(circuit.state, CircuitState::Closed);
        assert_eq!(
            circuit.window.calls + circuit.window.failures,
            0,
            "it begins empty"
        );
        assert_eq!((circuit.retry_after, circuit.ramp), (None, None));
    }

    pub(super) fn set(&mut self, level: Level, who: Who, kind: Override, period: Option<Duration>) {
        let before = self.snapshot(who);
        macro_rules! set {
            ($on:expr) => {
                match period {
                    Some(period) => $on.set_for(kind, period),
                    None => $on.set(kind),
                }
            };
        }
        match level {
            Level::Circuit => set!(self.circuit(who)),
            Level::Dependency => set!(self.dependency(who)),
            Level::Tenant => set!(self.registry.tenant(self.name(who))),
            Level::Registry => set!(self.registry),
        }
        let after = self.snapshot(who);
        if let (Some(before), Some(after)) = (before, after) {
            // An override changes neither state nor generation.
            assert_eq!(
                (before.state, before.generation),
                (after.state, after.generation)
            );
        }
        let is_killed =
            self.registry.override_in_force().map(|over| over.kind) == Some(Override::Disabled);
        let lasts = period.is_none_or(|period| !period.is_zero());
        let in_force = self.circuit(who).override_in_force().map(|over| over.kind);
        if is_killed {
            assert_eq!(in_force, Some(Override::Disabled), "the kill switch");
        } else if lasts && matches!(level, Level::Circuit) {
            assert_eq!(in_force, Some(kind), "the nearest wins");
        }
    }

    pub(super) fn clear(&mut self, level: Level, who: Who) {
        match level {
            Level::Circuit => self.circuit(who).clear(),
            Level::Dependency => self.dependency(who).clear(),
            Level::Tenant => self.registry.tenant(self.name(who)).clear(),
            Level::Registry => self.registry.clear(),
        }
    }
}

fn is_automatic(circuit: &CircuitSnapshot) -> bool {
    matches!(circuit.effective_state, EffectiveState::Automatic(_))
}

fn changes_nothing(before: &CircuitSnapshot, after: &CircuitSnapshot) {
    let shown = |circuit: &CircuitSnapshot| {
        let CircuitSnapshot {
            state,
            generation,
            retry_after,
            ramp,
            window,
            ..
        } = circuit;
        format!(
            "{state} {generation} {retry_after:?} {ramp:?} {window:?} {:?}",
            circuit.overridden
        )
    };
    assert_eq!(shown(before), shown(after));
    let in_flight = |circuit: &CircuitSnapshot| circuit.in_flight.unwrap_or_default();
    assert!(in_flight(after) <= in_flight(before) && in_flight(after) + 1 >= in_flight(before));
    let [before, after] = [before, after].map(|circuit| circuit.totals);
    assert!(after.late - before.late <= 1);
    let mut but_for_late = after;
    but_for_late.late = before.late;
    assert_eq!(but_for_late, before, "it is late and nothing else");
}
