//! Tenants for whose circuit there is no room (law 17).

use std::time::Duration;

use tokio::time::advance;
use tower_tenant_breaker::{
    ByHandError, CircuitBreakerRegistry, CircuitState, Dependency, OpenPeriod, Outcome, Overflow,
    Override, Permit, Policy, Reason, Rejection,
};

const WINDOW: Duration = Duration::from_secs(10);

fn registry(max_tenants: usize) -> CircuitBreakerRegistry {
    CircuitBreakerRegistry::builder()
        .max_tenants(max_tenants)
        .build()
        .unwrap()
}

fn declare(registry: &CircuitBreakerRegistry, overflow: Overflow) -> Dependency {
    let policy = Policy::builder()
        .window(WINDOW)
        .consecutive_failures(3)
        .open_for(OpenPeriod::fixed(Duration::from_secs(3600)).jitter(0.0))
        .overflow(overflow)
        .build()
        .unwrap();
    registry.dependency_with("search", policy).unwrap()
}

/// A dependency with room for one tenant, and its permit: there is no room for another.
fn full(overflow: Overflow) -> (CircuitBreakerRegistry, Dependency, Permit) {
    let registry = registry(1);
    let search = declare(&registry, overflow);
    let permit = search.acquire("resident").unwrap();
    (registry, search, permit)
}

fn has_circuit(dependency: &Dependency, tenant: &str) -> bool {
    dependency.circuit(tenant).snapshot().is_some()
}

fn fail(dependency: &Dependency, tenant: &str) {
    dependency
        .acquire(tenant)
        .unwrap()
        .record(Outcome::failure());
}

fn reason(rejected: Result<Permit, Rejection>) -> Reason {
    rejected.unwrap_err().circuit_open().unwrap().reason()
}

