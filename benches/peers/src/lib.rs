//! The same calls through several circuit breakers per key.

pub mod breaker;
pub mod breakers;
pub mod call;
pub mod load;
