//! Who is let through.

use std::time::Duration;

use tokio::time::Instant;
use tower_tenant_breaker::{
    CircuitOpen, CircuitSnapshot, CircuitState, EffectiveState, Probing, Reason, Rejection,
};

use super::{Call, Play, Who};

impl Play {
    /// A call is admitted where it was said that one would be.
    pub(super) fn acquire(&mut self, who: Who, probing: Probing) {
        let would_admit = self.circuit(who).would_admit();
        let before = self.snapshot(who);
        let acquired = self.dependency(who).acquire_barred(self.name(who), probing);
        if let (Probing::Yes, Some(circuit)) = (probing, &before) {
            let refused = acquired.as_ref().err().map(reason);
            // Of newcomers it is said as if there were room for them, and a ramp spaces calls.
            assert!(
                would_admit == refused.is_none() || refused == Some(Reason::Recovering),
                "{circuit:?}"
            );
            self.is_let_through_by_right(who, circuit, refused);
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
        if let Some(circuit) = after.as_ref().filter(|_| is_own_probe) {
            let is_half_open = circuit.state == CircuitState::HalfOpen;
            assert!(is_half_open, "only there are probes: {circuit:?}");
            let probes = self.probes(who, circuit);
            let probes = probes.filter(|call| call.is_own_probe).count();
            assert!(probes < self.figures(who).places, "{probes}: {circuit:?}");
        }
        let overridden = after
            .as_ref()
            .is_none_or(|circuit| circuit.overridden.is_some());
        self.calls.push(Call {
            generation: after.as_ref().map(|circuit| circuit.generation),
            is_sure: !overridden && !in_outage,
            started: Instant::now(),
            is_own_probe,
            lease: self.figures(who).lease,
            permit,
            who,
        });
    }

    /// The probes in the air of the circuit as it is, those aside that have outlived their lease.
    fn probes(&self, who: Who, circuit: &CircuitSnapshot) -> impl Iterator<Item = &Call> {
        let (generation, now) = (Some(circuit.generation), Instant::now());
        self.calls.iter().filter(move |call| {
            call.permit.is_probe()
                && (call.who, call.generation) == (who, generation)
                && now.saturating_duration_since(call.started) < call.lease
        })
    }

    /// What a circuit says of a call that may probe, where neither an override nor an outage decides: nothing holds it
    /// back but an open period, probes that are in the air, and a bound that is reached.
    fn is_let_through_by_right(
        &self,
        who: Who,
        circuit: &CircuitSnapshot,
        refused: Option<Reason>,
    ) {
        if !matches!(circuit.effective_state, EffectiveState::Automatic(_)) {
            return;
        }
        let figures = self.figures(who);
        match (refused, circuit.state) {
            (None, _) => assert!(circuit.retry_after.unwrap_or_default().is_zero()),
            (Some(Reason::Recovering), _) => {
                assert!(circuit.ramp.is_some() || self.dependency(who).outage().is_some());
            }
            (Some(Reason::Saturated), _) => {
                let in_the_air = self.calls.iter().filter(|call| call.who == who).count();
                let is_reached = |most| in_the_air >= most;
                assert!(
                    figures.max_in_flight.is_some_and(is_reached),
                    "{in_the_air} in the air: {circuit:?}"
                );
            }
            (Some(_), CircuitState::Open) => assert_ne!(circuit.retry_after, Some(Duration::ZERO)),
            (Some(_), CircuitState::HalfOpen) => {
                let probes = self.probes(who, circuit).count();
                assert!(probes >= figures.places, "{probes}: {circuit:?}");
            }
            (Some(reason), _) => panic!("{reason}: {circuit:?}"),
        }
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
}

fn reason(rejection: &Rejection) -> Reason {
    let open = rejection.circuit_open().expect("a good tenant");
    open.reason()
}
