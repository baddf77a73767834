//! The places, leases and rules of live probes hold for synthetic ones.

use tower_tenant_breaker::{LatencyRule, Reason};

use super::*;

#[tokio::test(start_paused = true)]
async fn a_synthetic_probe_takes_a_place_and_gives_it_back() {
    let search = declare(policy().half_open_max_calls(1));
    let upstream = Upstream::new(Outcome::Ignored).taking(2 * SECOND);
    let _prober = upstream.spawn(prober(&search));
    want(&search, "acme", 1);
    pass(PERIOD + HALF).await;
    assert_eq!(search.state("acme"), CircuitState::HalfOpen);
    assert!(!search.circuit("acme").would_admit());
    pass(2 * SECOND).await;
    assert!(search.circuit("acme").would_admit());
    assert_eq!(search.snapshot().totals.probes, 1);
}

#[tokio::test(start_paused = true)]
async fn without_a_place_it_waits_and_no_rejection_is_counted() {
    let search = declare(policy().half_open_max_calls(1));
    let upstream = Upstream::up();
    let _prober = upstream.spawn(prober(&search));
    want(&search, "acme", 3);
    pass(PERIOD - HALF).await;
    search.circuit("acme").half_open().unwrap();
    let live = search.acquire("acme").unwrap();
    pass(10 * SECOND).await;
    assert!(upstream.asked().is_empty());
    assert_eq!(search.snapshot().totals.rejected, 3);
    live.record(Outcome::Ignored);
    pass(SECOND).await;
    assert_eq!(upstream.asked(), ["acme", "acme"]);
}

#[tokio::test(start_paused = true)]
async fn live_probes_that_are_lost_leave_their_places_to_the_prober() {
    let search = declare(policy().probe_lease(3 * SECOND));
    let upstream = Upstream::up();
    want(&search, "acme", 1);
    sleep(PERIOD).await;
    let lost = [
        search.acquire("acme").unwrap(),
        search.acquire("acme").unwrap(),
    ];
    reject(&search, "acme", 1);
    let rejected = search.snapshot().totals.rejected;
    let _prober = upstream.spawn(prober(&search));
    pass(2 * SECOND + HALF).await;
    assert!(upstream.asked().is_empty(), "no place is free");
    assert_eq!(search.snapshot().totals.rejected, rejected);
    pass(SECOND).await;
    assert_eq!(upstream.asked(), ["acme", "acme"]);
    assert_eq!(search.state("acme"), CircuitState::Closed);
    drop(lost);
}

#[tokio::test(start_paused = true)]
async fn a_free_place_beside_live_probes_is_used() {
    let search = declare(policy());
    let upstream = Upstream::down();
    let _prober = upstream.spawn(prober(&search));
    want(&search, "acme", 1);
    sleep(PERIOD - HALF).await;
    search.circuit("acme").half_open().unwrap();
    let live = search.acquire("acme").unwrap();
    pass(SECOND).await;
    assert_eq!(upstream.asked(), ["acme"]);
    assert_eq!(search.state("acme"), CircuitState::Open);
    drop(live);
}

#[tokio::test(start_paused = true)]
async fn never_two_of_one_circuit_also_when_one_outlives_its_lease() {
    let search = declare(policy().without_latency().probe_lease(SECOND));
    let upstream = Upstream::up().taking(5 * SECOND);
    let _prober = upstream.spawn(prober(&search));
    want(&search, "acme", 1);
    for _ in 0..12 {
        pass(SECOND).await;
        if search.state("acme") != CircuitState::Closed {
            let _ = search.acquire_barred("acme", Probing::No);
        }
    }
    assert_eq!(upstream.most(), (1, 1));
    assert_eq!(upstream.asked(), ["acme", "acme"]);
}

