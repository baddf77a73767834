//! What calls and operators do to one circuit at a time, in all orders.

mod admission;
mod in_flight;
mod overrides;
mod permits;
mod plain_ending;
mod probes;
mod rollover;
mod transitions;

use super::Circuit;
use super::permit::Permit;
use super::totals::Totals;
use crate::interleavings::at_once;
use crate::outcome::Outcome;
use crate::policy::Policy;
use crate::{PolicyBuilder, Probing};

/// Asks the circuit as [`Dependency::acquire`](crate::Dependency::acquire) does.
fn acquire(circuit: &Circuit) -> Option<Permit> {
    circuit
        .clone()
        .admit_plainly()
        .or_else(|circuit| match circuit.refuse_plainly() {
            Some(refusal) => Err(refusal),
            None => circuit.admit(Probing::Yes),
        })
        .ok()
}

/// A whole call; `false` where it was rejected.
fn call(circuit: &Circuit, outcome: Outcome) -> bool {
    acquire(circuit)
        .map(|permit| permit.record(outcome))
        .is_some()
}

/// Two calls that ask at once: what each was given.
fn two_ask(circuit: &Circuit) -> [Option<Permit>; 2] {
    let [one, other] = [0, 1].map(|_| circuit.clone());
    at_once(move || acquire(&one), move || acquire(&other)).into()
}

/// Two admitted calls that fail at once.
fn two_fail(circuit: &Circuit) {
    let [one, other] = [0, 1].map(|_| acquire(circuit).unwrap());
    at_once(
        move || one.record(Outcome::failure()),
        move || other.record(Outcome::failure()),
    );
}

fn totals(circuit: &Circuit) -> Totals {
    circuit.totals(circuit.context.now())
}

/// Of a policy that trips at so many failures in a row, and by nothing else.
fn trips_at(failures: u32) -> PolicyBuilder {
    Policy::builder()
        .without_failure_rate()
        .without_latency()
        .consecutive_failures(failures)
}
