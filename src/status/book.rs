//! What is remembered from one sample to the next: counters, from whose differences rates are made, and histories.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::history::History;
use super::overview::Overview;
use super::row::Row;
use crate::CircuitBreakerRegistry;
use crate::survey::{DependencySurvey, Survey, TenantSeries};

/// How long from one sample to the next, where sampling is quick.
const INTERVAL: Duration = Duration::from_secs(2);

/// Tenants are read by pages, where somebody asks for them.
const NOBODY: TenantSeries = TenantSeries {
    most: 0,
    of_credentials: false,
};

/// Sampling takes at most one part in so many of the time.
const PARTS: u32 = 20;

#[derive(Debug, Default)]
pub(super) struct Book {
    seen: HashMap<String, Seen>,
}

#[derive(Debug)]
struct Seen {
    at: Instant,
    calls: u64,
    rejected: u64,
    history: History,
}

impl Book {
    /// Goes over all circuits.
    pub(super) fn sample(&mut self, registry: &CircuitBreakerRegistry) -> Overview {
        let began = Instant::now();
        let survey = Survey::take(registry, NOBODY);
        let rows = survey.dependencies.into_iter();
        let rows = rows.map(|seen| self.rated(seen)).collect();
        let took = Instant::now().saturating_duration_since(began);
        Overview::new(rows, registry.override_in_force(), interval_after(took))
    }

    fn rated(&mut self, now: DependencySurvey) -> Row {
        let at = now.snapshot.taken_at;
        let calls = now.counts.calls().iter().map(|(_, calls)| calls).sum();
        let rejected = now.counts.rejected;
        let mut row = Row::new(now);
        let seen = self.seen.entry(row.name.clone()).or_insert_with(|| Seen {
            at,
            calls,
            rejected,
            history: History::default(),
        });
        let between = at.saturating_duration_since(seen.at);
        row.rate = rate(seen.calls, calls, between);
        row.rejected_rate = rate(seen.rejected, rejected, between);
        (seen.at, seen.calls, seen.rejected) = (at, calls, rejected);
        seen.history.push(row.point());
        row.history = seen.history.clone();
        row
    }
}

/// Per second, to a hundredth.
fn rate(before: u64, after: u64, between: Duration) -> f64 {
    if between.is_zero() {
        return 0.0;
    }
    let rate = after.saturating_sub(before) as f64 / between.as_secs_f64();
    (rate * 100.0).round() / 100.0
}

/// In whole tenths of a second, so that what writing takes is in it.
fn interval_after(took: Duration) -> Duration {
    let tenths = took.saturating_mul(PARTS).as_nanos().div_ceil(100_000_000);
    let tenths = u64::try_from(tenths).unwrap_or(u64::MAX);
    INTERVAL.max(Duration::from_millis(tenths.saturating_mul(100)))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{interval_after, rate};

    #[test]
    fn sampling_takes_at_most_a_twentieth_of_the_time() {
        for (took, interval) in [
            (0, 2_000),
            (99_000, 2_000),
            (100_000, 2_000),
            (100_001, 2_100),
            (1_000_000, 20_000),
        ] {
            let interval = Duration::from_millis(interval);
            assert_eq!(interval_after(Duration::from_micros(took)), interval);
        }
        assert!(interval_after(Duration::MAX) > Duration::from_secs(1 << 50));
    }

    #[test]
    fn a_rate_is_a_difference_by_the_time_between_and_never_below_zero() {
        assert_eq!(rate(100, 350, Duration::from_millis(2_500)), 100.0);
        assert_eq!(rate(0, 1, Duration::from_secs(3)), 0.33);
        assert_eq!(rate(9, 3, Duration::from_secs(1)), 0.0);
        assert_eq!(rate(0, 9, Duration::ZERO), 0.0);
    }
}
