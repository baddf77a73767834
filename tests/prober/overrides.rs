//! What people force on a circuit holds for its prober.

use tower_tenant_breaker::Override;

use super::*;

struct Setup {
    registry: CircuitBreakerRegistry,
    search: Dependency,
    upstream: Upstream,
    _prober: RecoveryProber,
}

/// Acme's circuit, wanted, half a second before it may be probed.
async fn setup() -> Setup {
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    let policy = policy().build().unwrap();
    let search = registry.dependency_with("search", policy).unwrap();
    let upstream = Upstream::up();
    let _prober = upstream.spawn(prober(&search));
    want(&search, "acme", 1);
    pass(PERIOD - HALF).await;
    Setup {
        registry,
        search,
        upstream,
        _prober,
    }
}

type Level = fn(&Setup, Option<Override>);

const LEVELS: [Level; 4] = [
    |setup, kind| match kind {
        Some(kind) => setup.search.circuit("acme").set(kind),
        None => setup.search.circuit("acme").clear(),
    },
    |setup, kind| match kind {
        Some(kind) => setup.search.set(kind),
        None => setup.search.clear(),
    },
    |setup, kind| match kind {
        Some(kind) => setup.registry.tenant("acme").set(kind),
        None => setup.registry.tenant("acme").clear(),
    },
    |setup, kind| match kind {
        Some(kind) => setup.registry.set(kind),
        None => setup.registry.clear(),
    },
];

#[tokio::test(start_paused = true)]
async fn what_is_forced_open_or_disabled_at_any_level_is_not_probed_until_that_is_cleared() {
    for kind in [Override::ForcedOpen, Override::Disabled] {
        for level in LEVELS {
            let setup = setup().await;
            level(&setup, Some(kind));
            let _ = setup.search.acquire_barred("acme", Probing::No);
            pass(10 * SECOND).await;
            assert!(setup.upstream.asked().is_empty(), "{kind:?}");
            assert_eq!(setup.search.state("acme"), CircuitState::Open);
            level(&setup, None);
            pass(SECOND).await;
            assert_eq!(setup.upstream.asked(), ["acme", "acme"]);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_kill_switch_beats_a_nearer_override() {
    let setup = setup().await;
    setup.search.circuit("acme").set(Override::DryRun);
    setup.registry.set(Override::Disabled);
    pass(10 * SECOND).await;
    assert!(setup.upstream.asked().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_nearest_override_decides() {
    let setup = setup().await;
    setup.search.set(Override::ForcedOpen);
    setup.search.circuit("acme").set(Override::DryRun);
    pass(SECOND).await;
    assert_eq!(setup.upstream.asked(), ["acme", "acme"]);
}

#[tokio::test(start_paused = true)]
async fn under_a_dry_run_probing_goes_on_by_what_would_have_been_rejected() {
    let search = declare(policy());
    search.set(Override::DryRun);
    let upstream = Upstream::up();
    let _prober = upstream.spawn(prober(&search));
    let call = || search.acquire_barred("acme", Probing::No).unwrap();
    call().record(Outcome::failure());
    assert_eq!(search.state("acme"), CircuitState::Open);
    pass(PERIOD + 2 * SECOND).await;
    assert!(upstream.asked().is_empty());
    call().record(Outcome::Success);
    assert_eq!(search.snapshot().totals.would_reject, 1);
    pass(SECOND).await;
    assert_eq!(upstream.asked(), ["acme", "acme"]);
    assert_eq!(search.state("acme"), CircuitState::Closed);
}
