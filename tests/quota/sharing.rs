//! Where it would be held against others than the tenant, it is not.

use tower_tenant_breaker::{EventKind, Events, OutagePolicy, Overflow, Probing};

use super::*;

/// Whether an override was told of.
fn told_of_overrides(mut events: Events) -> bool {
    let mut told = std::iter::from_fn(|| events.try_recv().unwrap());
    told.any(|event| matches!(event.kind, EventKind::Override { .. }))
}

#[tokio::test(start_paused = true)]
async fn the_circuit_of_calls_without_a_tenant_is_not_held() {
    let (registry, llm) = declare(policy());
    let events = registry.subscribe();
    for _ in 0..2 {
        let permit = llm.acquire_shared(Probing::Yes).unwrap();
        permit.record(Outcome::QuotaExhausted);
    }
    drop(llm.acquire_shared(Probing::Yes).unwrap());
    assert_eq!(llm.snapshot().totals.throttled, 2);
    assert!(!told_of_overrides(events));
}

#[tokio::test(start_paused = true)]
async fn tenants_without_room_are_not_held_for_each_other() {
    for (overflow, counted) in [(Overflow::Shared, 2), (Overflow::Unguarded, 0)] {
        let registry = CircuitBreakerRegistry::builder().max_tenants(1);
        let registry = registry.build().unwrap();
        let policy = policy().overflow(overflow).build().unwrap();
        let llm = registry.dependency_with("llm", policy).unwrap();
        let events = registry.subscribe();
        let _resident = llm.acquire("resident").unwrap();
        for newcomer in ["globex", "initech"] {
            let permit = llm.acquire(newcomer).unwrap();
            permit.record(Outcome::QuotaExhausted);
        }
        assert_eq!(llm.snapshot().totals.throttled, counted, "{overflow:?}");
        drop(llm.acquire("globex").unwrap());
        assert!(!told_of_overrides(events));
        let shared = llm.circuit_snapshots();
        assert!(shared.iter().all(|circuit| circuit.overridden.is_none()));
    }
}

fn with_outages() -> (CircuitBreakerRegistry, Dependency) {
    let outage = OutagePolicy::default()
        .min_tenants(2)
        .min_share(0.5)
        .newcomers(true)
        .open_for(OpenPeriod::fixed(PERIOD).jitter(0.0));
    declare(policy().outage(outage))
}

#[tokio::test(start_paused = true)]
async fn quotas_that_are_used_up_are_no_outage() {
    let (_registry, llm) = with_outages();
    for n in 0..10 {
        let tenant = format!("tenant {n}");
        let permit = llm.acquire(&tenant).unwrap();
        permit.record(Outcome::QuotaExhausted);
        assert!(llm.acquire(&tenant).is_err());
    }
    assert!(llm.outage().is_none());
    drop(llm.acquire("acme").unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_probe_for_all_holds_nobody_and_lengthens_no_outage() {
    let (registry, llm) = with_outages();
    let events = registry.subscribe();
    for tenant in ["globex", "initech"] {
        for _ in 0..2 {
            llm.acquire(tenant).unwrap().record(Outcome::failure());
        }
    }
    assert!(llm.outage().is_some());
    advance(PERIOD).await;
    for _ in 0..3 {
        exhaust(&llm);
    }
    // What they said is acme's own: the next call probes, and that of another tenant proves that the dependency is back.
    assert!(llm.outage().is_some());
    llm.acquire("initech").unwrap().record(Outcome::Success);
    assert!(llm.outage().is_none());
    assert!(!is_held(&llm));
    record(&llm, Outcome::Success);
    assert!(!told_of_overrides(events));
}

#[tokio::test(start_paused = true)]
async fn a_straggler_holds_nothing() {
    let llm = llm();
    let straggler = acquire(&llm);
    llm.circuit("acme").open().unwrap();
    straggler.record(Outcome::QuotaExhausted);
    assert!(!is_held(&llm));
    assert_eq!(rejected(&llm).reason(), Reason::ByHand);
    assert_eq!(snapshot(&llm).totals.late, 1);
}
