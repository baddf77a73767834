//! Laws 19 to 22: readiness, a broken inner, what a rejected or cancelled call leaves behind, what is ours.

mod diary;
mod job;

use std::future::ready;
use std::task::Poll;
use std::time::Duration;

use diary::Diary;
use job::{Hang, Job, OPEN, OutOfPaper, Owner, Succeed, job, open, printer, work};
use tokio_test::{assert_pending, assert_ready, assert_ready_err, assert_ready_ok, task};
use tower::buffer::Buffer;
use tower::limit::ConcurrencyLimit;
use tower::load_shed::error::Overloaded;
use tower::timeout::error::Elapsed;
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};
use tower_tenant_breaker::{
    Cause, CircuitOpen, CircuitState, Dependency, ErrIsFailure, TenantCircuitBreakerLayer,
};

fn layer(printer: &Dependency) -> TenantCircuitBreakerLayer<Dependency, Owner, ErrIsFailure> {
    TenantCircuitBreakerLayer::new(printer.clone(), Owner).classify(ErrIsFailure)
}

// ===== law 19: readiness =====

#[test]
fn poll_ready_is_always_ready_and_leaves_the_inner_alone() {
    for readiness in [
        Poll::Pending,
        Poll::Ready(Err(OutOfPaper)),
        Poll::Ready(Ok(())),
    ] {
        let diary = Diary::default();
        diary.expect([readiness]);
        let mut service = task::spawn(layer(&printer()).layer(diary.first()));
        for _ in 0..3 {
            let ready =
                service.enter(|cx, mut service| Service::<Job>::poll_ready(&mut *service, cx));
            assert_ready_ok!(ready);
        }
        assert!(diary.read().is_empty());
    }
}

#[test]
fn a_ready_inner_is_called_at_once_and_without_a_clone() {
    let diary = Diary::default();
    let mut service = layer(&printer()).layer(diary.first());

    let call = service.call(job("acme", Succeed));
    assert_eq!(
        diary.read(),
        ["0 ready", "0 called"],
        "before the future was polled"
    );
    assert_eq!(assert_ready_ok!(task::spawn(call).poll()), 0);
    drop(service.call(job("acme", Succeed)));
    assert_eq!(diary.read(), ["0 ready", "0 called"]);
}

#[test]
fn a_pending_inner_moves_into_the_future_and_is_woken_by_its_task() {
    let diary = Diary::default();
    diary.expect([Poll::Pending, Poll::Pending]);
    let mut service = layer(&printer()).layer(diary.first());

    let mut call = task::spawn(service.call(job("acme", Succeed)));
    assert_eq!(diary.read(), ["0 pending", "0 cloned"]);
    assert_pending!(call.poll());
    assert!(!call.is_woken());
    diary.wake();
    assert!(
        call.is_woken(),
        "the waker is the task's, no longer the one that wakes nobody"
    );
    assert_eq!(
        assert_ready_ok!(call.poll()),
        0,
        "the one that was asked, not the clone"
    );
    assert_eq!(
        diary.read(),
        ["0 pending", "0 ready", "0 called", "0 dropped"]
    );

    assert_eq!(
        assert_ready_ok!(task::spawn(service.call(job("acme", Succeed))).poll()),
        1
    );
}

#[test]
fn a_call_that_waits_for_the_inner_does_not_hold_up_the_next() {
    let diary = Diary::default();
    diary.expect([Poll::Pending]);
    let mut service = layer(&printer()).layer(diary.first());

    let mut stuck = task::spawn(service.call(job("stuck", Succeed)));
    let mut next = task::spawn(service.call(job("next", Succeed)));
    assert_eq!(assert_ready_ok!(next.poll()), 1);
    assert_eq!(assert_ready_ok!(stuck.poll()), 0);
}

// Against tower#855: an error in `poll_ready` is the end of a `Buffer`, and of all its callers.
#[tokio::test(start_paused = true)]
async fn an_inner_that_is_broken_once_does_not_poison_a_buffer_further_out() {
    let diary = Diary::default();
    let mut service = Buffer::new(layer(&printer()).layer(diary.first()), 4);

    diary.expect([Poll::Ready(Err(OutOfPaper))]);
    let error = service
        .ready()
        .await
        .unwrap()
        .call(job("acme", Succeed))
        .await
        .unwrap_err();
    assert!(error.is::<OutOfPaper>(), "{error}");
    assert_eq!(
        service
            .ready()
            .await
            .unwrap()
            .call(job("acme", Succeed))
            .await
            .unwrap(),
        1
    );
}

#[test]
fn a_call_that_was_polled_once_too_often_stays_pending() {
    let mut service = layer(&printer()).layer(service_fn(work));
    let mut call = task::spawn(service.call(job("acme", Succeed)));
    assert_ready!(call.poll()).unwrap();
    assert_pending!(call.poll());
}

