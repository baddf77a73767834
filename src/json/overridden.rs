//! An override as JSON.

use serde::ser::{Serialize, Serializer};

use super::{ago, ms};
use crate::{Override, OverrideSnapshot, Reason};

#[derive(serde::Serialize)]
struct Overridden<'a> {
    kind: Override,
    level: &'static str,
    reason: Reason,
    note: Option<&'a str>,
    since_ago_ms: f64,
    remaining_ms: Option<f64>,
}

impl Serialize for OverrideSnapshot {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Named one by one, so that a new field is not forgotten here.
        let Self {
            taken_at,
            kind,
            level,
            reason,
            note,
            since,
            until,
        } = self;
        let overridden = Overridden {
            kind: *kind,
            level: level.as_str(),
            reason: *reason,
            note: note.as_deref(),
            since_ago_ms: ago(*taken_at, *since),
            remaining_ms: until.map(|until| ms::of(until.saturating_duration_since(*taken_at))),
        };
        overridden.serialize(serializer)
    }
}
