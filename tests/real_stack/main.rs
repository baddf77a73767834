//! The real stack over TCP: a client, an axum gateway with the breaker, a timeout and a client of its
//! own, and an axum upstream. Real time, so nothing here asserts how long anything took: counts only,
//! and conditions that are waited for.

#![cfg(feature = "http")]

mod abandoned;
mod stack;

use std::time::Duration;

use axum::http::StatusCode;
use tokio::task::JoinSet;
use tower_tenant_breaker::http::HeaderTenant;
use tower_tenant_breaker::{CircuitState, FixedTenant, OpenPeriod, Policy, PolicyBuilder};

use self::stack::{Health, Stack, Timeout, until};

const TENANTS: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];
const CALLS: u64 = 25;

/// Long beside any test: for circuits that must not recover while one runs.
const LONG: Duration = Duration::from_secs(600);

/// Long beside any healthy call, so that a slow machine is not a failing upstream.
const TIMEOUT: Timeout = Timeout::Inside(Duration::from_millis(500));

/// Trips on three failures in a row and on nothing else.
fn three_in_a_row(open: Duration) -> PolicyBuilder {
    Policy::builder()
        .without_failure_rate()
        .without_latency()
        .consecutive_failures(3)
        .open_for(OpenPeriod::fixed(open).jitter(0.0))
        .success_threshold(2)
}

fn by_header() -> HeaderTenant {
    HeaderTenant::new("x-tenant-id")
}

/// Every tenant makes its calls one after the other, all tenants at the same time.
async fn all_tenants_call(stack: &Stack) {
    let mut tenants = JoinSet::new();
    for tenant in TENANTS {
        let stack = stack.clone();
        tenants.spawn(async move {
            for _ in 0..CALLS {
                stack.call(tenant).await;
            }
        });
    }
    tenants.join_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_tenant_is_cut_off_and_costs_no_other_tenant_a_call() {
    let policy = three_in_a_row(LONG).build().unwrap();
    let stack = Stack::start(policy, by_header(), TIMEOUT).await;
    stack.set("c", Health::Failing);

    all_tenants_call(&stack).await;

    for tenant in TENANTS {
        let seen = stack.seen(tenant);
        if tenant == "c" {
            assert_eq!((seen.served, seen.failed, seen.rejected), (0, 3, CALLS - 3));
            assert_eq!(
                stack.received(tenant),
                3,
                "rejected calls reached the upstream"
            );
        } else {
            assert_eq!(
                (seen.served, seen.failed, seen.rejected),
                (CALLS, 0, 0),
                "{tenant}"
            );
            assert_eq!(stack.received(tenant), CALLS);
        }
    }
    assert_eq!(stack.dependency.open_circuits(), ["c"]);
    assert_eq!(stack.dependency.snapshot().totals.rejected, CALLS - 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hanging_tenant_is_cut_off_and_costs_no_other_tenant_a_call() {
    let policy = three_in_a_row(LONG).build().unwrap();
    let stack = Stack::start(policy, by_header(), TIMEOUT).await;
    stack.set("f", Health::Hanging);

    all_tenants_call(&stack).await;

    for tenant in TENANTS {
        let seen = stack.seen(tenant);
        if tenant == "f" {
            assert_eq!((seen.served, seen.failed, seen.rejected), (0, 3, CALLS - 3));
            assert_eq!(stack.received(tenant), 3);
        } else {
            assert_eq!(
                (seen.served, seen.failed, seen.rejected),
                (CALLS, 0, 0),
                "{tenant}"
            );
        }
    }
    assert_eq!(stack.dependency.open_circuits(), ["f"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tenants_that_share_a_circuit_lose_their_calls_to_one_of_them() {
    let policy = three_in_a_row(LONG).build().unwrap();
    let stack = Stack::start(policy, FixedTenant::new("everyone"), TIMEOUT).await;
    stack.set("c", Health::Failing);
    for _ in 0..3 {
        stack.call("c").await;
    }

    all_tenants_call(&stack).await;

    for tenant in TENANTS {
        let seen = stack.seen(tenant);
        assert_eq!((seen.served, seen.rejected), (0, CALLS), "{tenant}");
    }
    assert_eq!(stack.received("a"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upstream_that_recovers_is_called_again() {
    let policy = three_in_a_row(Duration::from_millis(30)).build().unwrap();
    let stack = Stack::start(policy, by_header(), TIMEOUT).await;
    stack.set("c", Health::Failing);
    for _ in 0..3 {
        stack.call("c").await;
    }
    assert_eq!(stack.seen("c").failed, 3);

    stack.set("c", Health::Healthy);
    until("two probes close the circuit", async || {
        stack.call("c").await;
        stack.dependency.state("c") == CircuitState::Closed
    })
    .await;

    let served = stack.seen("c").served;
    for _ in 0..CALLS {
        stack.call("c").await;
    }
    assert_eq!(stack.seen("c").served, served + CALLS);
    assert_eq!(
        stack.seen("c").failed,
        3,
        "no call failed but those that opened the circuit"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_leave_do_not_hide_an_upstream_that_hangs() {
    let policy = three_in_a_row(LONG).abandoned_run(3).build().unwrap();
    // No call ends by itself here: neither the upstream answers, nor does the gateway's timeout strike.
    let stack = Stack::start(policy, by_header(), Timeout::Inside(LONG)).await;
    stack.set("f", Health::Hanging);

    for left in 1..=3 {
        let caller = tokio::spawn({
            let stack = stack.clone();
            async move { stack.call("f").await }
        });
        until("the call hangs in the upstream", async || {
            stack.received("f") == left
        })
        .await;
        // Its connection closes, so the gateway drops the call.
        caller.abort();
        until("the gateway notices", async || {
            stack.dependency.snapshot().totals.cancelled == left
        })
        .await;
    }

    assert_eq!(stack.dependency.state("f"), CircuitState::Open);
    stack.call("f").await;
    assert_eq!(stack.seen("f").rejected, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rejection_is_a_503_that_says_why_and_when_to_come_back() {
    let policy = three_in_a_row(LONG).build().unwrap();
    let stack = Stack::start(policy, by_header(), TIMEOUT).await;
    stack.dependency.circuit("c").open().unwrap();

    let (head, body) = stack.fetch("c").await;

    assert_eq!(head.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(head.headers["content-type"], "application/problem+json");
    let retry_after: u64 = head.headers["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!(retry_after > 0);
    let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(problem["status"], 503);
    assert_eq!(problem["dependency"], "upstream");
    assert_eq!(stack.received("c"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_routes_of_a_router_share_the_circuit_of_a_tenant() {
    let policy = three_in_a_row(LONG).build().unwrap();
    let stack = Stack::start(policy, by_header(), TIMEOUT).await;
    stack.set("c", Health::Failing);
    for path in ["/one", "/two", "/one"] {
        stack.call_at("c", path).await;
    }
    stack.call_at("c", "/two").await;

    assert_eq!(stack.seen("c").failed, 3);
    assert_eq!(stack.seen("c").rejected, 1);
}
