use std::time::Duration;

use hdrhistogram::Histogram;

use super::error::{PolicyError, check};
use crate::time::{DAY, nanos};

/// Trips where a latency quantile lies over a threshold.
///
/// ```
/// use std::time::Duration;
/// use tower_tenant_breaker::{LatencyRule, Policy};
///
/// Policy::builder()
///     .latency(LatencyRule::p95(Duration::from_secs(3)).min_calls(20))
///     .latency(LatencyRule::quantile(0.5, Duration::from_millis(500)))
///     .build()?;
/// # Ok::<(), tower_tenant_breaker::PolicyError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LatencyRule {
    pub(super) quantile: f64,
    pub(super) threshold: Duration,
    pub(super) min_calls: u32,
}

impl LatencyRule {
    /// Trips where the quantile `q`, over 0 and up to 1, is over `threshold`.
    ///
    /// The threshold must lie below the histogram's top bucket, the one with its highest latency in it: 5 min,
    /// unless [`PolicyBuilder::histogram`](crate::PolicyBuilder::histogram) says otherwise.
    ///
    /// The threshold is snapped up to the upper edge of its bucket in the policy's
    /// [histogram](crate::PolicyBuilder::histogram), which is less than 1 % away at two digits, so that
    /// the verdict is the one that the histogram's `value_at_quantile` gives. With `n` calls in the
    /// window, `slow` of them over the threshold, and `k = max(1, ceil(q * n))`, the rule holds exactly
    /// when `slow > n - k`.
    #[must_use]
    pub const fn quantile(q: f64, threshold: Duration) -> Self {
        Self {
            quantile: q,
            threshold,
            min_calls: 20,
        }
    }

    /// Trips where the median is over `threshold`.
    #[must_use]
    pub const fn p50(threshold: Duration) -> Self {
        Self::quantile(0.5, threshold)
    }

    /// Trips where the 95th percentile is over `threshold`.
    #[must_use]
    pub const fn p95(threshold: Duration) -> Self {
        Self::quantile(0.95, threshold)
    }

    /// Trips where the 99th percentile is over `threshold`.
    #[must_use]
    pub const fn p99(threshold: Duration) -> Self {
        Self::quantile(0.99, threshold)
    }

    /// How many calls the window must hold before the rule is asked: from 1 to 65,535, by default 20.
    #[must_use]
    pub const fn min_calls(mut self, calls: u32) -> Self {
        self.min_calls = calls;
        self
    }

    pub(super) fn validate(&self, histogram: &HistogramShape) -> Result<(), PolicyError> {
        check(
            self.quantile > 0.0 && self.quantile <= 1.0,
            "latency quantile",
            self.quantile,
            "over 0 and up to 1",
        )?;
        check(
            (1..=65_535).contains(&self.min_calls),
            "latency min_calls",
            self.min_calls,
            "from 1 to 65535",
        )?;
        check(
            !self.threshold.is_zero() && histogram.snap_up(self.threshold).is_some(),
            "latency threshold",
            self.threshold,
            "over 0 and below the top bucket of the histogram",
        )
        .map_err(|error| match histogram.top_bucket() {
            Some(begin) if !self.threshold.is_zero() => {
                error.here(format!("which begins at {begin:?}"))
            }
            _ => error,
        })
    }

    /// The rule as a circuit asks it.
    pub(super) fn compile(&self, histogram: &HistogramShape) -> CompiledLatencyRule {
        CompiledLatencyRule {
            quantile: self.quantile,
            // Validated before, so the fallback is never taken; a rule that never fires is the safe one.
            threshold: histogram.snap_up(self.threshold).unwrap_or(u64::MAX),
            min_calls: u64::from(self.min_calls),
        }
    }
}

/// A latency rule with its threshold in nanoseconds, on the edge of a bucket.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct CompiledLatencyRule {
    quantile: f64,
    pub(crate) threshold: u64,
    min_calls: u64,
}

impl CompiledLatencyRule {
    /// The rule as a person writes it. Its threshold is on the edge of a bucket, and so snapped to itself.
    pub(super) fn rule(&self) -> LatencyRule {
        let calls = u32::try_from(self.min_calls).unwrap_or(u32::MAX);
        LatencyRule::quantile(self.quantile, Duration::from_nanos(self.threshold)).min_calls(calls)
    }

    /// Whether the quantile is over the threshold, where `slow` of `calls` are over it.
    ///
    /// The verdict of `value_at_quantile(q) > threshold`, in O(1): that value is the bucket in which the
    /// running count, from the lowest latency up, reaches `k`, and it lies over the threshold exactly
    /// when the calls that do not (`calls - slow`) are fewer than `k`.
    pub(crate) fn fires(&self, calls: u64, slow: u64) -> bool {
        let k = ((self.quantile * calls as f64).ceil() as u64).max(1);
        calls >= self.min_calls && slow > calls.saturating_sub(k)
    }
}

/// The bounds and the precision of latency histograms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct HistogramShape {
    pub(super) lowest: Duration,
    pub(super) highest: Duration,
    pub(super) digits: u8,
}

impl HistogramShape {
    pub(crate) const DEFAULT: Self = Self {
        lowest: Duration::from_micros(10),
        highest: Duration::from_secs(300),
        digits: 2,
    };

