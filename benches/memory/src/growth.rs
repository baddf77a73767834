//! Bytes and time by how many tenants there are.

use std::error::Error;

use gauge::{Quartiles, thousands};

use crate::curve::Curve;
use crate::pace::{self, Pace};

/// How the processes are told which subject is meant.
pub(crate) const OURS: &str = "ours";
pub(crate) const FLOOR: &str = "floor";

pub(crate) struct Growth {
    pub(crate) ours: Curve,
    pub(crate) floor: Curve,
    /// By how many tenants there are, fewest first.
    pub(crate) paces: Vec<(usize, Pace)>,
}

impl Growth {
    /// The bytes of up to so many tenants, and no times yet.
    pub(crate) fn ask(most: usize) -> Result<Self, Box<dyn Error>> {
        Ok(Self {
            ours: Curve::ask(OURS, most)?,
            floor: Curve::ask(FLOOR, most)?,
            paces: Vec::new(),
        })
    }

    /// The times, too.
    pub(crate) fn ask_paces(&mut self, most: usize) -> Result<(), Box<dyn Error>> {
        for tenants in steps(most) {
            self.paces.push((tenants, pace::ask(tenants)?));
        }
        Ok(())
    }

    pub(crate) fn print(&self) {
        let [ours, floor] = [&self.ours, &self.floor].map(|curve| thousands(curve.empty));
        println!(
            "Idle tenants. Bytes are live, beyond the {ours} of an empty registry with one dependency and the {floor} \
             of an empty map. Calls are good ones of known tenants, in ns of CPU time, median and interquartile range.\n"
        );
        println!(
            "| tenants | bytes each | DashMap | a call at random | in turn | DashMap at random | DashMap in turn |"
        );
        println!("|--:|--:|--:|--:|--:|--:|--:|");
        for (tenants, pace) in &self.paces {
            let each = |curve: &Curve| {
                let point = curve.at(*tenants);
                point.map_or(f64::NAN, |point| curve.beyond_empty(point))
            };
            let [at_random, in_turn, floor_at_random, floor_in_turn] = pace.map(in_nanos);
            println!(
                "| {} | {:.1} | {:.1} | {at_random} | {in_turn} | {floor_at_random} | {floor_in_turn} |",
                thousands(*tenants),
                each(&self.ours),
                each(&self.floor)
            );
        }
    }
}

fn in_nanos(quartiles: Quartiles) -> String {
    let Quartiles {
        lower,
        median,
        upper,
    } = quartiles;
    format!("{median:.0} ({lower:.0} to {upper:.0})")
}

/// 1, 3, 10, 32 and so on, and the last one.
fn steps(most: usize) -> impl Iterator<Item = usize> {
    let step = |half: i32| 10_f64.powf(f64::from(half) / 2.0).round() as usize;
    let steps = (0..).map(step).take_while(move |step| *step < most);
    steps.chain([most])
}

#[cfg(test)]
mod tests {
    use super::steps;

    #[test]
    fn steps_are_half_powers_of_ten_and_end_with_the_most() {
        let all: Vec<_> = steps(1_000).collect();
        assert_eq!(all, [1, 3, 10, 32, 100, 316, 1_000]);
        assert_eq!(steps(1_200).last(), Some(1_200));
    }
}
