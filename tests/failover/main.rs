//! Failover: who serves a call, what moves on, what is sent twice, and what comes of it where nobody serves.

mod allocations;
mod attempts;
mod choice;
#[path = "../diary/mod.rs"]
mod diary;
#[cfg(feature = "http")]
mod http;
#[path = "../job/mod.rs"]
mod job;
mod last_resort;
mod log;
mod model;
mod probing;
mod resend;
mod stage;
mod types;
mod unserved;
