//! What one operation does, and what has to hold after it.

use std::time::Duration;

use tokio::time::{Instant, advance};
use tower_tenant_breaker::{
    CircuitOpen, CircuitSnapshot, CircuitState, EffectiveState, Override, Probing, Reason, Totals,
};

use super::{Call, End, Level, Play, Seen, Who, menu};

impl Play {
    /// A call is admitted where it was said that one would be.
    pub(super) fn acquire(&mut self, who: Who, probing: Probing) {
        let would_admit = self.circuit(who).would_admit();
        let before = self.snapshot(who);
        let acquired = self.dependency(who).acquire_barred(self.name(who), probing);
        // Of newcomers it is said as if there were room for them, and a ramp spaces calls.
        if let (Probing::Yes, Some(circuit)) = (probing, &before) {
            let is_spaced = acquired.as_ref().is_err_and(|rejection| {
                let open = rejection.circuit_open();
                open.is_some_and(|open| open.reason() == Reason::Recovering)
            });
            assert!(would_admit == acquired.is_ok() || is_spaced, "{circuit:?}");
        }
        let after = self.snapshot(who);
        let in_outage = self.dependency(who).outage().is_some();
        let permit = match acquired {
            Ok(permit) => permit,
            Err(rejection) => {
                let open = rejection.circuit_open().expect("a good tenant");
                self.tells_of(open, who);
                self.seen[who.dependency].rejected += 1;
                return;
            }
        };
        self.seen[who.dependency].probes += u64::from(permit.is_probe());
        let is_own_probe = permit.is_probe() && !in_outage && after.is_some();
        if is_own_probe {
            let circuit = after.as_ref().expect("as above");
            assert_eq!(
                circuit.state,
                CircuitState::HalfOpen,
                "only there are probes"
            );
            self.has_a_place_for_one_more(who, circuit);
        }
        let overridden = after
            .as_ref()
            .is_none_or(|circuit| circuit.overridden.is_some());
        self.calls.push(Call {
            generation: after.as_ref().map(|circuit| circuit.generation),
            is_sure: !overridden && !in_outage,
            started: Instant::now(),
            is_own_probe,
            permit,
            who,
        });
    }

    /// Never more probes than places, those aside that have outlived their lease.
    fn has_a_place_for_one_more(&self, who: Who, circuit: &CircuitSnapshot) {
        let in_flight = self.calls.iter().filter(|call| {
            call.is_own_probe
                && call.who == who
                && call.generation == Some(circuit.generation)
                && call.started.elapsed() < menu::LEASE
        });
        let policies = self.policies[who.dependency].iter();
        let places = policies.map(|policy| menu::places(*policy)).max();
        assert!(
            in_flight.count() < places.unwrap_or_default(),
            "{circuit:?}"
        );
    }

    fn tells_of(&self, open: &CircuitOpen, who: Who) {
        assert_eq!(open.dependency(), self.dependency(who).name());
        // A circuit that several share has no tenant.
        assert!(open.tenant().is_none_or(|tenant| tenant == self.name(who)));
        match (open.reason(), open.retry_after()) {
            (Reason::Forced | Reason::QuotaExhausted, _) => {}
            (reason, None) => panic!("nobody holds it open: {reason}"),
            (
                Reason::Barred | Reason::HalfOpenFull | Reason::Saturated | Reason::Recovering,
                Some(left),
            ) => {
                assert_eq!(left, Duration::ZERO);
            }
            // No period is longer than a day, nor a hint, but for the jitter.
            (reason, Some(left)) => {
                assert!(left <= Duration::from_secs(95_040), "{reason}: {left:?}")
            }
        }
        assert!(open.since().is_none_or(|since| since <= Instant::now()));
    }

