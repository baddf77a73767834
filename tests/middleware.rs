//! The middleware: whose circuit a call belongs to, and what its outcome is.

mod job;

use std::borrow::Cow;
use std::time::Duration;

use job::{
    Fail, Hang, Job, OPEN, OutOfPaper, Owner, Succeed, job, nobodys, printer, registry, work,
};
use tokio_test::{assert_pending, task};
use tower::{BoxError, Layer, Service, ServiceBuilder, ServiceExt, service_fn};
use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitOpen, CircuitState, ErrIsFailure, InvalidTenant, MissingTenant,
    OnMissingTenant, Outcome, Override, Probing, Reason, SelectDependency,
    TenantCircuitBreakerLayer, UnknownDependency, dependency_fn, tenant_fn,
};

#[tokio::test(start_paused = true)]
async fn a_tenants_failures_open_its_own_circuit_and_no_other() {
    let printer = printer();
    let mut service = TenantCircuitBreakerLayer::new(printer.clone(), Owner)
        .classify(ErrIsFailure)
        .layer(service_fn(work));

    for _ in 0..2 {
        let error = service.call(job("sick", Fail)).await.unwrap_err();
        assert!(error.is::<OutOfPaper>(), "the inner's own error: {error}");
    }

    let error = service.call(job("sick", Succeed)).await.unwrap_err();
    let open = CircuitOpen::find(error.as_ref()).expect("a rejection");
    assert_eq!(open.tenant(), Some("sick"));
    assert_eq!(open.dependency(), "printer");
    assert_eq!(open.reason(), Reason::ConsecutiveFailures);
    assert_eq!(open.retry_after(), Some(OPEN));

    assert_eq!(service.call(job("well", Succeed)).await.unwrap(), "done");
    assert_eq!(printer.state("well"), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn after_the_open_period_a_call_probes_and_closes() {
    let printer = printer();
    let mut service = TenantCircuitBreakerLayer::new(printer.clone(), Owner)
        .classify(ErrIsFailure)
        .layer(service_fn(work));
    for _ in 0..2 {
        service.call(job("acme", Fail)).await.unwrap_err();
    }

    tokio::time::advance(OPEN).await;
    assert_eq!(service.call(job("acme", Succeed)).await.unwrap(), "done");
    assert_eq!(printer.state("acme"), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_closure_judges_responses_without_a_word_of_its_types_on_the_layer() {
    let printer = printer();
    let mut service = TenantCircuitBreakerLayer::new(printer.clone(), Owner)
        .classify(|result: Result<&String, &BoxError>| match result {
            Ok(answer) if answer == "done" => Outcome::failure(),
            Ok(_) => Outcome::Success,
            Err(error) if error.is::<OutOfPaper>() => Outcome::Ignored,
            Err(_) => Outcome::failure(),
        })
        .layer(service_fn(work));

    service.call(job("acme", Fail)).await.unwrap_err();
    for _ in 0..2 {
        service.call(job("acme", Succeed)).await.unwrap();
    }

    assert_eq!(printer.state("acme"), CircuitState::Open);
    assert_eq!(printer.snapshot().totals.ignored, 1);
}

// Against tower-resilience, where each `.layer()` makes circuits of its own; axum calls it per route.
#[tokio::test(start_paused = true)]
async fn all_layers_and_clones_of_a_dependency_share_its_circuits() {
    let printer = printer();
    let layer = TenantCircuitBreakerLayer::new(printer.clone(), Owner).classify(ErrIsFailure);
    let mut route = layer.layer(service_fn(work));
    let mut other_route = layer.layer(service_fn(work));
    let mut clone = route.clone();
    let mut other_layer = TenantCircuitBreakerLayer::new(printer, tenant_fn(owner_of))
        .classify(ErrIsFailure)
        .layer(service_fn(work));

    route.call(job("acme", Fail)).await.unwrap_err();
    clone.call(job("acme", Fail)).await.unwrap_err();

    let rejected = |error: BoxError| assert!(error.is::<CircuitOpen>(), "{error}");
    rejected(route.call(job("acme", Succeed)).await.unwrap_err());
    rejected(other_route.call(job("acme", Succeed)).await.unwrap_err());
    rejected(other_layer.call(job("acme", Succeed)).await.unwrap_err());
}

fn owner_of(job: &Job) -> Result<tower_tenant_breaker::Tenant<'_>, MissingTenant> {
    Ok(job.owner.as_deref().unwrap_or_default().into())
}

#[tokio::test(start_paused = true)]
async fn a_call_without_a_tenant_runs_unguarded_and_is_counted() {
    let printer = printer();
    let mut service = TenantCircuitBreakerLayer::new(printer.clone(), Owner)
        .classify(ErrIsFailure)
        .layer(service_fn(work));

    for _ in 0..10 {
        let error = service.call(nobodys(Fail)).await.unwrap_err();
        assert!(error.is::<OutOfPaper>(), "never rejected: {error}");
    }

    assert_eq!(printer.snapshot().missing_tenant, 10);
    assert_eq!(printer.snapshot().totals.calls, 0);
    assert!(printer.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_call_without_a_tenant_is_rejected_where_all_calls_are() {
    let registry = registry();
    let printer = registry.dependency("printer").unwrap();
    let mut service = TenantCircuitBreakerLayer::new(printer.clone(), Owner)
        .classify(ErrIsFailure)
        .layer(service_fn(work));

    for forced in [0, 1] {
        match forced {
            0 => printer.force_open("out of toner"),
            _ => registry.force_open("out of toner"),
        }
        let error = service.call(nobodys(Succeed)).await.unwrap_err();
        let open = CircuitOpen::find(error.as_ref()).expect("a rejection");
        assert_eq!((open.tenant(), open.dependency()), (None, "printer"));
        assert_eq!(open.reason(), Reason::Forced);
        assert_eq!(open.note(), Some("out of toner"));
        assert_eq!(open.retry_after(), None);
        printer.clear();
        registry.clear();
    }
    assert_eq!(printer.snapshot().totals.rejected, 2);
    assert_eq!(printer.snapshot().missing_tenant, 0, "none ran");

    printer.force_open("out of toner");
    registry.set(Override::Disabled);
    assert_eq!(service.call(nobodys(Succeed)).await.unwrap(), "done");
    assert_eq!(printer.snapshot().missing_tenant, 1);
    assert!(printer.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_call_without_a_tenant_is_refused_where_the_layer_says_so() {
    let printer = printer();
    let mut service = TenantCircuitBreakerLayer::new(printer.clone(), Owner)
        .classify(ErrIsFailure)
        .on_missing_tenant(OnMissingTenant::Reject)
        .layer(service_fn(work));

    let error = service.call(nobodys(Succeed)).await.unwrap_err();
    assert!(error.is::<MissingTenant>(), "{error}");
    assert_eq!(service.call(job("acme", Succeed)).await.unwrap(), "done");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_refused_without_a_tenant_creates_no_dependency() {
    let registry = registry();
    let by_tool = dependency_fn(registry.clone(), |job: &Job| job.tool.as_str().into());
    let mut service = TenantCircuitBreakerLayer::new(by_tool, Owner)
        .classify(ErrIsFailure)
        .on_missing_tenant(OnMissingTenant::Reject)
        .layer(service_fn(work));

    for tool in 0..100 {
        let job = Job {
            tool: tool.to_string(),
            ..nobodys(Succeed)
        };
        let error = service.call(job.clone()).await.unwrap_err();
        assert!(error.is::<MissingTenant>(), "{error}");

        let owner = Some("x".repeat(257));
        let error = service.call(Job { owner, ..job }).await.unwrap_err();
        assert!(error.is::<InvalidTenant>(), "{error}");
    }
    assert!(registry.dependencies().is_empty());
    assert_eq!(service.call(job("acme", Succeed)).await.unwrap(), "done");
}

#[tokio::test(start_paused = true)]
async fn calls_without_a_tenant_share_a_circuit_that_is_no_tenants() {
    let printer = printer();
    let mut service = TenantCircuitBreakerLayer::new(printer.clone(), Owner)
        .classify(ErrIsFailure)
        .on_missing_tenant(OnMissingTenant::ShareCircuit)
        .layer(service_fn(work));

    for _ in 0..2 {
        service.call(nobodys(Fail)).await.unwrap_err();
    }

    let error = service.call(nobodys(Succeed)).await.unwrap_err();
    let open = error.downcast_ref::<CircuitOpen>().expect("a rejection");
    assert_eq!(open.tenant(), None);
    for name in ["", "shared", "default", "acme"] {
        assert_eq!(printer.state(name), CircuitState::Closed);
    }
    assert_eq!(service.call(job("acme", Succeed)).await.unwrap(), "done");
}

#[tokio::test(start_paused = true)]
async fn an_id_that_no_circuit_can_have_is_no_tenant() {
    let long = "x".repeat(257);
    for id in ["", long.as_str()] {
        let printer = printer();
        let layer = TenantCircuitBreakerLayer::new(printer.clone(), Owner).classify(ErrIsFailure);

        let mut unguarded = layer.clone().layer(service_fn(work));
        for _ in 0..3 {
            let error = unguarded.call(job(id, Fail)).await.unwrap_err();
            assert!(error.is::<OutOfPaper>(), "never rejected: {error}");
        }
        assert_eq!(printer.snapshot().missing_tenant, 3);

        let reject = layer.clone().on_missing_tenant(OnMissingTenant::Reject);
        let error = reject
            .layer(service_fn(work))
            .call(job(id, Succeed))
            .await
            .unwrap_err();
        assert!(error.is::<InvalidTenant>(), "{error}");

        let mut shared = layer
            .on_missing_tenant(OnMissingTenant::ShareCircuit)
            .layer(service_fn(work));
        for _ in 0..2 {
            shared.call(job(id, Fail)).await.unwrap_err();
        }
        let error = shared.call(nobodys(Succeed)).await.unwrap_err();
        assert!(error.is::<CircuitOpen>(), "{error}");
    }
}

fn with(tool: &str, job: Job) -> Job {
    Job {
        tool: tool.into(),
        ..job
    }
}

#[test]
fn a_dependency_that_is_known_is_lent_to_the_call_and_not_cloned() {
    let registry = registry();
    let by_tool = dependency_fn(registry.clone(), |job: &Job| job.tool.as_str().into());
    registry.dependency("scanner").unwrap();

    let request = with("scanner", job("acme", Succeed));
    let scanner = by_tool.select(&request).unwrap();
    assert_eq!(scanner.name(), "scanner");
    assert!(matches!(scanner, Cow::Borrowed(_)));
}

#[tokio::test(start_paused = true)]
async fn a_dependency_from_the_request_has_circuits_of_its_own() {
    let registry = registry();
    let by_tool = dependency_fn(registry.clone(), |job: &Job| job.tool.as_str().into());
    let mut service = TenantCircuitBreakerLayer::new(by_tool, Owner)
        .classify(ErrIsFailure)
        .layer(service_fn(work));

    for _ in 0..2 {
        service
            .call(with("scanner", job("acme", Fail)))
            .await
            .unwrap_err();
    }

    let error = service
        .call(with("scanner", job("acme", Succeed)))
        .await
        .unwrap_err();
    let open = error.downcast_ref::<CircuitOpen>().expect("a rejection");
    assert_eq!(open.dependency(), "scanner");
    assert_eq!(
        service
            .call(with("printer", job("acme", Succeed)))
            .await
            .unwrap(),
        "done"
    );
    assert_eq!(
        registry.open_circuits(),
        [("scanner".to_owned(), "acme".to_owned())]
    );
}

#[tokio::test(start_paused = true)]
async fn a_dependency_that_is_unknown_refuses_the_call() {
    let registry = CircuitBreakerRegistry::builder()
        .max_dependencies(0)
        .build()
        .unwrap();
    let by_tool = dependency_fn(registry, |job: &Job| job.tool.as_str().into());
    let mut service = TenantCircuitBreakerLayer::new(by_tool, Owner)
        .classify(ErrIsFailure)
        .layer(service_fn(|_: Job| async {
            panic!("called") as Result<String, OutOfPaper>
        }));

    let error = service.call(job("acme", Succeed)).await.unwrap_err();
    assert!(error.is::<UnknownDependency>(), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_barred_from_probing_waits_for_the_proof_of_another() {
    let printer = printer();
    let mut service = TenantCircuitBreakerLayer::new(printer.clone(), Owner)
        .classify(ErrIsFailure)
        .probe_if(|job: &Job| job.tool != "press")
        .layer(service_fn(work));
    for _ in 0..2 {
        service.call(job("acme", Fail)).await.unwrap_err();
    }
    tokio::time::advance(OPEN).await;

    let error = service
        .call(with("press", job("acme", Succeed)))
        .await
        .unwrap_err();
    let open = error.downcast_ref::<CircuitOpen>().expect("a rejection");
    assert_eq!(open.reason(), Reason::Barred);
    assert_eq!(open.retry_after(), Some(Duration::ZERO));

    service.call(job("acme", Succeed)).await.unwrap();
    service
        .call(with("press", job("acme", Succeed)))
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn where_nobody_else_can_probe_a_request_may_in_the_end() {
    let printer = printer();
    let mut service = TenantCircuitBreakerLayer::new(printer.clone(), Owner)
        .classify(ErrIsFailure)
        .probe_if(|_: &Job| Probing::IfNoneElse)
        .layer(service_fn(work));
    for _ in 0..2 {
        service.call(job("acme", Fail)).await.unwrap_err();
    }

    tokio::time::advance(OPEN).await;
    service.call(job("acme", Succeed)).await.unwrap_err();
    tokio::time::advance(3 * OPEN).await;
    assert_eq!(service.call(job("acme", Succeed)).await.unwrap(), "done");
    assert_eq!(printer.state("acme"), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_is_cancelled_and_neutral() {
    let printer = printer();
    let mut service = TenantCircuitBreakerLayer::new(printer.clone(), Owner)
        .classify(ErrIsFailure)
        .layer(service_fn(work));

    for _ in 0..3 {
        let mut call = task::spawn(service.call(job("acme", Hang)));
        assert_pending!(call.poll());
        drop(call);
        drop(service.call(job("acme", Hang)));
    }

    assert_eq!(printer.snapshot().totals.cancelled, 6);
    assert_eq!(printer.snapshot().totals.calls, 0);
    assert_eq!(printer.state("acme"), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_further_in_is_a_failure_and_one_further_out_a_cancelled_call() {
    let second = Duration::from_secs(1);
    let printer = printer();
    let layer = TenantCircuitBreakerLayer::new(printer.clone(), Owner).classify(ErrIsFailure);
    let mut inside = ServiceBuilder::new()
        .layer(layer.clone())
        .timeout(second)
        .service_fn(work);
    let mut outside = ServiceBuilder::new()
        .timeout(second)
        .layer(layer)
        .service_fn(work);

    outside
        .ready()
        .await
        .unwrap()
        .call(job("acme", Hang))
        .await
        .unwrap_err();
    assert_eq!(printer.snapshot().totals.cancelled, 1);
    inside
        .ready()
        .await
        .unwrap()
        .call(job("acme", Hang))
        .await
        .unwrap_err();
    assert_eq!(printer.snapshot().totals.failures, 1);
}

#[tokio::test]
async fn the_inner_service_can_be_had_back() {
    let mut service = TenantCircuitBreakerLayer::new(printer(), Owner).layer(1);
    assert_eq!(*service.get_ref(), 1);
    *service.get_mut() = 2;
    assert_eq!(service.into_inner(), 2);
}
