//! Comma-separated values, for spreadsheets.
//!
//! Of the whole format a report needs the quotes of one kind of field, so it is written here, in fewer lines than the
//! declaration of a dependency and its features would explain.

use std::io::{self, Write};

use super::report::{ImpactCounts, ImpactHour, ImpactReport, ImpactRow, TenantImpact};
use crate::utc::Utc;

const HEAD: &str = "hour_start,tenant,dependency,calls,failed,slow,rejected,\
                    fallback_served,turns,turns_at_least\r\n";
const TENANTS_HEAD: &str = "hour_start,tenant,calls,failed,slow,rejected,\
                            fallback_served,turns,turns_at_least\r\n";
const HOURS_HEAD: &str = "hour_start,rows,unlisted,dropped\r\n";

impl ImpactReport {
    /// Writes the rows as comma-separated values, as RFC 4180 has them, below a line with the columns' names.
    ///
    /// A row without a tenant has an empty field, which no tenant's id is. Of an id, or a dependency's name, each part
    /// between `;`, tabs and line breaks gets an apostrophe in front that a spreadsheet would take for a formula, and so
    /// does one that begins with an apostrophe: to have an id back, take one from the beginning of each part.
    ///
    /// # Whether this is all
    ///
    /// Where there was [no room](crate::impact#when-there-is-no-room), rows are missing, and the lines look as complete
    /// as ever. Look at the [hours](Self::hours) too, or write them beside it with [`hours_to_csv`](Self::hours_to_csv):
    /// an hour is whole where `unlisted` and `dropped` are 0. And where [there is no ledger](Self::is_kept), there are
    /// no lines but the first.
    ///
    /// # Errors
    ///
    /// Those of the writer.
    pub fn to_csv(&self, mut writer: impl Write) -> io::Result<()> {
        writer.write_all(HEAD.as_bytes())?;
        let mut rows = self.rows().iter();
        rows.try_for_each(|row| write_row(&mut writer, row))
    }

    /// Writes the sums [per tenant](Self::per_tenant) and hour, over all dependencies, in the form of
    /// [`to_csv`](Self::to_csv): its columns without the dependency. What it says of rows that are missing holds
    /// here too.
    ///
    /// # Errors
    ///
    /// Those of the writer.
    ///
    /// ```
    /// use tower_tenant_breaker::{CircuitBreakerRegistry, ImpactPolicy, Outcome};
    ///
    /// let registry = CircuitBreakerRegistry::builder().impact(ImpactPolicy::default()).build()?;
    /// for dependency in ["search", "mail"] {
    ///     registry.dependency(dependency)?.acquire("acme")?.record(Outcome::failure());
    /// }
    /// let mut file = Vec::new();
    /// registry.impact().tenants_to_csv(&mut file)?;
    /// assert!(String::from_utf8(file)?.ends_with(",acme,2,2,0,0,0,0,false\r\n"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn tenants_to_csv(&self, mut writer: impl Write) -> io::Result<()> {
        writer.write_all(TENANTS_HEAD.as_bytes())?;
        let mut tenants = self.per_tenant().into_iter();
        tenants.try_for_each(|sum| write_tenant(&mut writer, &sum))
    }

    /// Writes the [hours](Self::hours), in the form of [`to_csv`](Self::to_csv): when each began, how many rows it has,
    /// how many bad calls are in no row, and how many rows were dropped.
    ///
    /// # Errors
    ///
    /// Those of the writer.
    ///
    /// ```
    /// use tower_tenant_breaker::{CircuitBreakerRegistry, ImpactPolicy, Outcome};
    ///
    /// let registry = CircuitBreakerRegistry::builder().impact(ImpactPolicy::default()).build()?;
    /// registry.dependency("search")?.acquire("acme")?.record(Outcome::failure());
    /// let mut file = Vec::new();
    /// registry.impact().hours_to_csv(&mut file)?;
    /// let file = String::from_utf8(file)?;
    /// assert!(file.starts_with("hour_start,rows,unlisted,dropped\r\n") && file.ends_with(",1,0,0\r\n"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn hours_to_csv(&self, mut writer: impl Write) -> io::Result<()> {
        writer.write_all(HOURS_HEAD.as_bytes())?;
        let mut hours = self.hours().iter();
        hours.try_for_each(|hour| write_hour(&mut writer, hour))
    }
}

fn write_row(to: &mut impl Write, row: &ImpactRow) -> io::Result<()> {
    write!(to, "{},", Utc(row.hour_start))?;
    write_text(to, row.tenant.as_deref().unwrap_or_default())?;
    to.write_all(b",")?;
    write_text(to, &row.dependency)?;
    write_counts(to, &row.counts)
}

fn write_tenant(to: &mut impl Write, sum: &TenantImpact) -> io::Result<()> {
    write!(to, "{},", Utc(sum.hour_start))?;
    write_text(to, sum.tenant.as_deref().unwrap_or_default())?;
    write_counts(to, &sum.counts)
}

fn write_hour(to: &mut impl Write, hour: &ImpactHour) -> io::Result<()> {
    let begun = Utc(hour.hour_start);
    let (rows, unlisted, dropped) = (hour.rows, hour.unlisted, hour.dropped);
    write!(to, "{begun},{rows},{unlisted},{dropped}\r\n")
}

fn write_counts(to: &mut impl Write, counts: &ImpactCounts) -> io::Result<()> {
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
