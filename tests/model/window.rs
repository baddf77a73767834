//! The window: a list of samples, read from the start each time.

use tower_tenant_breaker::{Figures, Reason};

use super::rules::Rules;

/// One thing that was counted in a slot.
#[derive(Clone, Copy, Debug)]
struct Sample {
    slot: u64,
    /// False for an abandoned call that had been counted before as a slow one.
    call: bool,
    failed: bool,
    throttled: bool,
    slow: [bool; 4],
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Window {
    samples: Vec<Sample>,
}

impl Window {
    pub(crate) fn call(&mut self, slot: u64, failed: bool, throttled: bool, slow: [bool; 4]) {
        self.samples.push(Sample {
            slot,
            call: true,
            failed,
            throttled,
            slow,
        });
    }

    /// A failure of a call that is in the window already, or was.
    pub(crate) fn failure_only(&mut self, slot: u64) {
        self.samples.push(Sample {
            slot,
            call: false,
            failed: true,
            throttled: false,
            slow: [false; 4],
        });
    }

    /// Without the run of consecutive failures, which is not the window's.
    pub(crate) fn figures(&self, slot: u64) -> Figures {
        let mut figures = Figures::default();
        for sample in self.samples.iter().filter(|sample| slot - sample.slot < 10) {
            figures.calls += u64::from(sample.call);
            figures.failures += u64::from(sample.failed);
            figures.throttled += u64::from(sample.throttled);
            for (sum, slow) in figures.slow.iter_mut().zip(sample.slow) {
                *sum += u64::from(slow);
            }
        }
        figures
    }

    /// Whether no call was counted in the ten slots up to this one.
    pub(crate) fn is_idle(&self, slot: u64) -> bool {
        self.figures(slot).calls == 0
    }

    pub(crate) fn has_old_samples(&self, slot: u64) -> bool {
        self.samples.iter().any(|sample| slot - sample.slot >= 10)
    }

    pub(crate) fn has_samples_one_window_old(&self, slot: u64) -> bool {
        self.samples.iter().any(|sample| slot - sample.slot == 10)
    }

    pub(crate) fn clear(&mut self) {
        self.samples.clear();
    }
}

/// Whether the share of failures is exactly the one that trips.
pub(crate) fn is_on_the_edge(rules: &Rules, figures: &Figures) -> bool {
    let of = figures.calls.max(figures.failures);
    let rate = figures.failures as f64 / of as f64;
    rules
        .count_and_rate
        .is_some_and(|rule| rule.rate == rate && rate < 1.0)
}

/// Which rules hold for these figures, in the order in which a trip's reason names them.
pub(crate) fn rules_that_hold(rules: &Rules, figures: &Figures) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if rules
        .consecutive
        .is_some_and(|failures| figures.consecutive_failures >= failures)
    {
        reasons.push(Reason::ConsecutiveFailures);
    }
    if let Some(rule) = rules.count_and_rate {
        let of = figures.calls.max(figures.failures);
        let rate = figures.failures as f64 / of as f64;
        if of >= u64::from(rule.min_calls)
            && figures.failures >= u64::from(rule.failures)
            && rate >= rule.rate
        {
            reasons.push(Reason::FailureRate);
        }
    }
    for (index, rule) in rules.latency.iter().enumerate() {
        let n = figures.calls;
        let k = ((rule.quantile * n as f64).ceil() as u64).max(1);
        if n >= u64::from(rule.min_calls) && figures.slow[index] > n - k {
            reasons.push(Reason::Latency { rule: index });
        }
    }
    reasons
}
