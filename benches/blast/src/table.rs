//! The rows as markdown.

use crate::breakers::Breaker;
use crate::fault::{Fault, Trouble};
use crate::report::Report;
use crate::row::{Miss, Row};
use crate::scenario::{MAX_IN_FLIGHT, in_words};

/// All figures of all rows, with what they are of.
pub(crate) fn full(report: &Report) -> String {
    let mut text = format!(
        "Measured on {}. {}\n\n",
        report.machine,
        in_words(report.share)
    );
    text += &format!(
        "Each row is {} runs, of {} s each from the fault's beginning on, beside as many without a fault. {} runs were run again \
         since their load was held up, {} since a call got no answer at all; in those that count the load was {} ms behind at \
         most.\n\n",
        report.runs(),
        report.seconds,
        report.again,
        report.unanswered,
        report.latest(),
    );
    text += "| breaker | `search` | for | healthy served, % | without a fault | lost in a run, calls | p50, ms | to without | \
             p99, ms | median without | to that | highest without | to that | circuits open after, s | healthy circuits that \
             opened | `billing` of those hit, served, % | |\n\
             |---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|\n";
    for row in &report.rows {
        text += &line(row);
    }
    text
}

fn line(row: &Row) -> String {
    let fault = row.trouble.map(|trouble| trouble.fault);
    let has_own = matches!(row.breaker, Breaker::OursUnbounded | Breaker::Ours);
    let columns = [
        row.breaker.in_full(),
        fault.map_or("well", Fault::name).to_owned(),
        row.trouble.map_or(0, |trouble| trouble.hit).to_string(),
        percent(row.served()),
        percent(row.served_without()),
        format!("{:.0}", row.lost()),
        ms(row.p50()),
        ratio(row.p50_ratio()),
        ms(row.p99()),
        ms(row.p99_without()),
        ratio(row.p99_ratio()),
        ms(row.highest_p99_without()),
        ratio(row.p99_to_highest()),
        opened(row),
        if has_own {
            row.healthy_opened().to_string()
        } else {
            String::new()
        },
        row.other().map_or(String::new(), percent),
        verdict(row),
    ];
    format!("| {} |\n", columns.join(" | "))
}

fn verdict(row: &Row) -> String {
    match row.misses()[..] {
        [] => "holds".to_owned(),
        ref misses => {
            let names: Vec<_> = misses.iter().copied().map(Miss::name).collect();
            format!("fails: {}", names.join(", "))
        }
    }
}

fn opened(row: &Row) -> String {
    if row.breaker == Breaker::None || row.trouble.is_none() {
        return String::new();
    }
    let after = row.opened();
    after.map_or("never".to_owned(), |ms| seconds(ms.into()))
}

/// One row for each fault: the share of healthy calls that were served, and p50 and p99 to those without a fault.
pub(crate) fn brief(report: &Report) -> String {
    let breakers = report.breakers();
    let mut text = "| `search`, of 200 tenants |".to_owned();
    for breaker in &breakers {
        text += &format!(" {} |", head(*breaker));
    }
    text += "\n|---|";
    text += &"--:|".repeat(breakers.len());
    text += "\n";
    for trouble in report.troubles() {
        text += &format!("| {} |", what(trouble));
        for breaker in &breakers {
            let cell = report.row(*breaker, trouble).map(cell).unwrap_or_default();
            text += &format!(" {cell} |");
        }
        text += "\n";
    }
    text
}

fn head(breaker: Breaker) -> String {
    match breaker {
        Breaker::Ours => format!("ours, `max_in_flight({MAX_IN_FLIGHT})`"),
        Breaker::OursUnbounded => "ours, without `max_in_flight`".to_owned(),
        _ => breaker.in_short().to_owned(),
    }
}

fn what(trouble: Option<Trouble>) -> String {
    trouble.map_or("is well for all".to_owned(), |trouble| trouble.to_string())
}

/// Bold where the row fails.
fn cell(row: &Row) -> String {
    let mut cell = format!("{} %", percent(row.served()));
    if row.tells_quantiles() {
        let [p50, p99] = [row.p50_ratio(), row.p99_ratio()].map(ratio);
        cell += &format!(", p50 x {p50}, p99 x {p99}");
    }
    if row.misses().is_empty() {
        cell
    } else {
        format!("**{cell}**")
    }
}

fn percent(share: f64) -> String {
    // Not rounded up to all of them.
    format!("{:.2}", (share * 10_000.0).floor() / 100.0)
}

fn ms(micros: Option<u64>) -> String {
    micros.map_or("-".to_owned(), |micros| {
        format!("{:.1}", micros as f64 / 1_000.0)
    })
}

fn ratio(ratio: Option<f64>) -> String {
    ratio.map_or("-".to_owned(), |ratio| match ratio {
        ..10.0 => format!("{ratio:.2}"),
        _ => format!("{ratio:.0}"),
    })
}

fn seconds(ms: u128) -> String {
    format!("{:.1}", ms as f64 / 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::tests::{row, run};

    fn report() -> Report {
        Report {
            machine: "one".to_owned(),
            share: 0.1,
            seconds: 2.0,
            again: 3,
            unanswered: 0,
            rows: vec![
                row(vec![run(1_000, 5_000, 9_000)]),
                Row {
                    breaker: Breaker::None,
                    ..row(vec![run(400, 50, 9_000)])
                },
            ],
        }
    }

    #[test]
    fn each_row_has_as_many_columns_as_the_head() {
        let text = full(&report());
        let rows: Vec<_> = text.lines().filter(|line| line.starts_with('|')).collect();
        assert_eq!(rows.len(), 4);
        for row in &rows {
            assert_eq!(
                row.matches('|').count(),
                rows[0].matches('|').count(),
                "{row}"
            );
        }
        assert!(rows[2].contains("| hangs | 10 | 100.00 |"), "{}", rows[2]);
        assert!(rows[3].contains("fails: served, p99 |"), "{}", rows[3]);
    }

    #[test]
    fn in_the_short_table_what_fails_is_bold() {
        let text = brief(&report());
        assert!(
            text.starts_with("| `search`, of 200 tenants | no breaker | ours"),
            "{text}"
        );
        assert!(
            text.contains("| hangs for 10 | **40.00 %, p50 x 1.00, p99 x 75** | **100.00 %"),
            "{text}"
        );
    }

    #[test]
    fn a_share_is_not_rounded_up_to_all() {
        assert_eq!(percent(0.99999), "99.99");
        assert_eq!(percent(1.0), "100.00");
    }
}
