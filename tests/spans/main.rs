//! What of the crate's events and calls ends up on spans of OpenTelemetry, as an exporter sees them.

#[path = "../job/mod.rs"]
mod job;
#[path = "../listen/mod.rs"]
mod listen;

#[cfg(feature = "http")]
mod bodies;
mod calls;
mod ends;
mod events;
mod exported;
