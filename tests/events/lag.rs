//! A subscription holds up nobody: it loses the oldest events, and is told how many.

use super::*;

/// A registry whose circuit has been opened this often under a subscription with so many places.
fn opened(capacity: usize, times: u64) -> (CircuitBreakerRegistry, Dependency, Events) {
    let builder = CircuitBreakerRegistry::builder().event_capacity(capacity);
    let (registry, search) = declare(builder);
    let events = registry.subscribe();
    open(&search, times);
    (registry, search, events)
}

fn open(search: &Dependency, times: u64) {
    for _ in 0..times {
        search.circuit("acme").open().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn who_falls_behind_is_told_how_much_was_lost_and_goes_on_with_the_oldest_that_is_left() {
    let (_registry, _search, mut events) = opened(4, 10);
    assert_eq!(events.recv().await.unwrap_err(), RecvError::Lagged(6));
    for generation in 7..=10 {
        assert_eq!(events.recv().await.unwrap().generation, generation);
    }
    assert!(events.try_recv().unwrap().is_none());
}

#[test]
fn it_is_told_once_and_to_those_alone_who_fell_behind() {
    let (registry, search, mut slow) = opened(4, 0);
    let mut quick = registry.subscribe();
    for n in 1..=3 {
        open(&search, 4);
        assert_eq!(take(&mut quick).len(), 4, "round {n}");
    }
    assert_eq!(slow.try_recv().unwrap_err(), RecvError::Lagged(8));
    assert_eq!(generations(&take(&mut slow)), [9, 10, 11, 12]);
    open(&search, 1);
    assert_eq!(generations(&take(&mut slow)), [13]);
}

#[test]
fn who_is_as_far_behind_as_there_are_places_has_lost_nothing() {
    for (capacity, places) in [(1, 1), (2, 2), (5, 8), (1_000, 1_024)] {
        let (_registry, search, mut events) = opened(capacity, places);
        let all: Vec<_> = (1..=places).collect();
        assert_eq!(generations(&take(&mut events)), all, "{capacity}");
        open(&search, places + 1);
        let lost = events.try_recv().unwrap_err();
        assert_eq!(lost, RecvError::Lagged(1), "{capacity}");
    }
    let (registry, search) = declare(CircuitBreakerRegistry::builder());
    let mut events = registry.subscribe();
    open(&search, 1_025);
    assert_eq!(events.try_recv().unwrap_err(), RecvError::Lagged(1));
}

#[test]
fn one_that_never_looks_holds_up_no_call() {
    let (registry, search) = declare(CircuitBreakerRegistry::builder());
    let _idle = registry.subscribe();
    trip(&search);
    for _ in 0..10_000 {
        search.acquire("acme").unwrap_err();
    }
    assert_eq!(search.snapshot().totals.rejected, 10_000);
}

#[test]
fn a_capacity_out_of_its_bounds_is_refused() {
    let build = |capacity| {
        let builder = CircuitBreakerRegistry::builder();
        builder.event_capacity(capacity).build()
    };
    for capacity in [1, 1_048_576] {
        assert!(build(capacity).is_ok());
    }
    for (capacity, value) in [(0, "0"), (1_048_577, "1048577")] {
        let error = build(capacity).unwrap_err();
        assert_eq!((error.field(), error.value()), ("event_capacity", value));
        assert_eq!(error.bound(), "from 1 to 1048576");
    }
}
