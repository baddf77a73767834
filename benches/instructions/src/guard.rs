//! Whether calls cost more than they did.
//!
//! Counts depend on the compiler, the C library and on what that sees of the processor. Where those are the ones that the
//! expected figures were made with, counts are steady, and little growth is told from none. Where one of them is another,
//! counts are some percent up or down for that alone, and only growth beyond that is held against the code. On another
//! architecture the counts say nothing. Allocations depend on none of it, and are compared everywhere.

use std::fmt;

use crate::expected::Recorded;
use crate::figures::{COLUMNS, Row};

/// The share by which a count may grow. A compiler two releases on moved the rows by 1 % at most, and one by 5 %.
const SAME: f64 = 0.02;
const OTHER_TOOLS: f64 = 0.1;

/// Growth that is no growth, however small the count. Two readings of the clock take six instructions more where their
/// nanoseconds are fewer than those of the registry's beginning, so it is a matter of when a row is counted.
const INSTRUCTIONS: f64 = 7.0;
/// How tables happen to grow is not the same in each run; a call that allocates once does so in every call.
const ALLOCATIONS: f64 = 0.05;

/// What came of the comparison.
#[derive(Clone, Debug, Default)]
pub(crate) struct Verdict {
    /// Which growth was let pass, and why.
    rule: String,
    /// What must not be.
    bad: Vec<String>,
    /// What is better than expected.
    good: Vec<String>,
}

impl Verdict {
    pub(crate) fn passes(&self) -> bool {
        self.bad.is_empty()
    }
}

pub(crate) fn compare(expected: &Recorded, now: &Recorded) -> Verdict {
    let differences = expected.made.differences(&now.made);
    let tolerance = match (
        differences.is_empty(),
        expected.made.is_same_architecture(&now.made),
    ) {
        (true, _) => Some(SAME),
        (false, true) => Some(OTHER_TOOLS),
        (false, false) => None,
    };
    let compared = match tolerance {
        Some(share) => format!(
            "instructions may be {:.0} % more than expected",
            share * 100.0
        ),
        None => "instructions are not compared".to_owned(),
    };
    let because = match differences.is_empty() {
        true => String::new(),
        false => format!(
            ", since the expected ones were counted elsewhere: here is {}",
            differences.join("; ")
        ),
    };
    let mut verdict = Verdict {
        rule: format!("{compared}{because}"),
        ..Verdict::default()
    };

    for row in &now.rows {
        match same(&expected.rows, row) {
            Some(before) => verdict.of_row(before, row, tolerance),
            None => verdict
                .bad
                .push(format!("{}: nothing is expected of it", name(row))),
        }
    }
    let gone = expected
        .rows
        .iter()
        .filter(|row| same(&now.rows, row).is_none());
    verdict
        .bad
        .extend(gone.map(|row| format!("{}: expected, and not counted", name(row))));
    verdict
}

impl Verdict {
    fn of_row(&mut self, before: &Row, now: &Row, tolerance: Option<f64>) {
        let counts = before.instructions.iter().zip(&now.instructions);
        for (column, counts) in COLUMNS.iter().zip(counts) {
            let (before, after) = match counts {
                (Some(before), Some(after)) => (*before, *after),
                (None, None) => continue,
                _ => {
                    let name = name(now);
                    self.bad
                        .push(format!("{name}, {column}: a count came or went"));
                    continue;
                }
            };
            let Some(tolerance) = tolerance else {
                continue;
            };
            let (grew, slack) = (after as f64 - before as f64, before as f64 * tolerance);
            let told = || {
                let share = grew / before as f64 * 100.0;
                format!(
                    "{}, {column}: {after} instructions, not {before} ({share:+.1} %)",
                    name(now)
                )
            };
            if grew > slack.max(INSTRUCTIONS) {
                self.bad.push(told());
            } else if -grew > slack.max(INSTRUCTIONS) {
                self.good.push(told());
            }
        }

        let grew = now.allocations - before.allocations;
        let told = || {
            format!(
                "{}: {} allocations, not {}",
                name(now),
                now.allocations,
                before.allocations
            )
        };
        if grew > ALLOCATIONS {
            self.bad.push(told());
        } else if -grew > ALLOCATIONS {
            self.good.push(told());
        }
    }
}

