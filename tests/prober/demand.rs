//! Only what calls were turned away from is probed.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_circuit_from_which_no_call_was_turned_away_is_left_alone() {
    let search = declare(policy());
    let upstream = Upstream::up();
    let _prober = upstream.spawn(prober(&search));
    trip(&search, "acme");
    pass(100 * SECOND).await;
    assert!(upstream.asked().is_empty());
    assert_eq!(search.state("acme"), CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn one_that_rejected_a_call_is_probed_once_its_period_is_over_and_not_before() {
    let search = declare(policy());
    let upstream = Upstream::up();
    let _prober = upstream.spawn(prober(&search));
    pass(HALF).await;
    want(&search, "acme", 1);
    pass(PERIOD - SECOND).await;
    assert!(upstream.asked().is_empty());
    assert_eq!(search.state("acme"), CircuitState::Open);
    pass(2 * SECOND).await;
    assert_eq!(upstream.asked(), ["acme", "acme"]);
    assert_eq!(search.state("acme"), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_turned_away_later_is_demand_too() {
    let search = declare(policy());
    let upstream = Upstream::up();
    let _prober = upstream.spawn(prober(&search));
    trip(&search, "acme");
    pass(20 * SECOND + HALF).await;
    reject(&search, "acme", 1);
    pass(SECOND).await;
    assert_eq!(search.state("acme"), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn after_a_failed_probe_the_circuit_waits_until_somebody_asks_again() {
    let search = declare(policy());
    let upstream = Upstream::down();
    let _prober = upstream.spawn(prober(&search));
    want(&search, "acme", 7);
    pass(PERIOD + HALF).await;
    assert_eq!(upstream.asked(), ["acme"]);
    pass(20 * SECOND).await;
    assert!(upstream.asked().is_empty(), "nobody has asked since");
    reject(&search, "acme", 1);
    pass(SECOND).await;
    assert_eq!(upstream.asked(), ["acme"]);
}

#[tokio::test(start_paused = true)]
async fn an_ignored_probe_decides_nothing_and_answers_the_demand() {
    let search = declare(policy());
    let upstream = Upstream::new(Outcome::Ignored);
    let _prober = upstream.spawn(prober(&search));
    want(&search, "acme", 1);
    pass(10 * SECOND + HALF).await;
    assert_eq!(upstream.asked(), ["acme"]);
    assert_eq!(search.state("acme"), CircuitState::HalfOpen);
    upstream.answer(Outcome::Success);
    reject(&search, "acme", 1);
    pass(SECOND).await;
    assert_eq!(upstream.asked(), ["acme", "acme"]);
    assert_eq!(search.state("acme"), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn what_was_rejected_before_the_open_period_is_no_demand_for_it() {
    let search = declare(policy());
    let upstream = Upstream::up();
    let _prober = upstream.spawn(prober(&search));
    want(&search, "acme", 5);
    // A live probe is first, and fails: another period begins.
    sleep(PERIOD).await;
    search.acquire("acme").unwrap().record(Outcome::failure());
    pass(20 * SECOND).await;
    assert!(upstream.asked().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_rejected_while_a_probe_is_in_the_air_is_demand_for_the_next() {
    let search = declare(policy());
    let upstream = Upstream::down().taking(SECOND);
    let _prober = upstream.spawn(prober(&search));
    want(&search, "acme", 1);
    pass(PERIOD + HALF).await;
    assert_eq!(upstream.in_the_air(), 1);
    reject(&search, "acme", 1);
    pass(PERIOD + 2 * SECOND).await;
    assert_eq!(upstream.asked(), ["acme", "acme"]);
}

#[tokio::test(start_paused = true)]
async fn a_closed_circuit_is_never_touched() {
    let search = declare(policy().max_in_flight(1));
    let upstream = Upstream::up();
    let _prober = upstream.spawn(prober(&search));
    want(&search, "globex", 1);
    // Closed, and turning calls away nevertheless.
    let held = search.acquire("acme").unwrap();
    reject(&search, "acme", 5);
    drop(held);
    pass(20 * SECOND).await;
    assert_eq!(upstream.asked(), ["globex", "globex"]);
    let figures = search.circuit("acme").snapshot().unwrap();
    assert_eq!((figures.totals.calls, figures.totals.probes), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_circuit_that_calls_without_a_tenant_share_is_probed_without_one() {
    let search = declare(policy());
    let upstream = Upstream::up();
    let _prober = upstream.spawn(prober(&search));
    let acquire = || search.acquire_shared(Probing::No);
    acquire().unwrap().record(Outcome::failure());
    assert!(acquire().is_err());
    pass(PERIOD + SECOND).await;
    assert_eq!(upstream.asked(), ["nobody", "nobody"]);
    assert!(acquire().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_circuit_that_was_opened_by_hand_is_probed_as_others_are() {
    let search = declare(policy());
    let upstream = Upstream::up();
    let _prober = upstream.spawn(prober(&search));
    search.circuit("acme").open_for(8 * SECOND).unwrap();
    reject(&search, "acme", 1);
    pass(7 * SECOND + HALF).await;
    assert!(upstream.asked().is_empty());
    pass(SECOND).await;
    assert_eq!(search.state("acme"), CircuitState::Closed);
}
