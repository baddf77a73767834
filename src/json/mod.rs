//! How snapshots are written with serde: what a derive cannot say.
//!
//! Nothing here reads a clock. An instant means nothing outside of the process, so a snapshot says when it was taken,
//! and is written with how long before that moment its instants lie.

mod circuit;
mod dependency;
mod dry_run;
pub(crate) mod ms;
mod overridden;
mod suggest;

use std::time::Duration;

use serde::ser::{Serialize, Serializer};
use tokio::time::Instant;

use crate::Reason;

/// How long ago an instant was when the snapshot was taken, in milliseconds; zero for one that came after.
fn ago(taken_at: Instant, at: Instant) -> f64 {
    ms::of(taken_at.saturating_duration_since(at))
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Latency { rule } => serializer.collect_str(&format_args!("{self}:{rule}")),
            _ => serializer.serialize_str(self.as_str()),
        }
    }
}

/// In milliseconds, or null.
fn ms_of(duration: Option<Duration>) -> Option<f64> {
    duration.map(ms::of)
}
