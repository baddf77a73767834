//! What an overview says, and how often it is written.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use serde::Serialize;

use super::history::History;
use super::row::Row;
use super::wire::rest_of_overview;
use crate::OverrideSnapshot;
use crate::sync::OnceLock;

/// The most dependencies of one overview.
const ROWS: usize = 200;

/// All that was seen at one moment. Written when the first reader wants it, for all readers.
#[derive(Debug)]
pub(super) struct Overview {
    unix_ms: u64,
    pub(super) interval: Duration,
    overridden: Option<OverrideSnapshot>,
    left_out: usize,
    rows: Vec<Row>,
    plain: OnceLock<Bytes>,
    with_history: OnceLock<Bytes>,
}

#[derive(Serialize)]
struct Written<'a, D> {
    unix_ms: u64,
    interval_ms: u64,
    overridden: &'a Option<OverrideSnapshot>,
    left_out: usize,
    dependencies: D,
}

#[derive(Serialize)]
struct WithHistory<'a> {
    #[serde(flatten)]
    row: &'a Row,
    history: &'a History,
}

impl Overview {
    pub(super) fn new(
        mut rows: Vec<Row>,
        overridden: Option<OverrideSnapshot>,
        interval: Duration,
    ) -> Self {
        rows.sort_unstable_by(Row::by_badness);
        let left_out = rows.len().saturating_sub(ROWS);
        rows.truncate(ROWS);
        let unix = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Self {
            unix_ms: whole_ms(unix.unwrap_or_default()),
            interval,
            overridden,
            left_out,
            rows,
            plain: OnceLock::new(),
            with_history: OnceLock::new(),
        }
    }

    /// For those who have the samples before.
    pub(super) fn plain(&self) -> Bytes {
        let written = self.plain.get_or_init(|| self.write(&self.rows));
        written.clone()
    }

    pub(super) fn with_history(&self) -> Bytes {
        let write = || {
            let rows = self.rows.iter().map(|row| WithHistory {
                row,
                history: &row.history,
            });
            self.write(rows.collect::<Vec<_>>())
        };
        self.with_history.get_or_init(write).clone()
    }

    fn write(&self, dependencies: impl Serialize) -> Bytes {
        rest_of_overview(&Written {
            unix_ms: self.unix_ms,
            interval_ms: whole_ms(self.interval),
            overridden: &self.overridden,
            left_out: self.left_out,
            dependencies,
        })
    }
}

fn whole_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
