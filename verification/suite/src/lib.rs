//! Nothing but the tests of the core, in `suite.rs`.
