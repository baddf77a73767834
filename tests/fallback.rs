//! Fallbacks: when they are asked, what they are given, and where their own errors go.

mod job;

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use job::{Fail, Job, OutOfPaper, Owner, Succeed, job, open, printer, work};
use tokio_test::{assert_pending, task};
use tower::load_shed::error::Overloaded;
use tower::{BoxError, Layer, Service, service_fn};
use tower_tenant_breaker::{
    Cause, CircuitOpen, CircuitState, Dependency, ErrIsFailure, Outcome, TenantCircuitBreakerLayer,
};

fn layer(printer: &Dependency) -> TenantCircuitBreakerLayer<Dependency, Owner, ErrIsFailure> {
    TenantCircuitBreakerLayer::new(printer.clone(), Owner).classify(ErrIsFailure)
}

#[tokio::test(start_paused = true)]
async fn a_rejected_call_is_answered_with_its_request() {
    let printer = printer();
    let mut service = layer(&printer)
        .fallback(|job: Job, open: CircuitOpen| async move {
            Ok(format!("{:?} for {:?}", job.order, open.tenant()))
        })
        .layer(service_fn(work));

    let error: BoxError = service.call(job("acme", Fail)).await.unwrap_err();
    assert!(
        error.is::<OutOfPaper>(),
        "a failed call keeps its error: {error}"
    );
    open(&printer, "acme");
    assert_eq!(
        service.call(job("acme", Succeed)).await.unwrap(),
        "Succeed for Some(\"acme\")"
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_says_nothing_about_the_dependency_needs_no_fallback() {
    let printer = printer();
    let mut service = TenantCircuitBreakerLayer::new(printer.clone(), Owner)
        .classify(|_: Result<&String, &BoxError>| Outcome::Ignored)
        .fallback_on_failure(|_: Job, _: Cause<String>| async { Ok("instead".to_owned()) })
        .layer(service_fn(work));
    assert_eq!(service.call(job("acme", Succeed)).await.unwrap(), "done");
}

#[tokio::test(start_paused = true)]
async fn a_fallback_may_take_its_time_and_no_circuit_hears_of_it() {
    let printer = printer();
    open(&printer, "acme");
    let before = printer.snapshot().totals;
    let mut service = layer(&printer)
        .fallback(|_: Job, _: CircuitOpen| async { pending::<Result<String, BoxError>>().await })
        .layer(service_fn(work));

    let mut call = task::spawn(service.call(job("acme", Succeed)));
    assert_pending!(call.poll());
    drop(call);

    let after = printer.snapshot().totals;
    assert_eq!(after.rejected, before.rejected + 1);
    assert_eq!((after.calls, after.cancelled), (before.calls, 0));
}

#[tokio::test(start_paused = true)]
async fn a_fallback_on_failure_is_asked_for_rejections_and_failures_and_told_which() {
    let printer = printer();
    let mut service = TenantCircuitBreakerLayer::new(printer.clone(), Owner)
        .classify(|result: Result<&String, &BoxError>| match result {
            Ok(answer) if answer == "garbled" => Outcome::failure(),
            Ok(answer) if answer == "later" => Outcome::throttled(),
            Ok(_) => Outcome::Success,
            Err(error) if error.is::<OutOfPaper>() => Outcome::failure(),
            Err(_) => Outcome::Success,
        })
        .fallback_on_failure(|job: Job, cause: Cause<String>| async move {
            Ok(match cause {
                Cause::Rejected(open) => format!("{} rejected by {}", job.tool, open.dependency()),
                Cause::Failed(error) => format!("{} failed: {error}", job.tool),
                Cause::Answered(answer) => format!("{} answered {answer}", job.tool),
            })
        })
        .layer(service_fn(|job: Job| async move {
            match job.tool.as_str() {
                "paper" => Err(BoxError::from(OutOfPaper)),
                "no such page" => Err(BoxError::from("not found")),
                tool => Ok(tool.to_owned()),
            }
        }));
    let mut answer = async |tool: &str| {
        let job = Job {
            tool: tool.into(),
            ..job("acme", Succeed)
        };
        service.call(job).await.map_err(|error| error.to_string())
    };

    assert_eq!(answer("page").await, Ok("page".to_owned()));
    assert_eq!(answer("later").await, Ok("later answered later".to_owned()));
    assert_eq!(
        answer("no such page").await,
        Err("not found".to_owned()),
        "a success by its classifier"
    );
    assert_eq!(
        answer("garbled").await,
        Ok("garbled answered garbled".to_owned())
    );
    assert_eq!(
        answer("paper").await,
        Ok("paper failed: out of paper".to_owned())
    );
    assert_eq!(
        answer("page").await,
        Ok("page rejected by printer".to_owned())
    );
}

#[tokio::test(start_paused = true)]
async fn an_error_that_the_circuit_ignores_is_answered_all_the_same() {
    let printer = printer();
    let mut service = layer(&printer)
        .fallback_on_failure(|_: Job, _: Cause<String>| async {
            Ok(String::from("from the cache"))
        })
        .layer(service_fn(|_: Job| async {
            Err::<String, _>(Overloaded::new())
        }));

    for _ in 0..3 {
        assert_eq!(
            service.call(job("acme", Succeed)).await.unwrap(),
            "from the cache"
        );
    }
    assert_eq!(printer.snapshot().totals.ignored, 3);
    assert_eq!(printer.state("acme"), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_fallback_can_keep_a_part_of_a_request_that_is_no_clone() {
    struct Upload(Job);
    #[derive(Clone)]
    struct Owned;
    impl tower_tenant_breaker::TenantExtractor<Upload> for Owned {
        fn extract<'a>(
            &self,
            upload: &'a Upload,
        ) -> Result<tower_tenant_breaker::Tenant<'a>, tower_tenant_breaker::MissingTenant> {
            Owner.extract(&upload.0)
        }
    }

    let printer = printer();
    let mut service = TenantCircuitBreakerLayer::new(printer.clone(), Owned)
        .classify(ErrIsFailure)
        .fallback_keeping(
            |upload: &Upload| upload.0.tool.clone(),
            |tool: String, cause: Cause<String>| async move {
                match cause {
                    Cause::Rejected(_) => Ok(format!("{tool} rejected")),
                    _ => Ok(format!("{tool} failed")),
                }
            },
        )
        .layer(service_fn(|upload: Upload| work(upload.0)));

    for _ in 0..2 {
        let answer = service.call(Upload(job("acme", Fail))).await.unwrap();
        assert_eq!(answer, "printer failed");
    }
    let answer = service.call(Upload(job("acme", Fail))).await.unwrap();
    assert_eq!(answer, "printer rejected");
    assert_eq!(printer.snapshot().totals.failures, 2);
}

#[tokio::test(start_paused = true)]
async fn a_fallbacks_own_error_goes_the_way_of_the_inners() {
    let printer = printer();
    open(&printer, "acme");
    let fallback = |_: Job, _: CircuitOpen| async { Err::<String, BoxError>("no cache".into()) };

    let mut service = layer(&printer).fallback(fallback).layer(service_fn(work));
    let error: BoxError = service.call(job("acme", Succeed)).await.unwrap_err();
    assert_eq!(error.to_string(), "no cache");

    let mut service = layer(&printer)
        .fallback(fallback)
        .respond_to_error(|error| format!("sorry: {error}"))
        .layer(service_fn(work));
    let answer: Result<String, Infallible> = service.call(job("acme", Succeed)).await;
    assert_eq!(answer, Ok("sorry: no cache".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn the_outcome_is_recorded_before_the_fallback_begins() {
    let printer = printer();
    let seen = Arc::new(AtomicUsize::new(0));
    let mut service = layer(&printer)
        .fallback_on_failure({
            let (printer, seen) = (printer.clone(), Arc::clone(&seen));
            move |_: Job, _: Cause<String>| {
                seen.store(
                    printer.snapshot().totals.failures as usize,
                    Ordering::Relaxed,
                );
                pending::<Result<String, BoxError>>()
            }
        })
        .layer(service_fn(work));

    let mut call = task::spawn(service.call(job("acme", Fail)));
    assert_pending!(call.poll());
    assert_eq!(seen.load(Ordering::Relaxed), 1);
    drop(call);
    let totals = printer.snapshot().totals;
    assert_eq!((totals.failures, totals.cancelled), (1, 0));
}
