//! The processor's time for a call, on one thread and on two.

use std::hint::black_box;
use std::time::Duration;

use gauge::pairs::{Compared, Pairs, Spent, Void, on_threads};
use peers::breaker::{Breaker, Trips};
use peers::call::{Answer, tenant, wait, waker};

/// Of each thread, where threads have tenants of their own: enough of them that it does not matter which shards of a map
/// they happen to be in.
const OWN: usize = 64;

/// How long each of a pair runs.
const RUN: Duration = Duration::from_millis(20);

/// Good calls on so many threads, of the tenants that a thread's number gives, in turn.
fn run<B: Breaker>(
    breaker: &B,
    threads: usize,
    tenants: impl Fn(usize) -> &'static [&'static str] + Sync,
) -> Spent {
    on_threads(threads, RUN, |thread| {
        let (mut breaker, waker) = (breaker.clone(), waker());
        let mut next = tenants(thread).iter().cycle();
        move || {
            let some = next.by_ref().take(OWN);
            some.map(|tenant| {
                let called = wait(&waker, breaker.call(black_box(tenant), Answer::good()));
                u64::from(black_box(called).is_ok())
            })
            .sum()
        }
    })
}

/// What two threads cost for a call, over what one costs.
pub(crate) struct Threads {
    /// Both of one tenant.
    pub(crate) same: Result<Compared, Void>,
    /// Each of tenants of its own, as many as the one alone.
    pub(crate) own: Result<Compared, Void>,
}

pub(crate) fn compare<B: Breaker>(pairs: &Pairs, make: impl Fn(Trips) -> B) -> Threads {
    let tenants: Vec<_> = (0..2 * OWN).map(tenant).collect();
    let tenants: &'static [_] = tenants.leak();
    let compare = |of: fn(&'static [&'static str], usize) -> &'static [&'static str]| {
        let breaker = make(Trips::ByDefault);
        pairs.compare(
            2,
            || run(&breaker, 1, |thread| of(tenants, thread)),
            || run(&breaker, 2, |thread| of(tenants, thread)),
        )
    };
    Threads {
        same: compare(|tenants, _| &tenants[..1]),
        own: compare(|tenants, thread| &tenants[thread * OWN..][..OWN]),
    }
}
