//! The places of probes: never more than there are, and none lost.

use std::time::Duration;

use super::{acquire, totals, trips_at, two_ask};
use crate::circuit::Circuit;
use crate::interleavings::{Bound, advance, at_once, circuit, explore, three_at_once};
use crate::outcome::Outcome;
use crate::{CircuitState, PolicyBuilder};

fn half_open(places: u32) -> PolicyBuilder {
    trips_at(1)
        .initial_state(CircuitState::HalfOpen)
        .half_open_max_calls(places)
        .success_threshold(2)
}

fn places_taken(circuit: &Circuit) -> usize {
    circuit.rare().machine.lock().probes.len()
}

#[test]
fn of_two_calls_that_want_the_last_place_one_gets_it() {
    explore(Bound::NONE, || {
        let circuit = circuit(half_open(2).build().unwrap());
        let first = acquire(&circuit).unwrap();
        let [mine, other] = two_ask(&circuit);
        assert!(mine.is_some() != other.is_some());
        assert_eq!(places_taken(&circuit), 2);
        assert_eq!(totals(&circuit).rejected, 1);
        drop((first, mine, other));
        assert_eq!(places_taken(&circuit), 0);
    });
}

#[test]
fn of_two_calls_that_find_the_open_period_over_one_makes_the_circuit_half_open() {
    explore(Bound::NONE, || {
        let circuit = circuit(trips_at(1).half_open_max_calls(1).build().unwrap());
        circuit.open_by_hand(Some(0));
        let [mine, other] = two_ask(&circuit);
        assert!(mine.is_some() != other.is_some());
        let probe = mine.or(other).unwrap();
        assert_eq!((probe.generation(), probe.is_probe()), (2, true));
        assert_eq!(circuit.state(), CircuitState::HalfOpen);
        assert_eq!((circuit.generation(), totals(&circuit).probes), (2, 1));
    });
}

#[test]
fn a_probe_that_is_dropped_gives_its_place_to_one_of_two_that_want_it() {
    explore(Bound::preemptions(4).or_short(3), || {
        let circuit = circuit(half_open(1).build().unwrap());
        let first = acquire(&circuit).unwrap();
        let [one, other] = [0, 1].map(|_| circuit.clone());
        let ((), one, other) = three_at_once(
            move || drop(first),
            move || acquire(&one),
            move || acquire(&other),
        );
        let others = [one, other];
        let admitted = others.iter().flatten().count();
        assert!(admitted <= 1);
        assert_eq!(places_taken(&circuit), admitted);
        drop(others);
        assert!(acquire(&circuit).is_some());
    });
}

#[test]
fn a_place_whose_lease_has_ended_is_free_once_however_its_probe_ends() {
    explore(Bound::NONE.or_short(3), || {
        let lease = Duration::from_secs(1);
        let circuit = circuit(half_open(1).probe_lease(lease).build().unwrap());
        let lost = acquire(&circuit).unwrap();
        advance(lease);
        let [one, other] = [0, 1].map(|_| circuit.clone());
        let ((), one, other) = three_at_once(
            move || lost.record(Outcome::Ignored),
            move || acquire(&one),
            move || acquire(&other),
        );
        let others = [one, other];
        assert_eq!(others.iter().flatten().count(), 1);
        assert_eq!(places_taken(&circuit), 1);
        assert!(acquire(&circuit).is_none());
    });
}

#[test]
fn a_probe_that_ends_while_an_operator_opens_the_circuit_takes_no_place_of_the_next_probes() {
    explore(Bound::NONE, || {
        let circuit = circuit(half_open(1).build().unwrap());
        let probe = acquire(&circuit).unwrap();
        let operated = circuit.clone();
        let ((), next) = at_once(
            move || probe.record(Outcome::Success),
            move || {
                operated.open_by_hand(Some(0));
                acquire(&operated)
            },
        );
        assert!(next.is_some_and(|next| next.is_probe() && next.generation() == 2));
        assert_eq!(circuit.state(), CircuitState::HalfOpen);
        let totals = totals(&circuit);
        assert_eq!(totals.late + totals.probe_successes, 1);
        // Of the next probes it is none.
        assert_eq!(circuit.rare().machine.lock().successes, 0);
    });
}
