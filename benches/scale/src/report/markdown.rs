//! The tables for people.

use std::fmt::Write;

use gauge::pairs::Compared;
use gauge::{Quartiles, machine};

use super::{Budget, Row};
use crate::args::Part;

pub fn head(pairs: usize) -> String {
    format!(
        "Measured on {}. Medians of {pairs} pairs, and between what the middle half of them lies.",
        machine::in_words()
    )
}

/// The rows of one part.
pub fn table(part: Part, rows: &[Row]) -> String {
    let mut text = String::new();
    match part {
        Part::Calls => calls(&mut text, rows),
        Part::SameTenant | Part::OwnTenants => {
            text.push_str("| call | one thread, ns | two threads, ns | CPU per call, two to one | control | budget | |\n");
            text.push_str("|---|--:|--:|--:|--:|--:|---|\n");
            for row in rows {
                ratio(&mut text, row, 1.0);
            }
        }
        Part::Gateway => {
            text.push_str("| gateway | without, \u{b5}s | with, \u{b5}s | CPU per request, with to without | control | budget | |\n");
            text.push_str("|---|--:|--:|--:|--:|--:|---|\n");
            for row in rows {
                ratio(&mut text, row, 1e3);
            }
        }
        Part::Snapshot => snapshot(&mut text, rows),
    }
    for row in rows {
        if let Err(void) = &row.compared {
            let _ = write!(text, "\nVoid: {}, {}: {void}.\n", row.call, row.on);
        }
    }
    text
}

/// All of one kind in one line: what it costs, and how often the bare call, by the processor's time and by the wall clock.
fn calls(text: &mut String, rows: &[Row]) {
    const ON: [&str; 3] = [
        "one thread",
        "two threads, same tenants",
        "two threads, own tenants",
    ];
    text.push_str("| call | bare, ns |");
    for on in ON {
        let _ = write!(text, " {on}, ns | to bare | by the wall clock |");
    }
    text.push_str("\n|---|--:|");
    text.push_str(&"--:|--:|--:|".repeat(ON.len()));
    text.push('\n');
    for alike in rows.chunk_by(|row, next| row.call == next.call) {
        let of = |on| alike.iter().find(|row| row.on == on);
        let bare = of(ON[0]).and_then(|row| row.compared.as_ref().ok());
        let bare = bare.map_or(String::new(), |compared| {
            format!(" {:.1}", compared.first.cpu.median)
        });
        let _ = write!(text, "| {} |{bare} |", alike[0].call);
        for on in ON {
            match of(on).map(|row| &row.compared) {
                Some(Ok(Compared {
                    cpu, wall, second, ..
                })) => {
                    let (cost, cpu) = (second.cpu.median, tenths(cpu));
                    let _ = write!(text, " {cost:.0} | {cpu} | {} |", tenths(wall));
                }
                Some(Err(_)) => text.push_str(" void | void | void |"),
                None => text.push_str(" | | |"),
            }
        }
        text.push('\n');
    }
}

fn tenths(
    Quartiles {
        lower,
        median,
        upper,
    }: &Quartiles,
) -> String {
    format!("{median:.1} ({lower:.1} to {upper:.1})")
}

fn ratio(text: &mut String, row: &Row, nanos: f64) {
    let _ = write!(text, "| {} |", row.call);
    match &row.compared {
        Ok(Compared {
            cpu,
            first,
            second,
            control,
            ..
        }) => {
            let (first, second) = (first.cpu.median / nanos, second.cpu.median / nanos);
            let Quartiles {
                lower,
                median,
                upper,
            } = cpu;
            let _ = write!(
                text,
                " {first:.1} | {second:.1} | {median:.3} ({lower:.3} to {upper:.3}) | {:.3} |",
                control.median
            );
        }
        Err(_) => text.push_str(" void | void | void | |"),
    }
    judged(text, row);
}

