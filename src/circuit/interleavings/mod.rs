//! What calls and operators do to one circuit at a time, in all orders.

mod transitions;

use super::Circuit;
use super::permit::Permit;
use crate::Probing;
use crate::outcome::Outcome;
use crate::policy::Policy;

/// Asks the circuit as [`Dependency::acquire`](crate::Dependency::acquire) does.
fn acquire(circuit: &Circuit) -> Option<Permit> {
    circuit
        .clone()
        .admit_plainly()
        .or_else(|circuit| circuit.admit(Probing::Yes))
        .ok()
}

/// A whole call; `false` where it was rejected.
fn call(circuit: &Circuit, outcome: Outcome) -> bool {
    acquire(circuit)
        .map(|permit| permit.record(outcome))
        .is_some()
}

/// Trips at so many failures in a row, and by nothing else.
fn trips_at(failures: u32) -> crate::PolicyBuilder {
    Policy::builder()
        .without_failure_rate()
        .consecutive_failures(failures)
}
