//! What strangers write, and what they may ask for, thrown at the library; each module has one target's properties.
//!
//! A target is a line that hands bytes to `check`, so that the same properties hold in `tests/seeds.rs`, on stable Rust
//! and without a fuzzer, for all seeds and for what once broke them.
//!
//! Inputs are text wherever that is possible: a head as it is on the wire, a file of policies, names with bars between
//! them, operations that are a letter each. So seeds can be read, and what breaks a property can be too.

#![forbid(unsafe_code)]

pub mod head;
pub mod paused;
pub mod play;
pub mod policies;
pub mod problems;
pub mod prompt_notes;
pub mod providers;
pub mod registry;
pub mod retry_after;
pub mod snapshots;
pub mod streams;
pub mod tenants;
