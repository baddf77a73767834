//! The figures as a table in Markdown.

use std::fmt::Write;

use crate::expected::Recorded;
use crate::figures::{COLUMNS, Row};
use crate::made::Made;

/// The share by which many tenants may cost more than one, or less.
const SHARE: f64 = 0.05;

pub(crate) fn of(recorded: &Recorded) -> String {
    let mut text = String::new();
    let mut group = None;
    for row in &recorded.rows {
        if group != Some(&row.group) {
            let _ = writeln!(text, "{}", head(&row.group));
            group = Some(&row.group);
        }
        let _ = writeln!(text, "{}", line(row));
    }
    let Made {
        rustc,
        target,
        libc,
        processor,
        valgrind,
    } = &recorded.made;
    let _ = write!(
        text,
        "\n{}\n\n{rustc}, {target}; {libc}; {processor}; {valgrind}\n",
        shares(&recorded.rows)
    );
    text.trim_start().to_owned()
}

fn head(group: &str) -> String {
    let columns = COLUMNS.join(" | ");
    let rule = "---:|".repeat(COLUMNS.len());
    format!("\n| {group} | {columns} | allocations |\n|---|{rule}---:|")
}

fn line(row: &Row) -> String {
    let mut line = format!("| {} |", row.call);
    for (column, instructions) in row.instructions.iter().enumerate() {
        let _ = match (instructions, share(row, column)) {
            (None, _) => write!(line, " |"),
            (Some(instructions), None) => write!(line, " {instructions} |"),
            (Some(instructions), Some(share)) => {
                write!(line, " {instructions} ({:+.1} %) |", share * 100.0)
            }
        };
    }
    line + &format!(" {} |", row.allocations)
}

/// How much more a call costs with many tenants than with one, both quiet.
fn share(row: &Row, column: usize) -> Option<f64> {
    let [one, busy, ..] = COLUMNS;
    let many = COLUMNS[column] != one && COLUMNS[column] != busy;
    let one = row.instructions[0].filter(|_| many)?;
    Some(row.instructions[column]? as f64 / one as f64 - 1.0)
}

/// Which rows depend on the number of tenants.
fn shares(rows: &[Row]) -> String {
    let depends = |row: &&Row| {
        let shares = (0..COLUMNS.len()).filter_map(|column| share(row, column));
        shares.map(f64::abs).any(|share| share > SHARE)
    };
    let others: Vec<_> = rows
        .iter()
        .filter(depends)
        .map(|row| format!("{}, {}", row.group, row.call))
        .collect();
    let within = format!(
        "With 1,000 and 100,000 tenants, a call is within {:.0} % of one tenant's",
        SHARE * 100.0
    );
    match others.is_empty() {
        true => format!("{within} in every row."),
        false => format!("{within} in every row but: {}.", others.join("; ")),
    }
}

#[cfg(test)]
mod tests {
    use super::of;
    use crate::expected::tests::recorded;

    #[test]
    fn the_table_has_a_head_for_each_group_and_what_many_tenants_cost_more() {
        let text = of(&recorded());
        let expected = "\
| core | 1 | 1 busy | 1,000 | 100,000 | allocations |
|---|---:|---:|---:|---:|---:|
| closed | 700 | 920 | 690 (-1.4 %) | 720 (+2.9 %) | 0 |
| new \"tenant\" | | | 3000 | | 1.09 |

With 1,000 and 100,000 tenants, a call is within 5 % of one tenant's in every row.

rustc 1.95.0, x86_64-unknown-linux-gnu; glibc 2.36; x86_64, avx2; valgrind-3.19.0
";
        assert_eq!(text, expected);
    }

    #[test]
    fn rows_that_depend_on_the_number_of_tenants_are_named() {
        let mut recorded = recorded();
        recorded.rows[0].instructions[3] = Some(760);
        let text = of(&recorded);
        assert!(text.contains("in every row but: core, closed."), "{text}");
    }
}