/// The budget and whether it is met, at the end of a line.
fn judged(text: &mut String, row: &Row) {
    match row.budget {
        Some(Budget::Cpu(ratio)) => drop(write!(text, " {ratio} |")),
        Some(Budget::Wall(time)) => drop(write!(text, " under {} ms |", time.as_millis())),
        None => text.push_str(" |"),
    }
    let verdict = row.verdict().map_or("", |verdict| verdict.in_words());
    let _ = writeln!(text, " {verdict} |");
}

fn snapshot(text: &mut String, rows: &[Row]) {
    text.push_str(
        "| 100,000 circuits | alone, ms | while calls go on, ms | longest, ms | budget | |\n",
    );
    text.push_str("|---|--:|--:|--:|--:|---|\n");
    for row in rows {
        let _ = write!(text, "| {} |", row.call);
        match (&row.compared, &row.meanwhile) {
            (Ok(Compared { first, second, .. }), Some(meanwhile)) => {
                let millis = |Quartiles {
                                  lower,
                                  median,
                                  upper,
                              }: &Quartiles| {
                    format!(
                        "{:.1} ({:.1} to {:.1})",
                        median / 1e6,
                        lower / 1e6,
                        upper / 1e6
                    )
                };
                let longest = meanwhile.longest.as_secs_f64() * 1e3;
                let _ = write!(
                    text,
                    " {} | {} | {longest:.1} |",
                    millis(&first.wall),
                    millis(&second.wall)
                );
            }
            _ => text.push_str(" void | void | |"),
        }
        judged(text, row);
    }
    text.push_str(
        "\n| a call, \u{b5}s | p50 | p99 | p99.9 | longest | calls |\n|---|--:|--:|--:|--:|--:|\n",
    );
    for row in rows {
        for (what, times) in row
            .meanwhile
            .iter()
            .flat_map(|meanwhile| meanwhile.in_rows())
        {
            let _ = write!(text, "| {}: {what} |", row.call);
            for quantile in [0.5, 0.99, 0.999] {
                let _ = write!(
                    text,
                    " {:.2} |",
                    times.value_at_quantile(quantile) as f64 / 1e3
                );
            }
            let _ = writeln!(text, " {:.1} | {} |", times.max() as f64 / 1e3, times.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use gauge::pairs::Void;

    use super::super::tests;
    use super::*;

    #[test]
    fn a_line_has_the_figures_the_budget_and_whether_it_is_met() {
        let met = tests::row(15, 2.0, 600.0).budget(Budget::Cpu(3.0));
        let text = table(Part::SameTenant, &[met]);
        assert!(
            text.ends_with(
                "| closed | 300.0 | 600.0 | 2.000 (1.800 to 2.200) | 1.000 | 3 | met |\n"
            ),
            "{text}"
        );
    }

    #[test]
    fn a_void_row_has_no_figure_and_says_why() {
        let void = Void {
            wanted: 15,
            counted: 3,
            crowded: 300,
            inflated: 1,
        };
        let row = Row {
            compared: Err(void),
            ..tests::row(15, 1.0, 1.0)
        };
        let text = table(Part::SameTenant, &[row.budget(Budget::Cpu(3.0))]);
        assert!(
            text.contains("| closed | void | void | void | | 3 | void |\n"),
            "{text}"
        );
        assert!(
            text.contains("\nVoid: closed, two threads to one: 3 of 15 pairs counted"),
            "{text}"
        );
    }

    #[test]
    fn the_rows_of_one_kind_of_call_are_one_line() {
        let row = |call: &str, on| Row {
            call: call.to_owned(),
            on,
            ..tests::row(15, 2.0, 600.0)
        };
        let rows = [
            row("closed", "one thread"),
            row("closed", "two threads, own tenants"),
            row("new", "one thread"),
        ];
        let text = table(Part::Calls, &rows);
        let columns = text.lines().next().unwrap().matches('|').count();
        assert_eq!(text.lines().count(), 4, "{text}");
        assert!(
            text.lines()
                .all(|line| line.matches('|').count() == columns),
            "{text}"
        );
    }
}
