//! The processor's time for a call, on one thread and on two.

use std::hint::black_box;
use std::time::Duration;

use gauge::pairs::{Compared, Pairs, Spent, Void, on_threads};
use peers::breaker::{Breaker, Trips};
use peers::call::{Answer, tenant, wait, waker};

/// Of each thread, where threads have many tenants of their own: enough of them to be in all shards of a map.
pub(crate) const MANY: usize = 64;

/// Between two looks at whether the time is over.
const CALLS: usize = 64;

/// How long each of a pair runs.
const RUN: Duration = Duration::from_millis(20);

/// Good calls on so many threads, of the tenants that a thread's number gives, in turn.
///
/// The breaker is a new one, in whose map the tenants lie in other shards: what is luck differs from run to run.
fn run<B: Breaker>(
    breaker: B,
    threads: usize,
    tenants: impl Fn(usize) -> &'static [&'static str] + Sync,
) -> Spent {
    on_threads(threads, RUN, |thread| {
        let (mut breaker, waker) = (breaker.clone(), waker());
        let mut next = tenants(thread).iter().cycle();
        move || {
            let some = next.by_ref().take(CALLS);
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
    /// Each of a tenant of its own.
    pub(crate) own: Result<Compared, Void>,
    /// Each of [`MANY`] tenants of its own, as many as the one alone.
    pub(crate) many: Result<Compared, Void>,
}

pub(crate) fn compare<B: Breaker>(pairs: &Pairs, make: impl Fn(Trips) -> B) -> Threads {
    let tenants: Vec<_> = (0..2 * MANY).map(tenant).collect();
    let tenants: &'static [_] = tenants.leak();
    let compare = |of: fn(&'static [&'static str], usize) -> &'static [&'static str]| {
        let run = |threads| {
            let breaker = make(Trips::ByDefault);
            run(breaker, threads, |thread| of(tenants, thread))
        };
        pairs.compare(2, || run(1), || run(2))
    };
    Threads {
        same: compare(|tenants, _| &tenants[..1]),
        own: compare(|tenants, thread| &tenants[thread..=thread]),
        many: compare(|tenants, thread| &tenants[thread * MANY..][..MANY]),
    }
}
