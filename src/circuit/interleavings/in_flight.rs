//! The places of `max_in_flight`.

use super::{acquire, trips_at, two_ask};
use crate::interleavings::{Bound, at_once, circuit, dependency, explore};
use crate::outcome::Outcome;
use crate::sync::Relaxed;

#[test]
fn of_two_calls_that_want_the_last_place_in_the_air_one_gets_it() {
    explore(Bound::NONE, || {
        let circuit = circuit(trips_at(1).max_in_flight(1).build().unwrap());
        let [mine, other] = two_ask(&circuit);
        assert!(mine.is_some() != other.is_some());
        mine.or(other).unwrap().record(Outcome::Success);
        assert_eq!(circuit.rare().in_flight.load(Relaxed), 0);
        assert!(acquire(&circuit).is_some());
    });
}

#[test]
fn a_place_is_given_back_once_by_calls_that_end_and_are_cancelled_at_once() {
    explore(Bound::NONE, || {
        let circuit = circuit(trips_at(1).max_in_flight(2).build().unwrap());
        let [dropped, recorded] = [0, 1].map(|_| acquire(&circuit).unwrap());
        assert!(acquire(&circuit).is_none());
        at_once(
            move || recorded.record(Outcome::Success),
            move || drop(dropped),
        );
        assert_eq!(circuit.rare().in_flight.load(Relaxed), 0);
    });
}

#[test]
fn calls_that_come_and_go_while_a_bound_begins_to_hold_leave_no_place_taken() {
    explore(Bound::preemptions(3).or_short(2), || {
        let search = dependency(trips_at(1).build().unwrap(), 1);
        search.acquire("acme").unwrap().record(Outcome::Success);
        let begun = search.acquire("acme").unwrap();
        let [operator, caller] = [0, 1].map(|_| search.clone());
        let ((), permit) = at_once(
            move || operator.set_policy(trips_at(1).max_in_flight(1).build().unwrap()),
            move || {
                begun.record(Outcome::Success);
                caller.acquire("acme").ok()
            },
        );
        let circuit = search.inner.circuits.get("acme").unwrap();
        assert!(circuit.word().is_capped());
        let counted = permit.as_ref().is_some_and(|permit| permit.counted);
        let in_flight = circuit.rare().in_flight.load(Relaxed);
        assert_eq!(in_flight, u32::from(counted));
        drop(permit);
        assert_eq!(circuit.rare().in_flight.load(Relaxed), 0);
    });
}

#[test]
fn a_newcomer_is_bound_by_the_policy_that_was_set_as_it_came() {
    explore(Bound::NONE.or_short(3), || {
        let search = dependency(trips_at(1).build().unwrap(), 1);
        let [operator, caller] = [0, 1].map(|_| search.clone());
        at_once(
            move || operator.set_policy(trips_at(1).max_in_flight(1).build().unwrap()),
            move || drop(caller.acquire("acme")),
        );
        let circuit = search.inner.circuits.get("acme").unwrap();
        assert!(circuit.word().is_capped());
        assert_eq!(circuit.rare().in_flight.load(Relaxed), 0);
    });
}
