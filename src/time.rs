//! Time as the core counts it: whole nanoseconds since the registry was created.

use std::time::Duration;

use tokio::time::Instant;

pub(crate) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A duration in nanoseconds, at most `u64::MAX` of them (584 years).
///
/// Not `as_nanos`, whose 128 bits cost the call path more than the clock's own arithmetic.
pub(crate) const fn nanos(duration: Duration) -> u64 {
    duration
        .as_secs()
        .saturating_mul(1_000_000_000)
        .saturating_add(duration.subsec_nanos() as u64)
}

/// A duration and up to a tenth more at random, so that those who wait for one circuit do not return in step.
#[cfg(any(feature = "http", feature = "retry"))]
pub(crate) fn spread(duration: Duration) -> Duration {
    let extra = Duration::from_nanos(fastrand::u64(0..=nanos(duration / 10)));
    duration.saturating_add(extra)
}

/// Nanoseconds since the registry was created.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    base: Instant,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self {
            base: Instant::now(),
        }
    }

    /// Never before zero, also by a clock that steps back.
    #[inline]
    pub(crate) fn now(&self) -> u64 {
        self.at(Instant::now())
    }

    /// Zero for what lies before it.
    #[inline]
    pub(crate) fn at(&self, instant: Instant) -> u64 {
        nanos(instant.saturating_duration_since(self.base))
    }

    pub(crate) fn instant(&self, at: u64) -> Instant {
        let since = Duration::from_nanos(at);
        self.base.checked_add(since).unwrap_or(self.base)
    }
}
