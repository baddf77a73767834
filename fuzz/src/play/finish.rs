//! What has to hold in the end.

use std::time::Duration;

use tower_tenant_breaker::{CircuitState, EffectiveState, Probing};

use super::{End, Level, Play, Who};

impl Play {
    /// Ends everything, and lifts all that was forced: no place is lost, neither by the circuits as they are nor, once they
    /// were reset, by new ones, and whoever asks is admitted again.
    pub async fn finish(mut self) {
        while !self.calls.is_empty() {
            self.end(0, End::Dropped);
        }
        for level in [
            Level::Registry,
            Level::Dependency,
            Level::Tenant,
            Level::Circuit,
        ] {
            for who in Who::all() {
                self.clear(level, who);
            }
        }
        self.hold();
        self.nothing_is_taken();
        self.all_periods_are_over().await;
        self.hold();
        for who in Who::all() {
            self.is_admitted_where_none_but_it_decides(who);
        }
        while !self.calls.is_empty() {
            self.end(0, End::Dropped);
        }
        self.begins_anew().await;
    }

    /// Before anything begins anew, which would give lost places back.
    fn nothing_is_taken(&self) {
        for who in Who::all() {
            let Some(circuit) = self.snapshot(who) else {
                continue;
            };
            let in_flight = circuit.in_flight.unwrap_or_default();
            assert_eq!(in_flight, 0, "no place is lost: {circuit:?}");
            if circuit.effective_state == EffectiveState::Automatic(CircuitState::HalfOpen) {
                assert!(self.circuit(who).would_admit(), "{circuit:?}");
            }
        }
    }

    /// All open periods, and all ramps.
    async fn all_periods_are_over(&mut self) {
        let circuits = Who::all().filter_map(|who| self.snapshot(who));
        let left = circuits.filter_map(|circuit| circuit.retry_after).max();
        let hour = Duration::from_secs(3_600);
        tokio::time::advance(left.unwrap_or_default().max(hour)).await;
    }

    fn is_admitted_where_none_but_it_decides(&mut self, who: Who) {
        let circuit = self.snapshot(who);
        let is_automatic =
            |effective: EffectiveState| matches!(effective, EffectiveState::Automatic(_));
        if circuit.is_none_or(|circuit| !is_automatic(circuit.effective_state)) {
            return;
        }
        let before = self.calls.len();
        self.acquire(who, Probing::Yes);
        assert!(self.calls.len() > before, "{:?}", self.snapshot(who));
    }

    async fn begins_anew(&mut self) {
        self.registry.reset();
        self.hold();
        for who in Who::all() {
            self.set_own_policy(who, None);
            let Some(circuit) = self.snapshot(who) else {
                continue;
            };
            assert_eq!(circuit.in_flight.unwrap_or_default(), 0, "{circuit:?}");
            assert!(self.circuit(who).would_admit(), "{circuit:?}");
        }
        tokio::time::advance(Duration::from_secs(3_600)).await;
        for who in Who::all() {
            // A newcomer's circuit may begin open, by its policy.
            let is_known = self.snapshot(who).is_some();
            self.acquire(who, Probing::Yes);
            let is_admitted = self.calls.last().is_some_and(|call| call.who == who);
            assert!(is_admitted || !is_known, "{who:?} is rejected for good");
        }
        self.hold();
    }
}
