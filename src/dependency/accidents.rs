//! How often failures in a row come by chance.

/// What fails half of the time makes a run of 20 less than once in a million calls.
const LONGEST: usize = 20;

/// The runs of failures to expect of tenants whose calls fail independently, each at its own share.
#[derive(Debug, Default)]
pub(super) struct Accidents {
    /// By length, from one on.
    expected: [f64; LONGEST],
    /// Of so many tenants.
    pub(super) tenants: u64,
}

impl Accidents {
    /// Takes in a tenant, unless more than half of its calls fail: for these to open is no accident.
    pub(super) fn take_in(&mut self, failures: u64, calls: u64) {
        if failures > calls / 2 {
            return;
        }
        self.tenants += 1;
        let mut runs = calls as f64;
        for (failed, expected) in (0..failures).zip(&mut self.expected) {
            // As drawn without putting back: powers of the share would make one failure of two calls a half, and the
            // sum over many tenants with few calls far too high. So it is right on average.
            runs *= (failures - failed) as f64 / (calls - failed) as f64;
            *expected += runs;
        }
    }

    /// The shortest run of which there are no more than so many.
    pub(super) fn shortest_run(&self, accidents: f64) -> u32 {
        let is_rare = |expected: &f64| *expected <= accidents;
        let longer = self.expected.iter().position(is_rare);
        longer.unwrap_or(LONGEST - 1) as u32 + 1
    }
}

#[cfg(test)]
mod tests {
    use super::{Accidents, LONGEST};

    #[test]
    fn no_run_is_longer_than_the_longest_however_many_are_expected() {
        let mut accidents = Accidents::default();
        assert_eq!(accidents.shortest_run(0.0), 1);
        accidents.take_in(LONGEST as u64, 2 * LONGEST as u64);
        assert_eq!(accidents.shortest_run(0.0), LONGEST as u32);
    }
}
