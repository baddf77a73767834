//! An observer that calls back, or that panics, harms no call.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use tokio::time::advance;
use tower_tenant_breaker::CircuitState::{Closed, Open};
use tower_tenant_breaker::{
    CircuitBreakerRegistry, Dependency, Event, EventKind, OpenPeriod, Outcome, Overflow, Override,
    Policy, Probing, RegistryBuilder,
};

const PERIOD: Duration = Duration::from_secs(4);

fn declare(builder: RegistryBuilder) -> (CircuitBreakerRegistry, Dependency) {
    let registry = builder.build().unwrap();
    let policy = Policy::builder()
        .consecutive_failures(3)
        .abandoned_run(3)
        .open_for(OpenPeriod::fixed(PERIOD).jitter(0.0))
        .build()
        .unwrap();
    let search = registry.dependency_with("search", policy).unwrap();
    (registry, search)
}

fn record(dependency: &Dependency, outcome: Outcome) {
    dependency.acquire("acme").unwrap().record(outcome);
}

fn trip(dependency: &Dependency) {
    for _ in 0..3 {
        record(dependency, Outcome::failure());
    }
}

/// Calls everything there is from within an event.
fn call_back(registry: &CircuitBreakerRegistry, event: &Event<'_>) {
    let search = registry.get(event.dependency.unwrap()).unwrap();
    let tenant = event.tenant.unwrap_or("another");
    registry.dependency("made on first use").unwrap();
    let _ = registry.snapshot();
    let _ = registry.open_circuits();
    let _ = registry.tenant(tenant).snapshot();
    registry.tenant(tenant).set(Override::DryRun);
    registry.tenant(tenant).clear();
    registry.set(Override::DryRun);
    registry.clear();
    search.set(Override::DryRun);
    search.clear();
    for tenant in [tenant, "another"] {
        let circuit = search.circuit(tenant);
        circuit.set(Override::DryRun);
        circuit.clear();
        let _ = circuit.open();
        let _ = circuit.half_open();
        let _ = circuit.snapshot();
        let _ = circuit.would_admit();
        circuit.reset();
        let permit = search.acquire(tenant);
        drop(search.acquire_shared(Probing::Yes));
        if let Ok(permit) = permit {
            permit.record(Outcome::failure());
        }
    }
    let _ = search.circuit_snapshots();
    if matches!(event.kind, EventKind::Transition { .. }) {
        search.reset();
        registry.reset();
    }
}

#[test]
fn an_observer_that_calls_back_into_the_registry_does_not_deadlock() {
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let within: Arc<OnceLock<CircuitBreakerRegistry>> = Arc::default();
        let (registry, depth) = (Arc::clone(&within), AtomicUsize::new(0));
        let kinds = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&kinds);
        let observer = move |event: &Event<'_>| {
            // Stays open until it is forgotten.
            let is_transition = matches!(event.kind, EventKind::Transition { .. });
            let is_left_alone = is_transition && event.tenant == Some("sick");
            // What is called back would clear what was just set; `tests/events` calls back from these.
            let is_override = matches!(event.kind, EventKind::Override { .. });
            let is_left_alone = is_left_alone || is_override;
            if depth.fetch_add(1, Relaxed) == 0 && !is_left_alone {
                call_back(registry.get().unwrap(), event);
                seen.lock().unwrap().push(event.kind);
            }
            depth.fetch_sub(1, Relaxed);
        };
        let policy = Policy::builder()
            .window(Duration::from_millis(10))
            .consecutive_failures(1)
            .open_for(OpenPeriod::fixed(Duration::from_nanos(1)).jitter(0.0))
            .overflow(Overflow::Shared)
            .build();
        let builder = CircuitBreakerRegistry::builder().max_tenants(2);
        let registry = builder.observer(observer).build().unwrap();
        within.set(registry.clone()).unwrap();
        let search = registry.dependency_with("search", policy.unwrap()).unwrap();

        // Transitions, as a permit is recorded and as one is dropped.
        let record = |outcome| search.acquire("acme").unwrap().record(outcome);
        record(Outcome::failure());
        drop(search.acquire("acme").unwrap());
        // And as a person changes the circuit.
        search.circuit("acme").open().unwrap();
        search.circuit("acme").open().unwrap();
        search.circuit("acme").half_open().unwrap_err();
        // A rejection with a circuit, and one without.
        search.circuit("acme").force_open("");
        search.circuit("stranger").force_open("");
        search.acquire("acme").unwrap_err();
        search.acquire("stranger").unwrap_err();
        search.circuit("acme").clear();
        let mut newcomers = 0;
        while !kinds.lock().unwrap().contains(&EventKind::Forgotten) {
            if search.state("sick") == Closed {
                let _ = search.circuit("sick").open();
            }
            newcomers += 1;
            if let Ok(permit) = search.acquire(&format!("newcomer {newcomers}")) {
                permit.record(Outcome::Success);
            }
        }
        let kinds = kinds.lock().unwrap().clone();
        tell.send(kinds).unwrap();
    });
    // Not a wait for time to pass: a deadlock would never end.
    let kinds = told
        .recv_timeout(Duration::from_secs(60))
        .expect("a deadlock");
    assert!(
        kinds
            .iter()
            .any(|kind| matches!(kind, EventKind::Transition { .. }))
    );
    for kind in [
        EventKind::Rejection,
        EventKind::Overflow,
        EventKind::Forgotten,
    ] {
        assert!(kinds.contains(&kind), "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_observer_that_panics_harms_no_call() {
    let events = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&events);
    let builder = CircuitBreakerRegistry::builder().max_tenants(1);
    let (_registry, search) = declare(builder.observer(move |_: &Event<'_>| {
        counted.fetch_add(1, Relaxed);
        panic!("the observer's own");
    }));
    trip(&search);
    assert_eq!((search.state("acme"), events.load(Relaxed)), (Open, 1));
    assert!(search.acquire("acme").is_err());
    drop(search.acquire("without room").unwrap());
    assert_eq!(events.load(Relaxed), 3);

    search.circuit("acme").reset();
    // The third one dropped trips the circuit.
    for _ in 0..3 {
        drop(search.acquire("acme").unwrap());
    }
    assert_eq!((search.state("acme"), events.load(Relaxed)), (Open, 5));
    assert!(search.acquire("acme").is_err());
    advance(PERIOD).await;
    record(&search, Outcome::Success);
    record(&search, Outcome::Success);
    // Half-open, two probes, closed.
    assert_eq!((search.state("acme"), events.load(Relaxed)), (Closed, 10));
}

#[tokio::test(start_paused = true)]
async fn an_observer_that_panics_while_a_panic_unwinds_does_not_abort() {
    let builder = CircuitBreakerRegistry::builder();
    let (_registry, search) = declare(builder.observer(|_: &Event<'_>| {
        panic!("the observer's own");
    }));
    for _ in 0..2 {
        drop(search.acquire("acme").unwrap());
    }
    let permit = search.acquire("acme").unwrap();
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        let _permit = permit;
        panic!("the call's own");
    }));
    let panic = unwound.unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"the call's own"));
    assert_eq!(search.state("acme"), Open);
}

/// What somebody panics with, and what panics again when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("the bomb");
    }
}

#[test]
fn what_an_observer_panics_with_harms_nobody_when_it_is_dropped_either() {
    let registry = CircuitBreakerRegistry::builder()
        .observer(|_: &Event<'_>| std::panic::panic_any(Bomb))
        .build()
        .unwrap();
    let search = registry.dependency("search").unwrap();
    search.force_open("maintenance");
    assert!(search.acquire("acme").is_err());
}
