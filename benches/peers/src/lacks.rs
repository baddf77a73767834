//! What a breaker does where it matters, seen from outside: so that no claim about other people's code is only a claim.
#![expect(
    clippy::disallowed_methods,
    reason = "the clocks of the peers cannot be paused"
)]

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use peers::breaker::{Breaker, Trips, open};
use peers::call::{Answer, tenant};

/// At least one second and no part of one: failsafe's backoffs are told in such.
const OPEN: Duration = Duration::from_secs(1);

/// Calls that are made at once while half-open, and calls that are cancelled.
pub(crate) const CALLS: usize = 10_000;

/// Of [`CALLS`] calls that begin before one has ended, once the open period is over: how many reach the dependency.
pub(crate) fn probes<B: Breaker>(make: impl Fn(Trips) -> B) -> usize {
    let mut breaker = make(Trips::AtOnce(OPEN));
    let tenant = tenant(0);
    open(&mut breaker, tenant);
    thread::sleep(OPEN * 5 / 2);
    let mut breakers = vec![breaker; CALLS];
    let mut calls: Vec<_> = breakers
        .iter_mut()
        .map(|breaker| Box::pin(breaker.call(tenant, Answer::never())))
        .collect();
    let mut task = Context::from_waker(Waker::noop());
    calls
        .iter_mut()
        .filter_map(|call| call.as_mut().poll(&mut task).is_pending().then_some(()))
        .count()
}

/// After how many calls that are dropped before they end, as at a timeout, a circuit opens. None where [`CALLS`] of them
/// do not open it.
pub(crate) fn cancelled<B: Breaker>(make: impl Fn(Trips) -> B) -> Option<usize> {
    let mut breaker = make(Trips::ByDefault);
    let tenant = tenant(0);
    (0..CALLS).find(|_| {
        let call = pin!(breaker.call(tenant, Answer::never()));
        match call.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Pending => false,
            Poll::Ready(result) => B::is_rejected(&result),
        }
    })
}
