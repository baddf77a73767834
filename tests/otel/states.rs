use std::time::Duration;

use tokio::time::advance;
use tower_tenant_breaker::{CircuitBreakerRegistry, Outcome, Overflow};

use crate::{PERIOD, SECOND, call, observe, open, policy, recover, search};

#[tokio::test(start_paused = true)]
async fn circuits_are_told_by_state_and_those_of_tenants_that_went_away_as_idle() {
    let (observed, search) = search(policy());
    let circuits = || {
        let seen = observed.reader.collect();
        ["closed", "open", "half_open", "idle"].map(|state| {
            let of = [("state", state)];
            seen.of_search("circuit_breaker.circuits", &of).unwrap()
        })
    };
    call(&search, "acme", Outcome::Success);
    open(&search, "globex");
    open(&search, "initech");
    assert_eq!(circuits(), [1.0, 2.0, 0.0, 0.0]);
    advance(PERIOD).await;
    let probe = search.acquire("globex").unwrap();
    assert_eq!(circuits(), [1.0, 1.0, 1.0, 0.0]);
    advance(59 * SECOND).await;
    assert_eq!(circuits(), [1.0, 1.0, 1.0, 0.0]);
    advance(SECOND).await;
    assert_eq!(circuits(), [1.0, 0.0, 0.0, 2.0], "for a minute nobody asks");
    drop(probe);
}

#[tokio::test(start_paused = true)]
async fn the_oldest_is_told_by_when_it_left_the_closed_state_and_none_as_zero() {
    let (observed, search) = search(policy());
    let oldest = || {
        let seen = observed.reader.collect();
        seen.of_search("circuit_breaker.open.oldest", &[]).unwrap()
    };
    call(&search, "acme", Outcome::Success);
    assert_eq!(oldest(), 0.0);
    open(&search, "globex");
    advance(SECOND).await;
    open(&search, "acme");
    advance(PERIOD).await;
    call(&search, "globex", Outcome::failure());
    advance(SECOND / 2).await;
    assert_eq!(oldest(), 5.5, "that it opened again does not make it young");
    call(&search, "acme", Outcome::Success);
    search.circuit("globex").reset();
    assert_eq!(oldest(), 0.0);
}

#[tokio::test(start_paused = true)]
async fn a_circuit_that_closes_is_taken_in_with_how_long_it_was_not_closed() {
    let (observed, search) = search(policy());
    let durations = || {
        let seen = observed.reader.collect();
        let of = [("dependency", "search")];
        let series = seen.series("circuit_breaker.open.duration", &of);
        series.map(|series| (series.value, series.unit.clone(), series.counts.clone()))
    };
    open(&search, "acme");
    recover(&search, "acme").await;
    open(&search, "globex");
    assert_eq!(durations().unwrap().0, 4.0, "what is open is not in it");
    advance(Duration::from_secs(4_000)).await;
    search.circuit("globex").reset();
    let (sum, unit, counts) = durations().unwrap();
    assert_eq!((sum, unit.as_str()), (4_004.0, "s"));
    // Up to 1 s, 2 s, 5 s, .. and over an hour.
    let mut expected = [0; 14];
    expected[2] = 1;
    expected[13] = 1;
    assert_eq!(counts, expected);
}

#[tokio::test(start_paused = true)]
async fn a_circuit_that_several_tenants_share_is_in_no_open_duration() {
    let registry = CircuitBreakerRegistry::builder().max_tenants(1);
    let observed = observe(registry.build().unwrap(), 20);
    let policy = policy().overflow(Overflow::Shared).build().unwrap();
    let search = observed.registry.dependency_with("search", policy).unwrap();
    let _resident = search.acquire("resident").unwrap();
    open(&search, "acme");
    search.acquire("globex").unwrap_err();
    recover(&search, "acme").await;
    let seen = observed.reader.collect();
    let recovered = seen.of_search("agent.circuit_breaker.recovery", &[]);
    assert_eq!(recovered, Some(1.0));
    assert_eq!(seen.of("circuit_breaker.open.duration").count(), 0);
}

#[tokio::test(start_paused = true)]
async fn memory_grows_with_circuits() {
    let (observed, search) = search(policy());
    let memory = || {
        let seen = observed.reader.collect();
        let of = [("dependency", "search")];
        let series = seen.series("circuit_breaker.memory", &of).unwrap();
        assert_eq!(series.unit, "By");
        series.value
    };
    assert_eq!(memory(), 0.0);
    call(&search, "acme", Outcome::Success);
    let one = memory();
    assert!(one > 100.0, "{one}");
    call(&search, "initech", Outcome::Success);
    assert_eq!(memory(), 2.0 * one + 3.0, "its id is longer by three bytes");
    open(&search, "acme");
    assert!(memory() > 2.0 * one + 100.0, "what a bad call adds");
}
