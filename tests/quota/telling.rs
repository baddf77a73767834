//! Who is told what.

use std::sync::{Arc, Mutex, OnceLock};

use tower_tenant_breaker::{Event, EventKind, Events, Figures, Origin, OwnedEvent};

use super::*;

fn take(events: &mut Events) -> Vec<OwnedEvent> {
    std::iter::from_fn(|| events.try_recv().unwrap()).collect()
}

fn of_overrides(events: &mut Events) -> Vec<OwnedEvent> {
    let mut told = take(events);
    told.retain(|event| matches!(event.kind, EventKind::Override { .. }));
    told
}

#[tokio::test(start_paused = true)]
async fn it_is_told_once_as_an_override_that_nobody_set() {
    let (registry, llm) = declare(policy());
    let mut events = registry.subscribe();
    let other = acquire(&llm);
    exhaust(&llm);
    other.record(Outcome::QuotaExhausted);
    let told = of_overrides(&mut events);
    let [held] = &told[..] else {
        panic!("{told:?}")
    };
    assert!(matches!(
        held.kind,
        EventKind::Override {
            level: OverrideLevel::Circuit,
            set: Some(Override::ForcedOpen),
            until: None,
            ..
        }
    ));
    assert_eq!(held.origin, Origin::Automatic);
    assert_eq!(held.reason, Some(Reason::QuotaExhausted));
    assert_eq!(
        (held.dependency.as_deref(), held.tenant.as_deref()),
        (Some("llm"), Some("acme"))
    );
    assert_eq!(held.note, None);
}

#[tokio::test(start_paused = true)]
async fn what_lifts_it_is_told_as_an_override_that_was_cleared() {
    let lifts: [fn(&Dependency); 2] = [
        |llm| llm.circuit("acme").reset(),
        |llm| llm.circuit("acme").clear(),
    ];
    for lift in lifts {
        let (registry, llm) = declare(policy());
        exhaust(&llm);
        let mut events = registry.subscribe();
        lift(&llm);
        let generation = snapshot(&llm).generation;
        // To lift what does not hold is no news.
        lift(&llm);
        let told = of_overrides(&mut events);
        let [cleared] = &told[..] else {
            panic!("{told:?}")
        };
        assert!(matches!(
            cleared.kind,
            EventKind::Override {
                level: OverrideLevel::Circuit,
                set: None,
                ..
            }
        ));
        assert_eq!((cleared.origin, cleared.reason), (Origin::ByHand, None));
        assert_eq!(cleared.tenant.as_deref(), Some("acme"));
        assert_eq!(cleared.generation, generation);
    }
}

#[tokio::test(start_paused = true)]
async fn its_rejections_are_told_as_those_of_an_override() {
    let (registry, llm) = declare(policy());
    exhaust(&llm);
    let mut events = registry.subscribe();
    rejected(&llm);
    let told = take(&mut events);
    let [rejection] = &told[..] else {
        panic!("{told:?}")
    };
    assert_eq!(rejection.kind, EventKind::Rejection);
    assert_eq!(rejection.origin, Origin::Override);
    assert_eq!(rejection.reason, Some(Reason::QuotaExhausted));
    assert!(!rejection.dry_run);
}

/// A dependency with an observer that resets acme's circuit at each override, and what it was told of.
fn reset_as_it_is_told(policy: PolicyBuilder) -> (Dependency, Arc<Mutex<Vec<Option<Override>>>>) {
    let kept: Arc<OnceLock<Dependency>> = Arc::default();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (llm, heard) = (Arc::clone(&kept), Arc::clone(&seen));
    let registry = CircuitBreakerRegistry::builder()
        .observer(move |event: &Event<'_>| {
            if let EventKind::Override { set, .. } = event.kind {
                heard.lock().unwrap().push(set);
                llm.get().unwrap().circuit("acme").reset();
            }
        })
        .build()
        .unwrap();
    let policy = policy.build().unwrap();
    let llm = registry.dependency_with("llm", policy).unwrap();
    kept.set(llm.clone()).unwrap();
    (llm, seen)
}

#[tokio::test(start_paused = true)]
async fn an_observer_may_lift_it_as_it_is_told() {
    let (llm, seen) = reset_as_it_is_told(policy());
    exhaust(&llm);
    assert!(!is_held(&llm));
    record(&llm, Outcome::Success);
    assert_eq!(*seen.lock().unwrap(), [Some(Override::ForcedOpen), None]);
}

#[tokio::test(start_paused = true)]
async fn a_call_trips_no_circuit_that_an_observer_resets_as_it_is_told() {
    let trips_at_one = || policy().failure_rate(0.5).min_calls(1);
    let (_registry, unobserved) = declare(trips_at_one());
    exhaust(&unobserved);
    assert_eq!(unobserved.state("acme"), CircuitState::Open);

    let (llm, _) = reset_as_it_is_told(trips_at_one());
    exhaust(&llm);
    assert_eq!(llm.state("acme"), CircuitState::Closed);
    assert_eq!(snapshot(&llm).totals.opened, 0);
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_circuit_an_observer_resets_as_it_is_told_is_late_and_not_in_the_window() {
    let (llm, _) = reset_as_it_is_told(policy());
    exhaust(&llm);
    let snapshot = snapshot(&llm);
    assert_eq!(snapshot.window, Figures::default());
    assert_eq!((snapshot.totals.calls, snapshot.totals.late), (0, 1));
}
