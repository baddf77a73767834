//! Overrides of tenants that have no circuit of their own.

use super::*;

#[tokio::test(start_paused = true)]
async fn overrides_hold_for_tenants_without_a_circuit_and_a_rejection_creates_none() {
    for level in LEVELS {
        let levels = Levels::new();
        let search = &levels.search;
        levels.set_for(level, Override::ForcedOpen, PERIOD);
        for _ in 0..3 {
            let open = rejected(search);
            assert_eq!(open.reason(), Reason::Forced, "{level:?}");
            assert_eq!(open.retry_after(), Some(PERIOD));
            assert_eq!(open.generation(), 0);
            assert!(!search.circuit("acme").would_admit());
        }
        assert!(search.is_empty(), "{level:?}");
        assert!(search.circuit("acme").snapshot().is_none());
        assert_eq!(search.snapshot().totals.rejected, 3);
        advance(PERIOD).await;
        assert!(search.circuit("acme").would_admit());
        assert!(search.acquire("acme").is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn the_operator_s_table_does_not_count_against_max_tenants() {
    let registry = CircuitBreakerRegistry::builder().max_tenants(2);
    let registry = registry.build().unwrap();
    let search = declare(&registry, policy());
    for tenant in 0..100 {
        let tenant = format!("forced-{tenant}");
        if tenant.ends_with('0') {
            registry.tenant(&tenant).set(Override::ForcedOpen);
        } else {
            search.circuit(&tenant).set(Override::ForcedOpen);
        }
    }
    assert_eq!(search.len(), 0);
    let _guarded = ["acme", "globex"].map(|tenant| search.acquire(tenant).unwrap());
    assert_eq!(search.len(), 2);
    for tenant in 0..100 {
        assert!(search.acquire(&format!("forced-{tenant}")).is_err());
    }
    assert_eq!(search.len(), 2);
    assert_eq!(search.snapshot().forced_circuits, 90);
}

#[tokio::test(start_paused = true)]
async fn overrides_hold_for_tenants_for_whose_circuit_there_is_no_room() {
    for shared in [false, true] {
        for level in LEVELS {
            let registry = CircuitBreakerRegistry::builder().max_tenants(1);
            let registry = registry.build().unwrap();
            let policy = if shared {
                policy().overflow(tower_tenant_breaker::Overflow::Shared)
            } else {
                policy()
            };
            let search = declare(&registry, policy);
            let _guarded = search.acquire("globex").unwrap();
            let levels = Levels { registry, search };
            levels.set(level, Override::ForcedOpen);
            assert!(is_forced(&levels.search), "{level:?}");
            levels.set(level, Override::Disabled);
            fail(&levels.search);
            assert!(levels.search.acquire("acme").is_ok(), "{level:?}");
            levels.set(level, Override::DryRun);
            fail(&levels.search);
            assert!(levels.search.acquire("acme").is_ok(), "{level:?}");
            assert_eq!(levels.search.len(), 1);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn calls_without_a_tenant_obey_the_dependency_s_and_the_registry_s_override() {
    let levels = Levels::new();
    let acquire = || levels.search.acquire_shared(true.into());
    for level in [OfDependency, Registry] {
        drop(acquire().unwrap());
        levels.set(level, Override::ForcedOpen);
        let rejection = acquire().unwrap_err();
        let open = rejection.circuit_open().unwrap();
        assert_eq!((open.reason(), open.tenant()), (Reason::Forced, None));
        levels.clear(level);
        assert!(acquire().is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn an_override_of_a_tenant_holds_for_circuits_that_are_made_later() {
    let levels = Levels::new();
    levels.set(Tenant, Override::DryRun);
    let later = levels.registry.dependency("mail").unwrap();
    let seen = later.effective_state("acme");
    assert_eq!(seen, EffectiveState::DryRun(CircuitState::Closed));
    drop(later.acquire("acme").unwrap());
    let seen = later.circuit("acme").snapshot().unwrap().effective_state;
    assert_eq!(seen, EffectiveState::DryRun(CircuitState::Closed));
    levels.clear(Tenant);
    let seen = later.effective_state("acme");
    assert_eq!(seen, EffectiveState::Automatic(CircuitState::Closed));
}
