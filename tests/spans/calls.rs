//! A span for each call: what it says, and what is in it.

use std::future::pending;

use tower::{BoxError, Layer, Service, ServiceExt, service_fn};
use tower_tenant_breaker::{
    CircuitOpen, Dependency, ErrIsFailure, OnMissingTenant, Outcome, TenantCircuitBreakerLayer,
};
use tracing::{Level, info, info_span};

use crate::exported::{Exported, events, is_error, of_span, said};
use crate::job::{Fail, Hang, Job, OutOfPaper, Owner, Succeed, job, nobodys, open, printer, work};

fn layer(printer: &Dependency) -> TenantCircuitBreakerLayer<Dependency, Owner, ErrIsFailure> {
    TenantCircuitBreakerLayer::new(printer.clone(), Owner).classify(ErrIsFailure)
}

/// A service whose calls have a span.
fn spanned(
    printer: &Dependency,
) -> impl Service<Job, Response = String, Error = BoxError> + Clone + use<> {
    layer(printer).span_per_call().layer(service_fn(work))
}

#[tokio::test(start_paused = true)]
async fn no_call_has_a_span_without_asking() {
    let exported = Exported::up_to(Level::TRACE);
    let service = layer(&printer()).layer(service_fn(work));
    service.oneshot(job("acme", Succeed)).await.unwrap();
    assert!(exported.spans().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_span_says_how_the_call_ended() {
    let exported = Exported::up_to(Level::TRACE);
    let cases = [
        (Outcome::Success, "success", false),
        (Outcome::failure(), "failure", true),
        (Outcome::throttled(), "throttled", true),
        (Outcome::QuotaExhausted, "throttled", true),
        (Outcome::Ignored, "ignored", false),
        (Outcome::Cancelled, "cancelled", false),
    ];
    for (outcome, name, error) in cases {
        for order in [Succeed, Fail] {
            let service = TenantCircuitBreakerLayer::new(printer(), Owner)
                .classify(move |_: Result<&String, &BoxError>| outcome)
                .span_per_call()
                .layer(service_fn(work));
            let _ = service.oneshot(job("acme", order)).await;
            let call = exported.one_call();
            assert_eq!(said(&call), ["printer", "acme", name, "", ""]);
            assert_eq!(is_error(&call), error, "{name}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_span_of_a_rejected_call_says_why_and_carries_the_rejection() {
    let exported = Exported::up_to(Level::TRACE);
    let printer = printer();
    open(&printer, "acme");
    let error = spanned(&printer).oneshot(job("acme", Succeed)).await;
    assert!(CircuitOpen::find(&*error.unwrap_err()).is_some());
    let call = exported.one_call();
    let expected = [
        "printer",
        "acme",
        "rejected",
        "open",
        "consecutive_failures",
    ];
    assert_eq!(said(&call), expected);
    assert!(is_error(&call));
    assert_eq!(events(&call, "circuit_breaker.rejection").len(), 1);

    // The tenant's own circuit is closed, or there is none.
    printer.force_open("maintenance");
    spanned(&printer)
        .oneshot(job("globex", Succeed))
        .await
        .unwrap_err();
    assert_eq!(
        said(&exported.one_call()),
        ["printer", "globex", "rejected", "", "forced"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_without_a_tenant_has_none_on_its_span_and_no_outcome_where_it_is_refused() {
    let exported = Exported::up_to(Level::TRACE);
    spanned(&printer()).oneshot(nobodys(Succeed)).await.unwrap();
    assert_eq!(
        said(&exported.one_call()),
        ["printer", "", "success", "", ""]
    );
    for nobody in [nobodys(Succeed), job(&"x".repeat(257), Succeed)] {
        let refused = layer(&printer())
            .on_missing_tenant(OnMissingTenant::Reject)
            .span_per_call()
            .layer(service_fn(work))
            .oneshot(nobody)
            .await;
        refused.unwrap_err();
        let call = exported.one_call();
        assert_eq!(said(&call), [""; 5]);
        assert!(is_error(&call));
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_inner_service_says_and_the_change_that_a_call_makes_are_in_its_span() {
    let exported = Exported::up_to(Level::TRACE);
    let service = layer(&printer())
        .span_per_call()
        .layer(service_fn(async |_: Job| {
            let _inner = info_span!("inner").entered();
            info!("said within");
            Err::<String, _>(OutOfPaper)
        }));
    for _ in 0..2 {
        let request = info_span!("request");
        let call = service.clone().oneshot(job("acme", Fail));
        tracing::Instrument::instrument(call, request)
            .await
            .unwrap_err();
    }
    let spans = exported.spans();
    let [_, _, _, inner, call, request] = &spans[..] else {
        panic!("{spans:#?}");
    };
    assert_eq!(inner.parent_span_id, call.span_context.span_id());
    assert_eq!(call.parent_span_id, request.span_context.span_id());
    assert_eq!(events(call, "circuit_breaker.transition").len(), 1);
    assert!(events(request, "circuit_breaker.transition").is_empty());
}

#[tokio::test(start_paused = true)]
async fn answers_leave_the_outcome_as_it_is() {
    let exported = Exported::up_to(Level::TRACE);
    let printer = printer();
    let service = layer(&printer)
        .respond_with(|_: &CircuitOpen| "rejected".to_owned())
        .respond_to_error(|error| error.to_string())
        .span_per_call()
        .layer(service_fn(work));
    let answer = async |order| {
        let Ok(answer) = service.clone().oneshot(job("acme", order)).await;
        (answer, of_span(&exported.one_call(), "outcome"))
    };
    assert_eq!(answer(Succeed).await, ("done".into(), "success".into()));
    for _ in 0..2 {
        assert_eq!(
            answer(Fail).await,
            ("out of paper".into(), "failure".into())
        );
    }
    assert_eq!(answer(Fail).await, ("rejected".into(), "rejected".into()));
}

#[tokio::test(start_paused = true)]
async fn a_fallback_works_within_the_span_of_its_call() {
    let exported = Exported::up_to(Level::TRACE);
    let printer = printer();
    let service = layer(&printer)
        .fallback_on_failure(async |_: Job, _| {
            let _entered = info_span!("fallback").entered();
            Ok("instead".to_owned())
        })
        .span_per_call()
        .layer(service_fn(work));
    for outcome in ["failure", "failure", "rejected"] {
        let answer = service.clone().oneshot(job("acme", Fail)).await;
        assert_eq!(answer.unwrap(), "instead");
        let fallback = exported.named("fallback");
        let call = exported.one_call();
        assert_eq!(fallback.parent_span_id, call.span_context.span_id());
        assert_eq!(of_span(&call, "outcome"), outcome);
    }
}

#[tokio::test(start_paused = true)]
async fn a_span_that_is_filtered_out_leaves_the_one_around_it_alone() {
    let exported = Exported::up_to(Level::WARN);
    let call = spanned(&printer()).oneshot(job("acme", Fail));
    let request = info_span!("request", outcome = tracing::field::Empty);
    tracing::Instrument::instrument(call, request)
        .await
        .unwrap_err();
    assert_eq!(of_span(&exported.named("request"), "outcome"), "");
    assert!(exported.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_the_inner_service_is_in_the_span_already() {
    #[derive(Clone)]
    struct NeverReady;

    impl Service<Job> for NeverReady {
        type Response = String;
        type Error = OutOfPaper;
        type Future = std::future::Pending<Result<String, OutOfPaper>>;

        fn poll_ready(
            &mut self,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Result<(), OutOfPaper>> {
            info!("not ready");
            std::task::Poll::Pending
        }

        fn call(&mut self, _: Job) -> Self::Future {
            pending()
        }
    }

    let exported = Exported::up_to(Level::TRACE);
    let mut service = layer(&printer()).span_per_call().layer(NeverReady);
    let mut call = tokio_test::task::spawn(service.call(job("acme", Hang)));
    assert!(call.poll().is_pending());
    drop(call);
    let call = exported.one_call();
    assert_eq!(events(&call, "not ready").len(), 2);
    assert_eq!(of_span(&call, "outcome"), "cancelled");
}
