//! What people and files forced, as snapshots and handles show it.

use tokio::time::Instant;
use tower_tenant_breaker::{
    EffectiveState, OutagePolicy, OverrideLevel, OverrideSnapshot, TenantHandle,
};

use super::*;

const KINDS: [Override; 3] = [Override::ForcedOpen, Override::Disabled, Override::DryRun];

/// A registry with one dependency, and a circuit in it for acme.
fn whole() -> (CircuitBreakerRegistry, Dependency, TenantHandle) {
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    let policy = policy().build().unwrap();
    let search = registry.dependency_with("search", policy).unwrap();
    succeed(&search, "acme");
    let acme = registry.tenant("acme");
    (registry, search, acme)
}

/// What wins over the circuit of a tenant, with or without one.
fn over(search: &Dependency, tenant: &str) -> Option<(Override, OverrideLevel)> {
    let handle = search.circuit(tenant);
    let shown = handle.override_in_force();
    if let Some(snapshot) = handle.snapshot() {
        assert_eq!(snapshot.overridden, shown);
    }
    what(shown)
}

fn what(shown: Option<OverrideSnapshot>) -> Option<(Override, OverrideLevel)> {
    shown.map(|shown| (shown.kind, shown.level))
}

/// What the snapshots show of the registry, the dependency and acme, which is what the handles do.
fn shown(
    (registry, search, acme): &(CircuitBreakerRegistry, Dependency, TenantHandle),
) -> [Option<(Override, OverrideLevel)>; 3] {
    let [of_registry, of_search, of_acme] = [
        registry.snapshot().overridden,
        search.snapshot().overridden,
        acme.snapshot().overridden,
    ];
    assert_eq!(of_registry, registry.override_in_force());
    assert_eq!(of_search, search.override_in_force());
    assert_eq!(of_acme, acme.override_in_force());
    let listed = registry.snapshot().dependencies.pop().unwrap();
    assert_eq!(listed.overridden, of_search);
    [of_registry, of_search, of_acme].map(what)
}

#[tokio::test(start_paused = true)]
async fn where_nothing_is_forced_nothing_is_shown() {
    let all = whole();
    assert_eq!(shown(&all), [None; 3]);
    assert_eq!(over(&all.1, "acme"), None);
    assert_eq!(over(&all.1, "globex"), None);
    trip(&all.1, "acme");
    assert_eq!(over(&all.1, "acme"), None, "the machine is no override");
}

#[tokio::test(start_paused = true)]
async fn an_override_of_the_registry_is_shown_by_it_by_its_dependencies_and_by_their_circuits() {
    for kind in KINDS {
        let all = whole();
        all.0.set(kind);
        let of_registry = Some((kind, OverrideLevel::Registry));
        assert_eq!(shown(&all), [of_registry, of_registry, None]);
        assert_eq!(over(&all.1, "acme"), of_registry);
        assert_eq!(over(&all.1, "globex"), of_registry, "without a circuit");
        all.0.clear();
        assert_eq!(shown(&all), [None; 3]);
        assert_eq!(over(&all.1, "acme"), None);
    }
}

#[tokio::test(start_paused = true)]
async fn an_override_of_a_dependency_is_shown_by_it_and_by_its_circuits() {
    for kind in KINDS {
        let all = whole();
        let other = all.0.dependency("mail").unwrap();
        all.1.set(kind);
        let of_search = Some((kind, OverrideLevel::Dependency));
        assert_eq!(
            all.1.override_in_force().map(|shown| shown.kind),
            Some(kind)
        );
        assert_eq!(other.override_in_force(), None);
        assert_eq!(what(all.1.snapshot().overridden), of_search);
        assert_eq!(all.0.snapshot().overridden, None);
        assert_eq!(over(&all.1, "acme"), of_search);
        assert_eq!(over(&all.1, "globex"), of_search, "without a circuit");
        all.1.clear();
        assert_eq!(shown(&all), [None; 3]);
        assert_eq!(over(&all.1, "acme"), None);
    }
}

