//! A row: a breaker, a fault, its runs, and as many without a fault.

use serde::{Deserialize, Serialize};

use crate::breakers::Breaker;
use crate::fault::Trouble;
use crate::run::Run;
use crate::tally::Calls;

/// What the healthy tenants may lose: of the share served, of the median p50 in either direction, and of the median p99
/// against the highest of the runs without a fault.
const SERVED: f64 = 0.01;
const P50: f64 = 0.1;
const P99: f64 = 1.25;

/// What is on a bound is within it, however it is rounded.
const ROUNDING: f64 = 1e-9;

/// Where a smaller share is served, quantiles are of a few calls that got through, and say nothing of the others.
const TOLD_FROM: f64 = 0.01;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) breaker: Breaker,
    /// None: a control, which is set against runs that are the same.
    pub(crate) trouble: Option<Trouble>,
    pub(crate) runs: Vec<Run>,
    /// Without a fault, in turn with the others.
    pub(crate) without: Vec<Run>,
}

/// Where a row fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Miss {
    Served,
    P50,
    P99,
}

impl Miss {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Served => "served",
            Self::P50 => "p50",
            Self::P99 => "p99",
        }
    }
}

impl Row {
    /// Of the healthy calls of all runs.
    pub(crate) fn served(&self) -> f64 {
        share(&self.runs, |run| run.healthy).unwrap_or_default()
    }

    pub(crate) fn served_without(&self) -> f64 {
        share(&self.without, |run| run.healthy).unwrap_or_default()
    }

    /// Healthy calls that were not served, in a run.
    pub(crate) fn lost(&self) -> f64 {
        let healthy = sum(&self.runs, |run| run.healthy);
        (healthy.made - healthy.served) as f64 / self.runs.len().max(1) as f64
    }

    /// Of those that are hit, to the other dependency; none where nobody is.
    pub(crate) fn other(&self) -> Option<f64> {
        share(&self.runs, |run| run.other)
    }

    /// In µs. None where in half of the runs or more nobody was served.
    pub(crate) fn p50(&self) -> Option<u64> {
        median(self.runs.iter().map(|run| run.p50))
    }

    pub(crate) fn p99(&self) -> Option<u64> {
        median(self.runs.iter().map(|run| run.p99))
    }

    pub(crate) fn p50_without(&self) -> Option<u64> {
        median(self.without.iter().map(|run| run.p50))
    }

    pub(crate) fn p99_without(&self) -> Option<u64> {
        median(self.without.iter().map(|run| run.p99))
    }

    pub(crate) fn highest_p99_without(&self) -> Option<u64> {
        self.without.iter().filter_map(|run| run.p99).max()
    }

    /// To the median of the runs without a fault.
    pub(crate) fn p50_ratio(&self) -> Option<f64> {
        Some(self.p50()? as f64 / self.p50_without()? as f64)
    }

    /// To the median of the runs without a fault.
    pub(crate) fn p99_ratio(&self) -> Option<f64> {
        Some(self.p99()? as f64 / self.p99_without()? as f64)
    }

    /// To the highest of the runs without a fault.
    pub(crate) fn p99_to_highest(&self) -> Option<f64> {
        Some(self.p99()? as f64 / self.highest_p99_without()? as f64)
    }

    /// Whether quantiles say something in a picture or a short table.
    pub(crate) fn tells_quantiles(&self) -> bool {
        self.served() >= TOLD_FROM
    }

    /// In ms. None where in half of the runs or more some circuit never opened that it hits.
    pub(crate) fn opened(&self) -> Option<u64> {
        median(self.runs.iter().map(|run| run.opened))
    }

    /// The most healthy tenants that had a circuit of their own open in one run.
    pub(crate) fn healthy_opened(&self) -> usize {
        let opened = self.runs.iter().map(|run| run.healthy_opened);
        opened.max().unwrap_or_default()
    }

