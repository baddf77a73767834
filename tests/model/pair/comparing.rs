//! What crate and model say after each step.

use std::time::Duration;

use tokio::time::Instant;
use tower_tenant_breaker::CircuitState;

use super::super::circuit::Change;
use super::super::rules::nanos;
use super::{Pair, TENANT};

impl Pair {
    /// Everything that can be read of the circuit; reading must not change it either.
    pub(crate) fn compare(&self) {
        self.compare_events();
        let now = self.now();
        let (model, search) = (&self.model, &self.search);
        let handle = search.circuit(TENANT);
        assert_eq!(search.state(TENANT), model.state(), "state");
        assert_eq!(handle.state(), model.state(), "state by the handle");
        let effective = model.effective_state(now);
        assert_eq!(search.effective_state(TENANT), effective, "effective state");
        assert_eq!(
            handle.effective_state(),
            effective,
            "effective state by the handle"
        );
        assert_eq!(handle.would_admit(), model.would_admit(now), "would admit");
        assert_eq!(
            search.len(),
            usize::from(model.circuit.is_some()),
            "circuits"
        );
        let of_dependency = search.snapshot();
        assert_eq!(
            of_dependency.totals,
            model.totals(now),
            "totals of the dependency"
        );
        let in_state = |state| usize::from(model.circuit.is_some() && model.state() == state);
        assert_eq!(
            of_dependency.open,
            in_state(CircuitState::Open),
            "open circuits"
        );
        assert_eq!(
            of_dependency.half_open,
            in_state(CircuitState::HalfOpen),
            "half-open ones"
        );

        let snapshot = handle.snapshot();
        assert_eq!(
            snapshot.is_some(),
            model.circuit.is_some(),
            "there is a circuit"
        );
        let (Some(snapshot), Some(circuit)) = (snapshot, &model.circuit) else {
            return;
        };
        assert_eq!(snapshot.state, model.state(), "state of the snapshot");
        assert_eq!(
            snapshot.effective_state, effective,
            "effective state of the snapshot"
        );
        assert_eq!(snapshot.generation, circuit.generation, "generation");
        assert_eq!(snapshot.window, circuit.figures(now), "window");
        assert_eq!(snapshot.totals, circuit.totals(now), "totals");
        assert_eq!(
            snapshot.retry_after,
            model.retry_after(now).map(nanos),
            "retry after"
        );
        assert_eq!(snapshot.ramp, circuit.share(now), "share of the ramp");
        assert_eq!(handle.ramp(), circuit.share(now), "share by the handle");
        assert_eq!(snapshot.in_flight, circuit.in_flight(), "calls in the air");
        let since = |at: Option<Instant>| at.map(|at| self.since_the_beginning(at));
        // Of very old ways to count it is forgotten how long their slots were.
        if snapshot.last_success.is_some() || model.policies.countings <= 16 {
            assert_eq!(
                since(snapshot.last_success),
                circuit.last_success,
                "last success"
            );
        }
        assert_eq!(
            since(snapshot.last_failure),
            // Nothing is before the first nanosecond.
            circuit.last_failure.map(|at| at.max(1)),
            "last failure"
        );
        let trip = snapshot.last_trip.map(|trip| {
            let since: Duration = trip.at - self.began;
            (since, trip.reason, trip.figures)
        });
        let expected = circuit
            .last_trip
            .map(|trip| (nanos(trip.at), trip.reason, trip.figures));
        assert_eq!(trip, expected, "last trip");
    }

    fn since_the_beginning(&self, at: Instant) -> u64 {
        u64::try_from((at - self.began).as_nanos()).expect("histories are short")
    }

    fn compare_events(&self) {
        let told = self.told.lock().expect("no panic");
        assert_eq!(told.refusals, self.model.refusals, "rejections told");
        assert_eq!(
            told.dry_refusals, self.model.dry_refusals,
            "would-be rejections told"
        );
        assert_eq!(
            told.quota_holds, self.model.quota_holds,
            "circuits told to be held open"
        );
        let changes = self
            .model
            .circuit
            .as_ref()
            .map_or(&[][..], |circuit| &circuit.changes);
        assert_eq!(told.changes.len(), changes.len(), "changes told");
        if let (Some((at, told)), Some(change)) = (told.changes.last(), changes.last()) {
            let told = Change {
                at: self.since_the_beginning(*at),
                ..*told
            };
            assert_eq!(told, *change, "the last change");
        }
    }
}
