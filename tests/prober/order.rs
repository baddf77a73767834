//! The most wanted circuits come first.

use super::*;

#[tokio::test(start_paused = true)]
async fn those_that_rejected_more_calls_come_first() {
    let search = declare(policy());
    let upstream = Upstream::down();
    let _prober = upstream.spawn(prober(&search).concurrency(1));
    for (tenant, times) in [("acme", 2), ("globex", 9), ("initech", 1), ("hooli", 5)] {
        want(&search, tenant, times);
    }
    pass(PERIOD + 4 * SECOND + HALF).await;
    assert_eq!(upstream.asked(), ["globex", "hooli", "acme", "initech"]);
}

#[tokio::test(start_paused = true)]
async fn at_one_look_too() {
    let search = declare(policy());
    let upstream = Upstream::down();
    let _prober = upstream.spawn(prober(&search).concurrency(3));
    for tenant in 1..=100 {
        want(&search, &format!("tenant {tenant}"), tenant);
    }
    pass(PERIOD + HALF).await;
    assert_eq!(upstream.asked(), ["tenant 100", "tenant 99", "tenant 98"]);
}

#[tokio::test(start_paused = true)]
async fn of_those_that_are_wanted_alike_the_oldest_deadline_comes_first() {
    let search = declare(policy());
    let upstream = Upstream::down();
    // Looks once, when the periods of all are over.
    let late = RecoveryProber::builder(&search).jitter(0.0);
    let _prober = upstream.spawn(late.interval(20 * SECOND));
    for tenant in ["initech", "acme", "globex", "hooli"] {
        want(&search, tenant, 2);
        sleep(Duration::from_millis(100)).await;
    }
    pass(20 * SECOND).await;
    assert_eq!(upstream.asked(), ["initech", "acme", "globex", "hooli"]);
}

#[tokio::test(start_paused = true)]
async fn demand_counts_from_the_last_probe_on() {
    let search = declare(policy());
    let upstream = Upstream::down();
    let _prober = upstream.spawn(prober(&search).concurrency(1));
    want(&search, "acme", 100);
    want(&search, "globex", 3);
    pass(PERIOD + HALF).await;
    assert_eq!(upstream.asked(), ["acme"]);
    // 102 in all, and two since.
    reject(&search, "acme", 2);
    pass(PERIOD + SECOND).await;
    assert_eq!(upstream.asked(), ["globex", "acme"]);
}

#[tokio::test(start_paused = true)]
async fn those_that_are_held_back_do_not_stand_before_others() {
    let search = declare(policy().max_in_flight(1));
    let upstream = Upstream::up();
    let _prober = upstream.spawn(prober(&search).concurrency(1));
    // Forced open, without a place in half-open, saturated: each of them wanted more.
    want(&search, "forced", 100);
    search.circuit("forced").force_open("maintenance");
    let held = search.acquire("saturated").unwrap();
    search.circuit("saturated").open().unwrap();
    reject(&search, "saturated", 100);
    want(&search, "acme", 1);
    pass(PERIOD + SECOND + HALF).await;
    assert_eq!(upstream.asked(), ["acme", "acme"]);
    drop(held);
}