#[tokio::test(start_paused = true)]
async fn nor_when_the_circuit_opens_again_meanwhile() {
    let search = declare(policy());
    let upstream = Upstream::up().taking(9 * SECOND);
    let _prober = upstream.spawn(prober(&search));
    want(&search, "acme", 1);
    pass(PERIOD + HALF).await;
    assert_eq!(upstream.in_the_air(), 1);
    search.acquire("acme").unwrap().record(Outcome::failure());
    reject(&search, "acme", 5);
    pass(PERIOD + 2 * SECOND).await;
    assert_eq!(upstream.most(), (1, 1));
    assert_eq!(search.state("acme"), CircuitState::Open);
    // Its outcome is that of an older generation; then the circuit is probed anew.
    pass(PERIOD).await;
    assert_eq!(upstream.asked(), ["acme", "acme"]);
    assert_eq!(search.snapshot().totals.late, 1);
}

#[tokio::test(start_paused = true)]
async fn its_latency_counts_as_that_of_a_live_probe() {
    let rule = LatencyRule::p95(2 * SECOND);
    let search = declare(policy().latency(rule));
    let upstream = Upstream::up().taking(3 * SECOND);
    let _prober = upstream.spawn(prober(&search));
    want(&search, "acme", 1);
    pass(PERIOD + 3 * SECOND + HALF).await;
    assert_eq!(search.state("acme"), CircuitState::Open);
    let figures = search.circuit("acme").snapshot().unwrap();
    assert_eq!(figures.totals.probe_failures, 1);
    assert_eq!(figures.retry_after, Some(PERIOD - HALF));
}

#[tokio::test(start_paused = true)]
async fn a_hint_of_a_synthetic_probe_lengthens_the_period_that_it_leads_to() {
    let search = declare(policy());
    let upstream = Upstream::new(Outcome::throttled().with_retry_after(50 * SECOND));
    let _prober = upstream.spawn(prober(&search));
    want(&search, "acme", 1);
    pass(PERIOD + HALF).await;
    let figures = search.circuit("acme").snapshot().unwrap();
    assert_eq!(figures.retry_after, Some(50 * SECOND - HALF));
}

#[tokio::test(start_paused = true)]
async fn successes_follow_each_other_at_once_until_the_circuit_closes() {
    let search = declare(policy().success_threshold(5).half_open_max_calls(1));
    let upstream = Upstream::up();
    let _prober = upstream.spawn(prober(&search));
    want(&search, "acme", 1);
    pass(PERIOD + HALF).await;
    assert_eq!(upstream.asked(), ["acme"; 5]);
    assert_eq!(search.state("acme"), CircuitState::Closed);
    assert_eq!(search.snapshot().totals.probe_successes, 5);
}

#[tokio::test(start_paused = true)]
async fn a_closed_circuit_s_window_holds_none_of_them() {
    let search = declare(policy().half_open_max_calls(5));
    let upstream = Upstream::up().taking(3 * SECOND);
    let _prober = upstream.spawn(prober(&search));
    want(&search, "acme", 1);
    pass(PERIOD + HALF).await;
    // Live probes are faster.
    search.acquire("acme").unwrap().record(Outcome::Success);
    search.acquire("acme").unwrap().record(Outcome::Success);
    assert_eq!(search.state("acme"), CircuitState::Closed);
    pass(10 * SECOND).await;
    assert_eq!(upstream.asked(), ["acme"]);
    let figures = search.circuit("acme").snapshot().unwrap();
    assert_eq!((figures.window.calls, figures.totals.late), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn it_takes_one_of_the_calls_in_flight() {
    let search = declare(policy().max_in_flight(1));
    let upstream = Upstream::up().taking(2 * SECOND);
    let _prober = upstream.spawn(prober(&search));
    want(&search, "acme", 1);
    pass(PERIOD + HALF).await;
    let figures = search.circuit("acme").snapshot().unwrap();
    assert_eq!(figures.in_flight, Some(1));
    let saturated = search.acquire("acme").unwrap_err();
    assert_eq!(
        saturated.circuit_open().unwrap().reason(),
        Reason::Saturated
    );
}
