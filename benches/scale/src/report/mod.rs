//! The rows, and what they say of the budgets.

pub mod json;
pub mod markdown;

use std::time::Duration;

use gauge::pairs::{Compared, Void};

use crate::args::Part;
use crate::snapshot::Meanwhile;

/// Of so many pairs a budget is judged.
pub const JUDGED_FROM: usize = 15;

/// What may not be exceeded by the median.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Budget {
    /// What the processor spends on a call of the second, over that of the first.
    Cpu(f64),
    /// How long the second takes by the wall clock.
    Wall(Duration),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Met,
    Missed,
    /// The machine let too few pairs count.
    Void,
    /// Fewer pairs were asked for than a budget is judged by.
    NotJudged,
}

impl Verdict {
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Missed => "missed",
            Self::Void => "void",
            Self::NotJudged => "too few pairs",
        }
    }
}

/// One comparison.
#[derive(Debug)]
pub struct Row {
    pub part: Part,
    /// What was called.
    pub call: String,
    /// How, against what.
    pub on: &'static str,
    pub compared: Result<Compared, Void>,
    pub budget: Option<Budget>,
    /// What calls took while something else was measured.
    pub meanwhile: Option<Meanwhile>,
}

impl Row {
    pub fn new(
        part: Part,
        call: impl Into<String>,
        on: &'static str,
        compared: Result<Compared, Void>,
    ) -> Self {
        Self {
            part,
            call: call.into(),
            on,
            compared,
            budget: None,
            meanwhile: None,
        }
    }

    pub fn budget(mut self, budget: Budget) -> Self {
        self.budget = Some(budget);
        self
    }

    /// None where there is no budget.
    pub fn verdict(&self) -> Option<Verdict> {
        let budget = self.budget?;
        let Ok(compared) = &self.compared else {
            return Some(Verdict::Void);
        };
        if compared.counted < JUDGED_FROM {
            return Some(Verdict::NotJudged);
        }
        let is_met = match budget {
            Budget::Cpu(ratio) => compared.cpu.median <= ratio,
            Budget::Wall(time) => compared.second.wall.median < time.as_nanos() as f64,
        };
        Some(if is_met {
            Verdict::Met
        } else {
            Verdict::Missed
        })
    }
}

#[cfg(test)]
pub mod tests {
    use gauge::Quartiles;
    use gauge::pairs::Cost;

    use super::*;

    pub fn row(counted: usize, ratio: f64, nanos: f64) -> Row {
        let of = |median: f64| Quartiles {
            lower: median * 0.9,
            median,
            upper: median * 1.1,
        };
        let cost = |nanos| Cost {
            cpu: of(nanos),
            wall: of(2.0 * nanos),
        };
        let compared = Compared {
            cpu: of(ratio),
            wall: of(ratio + 1.0),
            first: cost(nanos / ratio),
            second: cost(nanos),
            counted,
            void: 2,
            control: of(1.0),
        };
        Row::new(
            Part::SameTenant,
            "closed",
            "two threads to one",
            Ok(compared),
        )
    }

    #[test]
    fn a_budget_is_judged_by_the_median_of_enough_pairs() {
        let verdict = |row: Row| row.verdict();
        assert_eq!(verdict(row(15, 3.0, 600.0)), None);
        assert_eq!(
            verdict(row(15, 3.0, 600.0).budget(Budget::Cpu(3.0))),
            Some(Verdict::Met)
        );
        assert_eq!(
            verdict(row(15, 3.01, 600.0).budget(Budget::Cpu(3.0))),
            Some(Verdict::Missed)
        );
        assert_eq!(
            verdict(row(14, 3.0, 600.0).budget(Budget::Cpu(3.0))),
            Some(Verdict::NotJudged)
        );
        let wall = |nanos| Budget::Wall(Duration::from_nanos(nanos));
        assert_eq!(
            verdict(row(15, 3.0, 600.0).budget(wall(1_201))),
            Some(Verdict::Met)
        );
        assert_eq!(
            verdict(row(15, 3.0, 600.0).budget(wall(1_200))),
            Some(Verdict::Missed)
        );
    }

    #[test]
    fn a_row_that_is_void_is_neither_met_nor_missed() {
        let void = Void {
            wanted: 15,
            counted: 3,
            crowded: 300,
            inflated: 1,
        };
        let row = Row {
            compared: Err(void),
            ..row(15, 1.0, 1.0)
        };
        assert_eq!(row.verdict(), None);
        assert_eq!(row.budget(Budget::Cpu(9.0)).verdict(), Some(Verdict::Void));
    }
}
