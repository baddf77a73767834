//! What each HTTP status means where somebody said so: four bits for each.

use std::fmt;

use ::http::StatusCode;

use crate::outcome::Outcome;

/// The statuses that [`StatusCode`] can hold.
const FIRST: u16 = 100;
const LAST: u16 = 999;
const BYTES: usize = (LAST - FIRST + 1) as usize / 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Success,
    Failure,
    Throttled,
    Ignored,
}

impl Verdict {
    /// Hints aside.
    pub(crate) const fn outcome(self) -> Outcome {
        match self {
            Self::Success => Outcome::Success,
            Self::Failure => Outcome::failure(),
            Self::Throttled => Outcome::throttled(),
            Self::Ignored => Outcome::Ignored,
        }
    }
}

/// Plain data, so that the clones of a service, one for each request, share no reference count.
#[derive(Clone, Copy)]
pub(super) struct StatusTable {
    nibbles: [u8; BYTES],
}

impl StatusTable {
    pub(super) const fn new() -> Self {
        Self {
            nibbles: [0; BYTES],
        }
    }

    pub(super) const fn set(&mut self, status: StatusCode, verdict: Verdict) {
        let (byte, shift) = place_of(status);
        let bits = match verdict {
            Verdict::Success => 1,
            Verdict::Failure => 2,
            Verdict::Throttled => 3,
            Verdict::Ignored => 4,
        };
        self.nibbles[byte] = self.nibbles[byte] & !(0xf << shift) | bits << shift;
    }

    pub(super) const fn get(&self, status: StatusCode) -> Option<Verdict> {
        let (byte, shift) = place_of(status);
        match self.nibbles[byte] >> shift & 0xf {
            1 => Some(Verdict::Success),
            2 => Some(Verdict::Failure),
            3 => Some(Verdict::Throttled),
            4 => Some(Verdict::Ignored),
            _ => None,
        }
    }
}

const fn place_of(status: StatusCode) -> (usize, u32) {
    let index = (status.as_u16() - FIRST) as usize;
    (index / 2, (index % 2) as u32 * 4)
}

impl fmt::Debug for StatusTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set = (FIRST..=LAST).filter_map(|status| {
            let verdict = self.get(StatusCode::from_u16(status).ok()?)?;
            Some((status, verdict))
        });
        f.debug_map().entries(set).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_a_place_of_its_own() {
        const VERDICTS: [Verdict; 4] = [
            Verdict::Success,
            Verdict::Failure,
            Verdict::Throttled,
            Verdict::Ignored,
        ];
        let verdict_of = |status: StatusCode| VERDICTS[usize::from(status.as_u16() % 4)];
        let statuses = || (FIRST..=LAST).map(|status| StatusCode::from_u16(status).unwrap());

        let mut table = StatusTable::new();
        for status in statuses() {
            assert_eq!(table.get(status), None);
            // Twice, so that what was said first is gone.
            table.set(status, Verdict::Ignored);
            table.set(status, verdict_of(status));
        }
        for status in statuses() {
            assert_eq!(table.get(status), Some(verdict_of(status)), "{status}");
        }
    }
}
