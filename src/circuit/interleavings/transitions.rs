//! Changes of state: each cause makes one, and no two make the same.

use super::{acquire, call, totals, trips_at, two_fail};
use crate::CircuitState;
use crate::interleavings::{Bound, advance, at_once, circuit, explore};
use crate::outcome::Outcome;

#[test]
fn two_failures_that_end_at_once_trip_the_circuit_once() {
    explore(Bound::preemptions(2).or_short(1), || {
        let circuit = circuit(trips_at(1).build().unwrap());
        two_fail(&circuit);
        assert_eq!(circuit.state(), CircuitState::Open);
        let totals = totals(&circuit);
        assert_eq!((totals.opened, totals.calls + totals.late), (1, 2));
        assert_eq!(totals.calls, totals.failures);
        assert_eq!(circuit.generation(), 1);
        assert!(!call(&circuit, Outcome::Success));
    });
}

#[test]
fn two_failures_that_end_at_once_are_two_in_a_row_where_nothing_was_counted_before() {
    explore(Bound::preemptions(2).or_short(1), || {
        let circuit = circuit(trips_at(2).build().unwrap());
        two_fail(&circuit);
        assert_eq!(circuit.state(), CircuitState::Open);
    });
}

#[test]
fn two_failures_that_end_at_once_after_an_idle_window_begin_the_run_anew_once() {
    explore(Bound::preemptions(2).or_short(1), || {
        let policy = trips_at(3).build().unwrap();
        let window = policy.window;
        let circuit = circuit(policy);
        call(&circuit, Outcome::failure());
        advance(window);
        two_fail(&circuit);
        assert_eq!(circuit.state(), CircuitState::Closed);
        assert_eq!(circuit.runs.get(0).failures, 2);
    });
}

#[test]
fn a_good_call_and_a_failure_after_an_idle_window_end_the_run_from_before_it() {
    explore(Bound::preemptions(2).or_short(1), || {
        let policy = trips_at(2).build().unwrap();
        let window = policy.window;
        let circuit = circuit(policy);
        call(&circuit, Outcome::failure());
        advance(window);
        let [good, bad] = [0, 1].map(|_| acquire(&circuit).unwrap());
        at_once(
            move || good.record(Outcome::Success),
            move || bad.record(Outcome::failure()),
        );
        assert_eq!(circuit.state(), CircuitState::Closed);
        assert!(circuit.runs.get(0).failures <= 1);
    });
}

#[test]
fn a_success_that_closes_and_a_failure_that_reopens_make_one_change() {
    explore(Bound::NONE, || {
        let policy = trips_at(1)
            .initial_state(CircuitState::HalfOpen)
            .half_open_max_calls(2)
            .success_threshold(1);
        let circuit = circuit(policy.build().unwrap());
        let [good, bad] = [0, 1].map(|_| acquire(&circuit).unwrap());
        at_once(
            move || good.record(Outcome::Success),
            move || bad.record(Outcome::failure()),
        );
        let totals = totals(&circuit);
        assert_eq!((circuit.generation(), totals.late), (1, 1));
        let (successes, failures) = match circuit.state() {
            CircuitState::Closed => (1, 0),
            _ => (0, 1),
        };
        assert_eq!(
            (totals.probe_successes, totals.probe_failures, totals.opened),
            (successes, failures, failures)
        );
        assert!(circuit.rare().machine.lock().probes.is_empty());
        assert_eq!(circuit.context.live(), (failures as usize, 0));
    });
}

#[test]
fn two_successes_that_end_at_once_close_the_circuit_once() {
    explore(Bound::NONE, || {
        let policy = trips_at(1)
            .initial_state(CircuitState::HalfOpen)
            .half_open_max_calls(2)
            .success_threshold(2);
        let circuit = circuit(policy.build().unwrap());
        let [one, other] = [0, 1].map(|_| acquire(&circuit).unwrap());
        at_once(
            move || one.record(Outcome::Success),
            move || other.record(Outcome::Success),
        );
        assert_eq!(circuit.state(), CircuitState::Closed);
        let totals = totals(&circuit);
        assert_eq!((circuit.generation(), totals.probe_successes), (1, 2));
        assert!(acquire(&circuit).is_some_and(|permit| !permit.is_probe()));
    });
}

#[test]
fn a_failure_that_ends_while_a_healthy_circuit_is_reset_is_of_the_generation_before() {
    explore(Bound::preemptions(3).or_short(1), || {
        let circuit = circuit(trips_at(1).build().unwrap());
        let failing = acquire(&circuit).unwrap();
        let operated = circuit.clone();
        at_once(
            move || operated.reset(),
            move || failing.record(Outcome::failure()),
        );
        assert_eq!(circuit.state(), CircuitState::Closed);
        let totals = totals(&circuit);
        // In time, it may find its run ended by the reset, and trip nothing.
        assert_eq!(totals.late + totals.calls, 1);
        assert!(totals.late + totals.opened <= 1);
        assert_eq!(circuit.runs.get(circuit.generation()).failures, 0);
    });
}
