//! All that a registry does in its life, for tools that ask at its end what was not given back.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use tower_tenant_breaker::{
    CallError, CircuitBreakerRegistry, Dependency, Event, LatencyRule, OpenPeriod, OutagePolicy,
    Outcome, Overflow, Override, PageRequest, Policy, PolicyBuilder, Probing,
};

const ROOM: usize = 64;

/// How often to do what is to be done so often: under Miri, which takes a thousand times as long, less.
const fn rounds(all: usize) -> usize {
    if cfg!(miri) { all / 200 } else { all }
}

fn policy() -> PolicyBuilder {
    Policy::builder()
        .window(Duration::from_millis(50))
        .consecutive_failures(2)
        .latency(LatencyRule::p95(Duration::from_millis(5)).min_calls(5))
        .latency(LatencyRule::quantile(0.5, Duration::from_millis(2)).min_calls(5))
        .open_for(OpenPeriod::fixed(Duration::from_millis(1)))
        .max_in_flight(8)
        .overflow(Overflow::Shared)
        .ramp(0.5, Duration::from_millis(2))
        .outage(OutagePolicy::default().min_tenants(20))
}

fn minted(search: &Dependency, first: usize, calls: usize) {
    for n in first..first + calls {
        let tenant = format!("minted {n}");
        match (search.acquire(&tenant), n % 7) {
            (Ok(permit), 0 | 1) => permit.record(Outcome::failure()),
            (Ok(permit), 2) => drop(permit),
            (Ok(permit), 3) => permit.record(Outcome::QuotaExhausted),
            (Ok(permit), _) => permit.record(Outcome::Success),
            (Err(rejection), _) => drop(rejection.to_string()),
        }
    }
}

fn panicking(search: &Dependency) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    let runtime = runtime.expect("a runtime");
    for n in 0..rounds(200).max(4) {
        let tenant = format!("tenant {}", n % 5);
        let call = search.call(&tenant, async {
            tokio::task::yield_now().await;
            if n % 2 == 0 {
                panic!("the inner service panics");
            }
            Err::<(), _>("the inner service fails")
        });
        // A panic keeps unwinding.
        let ended = catch_unwind(AssertUnwindSafe(|| runtime.block_on(call)));
        let is_rejected = matches!(ended, Ok(Err(CallError::Rejected(_))));
        assert!(is_rejected || ended.is_err() == (n % 2 == 0));
    }
}

fn by_hand(registry: &CircuitBreakerRegistry, search: &Dependency) {
    for (n, kind) in [Override::ForcedOpen, Override::Disabled, Override::DryRun]
        .into_iter()
        .enumerate()
    {
        let tenant = format!("tenant {n}");
        let held = search.acquire(&tenant);
        search.circuit(&tenant).set(kind);
        registry
            .tenant(&tenant)
            .set_for(kind, Duration::from_millis(1));
        search.set(kind);
        registry.set(kind);
        drop(held);
        drop(search.acquire(&tenant));
        registry.clear();
        search.clear();
    }
    let _ = search.circuit("tenant 7").set_policy(Policy::default());
    search.set_policy(
        policy()
            .consecutive_failures(3)
            .build()
            .expect("within all bounds"),
    );
    search.begin_recovery();
    drop(search.acquire_shared(Probing::Yes));
    drop(registry.snapshot());
    drop(search.circuits_page(&PageRequest::new(10)));
    drop(search.dry_run_report(5));
    drop(search.suggest());
}

#[test]
fn a_registry_lives_and_goes() {
    // No hook: its message for each panic would be all that one sees.
    std::panic::set_hook(Box::new(|_| {}));
    for _ in 0..rounds(100).clamp(1, 5) {
        let told = Arc::new(AtomicU64::new(0));
        let ear = Arc::clone(&told);
        let registry = CircuitBreakerRegistry::builder()
            .max_tenants(ROOM)
            .observer(move |_: &Event<'_>| _ = ear.fetch_add(1, Ordering::Relaxed))
            .build()
            .expect("there is room");
        let policy = policy().build().expect("within all bounds");
        let search = registry
            .dependency_with("search", policy)
            .expect("a new name");
        let (mut events, unread) = (registry.subscribe(), registry.subscribe_to_changes());
        thread::scope(|scope| {
            for n in 0..3 {
                let search = &search;
                scope.spawn(move || minted(search, n * 100_000, rounds(5_000)));
            }
            scope.spawn(|| panicking(&search));
        });
        by_hand(&registry, &search);
        while events.try_recv().is_ok_and(|event| event.is_some()) {}
        assert!(search.len() <= ROOM);
        assert!(told.load(Ordering::Relaxed) > 0);
        let outlives = search.acquire("tenant 9");
        let circuit = search.circuit("tenant 9");
        drop((registry, search, unread));
        drop(outlives);
        drop(circuit);
    }
    let _ = std::panic::take_hook();
}
