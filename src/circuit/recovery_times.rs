//! How long the circuits of a dependency took to recover: the mean, and the distribution.

use std::time::Duration;

use super::Totals;
use super::rare::Machine;
use crate::sync::Mutex;

/// Shorter times, of under about a millisecond, are in the first bucket.
const SHORTEST: u32 = 20;
/// Buckets to a doubling: an upper edge is at most a quarter over what it stands for.
const FINENESS: u32 = 2;
/// Times of 52 days and more are in the last bucket.
const BUCKETS: usize = 128;

/// Taken only when a circuit recovers, never by a plain call.
#[derive(Debug, Default)]
pub(crate) struct RecoveryTimes(Mutex<Recovered>);

/// The recoveries by probes of circuits that rules had opened, of which no two overlap, and as many as can be picked so.
///
/// The circuits of a thousand tenants that one failure of the dependency opened are one: the first of them to recover.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recovered {
    /// By length; no longer than the longest one needs.
    buckets: Vec<u64>,
    /// How many there were.
    pub(crate) samples: u64,
    /// Those of them that did not open a second time: the first probes found the dependency back.
    pub(crate) at_once: u64,
    /// When the last of them ended.
    last_end: u64,
}

impl RecoveryTimes {
    /// Takes in the recovery of a circuit, unless its length says nothing of the dependency: an operator had a hand
    /// in it, for more than half of it the circuit waited for a probe, or another one stands for it.
    pub(super) fn take_in(&self, machine: &Machine, broke_at: u64, now: u64) {
        let took = now.saturating_sub(broke_at);
        if machine.had_a_hand || machine.waited > took / 2 {
            return;
        }
        let mut recovered = self.0.lock();
        // They come by their ends, so to take each that can be taken is to take the most.
        if recovered.samples > 0 && broke_at < recovered.last_end {
            return;
        }
        recovered.samples += 1;
        recovered.at_once += u64::from(machine.opened_at == broke_at);
        recovered.last_end = now;
        let bucket = bucket(took);
        if recovered.buckets.len() <= bucket {
            recovered.buckets.resize(bucket + 1, 0);
        }
        recovered.buckets[bucket] += 1;
    }

    pub(crate) fn read(&self) -> Recovered {
        self.0.lock().clone()
    }
}

impl Recovered {
    /// The upper edge of the bucket of the median; zero where there was none.
    pub(crate) fn median(&self) -> Duration {
        let mut left = self.samples.div_ceil(2);
        for (bucket, samples) in self.buckets.iter().enumerate() {
            if *samples >= left {
                return Duration::from_nanos(edge(bucket));
            }
            left -= samples;
        }
        Duration::ZERO
    }
}

impl Totals {
    /// The mean time from when a closed circuit opened until probes closed it, in between it may have opened again;
    /// none where no circuit has recovered yet.
    ///
    /// Circuits that were closed by hand are not in it, nor are those that have not recovered yet. The wait until
    /// somebody asks for the circuit once its period is over is, and so is time for which an override decided over calls:
    /// a circuit that is forced open or disabled is not probed, and recovers no sooner than that ends.
    ///
    /// ```
    /// use tower_tenant_breaker::{CircuitBreakerRegistry, Policy};
    ///
    /// let registry = CircuitBreakerRegistry::builder().build()?;
    /// let search = registry.dependency_with("search", Policy::default())?;
    /// assert_eq!(search.snapshot().totals.mean_time_to_recovery(), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn mean_time_to_recovery(&self) -> Option<Duration> {
        let recovered = u128::from(self.recovered);
        let mean = self.time_to_recover.as_nanos().checked_div(recovered)?;
        Some(Duration::from_nanos(
            u64::try_from(mean).unwrap_or(u64::MAX),
        ))
    }
}

fn bucket(nanos: u64) -> usize {
    let doublings = nanos.max(1 << SHORTEST).ilog2();
    let part = nanos.max(1 << SHORTEST) >> (doublings - FINENESS) & ((1 << FINENESS) - 1);
    let bucket = ((doublings - SHORTEST) << FINENESS) as usize + part as usize;
    bucket.min(BUCKETS - 1)
}

/// The least time that is over those of this bucket.
fn edge(bucket: usize) -> u64 {
    let part = bucket as u64 & ((1 << FINENESS) - 1);
    let doublings = (bucket >> FINENESS) as u32 + SHORTEST;
    ((1 << FINENESS) + part + 1) << (doublings - FINENESS)
}

#[cfg(test)]
mod tests {
    use super::{BUCKETS, RecoveryTimes, SHORTEST, bucket, edge};
    use crate::{CircuitBreakerRegistry, Outcome};

    #[test]
    fn an_edge_is_over_its_times_by_a_quarter_at_most() {
        for nanos in (20..52).flat_map(|n| [1_u64 << n, (1 << n) + 1, (3 << n) / 2, (2 << n) - 1]) {
            let edge = edge(bucket(nanos));
            assert!(edge > nanos && edge <= nanos + nanos / 4 + 1, "{nanos}");
        }
        assert_eq!((bucket(0), bucket(u64::MAX)), (0, BUCKETS - 1));
        let shorter = (0..=SHORTEST).map(|n| (1 << n) - 1);
        assert!(shorter.map(bucket).all(|bucket| bucket == 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_recovery_counts_that_waited_for_a_probe_for_half_of_it_and_not_for_more() {
        let registry = CircuitBreakerRegistry::builder().build().unwrap();
        let search = registry.dependency("search").unwrap();
        search.acquire("acme").unwrap().record(Outcome::failure());
        let circuit = search.inner.circuits.get("acme").unwrap();
        let machine = &mut *circuit.rare().machine.lock();
        let times = RecoveryTimes::default();
        for (waited, samples) in [(51, 0), (50, 1)] {
            machine.waited = waited;
            times.take_in(machine, 0, 100);
            assert_eq!(times.read().samples, samples);
        }
    }
}
