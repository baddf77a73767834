//! Calls that end before anyone knows how.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tower::{BoxError, Layer, Service, service_fn};
use tower_tenant_breaker::{ErrIsFailure, Outcome, TenantCircuitBreakerLayer};
use tracing::Level;

use crate::exported::{Exported, events, is_error, of_span, said};
use crate::job::{Hang, Owner, Panic, Succeed, job, printer, work};

/// Says so when it is dropped.
struct Told;

impl Drop for Told {
    fn drop(&mut self) {
        tracing::info!("dropped");
    }
}

#[tokio::test(start_paused = true)]
async fn the_span_of_a_call_that_is_dropped_ends_and_says_cancelled() {
    let exported = Exported::up_to(Level::TRACE);
    let printer = printer();
    let mut service = TenantCircuitBreakerLayer::new(printer.clone(), Owner)
        .classify(ErrIsFailure)
        .span_per_call()
        .layer(service_fn(async |job| {
            let _told = Told;
            work(job).await
        }));
    for polls in [0, 1, 2] {
        let mut call = tokio_test::task::spawn(service.call(job("acme", Hang)));
        for _ in 0..polls {
            assert!(call.poll().is_pending());
        }
        assert!(exported.calls().is_empty(), "it has ended");
        drop(call);
        let call = exported.one_call();
        assert_eq!(said(&call), ["printer", "acme", "cancelled", "", ""]);
        assert!(!is_error(&call));
        assert_eq!(events(&call, "dropped").len(), usize::from(polls > 0));
        assert_eq!(events(&call, "circuit_breaker.call_ended").len(), 1);
    }
    assert_eq!(printer.snapshot().totals.cancelled, 3);
}

#[tokio::test(start_paused = true)]
async fn a_span_ends_with_the_answer_and_not_with_the_future() {
    let exported = Exported::up_to(Level::TRACE);
    let mut service = TenantCircuitBreakerLayer::new(printer(), Owner)
        .classify(ErrIsFailure)
        .span_per_call()
        .layer(service_fn(work));
    let mut call = tokio_test::task::spawn(service.call(job("acme", Succeed)));
    assert!(call.poll().is_ready());
    assert_eq!(of_span(&exported.one_call(), "outcome"), "success");
    assert!(call.poll().is_pending());
    drop(call);
    assert!(exported.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_on_the_span_what_it_is_to_the_circuit() {
    let exported = Exported::up_to(Level::TRACE);
    let printer = printer();
    let broken = |_: Result<&String, &BoxError>| -> Outcome { panic!("the classifier's own") };
    let layer = || TenantCircuitBreakerLayer::new(printer.clone(), Owner);
    let mut inner = layer()
        .classify(ErrIsFailure)
        .span_per_call()
        .layer(service_fn(work));
    let mut judge = layer()
        .classify(broken)
        .span_per_call()
        .layer(service_fn(work));

    let mut call = tokio_test::task::spawn(inner.call(job("acme", Panic)));
    catch_unwind(AssertUnwindSafe(|| call.poll())).unwrap_err();
    drop(call);
    assert_eq!(of_span(&exported.one_call(), "outcome"), "failure");

    let mut call = tokio_test::task::spawn(judge.call(job("acme", Succeed)));
    catch_unwind(AssertUnwindSafe(|| call.poll())).unwrap_err();
    drop(call);
    assert_eq!(of_span(&exported.one_call(), "outcome"), "ignored");

    let totals = printer.snapshot().totals;
    assert_eq!((totals.failures, totals.ignored), (1, 1));
}