#[tokio::test(start_paused = true)]
async fn an_override_of_a_tenant_is_shown_by_it_and_by_its_circuits_also_where_it_has_none() {
    for kind in KINDS {
        let all = whole();
        let of_tenant = Some((kind, OverrideLevel::Tenant));
        all.2.set(kind);
        assert_eq!(shown(&all), [None, None, of_tenant]);
        assert_eq!(over(&all.1, "acme"), of_tenant);
        all.2.clear();
        assert_eq!(shown(&all), [None; 3]);
        assert_eq!(over(&all.1, "acme"), None);

        let globex = all.0.tenant("globex");
        globex.set(kind);
        let seen = globex.snapshot();
        assert!(seen.circuits.is_empty());
        assert_eq!(what(seen.overridden), of_tenant);
        assert_eq!(over(&all.1, "globex"), of_tenant);
    }
}

#[tokio::test(start_paused = true)]
async fn an_override_of_a_circuit_is_shown_by_it_alone() {
    for kind in KINDS {
        let all = whole();
        let of_circuit = Some((kind, OverrideLevel::Circuit));
        for tenant in ["acme", "globex"] {
            all.1.circuit(tenant).set(kind);
            assert_eq!(over(&all.1, tenant), of_circuit);
            assert_eq!(shown(&all), [None; 3]);
            all.1.circuit(tenant).clear();
            assert_eq!(over(&all.1, tenant), None);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn of_several_the_one_is_shown_that_wins() {
    let all = whole();
    let (registry, search, acme) = &all;
    let [circuit, dependency, tenant] = [
        OverrideLevel::Circuit,
        OverrideLevel::Dependency,
        OverrideLevel::Tenant,
    ];
    registry.force_open("everything");
    acme.set(Override::DryRun);
    let of_tenant = Some((Override::DryRun, tenant));
    let of_registry = Some((Override::ForcedOpen, OverrideLevel::Registry));
    assert_eq!(over(search, "acme"), of_tenant);
    assert_eq!(shown(&all), [of_registry, of_registry, of_tenant]);

    search.set(Override::Disabled);
    let of_search = Some((Override::Disabled, dependency));
    assert_eq!(over(search, "acme"), of_search);
    assert_eq!(shown(&all), [of_registry, of_search, of_tenant]);

    search.circuit("acme").set(Override::ForcedOpen);
    let of_circuit = Some((Override::ForcedOpen, circuit));
    assert_eq!(over(search, "acme"), of_circuit);
    assert_eq!(over(search, "globex"), of_search);

    // The kill switch beats everything, and the tenant still says what it will come back to.
    registry.set(Override::Disabled);
    let killed = Some((Override::Disabled, OverrideLevel::Registry));
    assert_eq!(over(search, "acme"), killed);
    assert_eq!(shown(&all), [killed, killed, of_tenant]);
    registry.clear();
    assert_eq!(over(search, "acme"), of_circuit);
}

#[tokio::test(start_paused = true)]
async fn what_is_shown_says_since_when_until_when_and_why() {
    let (_, search, _) = whole();
    let began = Instant::now();
    search.force_open_for("maintenance", 3 * SECOND);
    advance(SECOND).await;
    let forced = search.snapshot().overridden.unwrap();
    assert_eq!(forced.taken_at, began + SECOND);
    assert_eq!(forced.since, began);
    assert_eq!(forced.until, Some(began + 3 * SECOND));
    assert_eq!(forced.note.as_deref(), Some("maintenance"));
    search.force_open("unpaid");
    let forced = search.override_in_force().unwrap();
    assert_eq!((forced.since, forced.until), (began + SECOND, None));
    assert_eq!(forced.note.as_deref(), Some("unpaid"));
    search.set_for(Override::DryRun, SECOND);
    assert_eq!(search.override_in_force().unwrap().note, None);
}

#[tokio::test(start_paused = true)]
async fn what_has_ended_is_not_shown_but_what_lies_beneath() {
    let all = whole();
    let (registry, search, acme) = &all;
    registry.set_for(Override::DryRun, 4 * SECOND);
    acme.set_for(Override::ForcedOpen, 3 * SECOND);
    search.set_for(Override::Disabled, 2 * SECOND);
    search.circuit("acme").set_for(Override::ForcedOpen, SECOND);
    search
        .circuit("globex")
        .set_for(Override::ForcedOpen, SECOND);
    let level = |tenant| over(search, tenant).map(|(_, level)| level);
    assert_eq!(level("acme"), Some(OverrideLevel::Circuit));
    advance(SECOND - Duration::from_nanos(1)).await;
    assert_eq!(level("acme"), Some(OverrideLevel::Circuit));
    assert_eq!(level("globex"), Some(OverrideLevel::Circuit));
    advance(Duration::from_nanos(1)).await;
    assert_eq!(level("acme"), Some(OverrideLevel::Dependency));
    assert_eq!(level("globex"), Some(OverrideLevel::Dependency));
    advance(SECOND).await;
    assert_eq!(level("acme"), Some(OverrideLevel::Tenant));
    assert_eq!(level("globex"), Some(OverrideLevel::Registry));
    let of_registry = Some((Override::DryRun, OverrideLevel::Registry));
    assert_eq!(shown(&all)[1], of_registry);
    advance(SECOND).await;
    assert_eq!(level("acme"), Some(OverrideLevel::Registry));
    assert_eq!(shown(&all), [of_registry, of_registry, None]);
    advance(SECOND).await;
    assert_eq!(level("acme"), None);
    assert_eq!(shown(&all), [None; 3]);
}

#[tokio::test(start_paused = true)]
async fn in_an_outage_that_was_detected_nothing_is_forced() {
    let outage = OutagePolicy::default()
        .min_tenants(2)
        .open_for(OpenPeriod::fixed(PERIOD).jitter(0.0));
    let search = declare(policy().outage(outage));
    for tenant in ["acme", "globex", "initech"] {
        succeed(&search, tenant);
    }
    trip(&search, "acme");
    trip(&search, "globex");
    let decided = EffectiveState::Outage(CircuitState::Closed);
    assert_eq!(search.effective_state("initech"), decided);
    assert_eq!(search.snapshot().overridden, None);
    assert_eq!(over(&search, "initech"), None);
}

#[tokio::test(start_paused = true)]
async fn circuits_that_several_share_show_what_is_forced_on_the_dependency() {
    let search = declare(policy());
    drop(search.acquire_shared(Default::default()).unwrap());
    search.set(Override::DryRun);
    let shared = search.circuit_snapshots().pop().unwrap();
    assert_eq!(shared.tenant, None);
    let of_search = Some((Override::DryRun, OverrideLevel::Dependency));
    assert_eq!(what(shared.overridden), of_search);
}

#[cfg(feature = "serde")]
#[tokio::test(start_paused = true)]
async fn the_mode_of_a_file_is_shown_beneath_what_is_set_by_hand() {
    use tower_tenant_breaker::Policies;
    let read = |file| Policies::from_deserializer(toml::Deserializer::parse(file).unwrap());
    let dry = read("[dependencies.search]\nmode = 'dry_run'").unwrap();
    let all = whole();
    let (registry, search, _) = &all;
    dry.apply(registry);
    let by_file = Some((Override::DryRun, OverrideLevel::Dependency));
    assert_eq!(shown(&all), [None, by_file, None]);
    assert_eq!(over(search, "acme"), by_file);
    search.set_for(Override::ForcedOpen, SECOND);
    let by_hand = Some((Override::ForcedOpen, OverrideLevel::Dependency));
    assert_eq!(shown(&all)[1], by_hand);
    advance(SECOND).await;
    assert_eq!(shown(&all)[1], by_file);
    read("").unwrap().apply_after(&dry, registry);
    assert_eq!(shown(&all), [None; 3]);
}
