//! The laws that hold at any time.

use std::time::Duration;

use tower_tenant_breaker::{CircuitSnapshot, CircuitState, Totals};

use super::{Play, Seen, Who};

impl Play {
    /// After each operation, asks for all of them.
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
            let known: Vec<_> = Who::all().filter(|who| who.dependency == n).collect();
            for who in known {
                let name = Some(&self.names[who.tenant]);
                let circuit = circuits
                    .iter()
                    .find(|circuit| circuit.tenant.as_ref() == name);
                self.courses[who.number()].hold(circuit);
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
