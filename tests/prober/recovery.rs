//! A prober with ramps, recoveries by hand, live policies and policies of a tenant's own.

use tower_tenant_breaker::Reason;

use super::*;

#[tokio::test(start_paused = true)]
async fn a_circuit_that_a_prober_closed_ramps_up() {
    let search = declare(policy().ramp(0.25, 20 * SECOND));
    let upstream = Upstream::up();
    let _prober = upstream.spawn(prober(&search));
    want(&search, "acme", 1);
    pass(PERIOD + HALF).await;
    assert_eq!(search.state("acme"), CircuitState::Closed);
    let share = search.circuit("acme").ramp().unwrap();
    assert!((0.25..0.35).contains(&share), "{share}");
    let reasons: Vec<_> = (0..4)
        .filter_map(|_| search.acquire("acme").err())
        .map(|rejection| rejection.circuit_open().unwrap().reason())
        .collect();
    assert!(!reasons.is_empty());
    assert!(reasons.iter().all(|reason| *reason == Reason::Recovering));
    // What the ramp turns away is no demand: the circuit is closed.
    pass(5 * SECOND).await;
    assert_eq!(upstream.asked(), ["acme", "acme"]);
    pass(20 * SECOND).await;
    assert_eq!(search.circuit("acme").ramp(), None);
}

#[tokio::test(start_paused = true)]
async fn a_recovery_by_hand_lets_the_prober_begin() {
    let search = declare(policy().open_for(OpenPeriod::fixed(1_000 * SECOND).jitter(0.0)));
    let upstream = Upstream::up();
    let _prober = upstream.spawn(prober(&search).concurrency(100));
    for tenant in 0..20 {
        want(&search, &format!("tenant {tenant}"), 1);
    }
    pass(10 * SECOND + HALF).await;
    assert!(upstream.asked().is_empty());
    search.begin_recovery();
    // Spread over three seconds.
    pass(SECOND).await;
    let first = upstream.asked().len();
    assert!(first < 40, "{first}");
    pass(3 * SECOND).await;
    assert_eq!(first + upstream.asked().len(), 40);
    assert!(search.open_circuits().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_is_replaced_holds_for_the_next_probe() {
    let search = declare(policy());
    let upstream = Upstream::up();
    let _prober = upstream.spawn(prober(&search));
    want(&search, "acme", 1);
    pass(PERIOD - HALF).await;
    search.set_policy(policy().success_threshold(4).build().unwrap());
    pass(SECOND).await;
    assert_eq!(upstream.asked(), ["acme"; 4]);
    assert_eq!(search.state("acme"), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_policy_of_the_tenant_s_own_holds_for_its_probes() {
    let search = declare(policy());
    let own = policy()
        .open_for(OpenPeriod::fixed(8 * SECOND).jitter(0.0))
        .success_threshold(3);
    let circuit = search.circuit("acme");
    circuit.set_policy(own.build().unwrap()).unwrap();
    let upstream = Upstream::up();
    let _prober = upstream.spawn(prober(&search));
    want(&search, "acme", 1);
    pass(7 * SECOND + HALF).await;
    assert!(upstream.asked().is_empty());
    pass(SECOND).await;
    assert_eq!(upstream.asked(), ["acme"; 3]);
    assert_eq!(search.state("acme"), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn periods_grow_by_its_failed_probes_as_by_live_ones() {
    let growing = OpenPeriod::exponential(PERIOD, 4 * PERIOD).jitter(0.0);
    let search = declare(policy().open_for(growing));
    let upstream = Upstream::down();
    let _prober = upstream.spawn(prober(&search));
    sleep(HALF).await;
    trip(&search, "acme");
    let mut grown = Vec::new();
    for _ in 0..4 {
        reject(&search, "acme", 1);
        while upstream.asked().is_empty() {
            pass(SECOND).await;
        }
        let left = search.circuit("acme").snapshot().unwrap().retry_after;
        grown.push(left.unwrap() + HALF);
    }
    assert_eq!(grown, [2, 4, 4, 4].map(|times| times * PERIOD));
}

#[tokio::test(start_paused = true)]
async fn a_circuit_that_begins_half_open_is_probed_once_somebody_asks() {
    let search = declare(policy().initial_state(CircuitState::HalfOpen));
    let upstream = Upstream::up();
    let _prober = upstream.spawn(prober(&search));
    reject(&search, "acme", 1);
    pass(SECOND + HALF).await;
    assert_eq!(upstream.asked(), ["acme", "acme"]);
    assert_eq!(search.state("acme"), CircuitState::Closed);
}
