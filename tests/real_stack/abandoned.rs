//! Calls that nobody waits for any longer: behind a timeout that the breaker stands inside of, and of clients
//! that leave. Judged as the default policy judges them.

use std::time::Duration;

use futures_util::future::join_all;
use tower_tenant_breaker::CircuitState::{Closed, HalfOpen, Open};
use tower_tenant_breaker::{OpenPeriod, Policy, Reason};

use crate::stack::{Health, Stack, Timeout, until};
use crate::{LONG, TENANTS, by_header};

/// Calls at the same time, until all are answered.
async fn at_once(stack: &Stack, tenant: &str, calls: usize) {
    join_all((0..calls).map(|_| stack.call(tenant))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upstream_that_hangs_behind_an_outer_timeout_is_cut_off_again_and_again_until_it_heals()
{
    // The default, but for a period that a test can wait for.
    let policy = Policy::builder()
        .open_for(OpenPeriod::fixed(Duration::from_millis(300)))
        .build()
        .unwrap();
    let timeout = Timeout::Outside(Duration::from_millis(500));
    let stack = Stack::start(policy, by_header(), timeout).await;
    stack.set("f", Health::Hanging);

    at_once(&stack, "f", 5).await;
    assert!(stack.received("f") > 0);
    assert_eq!(stack.seen("f").failed, 5);
    let mut expected = vec![(Open, Reason::ConsecutiveFailures)];
    assert_eq!(stack.transitions("f"), expected);

    for _ in 0..3 {
        expected.extend([
            (HalfOpen, Reason::PeriodOver),
            (Open, Reason::ProbesAbandoned),
        ]);
        until("it opens again", async || {
            at_once(&stack, "f", 3).await;
            stack.transitions("f").len() >= expected.len()
        })
        .await;
        assert!(stack.transitions("f").starts_with(&expected));
    }
    assert_eq!(stack.seen("f").served, 0);
    assert!(stack.seen("f").rejected > 0, "while it was open");

    stack.set("f", Health::Healthy);
    until("it closes", async || {
        stack.call("f").await;
        stack.dependency.state("f") == Closed
    })
    .await;
    let last = stack.transitions("f").pop();
    assert_eq!(last, Some((Closed, Reason::Recovered)));
    let served = stack.seen("f").served;
    stack.call("f").await;
    assert_eq!(stack.seen("f").served, served + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_leave_at_every_second_call_trip_nothing() {
    const ROUNDS: u64 = 50;
    // No timeout strikes: a call that hangs is in the upstream until its client leaves.
    let stack = Stack::start(Policy::default(), by_header(), Timeout::Inside(LONG)).await;

    join_all(TENANTS.map(async |tenant| {
        for round in 1..=ROUNDS {
            leave_in_mid_call(&stack, tenant, round).await;
            stack.call(tenant).await;
        }
    }))
    .await;

    for tenant in TENANTS {
        let seen = stack.seen(tenant);
        assert_eq!(
            (seen.served, seen.failed, seen.rejected),
            (ROUNDS, 0, 0),
            "{tenant}"
        );
        assert_eq!(stack.received(tenant), 2 * ROUNDS);
        assert_eq!(stack.transitions(tenant), []);
    }
    let totals = stack.dependency.snapshot().totals;
    let calls = ROUNDS * TENANTS.len() as u64;
    assert_eq!((totals.calls, totals.cancelled), (calls, calls));
    assert_eq!(totals.failures, 0);
}

/// A call whose client leaves while the upstream is at it.
async fn leave_in_mid_call(stack: &Stack, tenant: &'static str, round: u64) {
    stack.set(tenant, Health::Hanging);
    let received = stack.received(tenant);
    let caller = tokio::spawn({
        let stack = stack.clone();
        async move { stack.call(tenant).await }
    });
    until("the call is in the upstream", async || {
        stack.received(tenant) > received
    })
    .await;
    // Only that call: the next is answered at once.
    stack.set(tenant, Health::Healthy);
    caller.abort();
    until("the gateway notices", async || {
        let circuit = stack.dependency.circuit(tenant).snapshot();
        circuit.is_some_and(|circuit| circuit.totals.cancelled == round)
    })
    .await;
}
