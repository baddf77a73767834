//! How often circuits of a dependency changed, by their new state and the reason.

use std::array;

use crate::sync::{AtomicU64, Relaxed};
use crate::{CircuitState, Reason};

const STATES: [CircuitState; 3] = [
    CircuitState::Closed,
    CircuitState::Open,
    CircuitState::HalfOpen,
];

/// As many as there are bits for a reason in the state word.
const REASONS: usize = 32;

/// Why circuits change, and into what: told also where it has not happened yet, so that whoever watches a count sees
/// the first time too.
#[cfg(any(feature = "otel", feature = "metrics", feature = "status"))]
const KNOWN: [(CircuitState, Reason); 14] = [
    (CircuitState::Closed, Reason::ByHand),
    (CircuitState::Closed, Reason::Recovered),
    (CircuitState::HalfOpen, Reason::ByHand),
    (CircuitState::HalfOpen, Reason::PeriodOver),
    (CircuitState::Open, Reason::ByHand),
    (CircuitState::Open, Reason::ConsecutiveFailures),
    (CircuitState::Open, Reason::FailureRate),
    (CircuitState::Open, Reason::Hint),
    (CircuitState::Open, Reason::Latency { rule: 0 }),
    (CircuitState::Open, Reason::ProbeFailed),
    (CircuitState::Open, Reason::ProbeSlow),
    (CircuitState::Open, Reason::ProbeThrottled),
    (CircuitState::Open, Reason::ProbesAbandoned),
    (CircuitState::Open, Reason::Relapsed),
];

/// A count for each state and reason; latency rules are one reason.
#[derive(Debug)]
pub(crate) struct TransitionCounts([[AtomicU64; REASONS]; STATES.len()]);

impl Default for TransitionCounts {
    fn default() -> Self {
        Self(array::from_fn(|_| array::from_fn(|_| AtomicU64::new(0))))
    }
}

impl TransitionCounts {
    pub(super) fn add(&self, to: CircuitState, reason: Reason) {
        self.of(to, reason).fetch_add(1, Relaxed);
    }

    fn of(&self, to: CircuitState, reason: Reason) -> &AtomicU64 {
        let reason = match reason {
            Reason::Latency { .. } => Reason::Latency { rule: 0 },
            reason => reason,
        };
        let reason = usize::from(reason.to_bits()) % REASONS;
        match to {
            CircuitState::Closed => &self.0[0][reason],
            CircuitState::Open => &self.0[1][reason],
            CircuitState::HalfOpen => &self.0[2][reason],
        }
    }

    /// The counts that there are, and those that are known to come.
    #[cfg(any(feature = "otel", feature = "metrics", feature = "status"))]
    pub(crate) fn read(&self) -> Vec<(CircuitState, Reason, u64)> {
        let known = KNOWN.into_iter();
        let known = known.map(|(to, reason)| (to, reason, self.of(to, reason).load(Relaxed)));
        let bits = 0..REASONS as u8;
        let all = STATES
            .into_iter()
            .flat_map(|to| bits.clone().map(move |bits| (to, bits)));
        // Bits that stand for no reason read as one that is counted elsewhere.
        let others = all.filter_map(|(to, bits)| {
            let reason = Reason::from_bits(bits);
            let is_new = reason.to_bits() == bits && !KNOWN.contains(&(to, reason));
            let count = self.of(to, reason).load(Relaxed);
            (is_new && count > 0 && !matches!(reason, Reason::Latency { rule: 1.. }))
                .then_some((to, reason, count))
        });
        known.chain(others).collect()
    }
}

#[cfg(all(test, any(feature = "otel", feature = "metrics", feature = "status")))]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_told_as_zero_and_what_is_not_once_it_happened() {
        let counts = TransitionCounts::default();
        assert_eq!(counts.read().len(), KNOWN.len());
        assert!(counts.read().iter().all(|(.., count)| *count == 0));
        counts.add(CircuitState::Open, Reason::Latency { rule: 3 });
        counts.add(CircuitState::Open, Reason::Latency { rule: 0 });
        counts.add(CircuitState::Closed, Reason::Outage);
        let told = counts.read();
        assert_eq!(told.len(), KNOWN.len() + 1);
        assert!(told.contains(&(CircuitState::Open, Reason::Latency { rule: 0 }, 2)));
        assert!(told.contains(&(CircuitState::Closed, Reason::Outage, 1)));
    }
}
