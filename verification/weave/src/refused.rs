//! The mutants that a compiler refused.

use std::collections::BTreeSet;
use std::error::Error;

use serde_json::Value;

/// A row of what `weave` wrote about a mutant that it wove.
struct Row<'a> {
    name: &'a str,
    file: &'a str,
    own: (usize, usize),
    whole: (usize, usize),
}

impl<'a> Row<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let mut fields = line.split('\t').skip(1);
        let (name, file) = (fields.next()?, fields.next()?);
        let mut number = || fields.next()?.parse().ok();
        Some(Self {
            name,
            file,
            own: (number()?, number()?),
            whole: (number()?, number()?),
        })
    }
}

/// The names of the mutants in whose lines cargo's messages have an error; where it is in no mutant's own lines, all of the
/// smallest choice around it.
pub fn names(numbers: &str, messages: &str) -> Result<BTreeSet<String>, Box<dyn Error>> {
    let rows: Vec<_> = numbers.lines().filter_map(Row::read).collect();
    let mut names = BTreeSet::new();
    for line in messages.lines() {
        let Ok(message) = serde_json::from_str::<Value>(line) else {
            continue;
        };
        let message = &message["message"];
        if message["level"] != "error" {
            continue;
        }
        let spans: Vec<_> = message["spans"].as_array().into_iter().flatten().collect();
        let (primary, others) = spans
            .iter()
            .partition::<Vec<&Value>, _>(|span| span["is_primary"] == true);
        let found = own(&rows, &primary);
        let found = if found.is_empty() {
            own(&rows, &others)
        } else {
            found
        };
        let found = if found.is_empty() {
            smallest_around(&rows, &primary)
        } else {
            found
        };
        if found.is_empty() {
            eprintln!("weave: an error in no mutant: {}", message["rendered"]);
        }
        names.extend(found.iter().map(|row| row.name.to_owned()));
    }
    Ok(names)
}

fn is_in(span: &Value, file: &str, (first, last): (usize, usize)) -> bool {
    let line = span["line_start"].as_u64().unwrap_or_default() as usize;
    span["file_name"] == file && (first..=last).contains(&line)
}

fn own<'a>(rows: &'a [Row<'a>], spans: &[&Value]) -> Vec<&'a Row<'a>> {
    let has_one = |row: &&Row| spans.iter().any(|span| is_in(span, row.file, row.own));
    rows.iter().filter(has_one).collect()
}

fn smallest_around<'a>(rows: &'a [Row<'a>], spans: &[&Value]) -> Vec<&'a Row<'a>> {
    let has_one = |row: &&Row| spans.iter().any(|span| is_in(span, row.file, row.whole));
    let around: Vec<_> = rows.iter().filter(has_one).collect();
    let smallest = around
        .iter()
        .map(|row| row.whole)
        .min_by_key(|(first, last)| last - first);
    around
        .into_iter()
        .filter(|row| Some(row.whole) == smallest)
        .collect()
}
