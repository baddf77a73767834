//! How long a circuit was not closed, as its closing tells.

use std::time::Duration;

use tokio::time::advance;
use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitState, Dependency, Event, EventKind, OpenPeriod, Outcome, Policy,
};

const PERIOD: Duration = Duration::from_secs(4);
const SECOND: Duration = Duration::from_secs(1);

type Told = std::sync::mpsc::Receiver<(CircuitState, Option<Duration>)>;

fn search(initial: CircuitState) -> (Dependency, Told) {
    let (sender, told) = std::sync::mpsc::channel();
    let registry = CircuitBreakerRegistry::builder()
        .observer(move |event: &Event<'_>| {
            if let EventKind::Transition {
                to, not_closed_for, ..
            } = event.kind
            {
                let _ = sender.send((to, not_closed_for));
            }
        })
        .build()
        .unwrap();
    let policy = Policy::builder()
        .consecutive_failures(1)
        .success_threshold(1)
        .initial_state(initial)
        .open_for(OpenPeriod::fixed(PERIOD).jitter(0.0))
        .build()
        .unwrap();
    (registry.dependency_with("search", policy).unwrap(), told)
}

fn record(dependency: &Dependency, outcome: Outcome) {
    dependency.acquire("acme").unwrap().record(outcome);
}

#[tokio::test(start_paused = true)]
async fn a_closing_tells_how_long_the_circuit_was_not_closed_whatever_failed_meanwhile() {
    let (search, told) = search(CircuitState::Closed);
    record(&search, Outcome::failure());
    advance(PERIOD).await;
    record(&search, Outcome::failure());
    advance(PERIOD).await;
    let probe = search.acquire("acme").unwrap();
    advance(SECOND).await;
    probe.record(Outcome::Success);
    let told: Vec<_> = told.try_iter().collect();
    let (last, others) = told.split_last().unwrap();
    assert_eq!(*last, (CircuitState::Closed, Some(2 * PERIOD + SECOND)));
    assert!(others.iter().all(|(_, lasted)| lasted.is_none()));
}

#[tokio::test(start_paused = true)]
async fn a_reset_tells_it_too() {
    let (search, told) = search(CircuitState::Closed);
    record(&search, Outcome::failure());
    advance(SECOND).await;
    search.circuit("acme").reset();
    assert_eq!(
        told.try_iter().last(),
        Some((CircuitState::Closed, Some(SECOND)))
    );
}

#[tokio::test(start_paused = true)]
async fn a_circuit_that_began_half_open_and_never_opened_was_not_shut() {
    let (search, told) = search(CircuitState::HalfOpen);
    advance(SECOND).await;
    record(&search, Outcome::Success);
    assert_eq!(told.try_iter().last(), Some((CircuitState::Closed, None)));
}
