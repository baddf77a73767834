//! Changes of state: each cause makes one, and no two make the same.

use super::{acquire, call, trips_at};
use crate::CircuitState;
use crate::interleavings::{Bound, circuit, explore, spawn};
use crate::outcome::Outcome;

#[test]
fn two_failures_that_end_at_once_trip_the_circuit_once() {
    explore(Bound::None, || {
        let circuit = circuit(trips_at(2).build().unwrap());
        call(&circuit, Outcome::Success);
        let permits = [0, 1].map(|_| acquire(&circuit).unwrap());
        let threads = permits.map(|permit| spawn(move || permit.record(Outcome::failure())));
        threads.map(|thread| thread.join().unwrap());
        assert_eq!(circuit.state(), CircuitState::Open);
        let totals = circuit.totals(circuit.context.now());
        assert_eq!((totals.opened, totals.calls, totals.failures), (1, 3, 2));
        assert_eq!(circuit.generation(), 1);
        assert!(!call(&circuit, Outcome::Success));
    });
}
