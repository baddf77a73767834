//! The share of calls that a circuit admits after it closed.

use super::Circuit;

/// Shares are counted in such parts of a call.
const WHOLE: u64 = 1 << 32;

/// A ramp that no call has found to be over.
#[derive(Clone, Debug)]
pub(super) struct Ramp {
    since: u64,
    /// What the first call lacked.
    given: u64,
    /// The share at the time of each call that asked.
    asked: Vec<u64>,
}

impl Ramp {
    /// As many calls as all shares sum up to.
    fn due(&self) -> u64 {
        (self.given + self.asked.iter().sum::<u64>()) / WHOLE
    }
}

impl Circuit {
    fn share_after(&self, elapsed: u64) -> Option<u64> {
        let ramp = self.rules.ramp?;
        let start = (ramp.start * WHOLE as f64).ceil() as u64;
        let grown = u128::from(WHOLE - start) * u128::from(elapsed) / u128::from(ramp.over);
        (elapsed < ramp.over).then(|| start + grown as u64)
    }

    pub(super) fn begin_ramp(&mut self, now: u64) {
        let begin = |share| Ramp {
            since: now,
            given: WHOLE - share,
            asked: Vec::new(),
        };
        self.ramp = self.share_after(0).map(begin);
        if self.ramp.is_some() {
            self.seen.note("a ramp began");
        }
    }

    fn share_in_parts(&self, now: u64) -> Option<u64> {
        self.share_after(now - self.ramp.as_ref()?.since)
    }

    /// The share of calls that is admitted, where it is not all of them.
    pub(crate) fn share(&self, now: u64) -> Option<f64> {
        Some(self.share_in_parts(now)? as f64 / WHOLE as f64)
    }

    /// Whether this call is among the share.
    pub(crate) fn ramp_admits(&mut self, now: u64) -> bool {
        let share = self.share_in_parts(now);
        let (Some(ramp), Some(share)) = (&mut self.ramp, share) else {
            if self.ramp.take().is_some() {
                self.seen.note("a ramp was over");
            }
            return true;
        };
        let before = ramp.due();
        ramp.asked.push(share);
        ramp.due() > before
    }

    /// So many failures in a row while the share grew.
    pub(super) fn has_relapsed(&self, now: u64, in_a_row: u32) -> bool {
        in_a_row >= self.rules.successes && self.share_in_parts(now).is_some()
    }
}
