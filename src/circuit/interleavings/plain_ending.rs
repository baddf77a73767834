//! Calls that end by one look at the state word while it changes.

use super::{acquire, totals, trips_at};
use crate::CircuitState;
use crate::interleavings::{Bound, at_once, circuit, dependency, explore};
use crate::outcome::Outcome;

#[test]
fn a_call_that_ends_plainly_while_the_circuit_trips_touches_only_the_generation_before() {
    explore(Bound::preemptions(1), || {
        let circuit = circuit(trips_at(1).build().unwrap());
        let good = [0, 1].map(|_| acquire(&circuit).unwrap());
        let failing = acquire(&circuit).unwrap();
        at_once(
            move || failing.record(Outcome::failure()),
            move || {
                // The first lays the stretch in which the second ends plainly.
                good.into_iter()
                    .for_each(|permit| permit.record(Outcome::Success));
            },
        );
        let totals = totals(&circuit);
        assert_eq!(totals.calls + totals.late, 3);
        assert_eq!((totals.opened, totals.failures), (1, 1));
        assert_eq!(
            (circuit.state(), circuit.generation()),
            (CircuitState::Open, 1)
        );
        assert_eq!(circuit.runs.get(1).failures, 0);
    });
}

#[test]
fn calls_that_end_plainly_while_the_window_gets_another_length_are_counted_once_each() {
    explore(Bound::preemptions(3).or_short(2), || {
        let search = dependency(trips_at(1).build().unwrap(), 1);
        let good = [0, 1].map(|_| search.acquire("acme").unwrap());
        let operator = search.clone();
        at_once(
            move || {
                good.into_iter()
                    .for_each(|permit| permit.record(Outcome::Success));
            },
            move || {
                let before = operator.policy();
                let policy = before.to_builder().window(before.window * 2);
                operator.set_policy(policy.build().unwrap());
            },
        );
        let circuit = search.inner.circuits.get("acme").unwrap();
        assert_eq!(totals(&circuit).calls, 2);
        // The next one counts by the rules that hold, whatever this thread knew of those before.
        search.acquire("acme").unwrap().record(Outcome::Success);
        let slot = circuit.rules().slot(circuit.context.now());
        assert!(circuit.window.figures(slot, None).calls > 0);
        assert_eq!(totals(&circuit).calls, 3);
    });
}

#[test]
fn a_place_in_the_air_is_given_back_by_a_call_that_could_have_ended_plainly() {
    explore(Bound::preemptions(1), || {
        let bounded = || trips_at(1).max_in_flight(1).build().unwrap();
        let search = dependency(trips_at(1).build().unwrap(), 1);
        search.acquire("acme").unwrap().record(Outcome::Success);
        let [caller, operator] = [0, 1].map(|_| search.clone());
        at_once(
            move || {
                let held = caller.acquire("acme");
                // The call that lays the stretch in which the other could end plainly.
                if let Ok(permit) = caller.acquire("acme") {
                    permit.record(Outcome::Success);
                }
                if let Ok(held) = held {
                    held.record(Outcome::Success);
                }
            },
            move || {
                operator.set_policy(bounded());
                operator.set_policy(trips_at(1).build().unwrap());
            },
        );
        let circuit = search.inner.circuits.get("acme").unwrap();
        assert_eq!(circuit.rare().in_flight.load(crate::sync::Relaxed), 0);
        search.set_policy(bounded());
        assert!(search.acquire("acme").is_ok());
    });
}
