use std::hint::black_box;
use std::time::Duration;

use super::run::{Spent, on_threads};

/// A loop that touches only a cache line of its own, on one thread and then on several: what it costs says what the
/// machine was worth at that moment, whatever is compared on it.
///
/// Threads that share nothing cost each what one of them costs alone. Where the control does not scale so, the reason is
/// the machine, and nothing that was run beside it can be told from that.
#[derive(Clone, Copy, Debug)]
pub struct Control {
    /// On one thread.
    pub alone: Spent,
    /// On several; on one again, where one thread is what is compared.
    pub together: Spent,
}

/// Why a control, and what ran beside it, does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The threads waited for a processor. So two of them did not run at the same time, nor did they contend for
    /// anything: twice the threads did not take half of the time, and a cost per call would look better than it is.
    Crowded,
    /// The threads ran at the same time, and a turn of the loop cost more on several of them than on one: two processors
    /// that are one core of the host, or a host that was slower just then. A cost per call would look worse than it is.
    Inflated,
}

/// Of its processors' time, a control must have had this share. Less, and on two threads the wall time of the same work is
/// not near half of one's.
const PRESENCE: f64 = 0.95;

/// A run may have waited for its processors this share of its time. What is compared may wait for locks, so that its
/// presence says nothing; but a control that had its processors does not say that the run beside it had them, too.
pub(super) const WAITING: f64 = 0.05;

/// A turn may cost so much more on several threads than on one, or on one than on several.
const INFLATION: f64 = 1.05;

/// How often a control turns between two looks at whether its time is over.
const TURNS: u64 = 1_024;

impl Control {
    /// Runs it on one thread, and on so many, each time for about this long.
    #[must_use]
    pub fn run(threads: usize, for_about: Duration) -> Self {
        let on = |threads| on_threads(threads, for_about, |_| own_line());
        Self {
            alone: on(1),
            together: on(threads),
        }
    }

    /// What a turn costs on several threads, over what it costs on one.
    #[must_use]
    pub fn inflation(&self) -> f64 {
        self.together.cpu_per_call() / self.alone.cpu_per_call()
    }

    /// Why it does not count; none where it scaled.
    #[must_use]
    pub fn fault(&self) -> Option<Fault> {
        let inflation = self.inflation();
        // In words that hold of what is not a number, too: that is no measurement.
        let is_present = self.alone.presence() >= PRESENCE && self.together.presence() >= PRESENCE;
        let has_scaled = (1.0 / INFLATION..=INFLATION).contains(&inflation);
        match (is_present, has_scaled) {
            (true, true) => None,
            (false, _) => Some(Fault::Crowded),
            (true, false) => Some(Fault::Inflated),
        }
    }
}

/// Two lines, as processors fetch them in pairs.
#[repr(align(128))]
struct OwnLine([u64; 8]);

/// Eight multiplications at a time that do not wait for one another: they keep the multiplier of a core busy, so that two
/// threads which in truth share a core cost twice as much. A loop that waits for its own result would leave gaps that
/// the other thread fills, and notice nothing.
fn own_line() -> impl FnMut() -> u64 {
    let mut line = Box::new(OwnLine([1, 2, 3, 4, 5, 6, 7, 8]));
    move || {
        for _ in 0..TURNS {
            for word in &mut line.0 {
                *word = word.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
            }
            black_box(&mut *line);
        }
        TURNS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many turns, each of so many nanoseconds, on threads that were on a processor for this share of their time.
    fn spent(turns: u64, nanos: u64, presence: f64) -> Spent {
        let cpu = Duration::from_nanos(turns * nanos);
        Spent {
            calls: turns,
            cpu,
            wall: cpu.div_f64(presence),
            queued: Duration::ZERO,
        }
    }

    #[test]
    fn a_control_that_costs_the_same_on_two_threads_counts() {
        let control = Control {
            alone: spent(1_000, 100, 1.0),
            together: spent(2_000, 104, 0.96),
        };
        assert_eq!(control.fault(), None);
    }

    #[test]
    fn a_control_that_costs_more_on_two_threads_does_not_nor_one_that_costs_less() {
        for nanos in [106, 200, 94] {
            let control = Control {
                alone: spent(1_000, 100, 1.0),
                together: spent(2_000, nanos, 1.0),
            };
            assert_eq!(control.fault(), Some(Fault::Inflated), "{nanos}");
        }
    }

    #[test]
    fn a_control_that_waited_for_its_processors_does_not_count_whatever_it_cost() {
        for (alone, together) in [(1.0, 0.5), (0.5, 1.0), (0.9, 0.9)] {
            let control = Control {
                alone: spent(1_000, 100, alone),
                together: spent(2_000, 100, together),
            };
            assert_eq!(control.fault(), Some(Fault::Crowded), "{alone}, {together}");
        }
    }

    #[test]
    fn a_control_that_never_turned_does_not_count() {
        let nothing = Spent::default();
        let control = Control {
            alone: nothing,
            together: spent(2_000, 100, 1.0),
        };
        assert_eq!(control.fault(), Some(Fault::Crowded));
    }
}
