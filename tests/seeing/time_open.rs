//! The share of time that a dependency was open for a tenant.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_dependency_without_circuits_has_no_share() {
    let search = declare(policy());
    advance(SECOND).await;
    let seen = search.snapshot();
    assert_eq!((seen.age, seen.circuit_time), (SECOND, Duration::ZERO));
    assert_eq!(seen.share_open(), None);
}

#[tokio::test(start_paused = true)]
async fn circuits_weigh_by_their_age() {
    let search = declare(policy());
    succeed(&search, "globex");
    advance(6 * SECOND).await;
    trip(&search, "acme");
    advance(3 * SECOND).await;
    let seen = search.snapshot();
    // Nine seconds of one that was closed, three of one that was open.
    assert_eq!(seen.circuit_time, 12 * SECOND);
    assert_eq!(seen.circuit_time_open, 3 * SECOND);
    assert_eq!(seen.share_open(), Some(0.25));
    assert_eq!(
        seen.taken_at - seen.age,
        tokio::time::Instant::now() - 9 * SECOND
    );
}

#[tokio::test(start_paused = true)]
async fn an_open_period_counts_from_the_trip_to_the_first_probe() {
    let search = declare(policy());
    trip(&search, "acme");
    advance(PERIOD + SECOND).await;
    let probe = search.acquire("acme").unwrap();
    advance(10 * SECOND).await;
    probe.record(Outcome::Success);
    advance(5 * SECOND).await;
    let seen = search.snapshot();
    assert_eq!(seen.circuit_time_open, PERIOD + SECOND);
    assert_eq!(seen.share_open(), Some(0.25));
}

#[tokio::test(start_paused = true)]
async fn what_was_evicted_keeps_its_time_and_gains_no_more() {
    let registry = CircuitBreakerRegistry::builder().max_tenants(1);
    let registry = registry.build().unwrap();
    let search = registry.dependency_with("search", policy().build().unwrap());
    let search = search.unwrap();
    trip(&search, "acme");
    advance(PERIOD).await;
    succeed(&search, "acme");
    advance(4 * WINDOW).await;
    succeed(&search, "globex");
    assert!(search.circuit("acme").snapshot().is_none());
    advance(6 * SECOND).await;
    let seen = search.snapshot();
    assert_eq!(seen.circuit_time, PERIOD + 4 * WINDOW + 6 * SECOND);
    assert_eq!(seen.circuit_time_open, PERIOD);
    assert_eq!(seen.share_open(), Some(0.08));
}

#[tokio::test(start_paused = true)]
async fn a_full_map_lives_as_long_as_all_of_its_places_whoever_takes_them() {
    let registry = CircuitBreakerRegistry::builder().max_tenants(3);
    let registry = registry.build().unwrap();
    let search = registry.dependency_with("search", policy().build().unwrap());
    let search = search.unwrap();
    for n in 0..3 {
        succeed(&search, &n.to_string());
    }
    for n in 3..100 {
        advance(2 * WINDOW).await;
        succeed(&search, &n.to_string());
        let newest = search.circuit(&n.to_string());
        assert!(newest.snapshot().is_some());
        let seen = search.snapshot();
        assert_eq!((seen.circuits, seen.circuit_time), (3, 3 * seen.age));
    }
}

#[tokio::test(start_paused = true)]
async fn a_newcomer_s_time_begins_when_it_comes() {
    let search = declare(policy());
    advance(1_000 * SECOND).await;
    for n in 0..100 {
        succeed(&search, &format!("tenant {n}"));
        advance(SECOND).await;
    }
    // 1 + 2 + .. + 100.
    assert_eq!(search.snapshot().circuit_time, 5_050 * SECOND);
    succeed(&search, "tenant 0");
    assert_eq!(search.snapshot().circuit_time, 5_050 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn circuits_that_begin_open_are_open_for_all_of_their_time() {
    let search = declare(policy().initial_state(CircuitState::Open));
    assert!(search.acquire("acme").is_err());
    advance(SECOND).await;
    assert_eq!(search.snapshot().share_open(), Some(1.0));
}

#[tokio::test(start_paused = true)]
async fn a_circuit_that_is_opened_again_by_hand_counts_its_time_once() {
    let search = declare(policy());
    trip(&search, "acme");
    advance(SECOND).await;
    search.circuit("acme").open_for(60 * SECOND).unwrap();
    advance(SECOND).await;
    search.circuit("acme").reset();
    advance(2 * SECOND).await;
    assert_eq!(search.snapshot().circuit_time_open, 2 * SECOND);
    assert_eq!(search.snapshot().share_open(), Some(0.5));
}

#[tokio::test(start_paused = true)]
async fn the_shared_circuit_of_calls_without_a_tenant_is_no_tenant_s() {
    let search = declare(policy());
    for _ in 0..2 {
        let permit = search.acquire_shared(true.into()).unwrap();
        permit.record(Outcome::failure());
    }
    succeed(&search, "acme");
    advance(SECOND).await;
    let seen = search.snapshot();
    assert_eq!(seen.totals.time_open, SECOND);
    assert_eq!((seen.circuit_time, seen.share_open()), (SECOND, Some(0.0)));
}

#[tokio::test(start_paused = true)]
async fn the_time_of_an_outage_is_told_apart() {
    let outage = tower_tenant_breaker::OutagePolicy::default()
        .min_tenants(2)
        .open_for(OpenPeriod::fixed(PERIOD).jitter(0.0));
    let search = declare(policy().outage(outage));
    for tenant in ["acme", "globex", "initech", "umbrella"] {
        succeed(&search, tenant);
    }
    trip(&search, "acme");
    trip(&search, "globex");
    assert!(search.outage().is_some());
    advance(PERIOD).await;
    let seen = search.snapshot();
    assert_eq!(seen.outage_time_open, PERIOD);
    assert_eq!(
        (seen.circuit_time, seen.share_open()),
        (4 * PERIOD, Some(0.5))
    );
}
