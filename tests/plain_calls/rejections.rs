//! Rejections by a circuit that is open and nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::advance;
use tower_tenant_breaker::impact::{ImpactPolicy, ImpactRow};
use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitState, Dependency, Event, EventKind, OpenPeriod, Outcome,
    Override, Probing, Reason,
};

use super::{NANO, PERIOD, SECOND, acquire, dependency, policy, registry, snapshot};

fn open(search: &Dependency) {
    for _ in 0..3 {
        acquire(search).record(Outcome::failure());
    }
    assert_eq!(search.state("acme"), CircuitState::Open);
    assert_eq!(reason(search), Some(Reason::ConsecutiveFailures));
}

/// Why a call is rejected that may probe; none where it is admitted.
fn reason(search: &Dependency) -> Option<Reason> {
    let rejection = search.acquire("acme").err()?;
    Some(rejection.circuit_open().unwrap().reason())
}

#[tokio::test(start_paused = true)]
async fn they_last_until_the_deadline_and_are_all_counted() {
    let search = dependency(policy(SECOND));
    open(&search);
    advance(PERIOD - NANO).await;
    let rejection = search.acquire("acme").unwrap_err();
    let open = rejection.circuit_open().unwrap();
    assert_eq!(open.retry_after(), Some(NANO));
    assert_eq!(snapshot(&search).totals.rejected, 2);
    advance(NANO).await;
    let probe = acquire(&search);
    assert!(probe.is_probe());
    assert_eq!(reason(&search), Some(Reason::HalfOpenFull));
}

#[tokio::test(start_paused = true)]
async fn there_are_none_once_the_circuit_is_open_no_more() {
    type Change = fn(&Dependency);
    let changes: [(Change, bool); 2] = [
        (|search| search.circuit("acme").half_open().unwrap(), true),
        (|search| search.circuit("acme").reset(), false),
    ];
    for (change, probes) in changes {
        // With a bound, by which also a closed circuit's admission takes more than a look.
        let search = dependency(policy(SECOND).max_in_flight(5));
        open(&search);
        change(&search);
        assert_eq!(acquire(&search).is_probe(), probes);
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_barred_from_probing_learns_of_it_at_the_deadline() {
    let search = dependency(policy(SECOND));
    open(&search);
    for probing in [Probing::No, Probing::IfNoneElse] {
        let reason = || {
            let rejection = search.acquire_barred("acme", probing).unwrap_err();
            rejection.circuit_open().unwrap().reason()
        };
        assert_eq!(reason(), Reason::ConsecutiveFailures);
    }
    advance(PERIOD).await;
    let rejection = search.acquire_barred("acme", Probing::No).unwrap_err();
    assert_eq!(rejection.circuit_open().unwrap().reason(), Reason::Barred);
}

#[tokio::test(start_paused = true)]
async fn an_override_of_any_level_comes_before_them() {
    type Change = fn(&CircuitBreakerRegistry, &Dependency, Override);
    let levels: [Change; 4] = [
        |registry, _, kind| registry.set(kind),
        |_, search, kind| search.set(kind),
        |registry, _, kind| registry.tenant("acme").set(kind),
        |_, search, kind| search.circuit("acme").set(kind),
    ];
    for set in levels {
        for (kind, then) in [
            (Override::Disabled, None),
            (Override::DryRun, None),
            (Override::ForcedOpen, Some(Reason::Forced)),
        ] {
            let registry = registry();
            let policy = policy(SECOND).build().unwrap();
            let search = registry.dependency_with("search", policy).unwrap();
            open(&search);
            set(&registry, &search, kind);
            assert_eq!(reason(&search), then, "{kind:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_hint_of_a_straggler_moves_their_end() {
    let search = dependency(policy(SECOND));
    let straggler = acquire(&search);
    open(&search);
    straggler.record(Outcome::failure().with_retry_after(Duration::from_secs(60)));
    advance(PERIOD).await;
    let rejection = search.acquire("acme").unwrap_err();
    let left = rejection.circuit_open().unwrap().retry_after();
    assert_eq!(left, Some(Duration::from_secs(56)));
}

#[tokio::test(start_paused = true)]
async fn a_recovery_of_the_dependency_ends_them() {
    let open_for = OpenPeriod::fixed(Duration::from_secs(600)).jitter(0.0);
    let search = dependency(policy(SECOND).open_for(open_for));
    open(&search);
    search.begin_recovery();
    advance(Duration::from_secs(3)).await;
    assert_eq!(reason(&search), None);
}

#[tokio::test(start_paused = true)]
async fn an_observer_and_a_subscriber_hear_of_each() {
    let heard = Arc::new(AtomicU64::new(0));
    let hears = Arc::clone(&heard);
    let observer = move |event: &Event<'_>| {
        let is_rejection = matches!(event.kind, EventKind::Rejection);
        hears.fetch_add(is_rejection.into(), Ordering::Relaxed);
    };
    let registry = CircuitBreakerRegistry::builder().observer(observer);
    let registry = registry.build().unwrap();
    let policy = policy(SECOND).build().unwrap();
    let search = registry.dependency_with("search", policy).unwrap();
    open(&search);
    assert!(reason(&search).is_some());
    assert_eq!(heard.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn a_ledger_that_nobody_watches_has_each() {
    let registry = CircuitBreakerRegistry::builder().impact(ImpactPolicy::default());
    let registry = registry.build().unwrap();
    let policy = policy(SECOND).build().unwrap();
    let search = registry.dependency_with("search", policy).unwrap();
    open(&search);
    assert!(reason(&search).is_some());
    let rejected = |row: &ImpactRow| row.counts.rejected;
    assert_eq!(
        registry.impact().rows().iter().map(rejected).sum::<u64>(),
        2
    );
}
