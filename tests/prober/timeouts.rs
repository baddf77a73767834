//! A probe that takes too long is a failure.

use super::*;

#[tokio::test(start_paused = true)]
async fn after_ten_seconds_unless_told_otherwise() {
    let search = declare(policy());
    let upstream = Upstream::up().hanging();
    let _prober = upstream.spawn(prober(&search));
    want(&search, "acme", 1);
    pass(PERIOD + 9 * SECOND + HALF).await;
    assert_eq!(upstream.in_the_air(), 1);
    assert_eq!(search.state("acme"), CircuitState::HalfOpen);
    pass(SECOND).await;
    assert_eq!(upstream.in_the_air(), 0);
    assert_eq!(search.state("acme"), CircuitState::Open);
    let totals = search.snapshot().totals;
    assert_eq!((totals.probe_failures, totals.cancelled), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn the_timeout_can_be_set() {
    let search = declare(policy());
    let upstream = Upstream::up().taking(3 * SECOND);
    let _prober = upstream.spawn(prober(&search).timeout(2 * SECOND));
    want(&search, "acme", 1);
    pass(PERIOD + 2 * SECOND + HALF).await;
    assert_eq!(search.snapshot().totals.probe_failures, 1);
    assert_eq!(upstream.in_the_air(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_answer_in_time_is_what_it_is() {
    let search = declare(policy());
    let upstream = Upstream::up().taking(3 * SECOND);
    let _prober = upstream.spawn(prober(&search).timeout(4 * SECOND));
    want(&search, "acme", 1);
    pass(PERIOD + 6 * SECOND + HALF).await;
    assert_eq!(search.state("acme"), CircuitState::Closed);
}
