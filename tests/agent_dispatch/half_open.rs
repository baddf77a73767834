//! A tool that may be back, and all of a turn's calls at once.

use futures_util::future::join_all;
use tokio::task::yield_now;
use tower_tenant_breaker::{CircuitState, LatencyRule};

use super::*;

const CALLS: usize = 40;

fn waiting_for_a_probe() -> (Tools, Shop) {
    let tools = tools(["search"]);
    trip(tool(&tools, "search"));
    (tools, Shop::default())
}

#[tokio::test(start_paused = true)]
async fn no_more_reach_it_than_there_are_places_for_probes() {
    let (tools, shop) = waiting_for_a_probe();
    let dispatcher = tools.dispatcher(shop.service());
    pass(OPEN).await;
    let take = Work::Take(Duration::from_secs(1));
    let calls = (0..CALLS).map(|_| ask(&dispatcher, call("search", take.clone())));
    let replies = join_all(calls).await.into_iter().map(Result::unwrap);
    let signals: Vec<_> = replies
        .filter_map(|reply| reply.signal().cloned())
        .collect();
    assert_eq!((shop.reached(), signals.len()), (2, CALLS - 2));
    for signal in signals {
        assert_eq!(signal.reason(), SignalReason::CircuitOpenFailures);
        assert_eq!(signal.retry_after_seconds(), Some(1));
    }
    assert_eq!(tool(&tools, "search").state("acme"), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_is_cancelled_while_probing_frees_the_places_and_decides_nothing() {
    let (tools, shop) = waiting_for_a_probe();
    let dispatcher = tools.dispatcher(shop.service());
    pass(OPEN).await;
    for _ in 0..2 {
        let turn = tokio::spawn({
            let dispatcher = dispatcher.clone();
            let calls = (0..CALLS).map(move |_| {
                let dispatcher = dispatcher.clone();
                async move { ask(&dispatcher, call("search", Work::Hang)).await }
            });
            join_all(calls)
        });
        yield_now().await;
        assert_eq!(shop.in_the_air(), 2);
        turn.abort();
        assert!(turn.await.unwrap_err().is_cancelled());
        assert_eq!(tool(&tools, "search").state("acme"), CircuitState::HalfOpen);
    }
    assert!(
        ask(&dispatcher, call("search", Work::Answer))
            .await
            .unwrap()
            .output()
            .is_some()
    );
    assert_eq!(tool(&tools, "search").state("acme"), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_takes_too_long_opens_it_again_and_says_for_how_long() {
    let tools = declare(&registry()).timeout(OPEN).tool(Tool::new("search"));
    let tools = tools.build().unwrap();
    let dispatcher = tools.dispatcher(Shop::default().service());
    trip(tool(&tools, "search"));
    pass(OPEN).await;
    let probe = signal(&dispatcher, call("search", Work::Hang)).await;
    assert_eq!(probe.reason(), SignalReason::ToolCallTimeout);
    assert_eq!(probe.retry_after_seconds(), Some(10));
    assert_eq!(tool(&tools, "search").state("acme"), CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_fails_while_all_places_are_taken_may_be_made_again_in_a_moment() {
    let (tools, shop) = waiting_for_a_probe();
    let dispatcher = tools.dispatcher(shop.service());
    pass(OPEN).await;
    let probes = (0..2).map(|_| dispatcher.clone().oneshot(call("search", Work::Hang)));
    let probes: Vec<_> = probes.map(tokio::spawn).collect();
    yield_now().await;
    let told = tools.failed("acme", "search").unwrap();
    assert_eq!(told.retry_after_seconds(), Some(1));
    assert!(tools.unavailable("acme").is_empty());
    for probe in probes {
        probe.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_no_call_has_failed_yet_is_not_said_to_fail() {
    let policy = policy().initial_state(CircuitState::HalfOpen).build();
    let search = Tool::new("search").policy(policy.unwrap());
    let tools = declare(&registry()).tool(search).build().unwrap();
    let dispatcher = tools.dispatcher(Shop::default().service());
    let probes = (0..2).map(|_| dispatcher.clone().oneshot(call("search", Work::Hang)));
    let probes: tokio::task::JoinSet<_> = probes.map(tokio::spawn).collect();
    yield_now().await;
    let told = signal(&dispatcher, call("search", Work::Answer)).await;
    assert_eq!(told.reason(), SignalReason::CircuitOpenUnproven);
    assert_eq!(told.retry_after_seconds(), Some(1));
    drop(probes);
}

#[tokio::test(start_paused = true)]
async fn while_its_calls_come_back_it_says_what_it_was_open_for() {
    let policy = policy().without_consecutive_failures().ramp(0.1, OPEN);
    let slow = LatencyRule::p95(Duration::from_secs(1)).min_calls(2);
    let search = Tool::new("search").policy(policy.latency(slow).build().unwrap());
    let tools = declare(&registry()).tool(search).build().unwrap();
    let dispatcher = tools.dispatcher(Shop::default().service());
    for _ in 0..2 {
        let slow = call("search", Work::Take(Duration::from_secs(2)));
        assert!(ask(&dispatcher, slow).await.unwrap().output().is_some());
    }
    pass(OPEN).await;
    assert!(ask(&dispatcher, call("search", Work::Answer)).await.is_ok());
    assert_eq!(tool(&tools, "search").state("acme"), CircuitState::Closed);
    // The first is admitted, and then one in ten.
    assert!(ask(&dispatcher, call("search", Work::Answer)).await.is_ok());
    let held_back = signal(&dispatcher, call("search", Work::Answer)).await;
    assert_eq!(held_back.reason(), SignalReason::CircuitOpenLatency);
    assert_eq!(held_back.retry_after_seconds(), Some(1));
}