// ===== law 20: a broken inner =====

#[test]
fn an_inner_that_breaks_is_that_calls_failure_and_a_fresh_clone_takes_its_place() {
    let printer = printer();
    let diary = Diary::default();
    diary.expect([Poll::Ready(Err(OutOfPaper))]);
    let mut service = layer(&printer).layer(diary.first());

    let call = service.call(job("acme", Succeed));
    assert_eq!(diary.read(), ["0 broken", "0 cloned", "0 dropped"]);
    assert_eq!(printer.snapshot().totals.failures, 1);
    let error = assert_ready_err!(task::spawn(call).poll());
    assert!(error.is::<OutOfPaper>(), "{error}");
    assert_eq!(printer.snapshot().totals.failures, 1, "recorded once");

    assert_eq!(
        assert_ready_ok!(task::spawn(service.call(job("acme", Succeed))).poll()),
        1
    );
}

#[test]
fn an_inner_that_breaks_while_a_call_waits_for_it_is_that_calls_failure_too() {
    let printer = printer();
    let diary = Diary::default();
    diary.expect([Poll::Pending, Poll::Ready(Err(OutOfPaper))]);
    let mut service = layer(&printer).layer(diary.first());

    let mut call = task::spawn(service.call(job("acme", Succeed)));
    let error = assert_ready_err!(call.poll());
    assert!(error.is::<OutOfPaper>(), "{error}");
    assert_eq!(
        diary.read(),
        ["0 pending", "0 cloned", "0 broken", "0 dropped"]
    );
    assert_eq!(printer.snapshot().totals.failures, 1);
    assert_eq!(
        assert_ready_ok!(task::spawn(service.call(job("acme", Succeed))).poll()),
        1
    );
}

#[test]
fn an_inner_that_keeps_breaking_opens_the_circuit() {
    let printer = printer();
    let diary = Diary::default();
    diary.expect([Poll::Ready(Err(OutOfPaper)); 2]);
    let mut service = layer(&printer).layer(diary.first());
    for _ in 0..2 {
        assert_ready_err!(task::spawn(service.call(job("acme", Succeed))).poll());
    }
    assert_eq!(printer.state("acme"), CircuitState::Open);
}

#[test]
fn a_broken_inner_can_be_answered_by_a_fallback() {
    let diary = Diary::default();
    diary.expect([Poll::Ready(Err(OutOfPaper))]);
    let mut service = layer(&printer())
        .fallback_on_failure(|_: Job, cause: Cause<usize>| {
            ready(Ok(match cause {
                Cause::Failed(_) => 77,
                _ => 0,
            }))
        })
        .layer(diary.first());
    assert_eq!(
        assert_ready_ok!(task::spawn(service.call(job("acme", Succeed))).poll()),
        77
    );
}

// ===== law 21: what a rejected or cancelled call leaves behind =====

#[test]
fn a_rejected_call_never_touches_the_inner() {
    let printer = printer();
    open(&printer, "acme");
    let diary = Diary::default();
    let mut service = layer(&printer).layer(diary.first());

    let error = assert_ready_err!(task::spawn(service.call(job("acme", Succeed))).poll());
    assert!(error.is::<CircuitOpen>(), "{error}");
    assert!(diary.read().is_empty());
}

#[test]
fn a_rejected_call_leaves_no_reservation_in_a_concurrency_limit() {
    let printer = printer();
    open(&printer, "sick");
    let limit = ConcurrencyLimit::new(service_fn(work), 1);
    let mut service = layer(&printer).layer(limit);

    let mut clones = vec![service.clone(); 8];
    for clone in &mut clones {
        assert_ready_err!(task::spawn(clone.call(job("sick", Succeed))).poll());
    }
    let answer = assert_ready_ok!(task::spawn(service.call(job("well", Succeed))).poll());
    assert_eq!(answer, "done");
}

#[tokio::test(start_paused = true)]
async fn a_rejected_call_leaves_no_slot_taken_in_a_buffer() {
    let printer = printer();
    open(&printer, "sick");
    let buffer = Buffer::new(service_fn(work), 1);
    let mut service = layer(&printer).layer(buffer);

    // Where a rejected call held a slot, the next would wait for it for ever.
    tokio::time::timeout(OPEN, async {
        let mut clones = vec![service.clone(); 8];
        for clone in &mut clones {
            let error = clone
                .ready()
                .await
                .unwrap()
                .call(job("sick", Succeed))
                .await
                .unwrap_err();
            assert!(error.is::<CircuitOpen>(), "{error}");
        }
        assert_eq!(
            service
                .ready()
                .await
                .unwrap()
                .call(job("well", Succeed))
                .await
                .unwrap(),
            "done"
        );
    })
    .await
    .expect("a slot is free");
}

