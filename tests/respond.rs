//! Respond mode: which errors become responses, and which error type is left.

mod job;

use std::convert::Infallible;

use job::{Fail, Job, OutOfPaper, Owner, Panic, Succeed, job, nobodys, printer, registry, work};
use tower::{BoxError, Layer, Service, service_fn};
use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitOpen, Dependency, ErrIsFailure, OnMissingTenant,
    TenantCircuitBreakerLayer, dependency_fn,
};

fn layer() -> TenantCircuitBreakerLayer<Dependency, Owner, ErrIsFailure> {
    TenantCircuitBreakerLayer::new(printer(), Owner).classify(ErrIsFailure)
}

fn rejection(open: &CircuitOpen) -> String {
    format!("without {}", open.dependency())
}

fn apology(error: BoxError) -> String {
    format!("sorry: {error}")
}

async fn open_the_circuit<S: Service<Job>>(service: &mut S) {
    for _ in 0..2 {
        let _ = service.call(job("acme", Fail)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn with_both_answered_no_error_is_left_whichever_was_set_first() {
    async fn answers<S>(mut service: S)
    where
        S: Service<Job, Response = String, Error = Infallible>,
    {
        let answer = service.call(job("acme", Fail)).await;
        assert_eq!(answer, Ok("sorry: out of paper".to_owned()));
        let answer = service.call(job("acme", Fail)).await;
        assert_eq!(answer, Ok("sorry: out of paper".to_owned()));
        let answer = service.call(job("acme", Succeed)).await;
        assert_eq!(answer, Ok("without printer".to_owned()));
        let answer = service.call(nobodys(Succeed)).await;
        assert_eq!(
            answer,
            Ok("sorry: the request has no tenant: it names none".to_owned())
        );
    }

    let reject = layer().on_missing_tenant(OnMissingTenant::Reject);
    answers(
        reject
            .clone()
            .respond_with(rejection)
            .respond_to_error(apology)
            .layer(service_fn(work)),
    )
    .await;
    let reject = layer().on_missing_tenant(OnMissingTenant::Reject);
    answers(
        reject
            .respond_to_error(apology)
            .respond_with(rejection)
            .layer(service_fn(work)),
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn with_rejections_answered_alone_every_other_error_stays() {
    let mut service = layer()
        .on_missing_tenant(OnMissingTenant::Reject)
        .respond_with(|open: &CircuitOpen| rejection(open))
        .layer(service_fn(work));

    let error: BoxError = service.call(job("acme", Fail)).await.unwrap_err();
    assert!(error.is::<OutOfPaper>());
    service.call(nobodys(Succeed)).await.unwrap_err();
    service.call(job("acme", Fail)).await.unwrap_err();
    assert_eq!(
        service.call(job("acme", Succeed)).await.unwrap(),
        "without printer"
    );
}

#[tokio::test(start_paused = true)]
async fn with_errors_answered_alone_rejections_stay() {
    let mut service = layer().respond_to_error(apology).layer(service_fn(work));

    assert_eq!(
        service.call(job("acme", Fail)).await.unwrap(),
        "sorry: out of paper"
    );
    service.call(job("acme", Fail)).await.unwrap();
    let error: BoxError = service.call(job("acme", Succeed)).await.unwrap_err();
    assert!(error.is::<CircuitOpen>());
}

#[tokio::test(start_paused = true)]
async fn an_error_that_is_answered_still_counts_as_a_failure() {
    let printer = printer();
    let mut service = TenantCircuitBreakerLayer::new(printer.clone(), Owner)
        .classify(ErrIsFailure)
        .respond_with(rejection)
        .respond_to_error(apology)
        .layer(service_fn(work));

    open_the_circuit(&mut service).await;
    assert_eq!(printer.open_circuits(), ["acme"]);
    assert_eq!(printer.snapshot().totals.failures, 2);
}

#[tokio::test(start_paused = true)]
async fn a_missing_or_invalid_tenant_and_an_unknown_dependency_are_answered_as_errors() {
    let none = CircuitBreakerRegistry::builder()
        .max_dependencies(0)
        .build()
        .unwrap();
    let by_tool = |registry| dependency_fn(registry, |job: &Job| job.tool.as_str().into());
    let answer = async |registry, job| {
        TenantCircuitBreakerLayer::new(by_tool(registry), Owner)
            .classify(ErrIsFailure)
            .on_missing_tenant(OnMissingTenant::Reject)
            .respond_with(|_: &CircuitOpen| String::from("open"))
            .respond_to_error(|error| {
                let kinds = [
                    ("missing", error.is::<tower_tenant_breaker::MissingTenant>()),
                    ("invalid", error.is::<tower_tenant_breaker::InvalidTenant>()),
                    (
                        "unknown",
                        error.is::<tower_tenant_breaker::UnknownDependency>(),
                    ),
                ];
                kinds
                    .iter()
                    .find(|(_, is)| *is)
                    .map_or("other", |(kind, _)| kind)
                    .to_owned()
            })
            .layer(service_fn(work))
            .call(job)
            .await
    };

    assert_eq!(
        answer(registry(), nobodys(Panic)).await,
        Ok("missing".to_owned())
    );
    assert_eq!(
        answer(registry(), job("", Panic)).await,
        Ok("invalid".to_owned())
    );
    assert_eq!(
        answer(none, job("acme", Panic)).await,
        Ok("unknown".to_owned())
    );
    assert_eq!(
        answer(registry(), job("acme", Succeed)).await,
        Ok("done".to_owned())
    );
}

#[tokio::test(start_paused = true)]
async fn a_rejection_by_a_breaker_further_in_is_the_inners_error() {
    let far = TenantCircuitBreakerLayer::new(printer(), Owner)
        .classify(ErrIsFailure)
        .layer(service_fn(work));
    let near = printer();
    let mut service = TenantCircuitBreakerLayer::new(near.clone(), Owner)
        .classify(ErrIsFailure)
        .respond_with(|_: &CircuitOpen| String::from("near"))
        .respond_to_error(|error| match error.is::<CircuitOpen>() {
            true => String::from("far"),
            false => error.to_string(),
        })
        .layer(far.clone());

    open_the_circuit(&mut far.clone()).await;
    assert_eq!(
        service.call(job("acme", Succeed)).await,
        Ok("far".to_owned())
    );
    assert!(near.open_circuits().is_empty());
}
