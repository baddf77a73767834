//! Two ways of doing a thing, compared on a machine that others use too.
//!
//! The two are run in turn, each for some milliseconds, and each pair of runs gives one ratio: what slows the machine
//! down for longer than that slows both. Before, between and after the pairs a [`control`] runs, which touches nothing
//! but memory of its own. Where that did not get its processors, or two of them were one, the pair beside it says nothing
//! of two threads: it is void, left out and run again. So is a pair whose own threads waited for a processor. What is left
//! out is decided by that alone, so that no reading is kept for what it says. Where that comes to pass too often, there is no figure at all.

#![expect(clippy::disallowed_methods, reason = "waits on a thread of its own")]

mod control;
mod run;

use std::fmt;
use std::thread;
use std::time::Duration;

use crate::Quartiles;
pub use control::{Control, Fault};
pub use run::{Spent, on_threads};

/// How many pairs, and of which length.
#[derive(Clone, Copy, Debug)]
pub struct Pairs {
    /// How many pairs must count for a figure. 15 where a budget is judged by it.
    pub wanted: usize,
    /// How many controls and pairs may fail before it is given up.
    pub patience: usize,
    /// How long to wait for better times after each of them.
    pub pause: Duration,
    /// How long the control runs, each time.
    pub control: Duration,
}

/// What the pairs that counted say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Compared {
    /// The processor's time for a call of the second, over that of the first.
    pub cpu: Quartiles,
    /// The same of the wall clock, by which a thread's waiting counts too.
    pub wall: Quartiles,
    pub first: Cost,
    pub second: Cost,
    /// How many pairs counted.
    pub counted: usize,
    /// How often a control failed meanwhile, and with it the pair before it, if there was one, or a pair did by itself.
    pub void: usize,
    /// What the control said beside those that counted: [`Control::inflation`].
    pub control: Quartiles,
}

/// Of a call, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    /// On processors.
    pub cpu: Quartiles,
    /// Of its thread, by the wall clock.
    pub wall: Quartiles,
}

/// Too few pairs counted: the machine was not the comparison's own for long enough.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Void {
    pub wanted: usize,
    pub counted: usize,
    /// How often the control, or what was compared, had less of its processors than it must.
    pub crowded: usize,
    /// How often the control did not cost the same on several threads as on one, though it had its processors.
    pub inflated: usize,
}

impl fmt::Display for Void {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            wanted,
            counted,
            crowded,
            inflated,
        } = self;
        write!(
            f,
            "{counted} of {wanted} pairs counted: {crowded} times the threads did not have their processors to \
             themselves, and {inflated} times the control did not cost the same on several as on one"
        )
    }
}

impl Pairs {
    /// This many pairs, with a patience of some five seconds at 15 of them.
    #[must_use]
    pub fn new(wanted: usize) -> Self {
        Self {
            wanted,
            patience: wanted.saturating_mul(10),
            pause: Duration::from_millis(20),
            control: Duration::from_millis(5),
        }
    }

    /// Runs the two in turn, beside a control on so many threads.
    ///
    /// # Errors
    ///
    /// Where too few pairs counted.
    pub fn compare(
        &self,
        threads: usize,
        mut first: impl FnMut() -> Spent,
        mut second: impl FnMut() -> Spent,
    ) -> Result<Compared, Void> {
        let compared = self.compare_noting(threads, || (first(), ()), || (second(), ()))?;
        Ok(compared.0)
    }

    /// As [`compare`](Self::compare), of runs that note something beside what they spent: of each pair that counted, what
    /// both of them noted.
    ///
    /// # Errors
    ///
    /// Where too few pairs counted.
    pub fn compare_noting<T>(
        &self,
        threads: usize,
        first: impl FnMut() -> (Spent, T),
        second: impl FnMut() -> (Spent, T),
    ) -> Result<(Compared, Vec<(T, T)>), Void> {
        self.compare_beside(|| Control::run(threads, self.control), first, second)
    }

    fn compare_beside<T>(
        &self,
        mut control: impl FnMut() -> Control,
        mut first: impl FnMut() -> (Spent, T),
        mut second: impl FnMut() -> (Spent, T),
    ) -> Result<(Compared, Vec<(T, T)>), Void> {
        // What is only slow at first, as pages that were never touched, is no part of a pair.
        first();
        second();
        let mut void = Void {
            wanted: self.wanted,
            counted: 0,
            crowded: 0,
            inflated: 0,
        };
        let (mut counted, mut noted) = (Vec::new(), Vec::new());
        let mut before = None;
        while counted.len() < self.wanted && void.crowded + void.inflated <= self.patience {
            let pair = before.map(|before: Control| {
                // Each comes first as often as the other.
                if counted.len() % 2 == 0 {
                    (first(), second(), before)
                } else {
                    let second = second();
                    (first(), second, before)
                }
            });
            let after = control();
            match after.fault() {
                Some(Fault::Crowded) => void.crowded += 1,
                Some(Fault::Inflated) => void.inflated += 1,
                None => match pair {
                    Some((first, second, _)) if has_waited(&first.0) || has_waited(&second.0) => {
                        void.crowded += 1;
                    }
                    Some((first, second, before)) => {
                        let inflation = before.inflation().max(after.inflation());
                        counted.push(((first.0, second.0), inflation));
                        noted.push((first.1, second.1));
                    }
                    None => {}
                },
            }
            before = after.fault().is_none().then_some(after);
            if before.is_none() {
                thread::sleep(self.pause);
            }
        }
        void.counted = counted.len();
        if void.counted < self.wanted {
            return Err(void);
        }
        let of = |read: fn(&((Spent, Spent), f64)) -> f64| {
            Quartiles::of(counted.iter().map(read)).ok_or(void)
        };
        let compared = Compared {
            cpu: of(|((first, second), _)| second.cpu_per_call() / first.cpu_per_call())?,
            wall: of(|((first, second), _)| second.wall_per_call() / first.wall_per_call())?,
            first: Cost {
                cpu: of(|((first, _), _)| first.cpu_per_call())?,
                wall: of(|((first, _), _)| first.wall_per_call())?,
            },
            second: Cost {
                cpu: of(|((_, second), _)| second.cpu_per_call())?,
                wall: of(|((_, second), _)| second.wall_per_call())?,
            },
            counted: void.counted,
            void: void.crowded + void.inflated,
            control: of(|(_, control)| *control)?,
        };
        Ok((compared, noted))
    }
}

fn has_waited(spent: &Spent) -> bool {
    spent.waiting() > control::WAITING
}

#[cfg(test)]
mod tests;
