//! Failover: who serves a call, what moves on, what is sent twice, and what comes of it where nobody serves.

mod allocations;
mod attempts;
#[cfg(feature = "http")]
mod bodies;
mod choice;
#[path = "../diary/mod.rs"]
mod diary;
#[cfg(feature = "http")]
mod http;
#[path = "../job/mod.rs"]
mod job;
mod last_resort;
#[path = "../listen/mod.rs"]
mod listen;
mod log;
mod model;
mod probing;
mod resend;
#[cfg(feature = "http")]
#[path = "../script/mod.rs"]
mod script;
mod stage;
mod types;
mod unserved;