    pub(super) fn validate(&self) -> Result<(), PolicyError> {
        check(
            self.lowest >= Duration::from_micros(1) && self.lowest <= Duration::from_secs(1),
            "histogram lowest",
            self.lowest,
            "from 1 us to 1 s",
        )?;
        check(
            self.highest >= self.lowest * 2 && self.highest <= DAY,
            "histogram highest",
            self.highest,
            "from twice the lowest to 24 h",
        )?;
        check(
            (1..=5).contains(&self.digits),
            "histogram digits",
            self.digits,
            "from 1 to 5",
        )
    }

    /// Whether a rule can have this threshold.
    pub(crate) fn takes(&self, threshold: Duration) -> bool {
        LatencyRule::p95(threshold).validate(self).is_ok()
    }

    /// An empty histogram of latencies in nanoseconds; `None` where the shape was not validated.
    pub(crate) fn histogram<C: hdrhistogram::Counter>(&self) -> Option<Histogram<C>> {
        Histogram::new_with_bounds(nanos(self.lowest), nanos(self.highest), self.digits).ok()
    }

    /// Where the top bucket begins; `None` where the shape was not validated.
    fn top_bucket(&self) -> Option<Duration> {
        let mut histogram = self.histogram::<u8>()?;
        histogram.saturating_record(u64::MAX);
        let begin = histogram.lowest_equivalent(histogram.max());
        Some(Duration::from_nanos(begin))
    }

    /// The upper edge of the threshold's bucket; `None` where that is the top bucket, in which a latency
    /// that is too long for the histogram also ends.
    fn snap_up(&self, threshold: Duration) -> Option<u64> {
        let mut histogram = self.histogram::<u8>()?;
        histogram.saturating_record(u64::MAX);
        let edge = histogram.highest_equivalent(nanos(threshold));
        let top = histogram.highest_equivalent(histogram.max());
        (edge < top).then_some(edge)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shapes() -> impl Strategy<Value = HistogramShape> {
        let lowest = prop_oneof![Just(1), Just(10), Just(1_000), 1..1_000_000_u64];
        let factor = prop_oneof![2..100_u32, 100..1_000_000_u32];
        (lowest, factor, 1..=5_u8).prop_map(|(lowest, factor, digits)| {
            let lowest = Duration::from_micros(lowest);
            let highest = (lowest * factor).min(DAY);
            HistogramShape {
                lowest,
                highest,
                // Many digits over a wide range take megabytes, and show nothing more.
                digits: digits.min(match factor {
                    0..4 => 5,
                    4..100 => 3,
                    _ => 2,
                }),
            }
        })
    }

    fn quantiles() -> impl Strategy<Value = f64> {
        prop_oneof![
            prop::sample::select(vec![1e-9, 0.1, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0]),
            0.000_001..=1.0,
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 10_000,
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        #[test]
        fn the_verdict_of_the_counters_is_the_verdict_of_the_histogram(
            shape in shapes(),
            quantile in quantiles(),
            threshold in 0.0..1.0_f64,
            // In units of the threshold, so that many lie near its edge.
            latencies in prop::collection::vec(prop_oneof![0.0..0.9, 0.95..1.05, 1.0..1e6_f64], 1..120),
        ) {
            let threshold = shape.highest.mul_f64(threshold * 0.9) + Duration::from_nanos(1);
            let rule = LatencyRule::quantile(quantile, threshold).min_calls(1);
            prop_assume!(rule.validate(&shape).is_ok());
            let rule = rule.compile(&shape);
            let mut histogram: Histogram<u64> = shape.histogram().unwrap();
            let mut slow = 0;
            for (n, latency) in (1..).zip(latencies) {
                let latency = (latency * nanos(threshold) as f64) as u64;
                histogram.saturating_record(latency);
                slow += u64::from(latency > rule.threshold);
                prop_assert_eq!(
                    rule.fires(n, slow),
                    histogram.value_at_quantile(quantile) > rule.threshold,
                    "n {}, slow {}", n, slow
                );
            }
        }
    }

    #[test]
    fn a_threshold_is_snapped_to_the_edge_of_its_bucket() {
        let shape = HistogramShape::DEFAULT;
        let rule = LatencyRule::p95(Duration::from_secs(3)).compile(&shape);
        let histogram: Histogram<u64> = shape.histogram().unwrap();
        assert_eq!(rule.threshold, histogram.highest_equivalent(rule.threshold));
        assert!(histogram.equivalent(rule.threshold, 3_000_000_000));
    }

    #[test]
    fn a_threshold_in_the_top_bucket_is_refused_and_told_where_that_begins() {
        let day = HistogramShape {
            highest: DAY,
            digits: 3,
            ..HistogramShape::DEFAULT
        };
        for shape in [HistogramShape::DEFAULT, day] {
            let top = shape.top_bucket().unwrap();
            let error = LatencyRule::p95(top).validate(&shape).unwrap_err();
            assert_eq!(error.field(), "latency threshold");
            let begins = format!("top bucket of the histogram, which begins at {top:?}");
            assert!(error.to_string().ends_with(&begins), "{error}");
            assert!(shape.takes(top - Duration::from_nanos(1)));
        }
    }
}
