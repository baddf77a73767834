//! All rows, and what they are of; as it is written for programs, and read again.

use std::error::Error;
use std::path::Path;
use std::{fs, io};

use serde::{Deserialize, Serialize};

use crate::breakers::Breaker;
use crate::fault::Trouble;
use crate::row::Row;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) machine: String,
    /// The share of bad calls at which breakers open.
    pub(crate) share: f64,
    /// How long each run was measured, in seconds.
    pub(crate) seconds: f64,
    /// How many runs were run again, since the machine had been busy with something else.
    pub(crate) again: usize,
    /// And how many since a call got no answer at all.
    pub(crate) unanswered: usize,
    pub(crate) rows: Vec<Row>,
}

impl Report {
    /// What `--json` printed.
    pub(crate) fn read(path: &Path) -> Result<Self, Box<dyn Error>> {
        let text = fs::read_to_string(path).map_err(|error| named(path, &error))?;
        serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()).into())
    }

    pub(crate) fn row(&self, breaker: Breaker, trouble: Option<Trouble>) -> Option<&Row> {
        let mut rows = self.rows.iter();
        rows.find(|row| row.breaker == breaker && row.trouble == trouble)
    }

    /// Whether a row of ours fails, as it is meant to be used.
    pub(crate) fn has_missed(&self) -> bool {
        let mut ours = self.rows.iter().filter(|row| row.breaker == Breaker::Ours);
        ours.any(|row| !row.misses().is_empty())
    }

    /// The breakers of the rows, in their order.
    pub(crate) fn breakers(&self) -> Vec<Breaker> {
        let is_there = |breaker: &Breaker| self.rows.iter().any(|row| row.breaker == *breaker);
        Breaker::ALL.into_iter().filter(is_there).collect()
    }

    /// The troubles of the rows, in their order, the control first.
    pub(crate) fn troubles(&self) -> Vec<Option<Trouble>> {
        let mut troubles = Vec::new();
        for row in &self.rows {
            if !troubles.contains(&row.trouble) {
                troubles.push(row.trouble);
            }
        }
        troubles
    }

    /// The most that the load was behind in a run that counts, in ms.
    pub(crate) fn latest(&self) -> u64 {
        let runs = self
            .rows
            .iter()
            .flat_map(|row| row.runs.iter().chain(&row.without));
        runs.map(|run| run.late).max().unwrap_or_default()
    }

    /// How many runs each row is.
    pub(crate) fn runs(&self) -> usize {
        self.rows.first().map_or(0, |row| row.runs.len())
    }
}

fn named(path: &Path, error: &io::Error) -> String {
    format!("{}: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::tests::{row, run};

    #[test]
    fn it_is_read_as_it_was_written() {
        let report = Report {
            machine: "one".to_owned(),
            share: 0.1,
            seconds: 2.0,
            again: 0,
            unanswered: 0,
            rows: vec![row(vec![run(1_000, 50, 100)])],
        };
        let text = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
        assert!(!report.has_missed());
        assert_eq!((report.runs(), report.breakers()), (1, vec![Breaker::Ours]));
        assert_eq!(report.troubles(), [report.rows[0].trouble]);
        let error = Report::read(Path::new("no/such/file")).unwrap_err();
        assert!(error.to_string().starts_with("no/such/file: "), "{error}");
    }
}
