//! What is told of, to whom, in which order, and how it ends.

mod changes;
mod closing;
mod evictions;
mod kinds;
mod lag;
mod overrides;
mod probes;
mod subscription;

use std::sync::{Arc, Mutex};
use std::task::Wake;
use std::time::Duration;

use tokio::time::{Instant, advance};
use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitState, Dependency, Event, EventKind, Events, OpenPeriod, Origin,
    Outcome, Override, OverrideLevel, OwnedEvent, Policy, PolicyBuilder, RecvError,
    RegistryBuilder,
};

const WINDOW: Duration = Duration::from_secs(10);
const PERIOD: Duration = Duration::from_secs(4);

/// Two failures in a row open for four seconds, two successes close.
fn policy() -> PolicyBuilder {
    Policy::builder()
        .window(WINDOW)
        .consecutive_failures(2)
        .without_latency()
        .open_for(OpenPeriod::fixed(PERIOD).jitter(0.0))
        .half_open_max_calls(2)
        .success_threshold(2)
}

fn declare(builder: RegistryBuilder) -> (CircuitBreakerRegistry, Dependency) {
    let registry = builder.build().unwrap();
    let policy = policy().build().unwrap();
    let search = registry.dependency_with("search", policy).unwrap();
    (registry, search)
}

fn subscribed() -> (CircuitBreakerRegistry, Dependency, Events) {
    let (registry, search) = declare(CircuitBreakerRegistry::builder());
    let events = registry.subscribe();
    (registry, search, events)
}

fn record(search: &Dependency, outcome: Outcome) {
    search.acquire("acme").unwrap().record(outcome);
}

fn trip(search: &Dependency) {
    record(search, Outcome::failure());
    record(search, Outcome::failure());
    assert_eq!(search.state("acme"), CircuitState::Open);
}

/// All that has been told and not been received.
fn take(events: &mut Events) -> Vec<OwnedEvent> {
    std::iter::from_fn(|| events.try_recv().unwrap()).collect()
}

fn one(events: &mut Events) -> OwnedEvent {
    let told = take(events);
    assert_eq!(told.len(), 1, "{told:?}");
    told.into_iter().next().unwrap()
}

fn kinds(events: &mut Events) -> Vec<&'static str> {
    let told = take(events);
    told.iter().map(|event| event.kind.as_str()).collect()
}

fn generations(told: &[OwnedEvent]) -> Vec<u64> {
    told.iter().map(|event| event.generation).collect()
}

/// A waker that is out of order.
struct Broken;

impl Wake for Broken {
    fn wake(self: Arc<Self>) {
        panic!("the waker's own");
    }
}
