//! Nothing but the test.
