//! The proof that a call was admitted.

use std::fmt;
use std::mem::{self, ManuallyDrop};
#[cfg(feature = "http")]
use std::time::Duration;

use tokio::time::Instant;

use super::word::Word;
use super::{Circuit, Credit};
use crate::outcome::Outcome;

/// Where a call is, so that a permit that is dropped knows what the drop means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Nobody's code runs: the call was cancelled.
    #[default]
    Waiting,
    /// The inner service's: it panicked, which is a failure.
    Inner,
    /// A hook of ours, such as the classifier: it panicked, which says nothing about the dependency.
    Hook,
}

/// The proof that a call was admitted. What became of the call is recorded on it, once.
///
/// A permit that is dropped unrecorded stands for a cancelled call: neutral by itself, slow where it lasted
/// longer than a latency threshold, and a failure where too many come in a row. The latency of a call is
/// the time since its permit was acquired.
///
/// A permit belongs to the generation of the circuit in which it was acquired. If the circuit has changed
/// its state since, the outcome is counted as late and changes nothing.
///
/// ```
/// use tower_tenant_breaker::{CircuitBreakerRegistry, Outcome, Policy};
///
/// let registry = CircuitBreakerRegistry::builder().build()?;
/// let search = registry.dependency_with("search", Policy::default())?;
///
/// let permit = search.acquire("acme")?;
/// // .. the call ..
/// permit.record(Outcome::Success);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a permit that is dropped unrecorded is a cancelled call"]
pub struct Permit {
    /// None where the call is not recorded: without a circuit, or under an override that says so.
    pub(super) circuit: Option<Circuit>,
    /// None where there is no circuit.
    pub(super) started: Option<Instant>,
    /// The state word by which it was admitted.
    pub(super) word: Word,
    /// The number of its place; 0 where it is no probe.
    pub(super) probe: u32,
    /// Whether it holds one of the places of `max_in_flight`.
    pub(super) counted: bool,
    pub(super) stage: Stage,
}

impl Permit {
    /// A permit on which nothing is recorded.
    pub(crate) fn unrecorded() -> Self {
        Self {
            circuit: None,
            started: None,
            word: Word::default(),
            probe: 0,
            counted: false,
            stage: Stage::Waiting,
        }
    }

    /// Records what became of the call.
    ///
    /// Never blocks on another call, and calls the registry's observer where this changes the state.
    #[inline]
    pub fn record(self, outcome: Outcome) {
        // Ended, it has nothing left to drop.
        ManuallyDrop::new(self).end(outcome);
    }

    /// Whether this call is a probe of a half-open circuit.
    #[must_use]
    pub fn is_probe(&self) -> bool {
        self.probe != 0
    }

    pub(super) fn generation(&self) -> u64 {
        self.word.generation()
    }

    /// Says whose code runs from now on.
    #[inline]
    pub(crate) fn stage(&mut self, stage: Stage) {
        self.stage = stage;
    }

    /// Runs the inner service's own code: a panic that leaves it is the dependency's failure.
    #[inline]
    pub(crate) fn within<T>(&mut self, inner: impl FnOnce() -> T) -> T {
        self.stage(Stage::Inner);
        let result = inner();
        self.stage(Stage::Waiting);
        result
    }

    /// Leaves one behind on which nothing is recorded.
    #[inline]
    pub(crate) fn take(&mut self) -> Self {
        mem::replace(self, Self::unrecorded())
    }

    /// What the circuit's clock says; none where nothing is recorded.
    #[cfg(feature = "http")]
    pub(crate) fn now(&self) -> Option<u64> {
        self.circuit.as_ref().map(|circuit| circuit.context.now())
    }

    /// Takes what has passed since this instant out of the call's latency, by beginning the call so much later. For the
    /// moment before it ends.
    #[cfg(feature = "http")]
    pub(crate) fn time_until(&mut self, instant: u64) {
        if let Some((now, started)) = self.now().zip(self.started) {
            let since = Duration::from_nanos(now.saturating_sub(instant));
            self.started = started.checked_add(since);
        }
    }

    /// As [`record`](Self::record), for what has a use for the permit's remains.
    #[inline]
    pub(crate) fn record_in_place(&mut self, outcome: Outcome) {
        self.end(outcome);
    }

    /// As [`record`](Self::record), and who is to be told when something else serves the call; nobody where no ledger
    /// is kept, or the call was not counted as failed.
    pub(crate) fn record_for_credit(mut self, outcome: Outcome) -> Option<Credit> {
        let circuit = self.circuit.take()?;
        let is_counted = circuit.end(&self, outcome);
        if is_counted && outcome.is_bad() {
            Credit::of_failed(&circuit)
        } else {
            None
        }
    }

    fn end(&mut self, outcome: Outcome) {
        if let Some(circuit) = self.circuit.take() {
            circuit.end(self, outcome);
        }
    }

    #[cold]
    fn end_unrecorded(&mut self) {
        self.end(match self.stage {
            Stage::Waiting => Outcome::Cancelled,
            Stage::Inner => Outcome::failure(),
            Stage::Hook => Outcome::Ignored,
        });
    }
}

impl Drop for Permit {
    // Always, since every recorded call comes by here, with nothing left to do.
    #[inline(always)]
    fn drop(&mut self) {
        if self.circuit.is_some() {
            self.end_unrecorded();
        }
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit")
            .field("circuit", &self.circuit)
            .field("generation", &self.generation())
            .field("is_probe", &self.is_probe())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use crate::CircuitBreakerRegistry;

    #[tokio::test(start_paused = true)]
    async fn a_permit_is_shown_with_its_circuit() {
        let registry = CircuitBreakerRegistry::builder().build().unwrap();
        let search = registry.dependency("search").unwrap();
        let shown = format!("{:?}", search.acquire("acme").unwrap());
        let circuit =
            r#"Circuit { dependency: "search", tenant: Some("acme"), state: Closed, .. }"#;
        assert!(shown.contains(circuit), "{shown}");
        assert!(shown.contains("generation: 0, is_probe: false"), "{shown}");
    }
}
