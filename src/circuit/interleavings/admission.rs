//! Calls that are admitted while the circuit trips.

use super::{acquire, call, totals, trips_at};
use crate::CircuitState;
use crate::interleavings::{Bound, at_once, circuit, explore};
use crate::outcome::Outcome;

#[test]
fn a_call_is_admitted_before_the_trip_or_rejected_after_it_and_never_a_probe() {
    explore(Bound::NONE, || {
        let circuit = circuit(trips_at(1).build().unwrap());
        let failing = acquire(&circuit).unwrap();
        let caller = circuit.clone();
        let ((), admitted) = at_once(
            move || failing.record(Outcome::failure()),
            move || acquire(&caller),
        );
        if let Some(permit) = &admitted {
            assert_eq!((permit.generation(), permit.is_probe()), (0, false));
        }
        assert_eq!(
            (circuit.state(), circuit.generation()),
            (CircuitState::Open, 1)
        );
        assert_eq!(totals(&circuit).rejected, u64::from(admitted.is_none()));
        assert!(!call(&circuit, Outcome::Success));
    });
}

#[test]
fn a_call_that_ends_while_the_circuit_trips_is_counted_once_in_time_or_late() {
    explore(Bound::preemptions(2).or_short(1), || {
        let circuit = circuit(trips_at(1).build().unwrap());
        let failing = acquire(&circuit).unwrap();
        let caller = circuit.clone();
        let ((), was_admitted) = at_once(
            move || failing.record(Outcome::failure()),
            move || call(&caller, Outcome::Success),
        );
        let totals = totals(&circuit);
        assert_eq!(totals.calls + totals.late, 1 + u64::from(was_admitted));
        assert_eq!(circuit.state(), CircuitState::Open);
        assert_eq!((totals.opened, totals.failures), (1, 1));
        // What it counted is of the generation that has ended.
        assert_eq!(circuit.runs.get(1).failures, 0);
        circuit.reset();
        assert!(call(&circuit, Outcome::Success));
        let slot = circuit.context.slot(circuit.context.now());
        assert_eq!(circuit.window.figures(slot, None).calls, 1);
    });
}
