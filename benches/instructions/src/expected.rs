//! The file of the figures that are expected: JSON, with one row on each line, so that a change of it can be read.

use std::fmt::Write;

use serde_json::{Map, Value, json};

use crate::figures::{COLUMNS, Row};
use crate::made::Made;

/// Figures, and with what they were made.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Recorded {
    pub(crate) made: Made,
    pub(crate) rows: Vec<Row>,
}

impl Recorded {
    pub(crate) fn to_json(&self) -> String {
        let Made {
            rustc,
            target,
            libc,
            processor,
            valgrind,
        } = &self.made;
        let made = json!({
            "rustc": rustc,
            "target": target,
            "libc": libc,
            "processor": processor,
            "valgrind": valgrind,
        });
        let rows = lines(&self.rows);
        let rows = rows.trim_end().replace('\n', ",\n");
        format!("{{\"made\": {made},\n\"rows\": [\n{rows}\n]}}\n")
    }

    /// # Errors
    ///
    /// It is not what [`to_json`](Self::to_json) writes.
    pub(crate) fn from_json(text: &str) -> Result<Self, String> {
        let file: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let said = |what: &str| {
            let said = file["made"][what].as_str().map(ToOwned::to_owned);
            said.ok_or_else(|| format!("the expected figures do not say their {what}"))
        };
        let made = Made {
            rustc: said("rustc")?,
            target: said("target")?,
            libc: said("libc")?,
            processor: said("processor")?,
            valgrind: said("valgrind")?,
        };
        let rows = file["rows"].as_array();
        let rows = rows.ok_or("the expected figures have no rows")?;
        let rows = rows.iter().map(row).collect::<Result<_, _>>()?;
        Ok(Self { made, rows })
    }
}

/// Each row as a JSON object on a line of its own.
pub(crate) fn lines(rows: &[Row]) -> String {
    let mut lines = String::new();
    for row in rows {
        let (group, call) = (json!(row.group), json!(row.call));
        let mut line = format!("{{\"group\": {group}, \"call\": {call}");
        for (column, instructions) in COLUMNS.iter().zip(row.instructions) {
            if let Some(instructions) = instructions {
                let _ = write!(line, ", {}: {instructions}", json!(column));
            }
        }
        let _ = writeln!(lines, "{line}, \"allocations\": {}}}", row.allocations);
    }
    lines
}

/// The rows that [`lines`] wrote.
pub(crate) fn of_lines(text: &str) -> Result<Vec<Row>, String> {
    let rows = text.lines().map(|line| {
        let line: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
        row(&line)
    });
    rows.collect()
}

fn row(value: &Value) -> Result<Row, String> {
    let read = |row: &Map<String, Value>| {
        let word = |name: &str| row.get(name)?.as_str().map(ToOwned::to_owned);
        Some(Row {
            group: word("group")?,
            call: word("call")?,
            instructions: COLUMNS.map(|column| row.get(column)?.as_u64()),
            allocations: row.get("allocations")?.as_f64()?,
        })
    };
    let row = value.as_object().and_then(read);
    row.ok_or_else(|| format!("no row of figures: {value}"))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{Recorded, lines, of_lines};
    use crate::figures::Row;
    use crate::made::Made;

    pub(crate) fn recorded() -> Recorded {
        let row = |call: &str, instructions, allocations| Row {
            group: "core".into(),
            call: call.into(),
            instructions,
            allocations,
        };
        Recorded {
            made: Made {
                rustc: "rustc 1.95.0".into(),
                target: "x86_64-unknown-linux-gnu".into(),
                libc: "glibc 2.36".into(),
                processor: "x86_64, avx2".into(),
                valgrind: "valgrind-3.19.0".into(),
            },
            rows: vec![
                row("closed", [Some(700), Some(920), Some(690), Some(720)], 0.0),
                row("new \"tenant\"", [None, None, Some(3_000), None], 1.09),
            ],
        }
    }

    #[test]
    fn what_is_written_is_what_is_read() {
        let recorded = recorded();
        assert_eq!(
            Recorded::from_json(&recorded.to_json()),
            Ok(recorded.clone())
        );
        assert_eq!(of_lines(&lines(&recorded.rows)), Ok(recorded.rows));
    }

    #[test]
    fn a_file_of_something_else_is_refused_with_what_it_lacks() {
        let text = recorded().to_json();
        let without = |what: &str, instead: &str| Recorded::from_json(&text.replace(what, instead));
        assert!(
            without("\"libc\"", "\"lib\"")
                .unwrap_err()
                .contains("their libc")
        );
        assert!(
            without("\"rows\"", "\"row\"")
                .unwrap_err()
                .contains("no rows")
        );
        assert!(
            without("\"call\"", "\"cal\"")
                .unwrap_err()
                .contains("no row of figures")
        );
    }
}
