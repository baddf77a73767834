//! `Buffer`: further in, it is one inner for all, and dies with it; further out, its worker does the calling.
//! `tower_laws.rs` has that a rejected call takes no slot of it, and that a broken inner does not kill it.

use std::task::Poll;

use tokio::time::advance;
use tokio_test::{assert_pending, task};
use tower::buffer::Buffer;
use tower::buffer::error::ServiceError;
use tower::{Layer, Service, ServiceBuilder, ServiceExt};
use tower_tenant_breaker::{CircuitState, ErrIsFailure, TaskTenant, TenantCircuitBreakerLayer};

use crate::diary::Diary;
use crate::job::{OPEN, OutOfPaper, Succeed, job, nobodys, printer};
use crate::{layer, limited, once, settle};

mod inside {
    use super::*;

    promises! {
        all but one_tenants_pending_inner_holds_up_nobody: |printer, inner| ServiceBuilder::new()
            .layer(layer(printer))
            .buffer(1)
            .service(inner)
    }
}

mod outside {
    use super::*;

    promises! {
        all: |printer, inner| ServiceBuilder::new().buffer(1).layer(layer(printer)).service(inner)
    }
}

// ===== further in =====

#[tokio::test(start_paused = true)]
async fn a_buffer_further_in_whose_inner_broke_is_a_failure_to_all_for_ever() {
    let printer = printer();
    let diary = Diary::default();
    let service = layer(&printer).layer(Buffer::new(diary.first(), 8));
    diary.expect([Poll::Ready(Err(OutOfPaper))]);
    // Two tenants, two calls each; the inner would be ready again after the first.
    for tenant in ["acme", "globex"] {
        for _ in 0..2 {
            let error = once(&service, job(tenant, Succeed)).await.unwrap_err();
            let dead: &ServiceError = error.downcast_ref().expect("the buffer's own");
            let why = std::error::Error::source(dead).unwrap();
            assert!(why.is::<OutOfPaper>(), "{why}");
        }
        assert_eq!(printer.state(tenant), CircuitState::Open);
    }
    assert_eq!(diary.read(), ["0 broken", "0 dropped"]);

    advance(OPEN).await;
    let error = once(&service, job("acme", Succeed)).await.unwrap_err();
    assert!(error.is::<ServiceError>(), "{error}");
    assert_eq!(printer.snapshot().totals.probe_failures, 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_behind_a_buffer_further_in_holds_up_all_calls_while_it_is_not_ready() {
    let printer = printer();
    let diary = Diary::default();
    diary.expect([Poll::Pending]);
    let service = layer(&printer).layer(Buffer::new(diary.first(), 8));
    let mut calls = ["acme", "globex"].map(|tenant| {
        let call = service.clone().oneshot(job(tenant, Succeed));
        task::spawn(call)
    });
    for call in &mut calls {
        assert_pending!(call.poll());
        settle().await;
        assert_pending!(call.poll());
    }
    diary.wake();
    settle().await;
    for mut call in calls {
        assert!(
            matches!(call.poll(), Poll::Ready(Ok(0))),
            "the only one there is"
        );
    }
}

// ===== further out =====

#[tokio::test(start_paused = true)]
async fn a_call_that_leaves_a_buffer_further_out_in_time_was_never_asked_for() {
    let printer = printer();
    let mut service = Buffer::new(layer(&printer).layer(limited(1).1), 8);
    drop(service.ready().await.unwrap().call(job("acme", Succeed)));
    settle().await;
    assert_eq!(printer.len(), 0);
    assert_eq!(printer.snapshot().totals.cancelled, 0);
}

// The worker calls, and it is not in the scope of the task whose call it is.
#[tokio::test(start_paused = true)]
async fn the_tenant_of_a_task_is_seen_with_a_buffer_further_in_and_lost_with_one_further_out() {
    let printer = printer();
    let layer = TenantCircuitBreakerLayer::new(printer.clone(), TaskTenant).classify(ErrIsFailure);
    let further_in = layer.layer(Buffer::new(limited(1).1, 8));
    let further_out = Buffer::new(layer.layer(limited(1).1), 8);

    TaskTenant::scope("acme", further_in.oneshot(nobodys(Succeed)))
        .await
        .unwrap();
    let snapshot = printer.snapshot();
    assert_eq!((snapshot.circuits, snapshot.missing_tenant), (1, 0));

    TaskTenant::scope("acme", further_out.oneshot(nobodys(Succeed)))
        .await
        .unwrap();
    let snapshot = printer.snapshot();
    assert_eq!((snapshot.totals.calls, snapshot.missing_tenant), (1, 1));
}
