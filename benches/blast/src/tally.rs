//! What came of the calls of a run.

use std::time::Duration;

use hdrhistogram::{CreationError, Histogram};
use serde::{Deserialize, Serialize};

/// Whose calls are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Of {
    /// Of the healthy tenants.
    Healthy,
    /// Of those that are hit, to the dependency that is well.
    OtherDependency,
}

/// Calls that were made, and those of them that got what they asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Calls {
    pub(crate) made: u64,
    pub(crate) served: u64,
}

impl Calls {
    /// Which share was served; none where none was made.
    pub(crate) fn share(self) -> Option<f64> {
        (self.made > 0).then(|| self.served as f64 / self.made as f64)
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            made: self.made + other.made,
            served: self.served + other.served,
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Tally {
    calls: [Calls; 2],
    /// Of healthy calls that were served, in µs.
    latencies: Histogram<u64>,
    /// The most that a healthy call began after it was due.
    late: Duration,
}

impl Tally {
    pub(crate) fn new() -> Result<Self, CreationError> {
        Ok(Self {
            calls: Default::default(),
            // Up to a minute: nothing that a client waits for is longer.
            latencies: Histogram::new_with_bounds(1, 60_000_000, 3)?,
            late: Duration::ZERO,
        })
    }

    pub(crate) fn begin(&mut self, of: Of, late: Duration) {
        self.calls[of as usize].made += 1;
        if of == Of::Healthy {
            self.late = self.late.max(late);
        }
    }

    pub(crate) fn late(&self) -> Duration {
        self.late
    }

    pub(crate) fn serve(&mut self, of: Of, took: Duration) {
        self.calls[of as usize].served += 1;
        if of == Of::Healthy {
            let micros = took.as_micros().try_into().unwrap_or(u64::MAX);
            self.latencies.saturating_record(micros);
        }
    }

    pub(crate) fn calls(&self, of: Of) -> Calls {
        self.calls[of as usize]
    }

    /// A quantile of the latencies of healthy calls, in µs; none where none was served.
    pub(crate) fn quantile(&self, quantile: f64) -> Option<u64> {
        let any = !self.latencies.is_empty();
        any.then(|| self.latencies.value_at_quantile(quantile))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_healthy_tenants_wait_for_is_a_latency() {
        let mut tally = Tally::new().unwrap();
        assert_eq!(tally.quantile(0.5), None);
        for (of, ms) in [(Of::Healthy, 5), (Of::OtherDependency, 900)] {
            let late = Duration::from_millis(ms);
            tally.begin(of, late);
            tally.begin(of, Duration::ZERO);
            tally.serve(of, Duration::from_millis(ms));
            assert_eq!(tally.calls(of).share(), Some(0.5));
        }
        let p99 = tally.quantile(0.99).unwrap();
        assert!((5_000..5_010).contains(&p99), "{p99}");
        assert_eq!(tally.late(), Duration::from_millis(5));
        assert_eq!(Calls::default().share(), None);
    }
}