    /// What ends in another generation than it began in changes nothing.
    pub(super) fn end(&mut self, which: usize, end: End) {
        let Call {
            permit,
            who,
            generation,
            is_sure,
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
        if let (Some(before), Some(after), Some(generation)) = (before, after, generation)
            && generation != before.generation
            && hint.is_none()
            && outage.is_none()
        {
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

    /// The laws that hold at any time.
    pub(super) fn hold(&mut self) {
        for (n, dependency) in self.dependencies.iter().enumerate() {
            let snapshot = dependency.snapshot();
            assert!(snapshot.circuits <= self.room, "{snapshot:?}");
            assert_eq!(snapshot.circuits, dependency.len());
            let circuits = dependency.circuit_snapshots();
            let in_state = |state| {
                circuits
                    .iter()
                    .filter(|circuit| circuit.state == state)
                    .count()
            };
            assert_eq!(snapshot.open, in_state(CircuitState::Open));
            assert_eq!(snapshot.half_open, in_state(CircuitState::HalfOpen));
            let of_tenants = circuits.iter().filter(|circuit| circuit.tenant.is_some());
            assert_eq!(of_tenants.count(), snapshot.circuits);
            assert!(
                snapshot
                    .share_open()
                    .is_none_or(|share| (0.0..=1.0).contains(&share))
            );
            for circuit in &circuits {
                hold_for(circuit);
            }
            add_up(&snapshot.totals, &mut self.seen[n]);
        }
    }
}

fn hold_for(circuit: &CircuitSnapshot) {
    let window = &circuit.window;
    // Failures of abandoned calls can outlive the calls.
    let slow = window.slow.iter().copied().max().unwrap_or_default();
    assert!(slow <= window.calls, "{circuit:?}");
    assert!((0.0..=1.0).contains(&window.failure_rate()), "{circuit:?}");
    assert!(window.calls <= circuit.totals.calls, "{circuit:?}");
    // Throttled calls are among the failures of a window, and beside those of a life.
    assert!(
        window.failures <= circuit.totals.failures + circuit.totals.throttled,
        "{circuit:?}"
    );
    assert!(window.throttled <= window.failures, "{circuit:?}");
    assert!(
        circuit.ramp.is_none_or(|ramp| (0.0..=1.0).contains(&ramp)),
        "{circuit:?}"
    );
    assert_eq!(
        circuit.retry_after.is_some(),
        circuit.state == CircuitState::Open
    );
    if circuit.state == CircuitState::HalfOpen {
        assert_eq!(
            window.calls, 0,
            "it takes in nothing while half-open: {circuit:?}"
        );
    }
    assert!(
        circuit.in_flight.is_none_or(|calls| calls <= 64),
        "never below none: {circuit:?}"
    );
    // None is written as 0, and so the first nanosecond as the second.
    let now = circuit.taken_at + Duration::from_nanos(1);
    for at in [
        circuit.last_success,
        circuit.last_failure,
        circuit.last_trip.map(|trip| trip.at),
    ] {
        assert!(at.is_none_or(|at| at <= now), "{circuit:?}");
    }
}

/// They never fall, and are what was seen from outside.
fn add_up(totals: &Totals, seen: &mut Seen) {
    for (now, before) in counts(totals).into_iter().zip(counts(&seen.totals)) {
        assert!(now >= before, "{totals:?} after {:?}", seen.totals);
    }
    seen.totals = *totals;
    assert_eq!(totals.rejected, seen.rejected, "{totals:?}");
    assert_eq!(totals.probes, seen.probes, "{totals:?}");
    assert!(totals.probe_successes + totals.probe_failures <= totals.probes);
    assert!(totals.abandoned <= totals.cancelled && totals.abandoned_failures <= totals.failures);
    assert!(totals.abandoned <= totals.calls && totals.slow <= totals.calls);
    let reported = totals.calls - totals.abandoned;
    assert!(totals.throttled + totals.failures - totals.abandoned_failures <= reported);
    let counted = reported + totals.ignored + totals.cancelled + totals.late;
    assert!(
        (seen.ended_surely..=seen.ended).contains(&counted),
        "{counted} of {} to {}: {totals:?}",
        seen.ended_surely,
        seen.ended
    );
}

fn counts(totals: &Totals) -> [u128; 19] {
    let nanos = |time: Duration| time.as_nanos();
    [
        totals.calls.into(),
        totals.failures.into(),
        totals.throttled.into(),
        totals.ignored.into(),
        totals.cancelled.into(),
        totals.abandoned.into(),
        totals.abandoned_failures.into(),
        totals.unmeasured.into(),
        totals.slow.into(),
        totals.rejected.into(),
        totals.would_reject.into(),
        totals.would_open.into(),
        totals.late.into(),
        totals.probes.into(),
        totals.probe_successes.into(),
        totals.probe_failures.into(),
        totals.opened.into(),
        nanos(totals.time_open),
        nanos(totals.time_to_recover),
    ]
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
