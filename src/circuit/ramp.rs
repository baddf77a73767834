//! The share of calls that a circuit admits after it closed.

use super::Head;
use super::rare::Rare;
use super::rules::Rules;
use super::word::{self, Word};
use crate::policy::ONE;
use crate::sync::{AcqRel, Acquire, Relaxed, Release};

impl Rare {
    /// Begins the ramp that the rules ask for, if they do; under the machine's lock.
    pub(super) fn begin_ramp(&self, rules: &Rules, now: u64) -> bool {
        let Some(share) = rules.policy.ramp.and_then(|ramp| ramp.share(0)) else {
            return false;
        };
        self.ramp_since.store(now, Release);
        // The first call is admitted.
        self.ramp_credit.store(ONE - share, Release);
        true
    }
}

impl Head {
    /// The share of calls, of `ONE`, that the circuit admits now; none where it admits all, or is not closed.
    pub(crate) fn ramp_share(&self, now: u64) -> Option<u64> {
        if !self.word().is_ramping() {
            return None;
        }
        let since = self.rare().ramp_since.load(Acquire);
        let ramp = self.rules().policy.ramp?;
        ramp.share(now.saturating_sub(since))
    }

    /// Whether the ramp of a closed circuit admits this call.
    ///
    /// Each call saves up the present share, and the one with which a whole is there is admitted: evenly spaced,
    /// where a coin would let several in a row through.
    pub(super) fn ramp_admits(&self, word: Word, now: u64) -> bool {
        let Some(share) = self.ramp_share(now) else {
            self.end_ramp(word);
            return true;
        };
        let save = |credit: u64| {
            let saved = credit + share;
            Some(if saved >= ONE { saved - ONE } else { saved })
        };
        let credit = self.rare().ramp_credit.fetch_update(AcqRel, Relaxed, save);
        credit.is_ok_and(|credit| credit + share >= ONE)
    }

    /// Whether [`ramp_admits`](Self::ramp_admits) would say yes; changes nothing.
    pub(super) fn ramp_would_admit(&self, now: u64) -> bool {
        let share = self.ramp_share(now);
        share.is_none_or(|share| self.rare().ramp_credit.load(Acquire) + share >= ONE)
    }

    /// Lets calls pass by the word alone again.
    fn end_ramp(&self, word: Word) {
        let _machine = self.rare().machine.lock();
        if self.word().generation() == word.generation() {
            self.word.fetch_and(!word::RAMPING, AcqRel);
        }
    }

    /// The share of calls that is admitted, from 0 to 1, while it grows.
    pub(crate) fn ramp(&self) -> Option<f64> {
        let share = self.ramp_share(self.context.now())?;
        Some(share as f64 / ONE as f64)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::advance;

    use crate::{CircuitBreakerRegistry, OpenPeriod, Outcome, Policy};

    #[tokio::test(start_paused = true)]
    async fn the_first_call_after_a_ramp_lets_the_next_pass_by_the_word_alone() {
        let second = Duration::from_secs(1);
        let policy = Policy::builder()
            .consecutive_failures(1)
            .open_for(OpenPeriod::fixed(second).jitter(0.0))
            .success_threshold(1)
            .ramp(0.5, second);
        let registry = CircuitBreakerRegistry::builder().build().unwrap();
        let search = registry
            .dependency_with("search", policy.build().unwrap())
            .unwrap();
        let call = |outcome| search.acquire("acme").unwrap().record(outcome);
        call(Outcome::failure());
        advance(second).await;
        call(Outcome::Success);
        let circuit = search.inner.circuits.get("acme").unwrap();
        assert!(circuit.word().is_ramping());
        advance(second).await;
        call(Outcome::Success);
        assert!(!circuit.word().is_ramping());
    }
}
