//! Dry run by file, and overrides by hand.

use std::time::Duration;

use tokio::time::advance;
use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitState, Dependency, EffectiveState, EventKind, Origin, Override,
    OverrideLevel, Policies,
};

use super::{fail, policies, registry};

fn dry() -> Policies {
    policies("[dependencies.search]\nconsecutive_failures = 2\nmode = 'dry_run'")
}

fn enforced() -> Policies {
    policies("[dependencies.search]\nconsecutive_failures = 2")
}

fn applied(policies: &Policies) -> (CircuitBreakerRegistry, Dependency) {
    let registry = registry();
    policies.apply(&registry);
    let search = registry.get("search").unwrap();
    (registry, search)
}

const SHADOW: EffectiveState = EffectiveState::DryRun(CircuitState::Open);

#[tokio::test(start_paused = true)]
async fn what_a_circuit_would_reject_is_admitted() {
    let (_, search) = applied(&dry());
    assert!(dry().is_dry_run("search") && !enforced().is_dry_run("search"));
    fail(&search, "acme", 2);
    assert_eq!(search.effective_state("acme"), SHADOW);
    assert!(search.acquire("acme").is_ok());
    assert!(search.acquire("a tenant that is new").is_ok());
}

#[tokio::test(start_paused = true)]
async fn the_rollout_ends_by_the_file() {
    for next in [
        enforced(),
        policies("[dependencies.search]\nconsecutive_failures = 2\nmode = 'enforce'"),
        policies(""),
    ] {
        let (registry, search) = applied(&dry());
        fail(&search, "acme", 2);
        let lines = next.apply_after(&dry(), &registry);
        let lines: Vec<_> = lines.changes().iter().map(ToString::to_string).collect();
        assert!(
            lines.contains(&"\"search\" is enforced".to_owned()),
            "{lines:?}"
        );
        assert_eq!(
            search.effective_state("acme"),
            EffectiveState::Automatic(CircuitState::Open)
        );
        assert!(search.acquire("acme").is_err());
    }
}

#[tokio::test(start_paused = true)]
async fn an_enforced_dependency_goes_into_dry_run_by_the_file() {
    let (registry, search) = applied(&enforced());
    fail(&search, "acme", 2);
    assert!(search.acquire("acme").is_err());
    let changed = dry().apply_after(&enforced(), &registry);
    assert_eq!(changed.changes().len(), 1);
    assert!(search.acquire("acme").is_ok());
    assert!(dry().apply_after(&dry(), &registry).is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_override_by_hand_goes_before_and_no_file_clears_it() {
    let (registry, search) = applied(&dry());
    search.force_open("an incident");
    assert!(search.acquire("acme").is_err());
    for (now, before) in [
        (dry(), dry()),
        (enforced(), dry()),
        (policies(""), enforced()),
    ] {
        now.apply_after(&before, &registry);
        assert_eq!(search.effective_state("acme"), EffectiveState::ForcedOpen);
        assert!(search.acquire("acme").is_err());
    }
    search.set(Override::DryRun);
    policies("").apply_after(&enforced(), &registry);
    assert_eq!(
        search.effective_state("acme"),
        EffectiveState::DryRun(CircuitState::Closed),
        "also where it is the same override"
    );
}

#[tokio::test(start_paused = true)]
async fn the_mode_holds_again_when_the_override_is_cleared_or_ends() {
    let (_, search) = applied(&dry());
    fail(&search, "acme", 2);
    search.force_open("an incident");
    search.clear();
    assert_eq!(search.effective_state("acme"), SHADOW);
    assert!(search.acquire("acme").is_ok());
    search.set_for(Override::ForcedOpen, Duration::from_secs(1));
    assert!(search.acquire("acme").is_err());
    advance(Duration::from_secs(1)).await;
    assert!(search.acquire("acme").is_ok());
    assert_eq!(search.effective_state("acme"), SHADOW);
}

#[tokio::test(start_paused = true)]
async fn it_is_an_override_of_the_dependency_among_those_of_other_levels() {
    let (registry, search) = applied(&dry());
    registry.force_open("of the registry");
    registry.tenant("acme").force_open("of the tenant");
    assert!(search.acquire("acme").is_ok(), "the dependency's is nearer");
    search.circuit("acme").force_open("of the circuit");
    assert!(search.acquire("acme").is_err(), "the circuit's is nearer");
    registry.set(Override::Disabled);
    assert_eq!(
        search.effective_state("acme"),
        EffectiveState::Disabled,
        "the kill switch"
    );
}

#[tokio::test(start_paused = true)]
async fn it_is_told_as_an_override_of_the_dependency_once() {
    let (registry, _search) = applied(&enforced());
    let mut events = registry.subscribe();
    dry().apply_after(&enforced(), &registry);
    dry().apply_after(&dry(), &registry);
    enforced().apply_after(&dry(), &registry);
    let mut told = Vec::new();
    while let Some(event) = events.try_recv().unwrap() {
        if let EventKind::Override { level, set, .. } = event.kind {
            told.push((level, event.origin, set));
        }
    }
    let of_dependency = |set| (OverrideLevel::Dependency, Origin::Policies, set);
    assert_eq!(told, [Some(Override::DryRun), None].map(of_dependency));
}

#[tokio::test(start_paused = true)]
async fn its_report_begins_with_it_and_a_reload_does_not_begin_it_anew() {
    let (registry, search) = applied(&enforced());
    fail(&search, "acme", 2);
    assert!(search.acquire("acme").is_err());
    dry().apply_after(&enforced(), &registry);
    let began = tokio::time::Instant::now();
    for second in 0..3 {
        advance(Duration::from_secs(1)).await;
        drop(search.acquire("acme").unwrap());
        dry().apply_after(&dry(), &registry);
        let report = search.dry_run_report(1);
        assert_eq!(report.since, Some(began));
        assert_eq!((report.would_open, report.would_reject), (0, second + 1));
        assert_eq!(report.calls, 0, "those of before");
    }
    search.set(Override::DryRun);
    assert_eq!(search.dry_run_report(1).would_reject, 0, "the nearer one's");
    search.clear();
    assert_eq!(search.dry_run_report(1).would_reject, 3);
}