fn same<'a>(rows: &'a [Row], row: &Row) -> Option<&'a Row> {
    rows.iter()
        .find(|other| other.group == row.group && other.call == row.call)
}

fn name(row: &Row) -> String {
    format!("{}, {}", row.group, row.call)
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, bad, good } = self;
        writeln!(f, "Compared with what is expected: {rule}.")?;
        for (told, what) in [(bad, "WORSE"), (good, "better")] {
            told.iter()
                .try_for_each(|told| writeln!(f, "{what}: {told}"))?;
        }
        match (bad.is_empty(), good.is_empty()) {
            (true, true) => writeln!(f, "Nothing costs more, and nothing less."),
            (true, false) => writeln!(
                f,
                "Less is welcome. To guard it: benches/instructions.sh --accept"
            ),
            (false, _) => writeln!(
                f,
                "Where that is meant to be: benches/instructions.sh --accept, and say why in the commit."
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Verdict, compare};
    use crate::expected::Recorded;
    use crate::expected::tests::recorded;

    fn changed(change: impl FnOnce(&mut Recorded)) -> Verdict {
        let mut now = recorded();
        change(&mut now);
        compare(&recorded(), &now)
    }

    #[test]
    fn the_same_figures_pass() {
        let verdict = changed(|_| ());
        assert!(verdict.passes() && verdict.good.is_empty(), "{verdict}");
    }

    #[test]
    fn growth_beyond_two_percent_fails_and_says_of_what() {
        let grown = |to| changed(|now| now.rows[0].instructions[0] = Some(to));
        assert!(grown(714).passes());
        let verdict = grown(715);
        assert!(!verdict.passes());
        let text = verdict.to_string();
        assert!(
            text.contains("WORSE: core, closed, 1: 715 instructions, not 700 (+2.1 %)"),
            "{text}"
        );
        assert!(text.contains("--accept"), "{text}");
    }

    #[test]
    fn less_passes_and_is_told() {
        let verdict = changed(|now| now.rows[0].instructions[3] = Some(450));
        assert!(verdict.passes());
        let text = verdict.to_string();
        assert!(
            text.contains("better: core, closed, 100,000: 450 instructions, not 720"),
            "{text}"
        );
    }

    #[test]
    fn an_allocation_that_came_in_fails_whatever_the_machine() {
        let allocates = |now: &mut Recorded| now.rows[0].allocations = 1.0;
        assert!(!changed(allocates).passes());
        let verdict = changed(|now| {
            allocates(now);
            now.made.target = "aarch64-unknown-linux-gnu".into();
            now.rows[0].instructions[0] = Some(2_000);
        });
        assert_eq!(verdict.bad, ["core, closed: 1 allocations, not 0"]);
    }

    #[test]
    fn another_compiler_is_no_false_alarm_and_hides_no_large_growth() {
        let elsewhere = |to| {
            changed(|now| {
                now.made.rustc = "rustc 1.96.0".into();
                now.rows[0].instructions[0] = Some(to);
            })
        };
        let verdict = elsewhere(760);
        assert!(verdict.passes());
        let text = verdict.to_string();
        assert!(text.contains("10 % more than expected, since"), "{text}");
        assert!(
            text.contains("here is rustc 1.96.0, not rustc 1.95.0"),
            "{text}"
        );
        assert!(!elsewhere(780).passes());
    }

    #[test]
    fn another_version_of_valgrind_counts_the_same() {
        let verdict = changed(|now| {
            now.made.valgrind = "valgrind-3.25.0".into();
            now.rows[0].instructions[0] = Some(760);
        });
        assert!(!verdict.passes());
    }

    #[test]
    fn a_row_that_came_or_went_has_to_be_accepted() {
        assert!(!changed(|now| now.rows[0].call = "opened".into()).passes());
        assert!(!changed(|now| drop(now.rows.pop())).passes());
        assert!(!changed(|now| now.rows[0].instructions[1] = None).passes());
    }
}