#[test]
fn a_call_cancelled_while_the_inner_is_pending_gives_its_place_in_the_queue_back() {
    let printer = printer();
    let limit = ConcurrencyLimit::new(service_fn(work), 1);
    let mut service = layer(&printer).layer(limit);

    let holder = task::spawn(service.call(job("acme", Hang)));
    let mut gone = task::spawn(service.call(job("acme", Succeed)));
    let mut next = task::spawn(service.call(job("acme", Succeed)));
    assert_pending!(gone.poll());
    assert_pending!(next.poll());
    drop(gone);
    drop(holder);
    assert!(next.is_woken());
    assert_eq!(assert_ready_ok!(next.poll()), "done");
    assert_eq!(printer.snapshot().totals.cancelled, 2);
}

#[tokio::test(start_paused = true)]
async fn a_probe_cancelled_while_the_inner_is_pending_gives_its_place_in_the_circuit_back() {
    let printer = printer();
    open(&printer, "acme");
    tokio::time::advance(OPEN).await;
    let diary = Diary::default();
    diary.expect([Poll::Pending, Poll::Pending]);
    let mut service = layer(&printer).layer(diary.first());

    let mut probe = task::spawn(service.call(job("acme", Succeed)));
    assert_pending!(probe.poll());
    assert_ready_err!(
        task::spawn(service.call(job("acme", Succeed))).poll(),
        "the only place is taken"
    );
    drop(probe);
    assert_eq!(
        diary.read(),
        ["0 pending", "0 cloned", "0 pending", "0 dropped"]
    );

    assert_ready_ok!(task::spawn(service.call(job("acme", Succeed))).poll());
    assert_eq!(printer.state("acme"), CircuitState::Closed);
}

#[test]
fn a_clone_carries_no_readiness() {
    let diary = Diary::default();
    let mut service = task::spawn(layer(&printer()).layer(diary.first()));
    assert_ready_ok!(
        service.enter(|cx, mut service| Service::<Job>::poll_ready(&mut *service, cx))
    );

    let mut clone = service.clone();
    assert_eq!(diary.read(), ["0 cloned"]);
    drop(clone.call(job("acme", Succeed)));
    assert_eq!(diary.read(), ["1 ready", "1 called"]);
    drop(clone.call(job("acme", Succeed)));
    assert_eq!(
        diary.read(),
        ["1 ready", "1 called"],
        "readiness counts once"
    );
}

// ===== law 22: what is ours =====

#[tokio::test(start_paused = true)]
async fn a_load_that_was_shed_further_in_is_ignored() {
    let printer = printer();
    let mut service = ServiceBuilder::new()
        .layer(layer(&printer))
        .load_shed()
        .concurrency_limit(1)
        .service_fn(work);

    let _holder = task::spawn(service.call(job("acme", Hang)));
    for _ in 0..5 {
        let error = service.call(job("acme", Succeed)).await.unwrap_err();
        assert!(error.is::<Overloaded>(), "{error}");
    }
    let totals = printer.snapshot().totals;
    assert_eq!((totals.ignored, totals.failures), (5, 0));
    assert_eq!(printer.state("acme"), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_rejection_of_a_breaker_further_in_is_ignored() {
    let (near, far) = (printer(), printer());
    open(&far, "acme");
    let mut service = ServiceBuilder::new()
        .layer(layer(&near))
        .layer(layer(&far))
        .service_fn(work);

    for _ in 0..5 {
        let error = service.call(job("acme", Succeed)).await.unwrap_err();
        assert!(CircuitOpen::find(error.as_ref()).is_some(), "{error}");
    }
    let totals = near.snapshot().totals;
    assert_eq!((totals.ignored, totals.failures), (5, 0));
    assert_eq!(near.state("acme"), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_further_in_is_a_failure() {
    let printer = printer();
    let mut service = ServiceBuilder::new()
        .layer(layer(&printer))
        .timeout(Duration::from_secs(1))
        .service_fn(work);

    for _ in 0..2 {
        let error = service.call(job("acme", Hang)).await.unwrap_err();
        assert!(error.is::<Elapsed>(), "{error}");
    }
    assert_eq!(printer.state("acme"), CircuitState::Open);
}

#[cfg(feature = "http")]
#[tokio::test(start_paused = true)]
async fn a_timeout_further_in_that_answers_408_is_a_failure() {
    let printer = printer();
    let mut service =
        TenantCircuitBreakerLayer::new(printer.clone(), Owner).layer(service_fn(|_: Job| async {
            http::Response::builder().status(408).body(String::new())
        }));

    for _ in 0..2 {
        assert_eq!(
            service.call(job("acme", Succeed)).await.unwrap().status(),
            408
        );
    }
    assert_eq!(printer.state("acme"), CircuitState::Open);
}
