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

/// Between fields, or lines, for who reads the file with another separator than the comma: a quote that does not begin
/// such a field means nothing then.
const SEPARATORS: [char; 4] = [';', '\t', '\r', '\n'];

/// A text that somebody else chose.
///
/// What a spreadsheet would run as a formula gets an apostrophe in front, as one types it to say that it is text; and
/// so does what begins with one, so that the text can be had back. That holds for each part between separators.
fn write_text(to: &mut impl Write, text: &str) -> io::Result<()> {
    let needs_quotes = text.contains([',', '"']) || text.contains(SEPARATORS);
    let quote = if needs_quotes { "\"" } else { "" };
    to.write_all(quote.as_bytes())?;
    for part in text.split_inclusive(SEPARATORS) {
        let mark = if needs_mark(part) { "'" } else { "" };
        write!(to, "{mark}{}", part.replace('"', "\"\""))?;
    }
    to.write_all(quote.as_bytes())
}

fn needs_mark(part: &str) -> bool {
    let seen = part.trim_start_matches(is_skipped);
    part.starts_with(['\'', '\t', '\r', '\n'])
        || seen.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠'])
}

/// What a spreadsheet may leave out at the beginning: blanks, controls, and what has no width.
fn is_skipped(char: char) -> bool {
    char.is_whitespace()
        || char.is_control()
        || matches!(
            char,
            '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}'
        )
}
