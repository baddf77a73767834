//! Durations as milliseconds, with a fraction: one unit for a latency of 300 µs and for a year of open circuits.

use std::time::Duration;

use serde::Serializer;

pub(crate) fn of(duration: Duration) -> f64 {
    // Not by way of seconds, whose fractions are not exact: 12.3 is to be written as 12.3.
    duration.as_nanos() as f64 / 1e6
}

pub(crate) fn serialize<S: Serializer>(
    duration: &Duration,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(of(*duration))
}
