//! What is asked of each of them.

use std::future::Future;
use std::time::Duration;

use crate::call::{Answer, drive};

/// How many tenants there may be, for those that are bounded.
pub const ROOM: usize = 100_000;

/// How many times as many there are, where it is asked who is bounded.
pub const OVER: usize = 4;

/// When a circuit opens.
#[derive(Clone, Copy, Debug)]
pub enum Trips {
    /// As the crate does by default.
    ByDefault,
    /// At the first failures, for so long. All else is as by default.
    AtOnce(Duration),
}

/// Circuit breakers by tenant. Clones are the same ones, for another thread or connection.
pub trait Breaker: Clone + Send + Sync {
    /// What the calls of this one return where they fail.
    type Error;

    /// Whether it rejects calls at all.
    const REJECTS: bool = true;

    /// A call of the dependency, which answers so.
    ///
    /// The tenant is known when it is called, not before: nothing may be kept from call to call but the breaker itself.
    fn call(
        &mut self,
        tenant: &'static str,
        answer: Answer,
    ) -> impl Future<Output = Result<u32, Self::Error>>;

    /// Whether this is how a call ends that was not admitted.
    fn is_rejected(result: &Result<u32, Self::Error>) -> bool;

    /// Does what was put off.
    fn settle(&self) {}
}

/// Calls the tenant with failures until its circuit is open.
///
/// # Panics
///
/// Where it does not open.
pub fn open<B: Breaker>(breaker: &mut B, tenant: &'static str) {
    let opened = !B::REJECTS
        || (0..1_000).any(|_| B::is_rejected(&drive(breaker.call(tenant, Answer::bad()))));
    assert!(opened, "a circuit opens when all calls fail");
}
