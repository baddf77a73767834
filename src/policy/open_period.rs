use std::time::Duration;

use super::error::{PolicyError, check};
use crate::time::{DAY, nanos};

/// How long a circuit stays open before it lets a probe through.
///
/// The n-th opening in a stretch of openings lasts `initial * multiplier^(n - 1)`, at most `max`, and
/// then up to a share of `jitter` longer, so that circuits that opened together do not probe together.
/// The stretch ends once the circuit has been closed for a whole window, or by a reset.
///
/// ```
/// use std::time::Duration;
/// use tower_tenant_breaker::{OpenPeriod, Policy};
///
/// let steady = OpenPeriod::fixed(Duration::from_secs(10)).jitter(0.0);
/// let backing_off = OpenPeriod::exponential(Duration::from_secs(1), Duration::from_secs(60))
///     .multiplier(3.0);
/// Policy::builder().open_for(steady).build()?;
/// Policy::builder().open_for(backing_off).build()?;
/// # Ok::<(), tower_tenant_breaker::PolicyError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OpenPeriod {
    pub(super) initial: Duration,
    pub(super) max: Duration,
    pub(super) multiplier: f64,
    pub(super) jitter: f64,
}

/// What an error calls the parts of an open period: the period itself, its cap, multiplier and jitter.
type Names = [&'static str; 4];

/// Of a circuit's open period.
pub(super) const OPEN_FOR: Names = [
    "open_for",
    "open_for max",
    "open_for multiplier",
    "open_for jitter",
];

impl OpenPeriod {
    /// The same period at every opening, with the default jitter of 10 %.
    #[must_use]
    pub const fn fixed(period: Duration) -> Self {
        Self {
            initial: period,
            max: period,
            multiplier: 1.0,
            jitter: 0.1,
        }
    }

    /// A period that doubles with every opening up to `max`, with the default jitter of 10 %.
    #[must_use]
    pub const fn exponential(initial: Duration, max: Duration) -> Self {
        Self {
            initial,
            max,
            multiplier: 2.0,
            jitter: 0.1,
        }
    }

    /// By what the period grows with every opening: from 1 to 100.
    #[must_use]
    pub const fn multiplier(mut self, multiplier: f64) -> Self {
        self.multiplier = multiplier;
        self
    }

    /// By what share a period is lengthened at most: from 0 (none) to 1 (up to twice as long).
    #[must_use]
    pub const fn jitter(mut self, jitter: f64) -> Self {
        self.jitter = jitter;
        self
    }

    pub(super) fn validate(&self, names: Names) -> Result<(), PolicyError> {
        let [initial, max, multiplier, jitter] = names;
        let in_bounds = |period: Duration| !period.is_zero() && period <= DAY;
        check(
            in_bounds(self.initial),
            initial,
            self.initial,
            "over 0 and up to 24 h",
        )?;
        check(in_bounds(self.max), max, self.max, "over 0 and up to 24 h")?;
        check(
            self.initial <= self.max,
            max,
            self.max,
            "at least the initial period",
        )?;
        check(
            (1.0..=100.0).contains(&self.multiplier),
            multiplier,
            self.multiplier,
            "from 1 to 100",
        )?;
        check(
            (0.0..=1.0).contains(&self.jitter),
            jitter,
            self.jitter,
            "from 0 to 1",
        )
    }

    /// The period of the next opening in nanoseconds, where `openings` came before it in the stretch.
    ///
    /// `chance` is from [0, 1).
    pub(crate) fn after(&self, openings: u32, chance: f64) -> u64 {
        let max = nanos(self.max);
        let grown = nanos(self.initial) as f64
            * self
                .multiplier
                .powi(i32::try_from(openings).unwrap_or(i32::MAX));
        // A float that is too large for the integer becomes its maximum, infinity too.
        let period = (grown as u64).min(max);
        period.saturating_add((period as f64 * self.jitter * chance) as u64)
    }

    pub(crate) fn cap(&self) -> u64 {
        nanos(self.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn periods_double_up_to_the_cap_and_never_overflow() {
        let period =
            OpenPeriod::exponential(Duration::from_secs(30), Duration::from_secs(300)).jitter(0.0);
        let seconds: Vec<u64> = (0..6).map(|n| period.after(n, 0.0) / SECOND).collect();
        assert_eq!(seconds, [30, 60, 120, 240, 300, 300]);
        assert_eq!(period.after(u32::MAX, 0.0), 300 * SECOND);
    }

    #[test]
    fn jitter_only_lengthens() {
        let period = OpenPeriod::fixed(Duration::from_secs(10));
        assert_eq!(period.after(0, 0.0), 10 * SECOND);
        assert!(period.after(0, 0.999_999) < 11 * SECOND);
        assert!(period.after(0, 0.999_999) > 10 * SECOND);
    }
}
