//! Overrides that are set, and that end, while the circuit changes by itself.

use std::time::Duration;

use super::{acquire, call, trips_at};
use crate::circuit::Circuit;
use crate::event::OverrideLevel;
use crate::interleavings::{Bound, advance, at_once, circuit, explore};
use crate::outcome::Outcome;
use crate::overrides::{Override, Standing};
use crate::sync::Arc;
use crate::{CircuitState, Probing, Reason};

fn standing(circuit: &Circuit, kind: Override) -> Standing {
    Standing::new(kind, OverrideLevel::Circuit, &circuit.context.shared.clock)
}

/// As [`CircuitHandle::set`](crate::CircuitHandle::set) does.
fn put(circuit: &Circuit, standing: Option<Standing>) {
    let _operator = circuit.context.shared.operator.lock();
    circuit.set_own_override(standing.map(Arc::new));
}

#[test]
fn an_override_that_is_set_while_the_circuit_trips_loses_neither() {
    explore(Bound::NONE.or_short(3), || {
        let circuit = circuit(trips_at(1).build().unwrap());
        let failing = acquire(&circuit).unwrap();
        let forced = standing(&circuit, Override::ForcedOpen);
        let operated = circuit.clone();
        at_once(
            move || put(&operated, Some(forced)),
            move || failing.record(Outcome::failure()),
        );
        assert_eq!(
            (circuit.state(), circuit.generation()),
            (CircuitState::Open, 1)
        );
        let refusal = circuit.admit(Probing::Yes).unwrap_err();
        assert_eq!(refusal.reason(), Reason::Forced);
        put(&circuit, None);
        let refusal = circuit.admit(Probing::Yes).unwrap_err();
        assert_eq!(refusal.reason(), Reason::ConsecutiveFailures);
    });
}

#[test]
fn a_call_that_ends_as_the_circuit_is_disabled_is_counted_or_leaves_nothing() {
    explore(Bound::NONE.or_short(3), || {
        let circuit = circuit(trips_at(1).build().unwrap());
        let failing = acquire(&circuit).unwrap();
        let disabled = standing(&circuit, Override::Disabled);
        let operated = circuit.clone();
        at_once(
            move || put(&operated, Some(disabled)),
            move || failing.record(Outcome::failure()),
        );
        let totals = super::totals(&circuit);
        let is_open = circuit.state() == CircuitState::Open;
        assert_eq!((totals.opened > 0, totals.failures > 0), (is_open, is_open));
        // It decides, whichever came first.
        let permit = circuit.admit(Probing::Yes).unwrap();
        permit.record(Outcome::failure());
        assert_eq!(super::totals(&circuit), totals);
    });
}

#[test]
fn an_override_that_is_set_as_a_call_forgets_the_one_that_ended_holds() {
    explore(Bound::NONE.or_short(3), || {
        let circuit = circuit(trips_at(1).build().unwrap());
        let period = Duration::from_secs(1);
        let ended = standing(&circuit, Override::ForcedOpen).lasting(period);
        put(&circuit, Some(ended));
        advance(period);
        let forced = standing(&circuit, Override::ForcedOpen);
        let [operated, called] = [0, 1].map(|_| circuit.clone());
        at_once(
            move || put(&operated, Some(forced)),
            move || call(&called, Outcome::Success),
        );
        assert!(acquire(&circuit).is_none());
    });
}