    /// Where the healthy tenants lost more than they may; empty where the row passes.
    pub(crate) fn misses(&self) -> Vec<Miss> {
        let is_served = (self.served() - self.served_without()).abs() <= SERVED + ROUNDING;
        let holds = |ratio: Option<f64>, within: fn(f64) -> bool| ratio.is_some_and(within);
        let told = [
            (Miss::Served, is_served),
            (
                Miss::P50,
                holds(self.p50_ratio(), |p50| (p50 - 1.0).abs() <= P50 + ROUNDING),
            ),
            (Miss::P99, holds(self.p99_to_highest(), |p99| p99 <= P99)),
        ];
        let missed = told.into_iter().filter(|(_, is_met)| !is_met);
        missed.map(|(miss, _)| miss).collect()
    }
}

fn sum(runs: &[Run], of: impl Fn(&Run) -> Calls) -> Calls {
    runs.iter().map(of).fold(Calls::default(), Calls::plus)
}

fn share(runs: &[Run], of: impl Fn(&Run) -> Calls) -> Option<f64> {
    sum(runs, of).share()
}

/// The higher of the two in the middle, where there are two; what is none counts as higher than everything.
fn median(figures: impl Iterator<Item = Option<u64>>) -> Option<u64> {
    let mut figures: Vec<_> = figures.map(|figure| figure.unwrap_or(u64::MAX)).collect();
    figures.sort_unstable();
    let middle = figures.get(figures.len() / 2).copied();
    middle.filter(|figure| *figure < u64::MAX)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::fault::Fault;

    pub(crate) fn run(served: u64, p50: u64, p99: u64) -> Run {
        Run {
            healthy: Calls {
                made: 1_000,
                served,
            },
            p50: Some(p50),
            p99: Some(p99),
            other: Calls::default(),
            opened: None,
            healthy_opened: 0,
            late: 0,
        }
    }

    pub(crate) fn row(runs: Vec<Run>) -> Row {
        let trouble = Trouble {
            fault: Fault::Hangs,
            hit: 10,
        };
        Row {
            breaker: Breaker::Ours,
            trouble: Some(trouble),
            runs,
            without: [100, 200, 120].map(|p99| run(1_000, 50, p99)).to_vec(),
        }
    }

    #[test]
    fn a_row_passes_up_to_its_bounds() {
        assert_eq!(row(vec![run(990, 55, 250); 3]).misses(), []);
        assert_eq!(row(vec![run(990, 45, 1); 3]).misses(), []);
    }

    #[test]
    fn a_row_fails_beyond_each_of_them() {
        assert_eq!(row(vec![run(989, 50, 100); 3]).misses(), [Miss::Served]);
        assert_eq!(row(vec![run(990, 56, 100); 3]).misses(), [Miss::P50]);
        assert_eq!(row(vec![run(990, 44, 100); 3]).misses(), [Miss::P50]);
        assert_eq!(row(vec![run(990, 50, 251); 3]).misses(), [Miss::P99]);
    }

    #[test]
    fn a_row_in_which_nobody_is_served_fails_in_all() {
        let mut none = run(0, 0, 0);
        (none.p50, none.p99) = (None, None);
        let row = row(vec![none; 3]);
        assert_eq!((row.p50(), row.p99_to_highest()), (None, None));
        assert_eq!(row.misses(), [Miss::Served, Miss::P50, Miss::P99]);
    }

    #[test]
    fn quantiles_of_a_few_that_got_through_are_not_told() {
        assert!(row(vec![run(10, 50, 100)]).tells_quantiles());
        assert!(!row(vec![run(9, 50, 100)]).tells_quantiles());
    }

    #[test]
    fn a_p99_is_told_over_the_median_without_a_fault_and_judged_by_the_highest() {
        let row = row(vec![run(1_000, 50, 240)]);
        assert_eq!(
            (row.p99_ratio(), row.p99_to_highest()),
            (Some(2.0), Some(1.2))
        );
        assert_eq!(row.misses(), []);
    }

    #[test]
    fn one_bad_run_of_three_moves_no_median_but_its_calls_count() {
        let row = row(vec![
            run(1_000, 50, 100),
            run(900, 900, 900),
            run(1_000, 50, 100),
        ]);
        assert_eq!((row.p50(), row.p99()), (Some(50), Some(100)));
        assert_eq!(row.misses(), [Miss::Served]);
        assert!((row.lost() - 100.0 / 3.0).abs() < 1e-9);
    }
}
