//! async-openai behind a breaker, as the guide of `tower-tenant-breaker` shows it.

#[path = "../../../src/guide/openai.rs"]
mod guide;

pub use guide::{guarded, rejection};
