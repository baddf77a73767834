//! Circuits that make room.

use super::*;

fn with_room_for_one() -> (CircuitBreakerRegistry, Dependency, Events) {
    let (registry, search) = declare(CircuitBreakerRegistry::builder().max_tenants(1));
    let events = registry.subscribe();
    (registry, search, events)
}

#[tokio::test(start_paused = true)]
async fn one_that_equals_a_new_one_is_told_as_evicted_with_its_last_generation() {
    let (_registry, search, mut events) = with_room_for_one();
    search.circuit("acme").open().unwrap();
    search.circuit("acme").reset();
    advance(WINDOW + PERIOD).await;
    take(&mut events);
    drop(search.acquire("globex").unwrap());
    let event = one(&mut events);
    assert_eq!(event.kind, EventKind::Evicted);
    assert_eq!(event.tenant.as_deref(), Some("acme"));
    assert_eq!(event.dependency.as_deref(), Some("search"));
    assert_eq!((event.generation, event.at), (2, Instant::now()));
    assert_eq!((event.origin, event.reason), (Origin::Automatic, None));
    assert_eq!(search.snapshot().forgotten, 0);
}

#[tokio::test(start_paused = true)]
async fn one_that_does_not_is_told_as_forgotten_and_nothing_else() {
    let (_registry, search, mut events) = with_room_for_one();
    trip(&search);
    advance(PERIOD + WINDOW + PERIOD).await;
    take(&mut events);
    drop(search.acquire("globex").unwrap());
    let event = one(&mut events);
    assert_eq!(event.kind, EventKind::Forgotten);
    assert_eq!(
        (event.tenant.as_deref(), event.generation),
        (Some("acme"), 1)
    );
}

#[tokio::test(start_paused = true)]
async fn each_is_told_once_whoever_makes_it_go() {
    let (_registry, search, mut events) = with_room_for_one();
    for n in 0..5 {
        let permit = search.acquire(&format!("minted {n}")).unwrap();
        permit.record(Outcome::Ignored);
    }
    let told = take(&mut events);
    let gone: Vec<_> = told.iter().map(|event| event.tenant.as_deref()).collect();
    let expected: Vec<_> = (0..4).map(|n| format!("minted {n}")).collect();
    assert_eq!(
        gone,
        expected.iter().map(|id| Some(&**id)).collect::<Vec<_>>()
    );
    search.circuit("by hand").open().unwrap();
    assert_eq!(kinds(&mut events), ["evicted", "transition"]);
    // One that is found again needs nobody's place.
    search.acquire("by hand").unwrap_err();
    assert_eq!(kinds(&mut events), ["rejection"]);
}