#[tokio::test(start_paused = true)]
async fn a_newcomer_without_room_runs_unguarded_and_is_counted() {
    let (_registry, search, _resident) = full(Overflow::Unguarded);
    for n in 0..50 {
        fail(&search, "newcomer");
        assert_eq!(search.snapshot().overflowed, n + 1);
    }
    assert!(!has_circuit(&search, "newcomer"));
    assert_eq!(search.state("newcomer"), CircuitState::Closed);
    let snapshot = search.snapshot();
    assert_eq!((snapshot.circuits, snapshot.totals.calls), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_newcomer_without_room_gets_its_own_circuit_once_there_is_some() {
    for overflow in [Overflow::Unguarded, Overflow::Shared] {
        let (_registry, search, resident) = full(overflow);
        fail(&search, "newcomer");
        resident.record(Outcome::Ignored);
        for _ in 0..3 {
            fail(&search, "newcomer");
        }
        assert_eq!(search.state("newcomer"), CircuitState::Open);
        assert_eq!(
            reason(search.acquire("newcomer")),
            Reason::ConsecutiveFailures
        );
        assert_eq!(search.snapshot().overflowed, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_shared_overflow_circuit_is_shared_by_those_without_room_and_by_nobody_else() {
    let (_registry, search, resident) = full(Overflow::Shared);
    for newcomer in ["a", "b", "c"] {
        fail(&search, newcomer);
    }
    for newcomer in ["a", "b", "c", "d"] {
        let rejection = search.acquire(newcomer).unwrap_err();
        let open = rejection.circuit_open().unwrap();
        assert_eq!(open.reason(), Reason::ConsecutiveFailures);
        assert_eq!(open.tenant(), Some(newcomer));
        assert!(!has_circuit(&search, newcomer));
    }
    assert_eq!(search.state("resident"), CircuitState::Closed);
    drop(search.acquire("resident").unwrap());
    assert_eq!(search.open_circuits(), [""; 0]);
    let snapshot = search.snapshot();
    assert_eq!((snapshot.circuits, snapshot.open), (1, 1));
    assert_eq!(snapshot.totals.failures, 3);
    let shared = search.circuit_snapshots().pop().unwrap();
    assert_eq!((shared.tenant, shared.state), (None, CircuitState::Open));

    resident.record(Outcome::Ignored);
    advance(WINDOW).await;
    fail(&search, "a");
    assert!(has_circuit(&search, "a"));
}

#[tokio::test(start_paused = true)]
async fn calls_without_a_tenant_and_calls_without_room_do_not_share_a_circuit() {
    let (_registry, search, _resident) = full(Overflow::Shared);
    for _ in 0..3 {
        fail(&search, "newcomer");
    }
    assert!(search.acquire("newcomer").is_err());
    drop(search.acquire_shared(true.into()).unwrap());
}

#[tokio::test(start_paused = true)]
async fn overrides_hold_for_a_tenant_without_room() {
    for overflow in [Overflow::Unguarded, Overflow::Shared] {
        let (registry, search, _resident) = full(overflow);
        let forced = |search: &Dependency| {
            let forced = reason(search.acquire("newcomer")) == Reason::Forced;
            forced && !search.circuit("newcomer").would_admit()
        };
        search.circuit("newcomer").force_open("by hand");
        assert!(forced(&search));
        search.circuit("newcomer").clear();
        search.acquire("newcomer").unwrap().record(Outcome::Ignored);

        registry.tenant("newcomer").force_open("unpaid");
        assert!(forced(&search));
        registry.tenant("newcomer").clear();
        search.acquire("newcomer").unwrap().record(Outcome::Ignored);

        search.force_open("maintenance");
        assert!(forced(&search));
        search.clear();
        search.acquire("newcomer").unwrap().record(Outcome::Ignored);

        registry.force_open("maintenance");
        assert!(forced(&search));
        registry.set(Override::Disabled);
        search.acquire("newcomer").unwrap().record(Outcome::Ignored);
        registry.clear();
        search.acquire("newcomer").unwrap().record(Outcome::Ignored);

        assert_eq!(search.snapshot().totals.rejected, 4);
        assert!(!has_circuit(&search, "newcomer"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_holds_for_a_tenant_on_the_shared_overflow_circuit() {
    let (registry, search, _resident) = full(Overflow::Shared);
    for _ in 0..3 {
        fail(&search, "newcomer");
    }
    search.circuit("newcomer").set(Override::DryRun);
    search
        .acquire("newcomer")
        .unwrap()
        .record(Outcome::failure());
    search.circuit("newcomer").clear();
    assert!(search.acquire("newcomer").is_err());
    registry.tenant("newcomer").set(Override::DryRun);
    search
        .acquire("newcomer")
        .unwrap()
        .record(Outcome::failure());

    let totals = search.snapshot().totals;
    assert_eq!((totals.would_reject, totals.rejected), (2, 1));
    assert!(search.acquire("other").is_err());
}

#[tokio::test(start_paused = true)]
async fn the_nearest_override_wins_for_a_tenant_on_the_shared_overflow_circuit() {
    let (_registry, search, _resident) = full(Overflow::Shared);
    search.force_open("maintenance");
    search.circuit("newcomer").set(Override::DryRun);
    search.acquire("newcomer").unwrap().record(Outcome::Success);
    assert_eq!(reason(search.acquire("other")), Reason::Forced);
}

#[tokio::test(start_paused = true)]
async fn a_circuit_without_room_cannot_be_changed_by_hand() {
    let (_registry, search, resident) = full(Overflow::Unguarded);
    let newcomer = search.circuit("newcomer");
    assert_eq!(newcomer.open(), Err(ByHandError::NoRoom));
    assert_eq!(newcomer.open_for(WINDOW), Err(ByHandError::NoRoom));
    newcomer.reset();
    assert!(!has_circuit(&search, "newcomer"));
    resident.record(Outcome::Ignored);
    newcomer.open().unwrap();
    assert_eq!(newcomer.state(), CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn minted_tenants_neither_flush_a_state_nor_grow_the_map_and_guards_come_back() {
    const ROOM: usize = 10_000;
    const OPEN: usize = 50;
    let registry = registry(ROOM);
    let search = declare(&registry, Overflow::Unguarded);
    let sick: Vec<_> = (0..OPEN).map(|n| format!("sick {n}")).collect();
    for tenant in &sick {
        for _ in 0..3 {
            fail(&search, tenant);
        }
    }
    for n in 0..1_000_000 {
        let minted = format!("minted {n}");
        search.acquire(&minted).unwrap().record(Outcome::Success);
        if n % 100_000 == 0 {
            assert!(search.len() <= ROOM);
        }
    }
    let snapshot = search.snapshot();
    assert_eq!((snapshot.circuits, snapshot.open), (ROOM, OPEN));
    assert_eq!(snapshot.forgotten, 0);
    assert_eq!(snapshot.overflowed, (1_000_000 - (ROOM - OPEN)) as u64);
    for tenant in &sick {
        assert!(search.acquire(tenant).is_err(), "{tenant} was flushed");
    }
    let overflowed = "minted 999999";
    assert!(!has_circuit(&search, overflowed));

    advance(WINDOW).await;
    let newcomers: Vec<_> = (0..ROOM - OPEN).map(|n| format!("newcomer {n}")).collect();
    for tenant in &newcomers {
        search.acquire(tenant).unwrap().record(Outcome::Success);
    }
    let guarded = newcomers
        .iter()
        .filter(|tenant| has_circuit(&search, tenant));
    let guarded = guarded.count();
    assert!(guarded * 100 >= newcomers.len() * 99, "{guarded}");
    assert_eq!(search.snapshot().open, OPEN);
    assert_eq!(search.open_circuits().len(), OPEN);
    assert_eq!(search.len(), ROOM);

    advance(WINDOW).await;
    for _ in 0..3 {
        fail(&search, overflowed);
    }
    assert_eq!(search.state(overflowed), CircuitState::Open);
    assert!(search.acquire(overflowed).is_err());
    assert_eq!(search.open_circuits().len(), OPEN + 1);
}
