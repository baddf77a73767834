//! Calls that are cancelled while others end.

use std::time::Duration;

use super::{acquire, call, totals, trips_at};
use crate::interleavings::{Bound, advance, at_once, circuit, explore};
use crate::outcome::Outcome;
use crate::{CircuitState, LatencyRule};

const SLOW: Duration = Duration::from_secs(1);

#[test]
fn a_permit_that_is_dropped_while_another_records_a_failure_counts_once() {
    explore(Bound::preemptions(2).or_short(1), || {
        // Every cancelled call is a failure.
        let circuit = circuit(trips_at(1).abandoned_run(1).build().unwrap());
        let [dropped, recorded] = [0, 1].map(|_| acquire(&circuit).unwrap());
        at_once(
            move || recorded.record(Outcome::failure()),
            move || drop(dropped),
        );
        let totals = totals(&circuit);
        let reported = totals.failures - totals.abandoned_failures;
        assert_eq!(reported + totals.cancelled + totals.late, 2);
        assert_eq!(totals.opened, 1);
        assert_eq!(totals.calls, totals.failures);
        assert_eq!(circuit.state(), CircuitState::Open);
    });
}

#[test]
fn two_permits_that_are_dropped_at_once_are_a_run_of_two() {
    explore(Bound::NONE.or_short(3), || {
        let circuit = circuit(trips_at(2).abandoned_run(2).build().unwrap());
        call(&circuit, Outcome::Success);
        let [one, other] = [0, 1].map(|_| acquire(&circuit).unwrap());
        at_once(move || drop(one), move || drop(other));
        let totals = totals(&circuit);
        assert_eq!((totals.cancelled, totals.abandoned_failures), (2, 2));
        assert_eq!((totals.calls, totals.opened), (3, 1));
    });
}

#[test]
fn a_good_call_that_ends_while_another_is_cancelled_ends_the_run_or_is_before_it() {
    explore(Bound::preemptions(3).or_short(2), || {
        let circuit = circuit(trips_at(1).abandoned_run(2).build().unwrap());
        call(&circuit, Outcome::Success);
        drop(acquire(&circuit));
        let [good, dropped] = [0, 1].map(|_| acquire(&circuit).unwrap());
        at_once(move || good.record(Outcome::Success), move || drop(dropped));
        let totals = totals(&circuit);
        // The second in a row makes failures of both, and they trip; after the good call it is the first of a run.
        match circuit.state() {
            CircuitState::Open => assert_eq!((totals.failures, totals.abandoned_failures), (2, 2)),
            _ => assert_eq!(totals.failures, 0),
        }
        let good_ones = 2;
        assert_eq!(totals.calls + totals.late, good_ones + totals.failures);
        assert_eq!(totals.cancelled, 2);
    });
}

#[test]
fn two_permits_that_are_dropped_at_once_after_an_idle_window_are_a_run_of_two() {
    explore(Bound::NONE, || {
        let policy = trips_at(1).abandoned_run(3).build().unwrap();
        let window = policy.window;
        let circuit = circuit(policy);
        drop(acquire(&circuit));
        advance(window);
        let [one, other] = [0, 1].map(|_| acquire(&circuit).unwrap());
        at_once(move || drop(one), move || drop(other));
        // The one before it is of another run.
        assert_eq!(circuit.state(), CircuitState::Closed);
        assert_eq!(circuit.runs.get(0).abandoned, 2);
    });
}

#[test]
fn a_slow_call_that_is_cancelled_after_an_idle_window_takes_no_failure_of_it_away() {
    explore(Bound::preemptions(2).or_short(1), || {
        let policy = trips_at(9).latency(LatencyRule::p95(SLOW)).build().unwrap();
        let window = policy.window;
        let circuit = circuit(policy);
        call(&circuit, Outcome::failure());
        advance(window - SLOW * 2);
        let [mine, other] = [0, 1].map(|_| acquire(&circuit).unwrap());
        advance(SLOW * 2);
        at_once(move || drop(other), move || mine.record(Outcome::failure()));
        assert_eq!(circuit.runs.get(0).failures, 1);
    });
}
