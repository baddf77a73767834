//! Any override beats a detected outage.

use super::*;
use tower_tenant_breaker::{EffectiveState, Override};

#[tokio::test(start_paused = true)]
async fn disabled_at_any_level_admits() {
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    let search = registry
        .dependency_with("search", policy().build().unwrap())
        .unwrap();
    succeed(&search, 0..10);
    trip(&search, 0..3);
    assert_eq!(
        search.effective_state(&name(5)),
        EffectiveState::Outage(CircuitState::Closed)
    );
    assert_eq!(
        search.effective_state(&name(0)),
        EffectiveState::Outage(CircuitState::Open)
    );
    assert_eq!(
        search.effective_state("new"),
        EffectiveState::Outage(CircuitState::Closed)
    );

    search.circuit(&name(5)).set(Override::Disabled);
    assert!(acquire(&search, 5).is_ok());
    assert!(search.circuit(&name(5)).would_admit());
    assert!(acquire(&search, 6).is_err());
    assert!(!search.circuit(&name(6)).would_admit());
    registry.tenant("new").set(Override::Disabled);
    assert!(search.acquire("new").is_ok());
    search.set(Override::Disabled);
    assert!(acquire(&search, 0).is_ok());
    search.clear();
    registry.set(Override::Disabled);
    assert!(acquire(&search, 6).is_ok());
    registry.clear();
    assert_eq!(reason(&search, 6), Reason::Outage);
}

#[tokio::test(start_paused = true)]
async fn forced_open_is_told_as_such() {
    let search = in_outage(policy());
    search.circuit(&name(5)).force_open("unpaid");
    assert_eq!(reason(&search, 5), Reason::Forced);
    advance(PERIOD).await;
    assert_eq!(reason(&search, 5), Reason::Forced, "and does not probe");
    assert_eq!(search.outage().unwrap().state, CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_counts_what_an_outage_would_have_rejected() {
    let search = in_outage(policy());
    search.set(Override::DryRun);
    succeed(&search, 5..6);
    record(&search, 5..6, Outcome::failure());
    search.acquire("new").unwrap().record(Outcome::Success);
    let totals = search.snapshot().totals;
    assert_eq!((totals.would_reject, totals.rejected), (3, 0));
    search.clear();
    assert_eq!(reason(&search, 5), Reason::Outage);
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_detected_in_a_dry_run_and_rejects_nothing() {
    let search = with_tenants(policy(), 0..10);
    search.set(Override::DryRun);
    trip(&search, 0..3);
    assert!(search.outage().is_some());
    succeed(&search, 0..10);
    assert_eq!(
        search.snapshot().totals.would_open,
        4,
        "three circuits, and the dependency"
    );
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_ends_while_disabled_says_nothing_and_frees_its_place() {
    for outcome in [Outcome::Success, Outcome::failure()] {
        let search = in_outage(policy().success_threshold(1).half_open_max_calls(1));
        advance(PERIOD).await;
        let probe = acquire(&search, 5).unwrap();
        search.set(Override::Disabled);
        probe.record(outcome);
        search.clear();
        assert_eq!(search.outage().unwrap().state, CircuitState::HalfOpen);
        succeed(&search, 6..7);
        assert!(search.outage().is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_detected_while_disabled() {
    let search = with_tenants(policy(), 0..10);
    search.set(Override::Disabled);
    for _ in 0..5 {
        record(&search, 0..10, Outcome::failure());
    }
    search.clear();
    assert!(search.outage().is_none());
}
