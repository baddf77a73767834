use std::time::Duration;

use super::error::{PolicyError, check};
use crate::time::{DAY, nanos};

/// The whole of a share, which is a fraction of 32 binary digits.
pub(crate) const ONE: u64 = 1 << 32;

/// The share of calls that a circuit admits after it closed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ramp {
    pub(super) start: f64,
    pub(super) over: Duration,
}

impl Ramp {
    pub(super) fn validate(&self) -> Result<(), PolicyError> {
        check(
            self.start > 0.0 && self.start < 1.0,
            "ramp start",
            self.start,
            "over 0 and below 1",
        )?;
        check(
            !self.over.is_zero() && self.over <= DAY,
            "ramp over",
            self.over,
            "over 0 and up to 24 h",
        )
    }

    /// The share so many nanoseconds after the circuit closed; none once the ramp is over.
    pub(crate) fn share(&self, elapsed: u64) -> Option<u64> {
        let over = nanos(self.over);
        if elapsed >= over {
            return None;
        }
        // Rounded up: ten tenths are a whole.
        let start = (self.start * ONE as f64).ceil() as u64;
        let grown = u128::from(ONE - start) * u128::from(elapsed) / u128::from(over);
        Some(start + grown as u64)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{ONE, Ramp};

    #[test]
    fn it_is_over_however_long_ago_the_circuit_closed() {
        let ramp = Ramp {
            start: 1e-12,
            over: Duration::from_millis(100),
        };
        assert_eq!(ramp.share(100_000_000), None);
        assert!(ramp.share(99_999_999).is_some_and(|share| share <= ONE));
        for elapsed in (27..64).map(|bits| u64::MAX >> (63 - bits)) {
            assert_eq!(ramp.share(elapsed), None, "{elapsed} ns");
        }
    }
}
