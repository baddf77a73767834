//! Calls without a circuit while the dependency is down for all.

use super::*;
use tower::{Layer, ServiceExt, service_fn};
use tower_tenant_breaker::{
    ErrIsFailure, FixedTenant, MissingReason, MissingTenant, OnMissingTenant, Tenant,
    TenantCircuitBreakerLayer, tenant_fn,
};

#[tokio::test(start_paused = true)]
async fn a_tenant_that_comes_later_is_rejected_and_makes_no_circuit() {
    let search = in_outage(policy());
    let circuits = search.len();
    let open = refused(&search, 77);
    assert_eq!(open.reason(), Reason::Outage);
    assert_eq!(open.retry_after(), Some(PERIOD));
    assert_eq!(open.tenant(), Some("tenant 77"));
    assert_eq!(search.len(), circuits);
    assert!(!search.circuit("tenant 77").would_admit());
    assert_eq!(search.snapshot().totals.rejected, 1);
}

#[tokio::test(start_paused = true)]
async fn it_may_probe_for_all() {
    let search = in_outage(policy());
    advance(PERIOD).await;
    succeed(&search, 77..78);
    succeed(&search, 78..79);
    assert!(search.outage().is_none());
}

#[tokio::test(start_paused = true)]
async fn whether_it_would_be_admitted_is_said_of_the_probe_for_all() {
    let search = in_outage(policy());
    let would_admit = || search.circuit("tenant 77").would_admit();
    advance(PERIOD - NANO).await;
    assert!(!would_admit());
    advance(NANO).await;
    assert!(would_admit());
    let _probes = [acquire(&search, 77).unwrap(), acquire(&search, 77).unwrap()];
    assert!(!would_admit());
}

#[tokio::test(start_paused = true)]
async fn a_call_without_a_tenant_that_would_run_unguarded_is_rejected_too() {
    let search = in_outage(policy());
    let nobody =
        tenant_fn(|(): &()| Err::<Tenant<'_>, _>(MissingTenant::new(MissingReason::Absent)));
    let breaker = TenantCircuitBreakerLayer::new(search.clone(), nobody)
        .classify(ErrIsFailure)
        .on_missing_tenant(OnMissingTenant::RunUnguarded);
    let service = breaker.layer(service_fn(async |()| Ok::<_, std::io::Error>("found")));
    let error = service.clone().oneshot(()).await.unwrap_err();
    assert_eq!(CircuitOpen::find(&*error).unwrap().reason(), Reason::Outage);

    advance(PERIOD).await;
    assert_eq!(service.clone().oneshot(()).await.unwrap(), "found");
    assert_eq!(service.oneshot(()).await.unwrap(), "found");
    assert!(
        search.outage().is_none(),
        "such calls may probe as others do"
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_that_may_not_probe_is_no_probe_without_a_tenant_either() {
    let search = in_outage(policy());
    advance(PERIOD).await;
    let nobody =
        tenant_fn(|(): &()| Err::<Tenant<'_>, _>(MissingTenant::new(MissingReason::Absent)));
    let breaker = TenantCircuitBreakerLayer::new(search.clone(), nobody)
        .classify(ErrIsFailure)
        .probe_if(|(): &()| false);
    let service = breaker.layer(service_fn(async |()| Ok::<_, std::io::Error>("found")));
    assert!(service.oneshot(()).await.is_err());

    let breaker = TenantCircuitBreakerLayer::new(search.clone(), FixedTenant::new("tenant 5"))
        .classify(ErrIsFailure)
        .probe_if(|(): &()| false);
    let service = breaker.layer(service_fn(async |()| Ok::<_, std::io::Error>("found")));
    let error = service.oneshot(()).await.unwrap_err();
    assert_eq!(CircuitOpen::find(&*error).unwrap().reason(), Reason::Outage);
    assert_eq!(search.outage().unwrap().state, CircuitState::Open);
}
