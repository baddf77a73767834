//! Dropping the registry, its handles and its permits frees everything (law 23), and minted tenants take no
//! memory (law 17).

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::{Arc, Mutex, Weak};

use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitState, Dependency, Event, EventKind, Events, Outcome, Overflow,
    Override, Policy, Probing, RecvError,
};

/// Counts the bytes that each thread has allocated and not freed.
struct Counting;

thread_local! {
    static LIVE: Cell<isize> = const { Cell::new(0) };
}

fn count(bytes: usize, sign: isize) {
    let _ = LIVE.try_with(|live| live.set(live.get() + sign * bytes as isize));
}

// SAFETY: hands everything on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 1);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        count(layout.size(), -1);
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn live() -> isize {
    LIVE.with(Cell::get)
}

fn policy() -> Policy {
    Policy::builder()
        .consecutive_failures(2)
        .overflow(Overflow::Shared)
        .build()
        .unwrap()
}

type Told = Arc<Mutex<Vec<EventKind>>>;

/// A registry whose observer holds what is told.
fn watched() -> (
    CircuitBreakerRegistry,
    Dependency,
    Weak<Mutex<Vec<EventKind>>>,
) {
    let told = Told::default();
    let weak = Arc::downgrade(&told);
    let registry = CircuitBreakerRegistry::builder()
        .max_tenants(500)
        .observer(move |event: &Event<'_>| told.lock().unwrap().push(event.kind))
        .build()
        .unwrap();
    let search = registry.dependency_with("search", policy()).unwrap();
    (registry, search, weak)
}

/// Uses everything that could hold on to something.
fn use_all(registry: &CircuitBreakerRegistry, search: &Dependency) {
    for n in 0..600 {
        let tenant = format!("tenant {n}");
        for _ in 0..3 {
            if let Ok(permit) = search.acquire(&tenant) {
                permit.record(if n % 3 == 0 {
                    Outcome::failure()
                } else {
                    Outcome::Success
                });
            }
        }
    }
    for _ in 0..200 {
        search.acquire("tenant 1").unwrap().record(Outcome::Success);
    }
    drop(search.acquire_shared(Probing::Yes));
    search.circuit("tenant 2").set(Override::DryRun);
    registry.tenant("tenant 3").force_open("unpaid");
    registry
        .dependency("another")
        .unwrap()
        .force_open("by hand");
    registry.set(Override::DryRun);
    let _ = registry.snapshot();
    let _ = search.circuit_snapshots();
    // One that lags, one that never looks, one that is gone.
    let (mut lagging, idle) = (registry.subscribe(), registry.subscribe());
    for n in 0..1_500 {
        search.circuit(&format!("tenant {}", n % 2)).open().unwrap();
    }
    assert!(matches!(lagging.try_recv(), Err(RecvError::Lagged(_))));
    assert!(lagging.try_recv().unwrap().is_some());
    drop(idle);
    let mut changes = registry.subscribe_to_changes();
    search.circuit("tenant 0").open().unwrap();
    assert!(changes.try_recv().unwrap().is_some());
}

#[test]
fn dropping_everything_frees_everything() {
    // The first round fills what is made once for each thread or process.
    let mut left = Vec::new();
    for _ in 0..3 {
        let before = live();
        let (registry, search, observer) = watched();
        use_all(&registry, &search);
        assert!(live() - before > 100_000, "there was something to free");
        drop((registry, search));
        assert!(observer.upgrade().is_none());
        drop(observer);
        left.push(live() - before);
    }
    assert_eq!(left[1..], [0, 0]);
}

#[test]
fn a_subscription_keeps_nothing_and_is_told_when_all_is_gone() {
    let mut left = Vec::new();
    for _ in 0..3 {
        let before = live();
        let (registry, search, observer) = watched();
        let mut events = registry.subscribe();
        use_all(&registry, &search);
        let permit = search.acquire_shared(Probing::Yes).unwrap();
        let with_all = live() - before;
        drop((registry, search));
        // All that was told is left to be received, and the permit may tell of more.
        loop {
            match events.try_recv() {
                Ok(None) => break,
                Err(RecvError::Closed) => panic!("the permit is there"),
                _ => {}
            }
        }
        drop(permit);
        assert!(observer.upgrade().is_none(), "freed under a subscription");
        assert_eq!(events.try_recv().unwrap_err(), RecvError::Closed);
        assert!(live() - before < with_all - 100_000, "{with_all}");
        drop((events, observer));
        left.push(live() - before);
    }
    assert_eq!(left[1..], [0, 0]);
}

#[test]
fn a_registry_without_subscribers_has_no_place_for_their_events() {
    let build = |capacity| {
        let before = live();
        let builder = CircuitBreakerRegistry::builder().event_capacity(capacity);
        let registry = builder.build().unwrap();
        let search = registry.dependency_with("search", policy()).unwrap();
        search.circuit("acme").open().unwrap();
        (live() - before, registry)
    };
    // What is made once per thread or process is made by now.
    drop(build(1));
    let (small, _registry) = build(1);
    let (large, registry) = build(1 << 20);
    assert_eq!(small, large);
    type Subscribe = fn(&CircuitBreakerRegistry) -> Events;
    let both: [Subscribe; 2] = [
        CircuitBreakerRegistry::subscribe,
        CircuitBreakerRegistry::subscribe_to_changes,
    ];
    for subscribe in both {
        let before = live();
        let events = subscribe(&registry);
        assert!(live() - before > 1 << 20);
        drop(events);
    }
}

#[test]
fn each_handle_keeps_what_it_needs_and_frees_it_when_it_goes() {
    type Hold = fn(&CircuitBreakerRegistry, &Dependency) -> Box<dyn std::any::Any>;
    let handles: [Hold; 7] = [
        |registry, _| Box::new(registry.clone()),
        |_, search| Box::new(search.clone()),
        |_, search| Box::new(search.circuit("acme")),
        |registry, _| Box::new(registry.tenant("acme")),
        |_, search| Box::new(search.acquire("acme").unwrap()),
        |_, search| Box::new(search.acquire_shared(Probing::Yes).unwrap()),
        |_, search| {
            search.circuit("globex").open().unwrap();
            Box::new(search.acquire("globex").unwrap_err())
        },
    ];
    for (n, handle) in handles.into_iter().enumerate() {
        let (registry, search, observer) = watched();
        let handle = handle(&registry, &search);
        drop((registry, search));
        assert!(observer.upgrade().is_some(), "handle {n}");
        drop(handle);
        assert!(observer.upgrade().is_none(), "handle {n}");
    }
}

#[test]
fn a_permit_that_outlives_the_registry_can_still_be_recorded() {
    let (registry, search, observer) = watched();
    search.acquire("acme").unwrap().record(Outcome::failure());
    let permit = search.acquire("acme").unwrap();
    let late = search.acquire("acme").unwrap();
    let dropped = search.acquire("globex").unwrap();
    drop((registry, search));
    permit.record(Outcome::failure());
    let (from, to) = (CircuitState::Closed, CircuitState::Open);
    let told = observer.upgrade().unwrap().lock().unwrap().clone();
    assert!(
        matches!(told[..], [EventKind::Transition { from: f, to: t, .. }] if (f, t) == (from, to)),
        "{told:?}"
    );
    late.record(Outcome::Success);
    drop(dropped);
    assert!(observer.upgrade().is_none());
}

#[test]
fn a_permit_does_not_hold_the_map() {
    let (registry, search, observer) = watched();
    let before = live();
    use_all(&registry, &search);
    let permit = search.acquire("tenant 1").unwrap();
    let rejection = search
        .circuit("tenant 0")
        .snapshot()
        .map(|_| search.acquire("tenant 0"));
    let with_map = live() - before;
    drop((registry, search));
    let without_map = live() - before;
    assert!(with_map > 100_000);
    // What is left are two circuits, a few overrides, and the percentiles of the busy one.
    assert!(
        without_map < with_map - 80_000,
        "{without_map} of {with_map}"
    );
    permit.record(Outcome::Success);
    drop(rejection);
    assert!(observer.upgrade().is_none());
}

#[test]
fn minted_tenants_grow_no_memory() {
    for overflow in [Overflow::Unguarded, Overflow::Shared] {
        let registry = CircuitBreakerRegistry::builder();
        let registry = registry.max_tenants(100).build().unwrap();
        let policy = Policy::builder().overflow(overflow).build().unwrap();
        let search = registry.dependency_with("search", policy).unwrap();
        let mint = |from: usize| {
            for n in from..from + 5_000 {
                let permit = search.acquire(&format!("minted {n}")).unwrap();
                permit.record(Outcome::Success);
            }
            search.force_open("maintenance");
            for n in from..from + 5_000 {
                search.acquire(&format!("rejected {n}")).unwrap_err();
            }
            search.clear();
        };
        mint(0);
        let before = live();
        mint(1_000_000);
        assert_eq!(live() - before, 0, "{overflow:?}");
    }
}
