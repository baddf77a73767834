//! Comma-separated values, for spreadsheets.
//!
//! Of the whole format this needs the quotes of one kind of field, so it is written here, in fewer lines than the
//! declaration of a dependency and its features would explain.

use std::io::{self, Write};

use super::report::ImpactRow;
use super::time::Utc;

pub(super) const HEAD: &str = "hour_start,tenant,dependency,calls,failed,slow,rejected,\
                               fallback_served,turns,turns_at_least\r\n";

pub(super) fn write_row(to: &mut impl Write, row: &ImpactRow) -> io::Result<()> {
    let counts = &row.counts;
    write!(to, "{},", Utc(row.hour_start))?;
    write_text(to, row.tenant.as_deref().unwrap_or_default())?;
    to.write_all(b",")?;
    write_text(to, &row.dependency)?;
    write!(
        to,
        ",{},{},{},{},{},{},{}\r\n",
        counts.calls,
        counts.failed,
        counts.slow,
        counts.rejected,
        counts.fallback_served,
        counts.turns.count,
        counts.turns.at_least
    )
}

/// A text that somebody else chose.
///
/// What a spreadsheet would run as a formula gets an apostrophe in front, as one types it to say that it is text; and
/// so does what begins with one, so that the text can be had back.
fn write_text(to: &mut impl Write, text: &str) -> io::Result<()> {
    let is_formula = text.starts_with([
        '=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠', '\'',
    ]);
    let mark = if is_formula { "'" } else { "" };
    if text.contains([',', '"', '\r', '\n']) {
        write!(to, "\"{mark}{}\"", text.replace('"', "\"\""))
    } else {
        write!(to, "{mark}{text}")
    }
}
