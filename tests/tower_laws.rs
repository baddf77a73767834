//! Laws 19 to 22, and what law 12 says of panics, as the middleware keeps them.

mod job;

use std::collections::VecDeque;
use std::future::{Ready, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use job::{Fail, Hang, Job, OPEN, OutOfPaper, Owner, Panic, Succeed, job, printer, work};
use tokio_test::{assert_pending, assert_ready, assert_ready_err, assert_ready_ok, task};
use tower::buffer::Buffer;
use tower::limit::ConcurrencyLimit;
use tower::load_shed::error::Overloaded;
use tower::timeout::error::Elapsed;
use tower::{BoxError, Layer, Service, ServiceBuilder, ServiceExt, service_fn};
use tower_tenant_breaker::{
    Cause, CircuitOpen, CircuitState, Dependency, ErrIsFailure, MissingTenant, Outcome, Tenant,
    TenantCircuitBreakerLayer, tenant_fn,
};

fn layer(printer: &Dependency) -> TenantCircuitBreakerLayer<Dependency, Owner, ErrIsFailure> {
    TenantCircuitBreakerLayer::new(printer.clone(), Owner).classify(ErrIsFailure)
}

fn open(printer: &Dependency, tenant: &str) {
    while printer.state(tenant) == CircuitState::Closed {
        printer.acquire(tenant).unwrap().record(Outcome::failure());
    }
}

type Readiness = Poll<Result<(), OutOfPaper>>;

/// What was done to a service and its clones, in order.
#[derive(Clone, Default)]
struct Diary {
    lines: Arc<Mutex<Vec<String>>>,
    readiness: Arc<Mutex<VecDeque<Readiness>>>,
    waker: Arc<Mutex<Option<Waker>>>,
}

impl Diary {
    fn first(&self) -> Diarist {
        Diarist {
            number: 0,
            ready: false,
            diary: self.clone(),
        }
    }

    /// What the next asked for readiness say; after these, they are ready.
    fn expect(&self, readiness: impl IntoIterator<Item = Readiness>) {
        self.readiness.lock().unwrap().extend(readiness);
    }

    fn write(&self, line: String) {
        self.lines.lock().unwrap().push(line);
    }

    fn read(&self) -> Vec<String> {
        std::mem::take(&mut *self.lines.lock().unwrap())
    }

    fn wake(&self) {
        self.waker
            .lock()
            .unwrap()
            .take()
            .expect("somebody waits")
            .wake();
    }
}

/// A service that may only be called by whom it told that it is ready, as a `ConcurrencyLimit`.
struct Diarist {
    number: usize,
    ready: bool,
    diary: Diary,
}

impl Clone for Diarist {
    fn clone(&self) -> Self {
        let number = self.number + 1;
        self.diary.write(format!("{} cloned", self.number));
        Self {
            number,
            ready: false,
            diary: self.diary.clone(),
        }
    }
}

impl Drop for Diarist {
    fn drop(&mut self) {
        self.diary.write(format!("{} dropped", self.number));
    }
}

impl Service<Job> for Diarist {
    type Response = usize;
    type Error = OutOfPaper;
    type Future = Ready<Result<usize, OutOfPaper>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), OutOfPaper>> {
        let readiness = self.diary.readiness.lock().unwrap().pop_front();
        let readiness = readiness.unwrap_or(Poll::Ready(Ok(())));
        self.ready = readiness == Poll::Ready(Ok(()));
        *self.diary.waker.lock().unwrap() = Some(cx.waker().clone());
        self.diary.write(match readiness {
            Poll::Ready(Ok(())) => format!("{} ready", self.number),
            Poll::Ready(Err(_)) => format!("{} broken", self.number),
            Poll::Pending => format!("{} pending", self.number),
        });
        readiness
    }

    fn call(&mut self, _job: Job) -> Self::Future {
        assert!(self.ready, "called without having been ready");
        self.ready = false;
        self.diary.write(format!("{} called", self.number));
        ready(Ok(self.number))
    }
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

// ===== law 12: panics =====

/// (failures, ignored, cancelled) of all tenants.
fn counted(printer: &Dependency) -> (u64, u64, u64) {
    let totals = printer.snapshot().totals;
    (totals.failures, totals.ignored, totals.cancelled)
}

#[track_caller]
fn unwinds<T>(code: impl FnOnce() -> T) {
    assert!(
        catch_unwind(AssertUnwindSafe(code)).is_err(),
        "the panic keeps unwinding"
    );
}

#[test]
fn a_panic_that_leaves_the_inners_call_is_a_failure() {
    let printer = printer();
    let mut service =
        layer(&printer).layer(service_fn(|_: Job| -> Ready<Result<(), OutOfPaper>> {
            panic!("paper jam")
        }));
    unwinds(|| service.call(job("acme", Panic)));
    assert_eq!(counted(&printer), (1, 0, 0));
    unwinds(|| service.call(job("acme", Panic)));
    assert_eq!(printer.state("acme"), CircuitState::Open);
}

#[test]
fn a_panic_that_leaves_the_inners_poll_is_a_failure_also_where_it_was_caught_before_the_drop() {
    let printer = printer();
    let mut service = layer(&printer).layer(service_fn(work));
    let mut call = task::spawn(service.call(job("acme", Panic)));
    unwinds(|| call.poll());
    // This thread does not panic any more, and the call was a failure all the same.
    drop(call);
    assert_eq!(counted(&printer), (1, 0, 0));
}

#[test]
fn a_panic_in_a_call_that_had_to_wait_is_a_failure() {
    #[derive(Clone)]
    struct Slow(bool);
    impl Service<Job> for Slow {
        type Response = ();
        type Error = OutOfPaper;
        type Future = Ready<Result<(), OutOfPaper>>;
        fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), OutOfPaper>> {
            match std::mem::replace(&mut self.0, true) {
                true => Poll::Ready(Ok(())),
                false => Poll::Pending,
            }
        }
        fn call(&mut self, _job: Job) -> Self::Future {
            panic!("paper jam")
        }
    }

    let printer = printer();
    let mut service = layer(&printer).layer(Slow(false));
    let mut call = task::spawn(service.call(job("acme", Panic)));
    unwinds(|| call.poll());
    drop(call);
    assert_eq!(counted(&printer), (1, 0, 0));
}

#[test]
fn a_panic_in_the_inners_readiness_is_a_failure() {
    #[derive(Clone)]
    struct Jammed;
    impl Service<Job> for Jammed {
        type Response = ();
        type Error = OutOfPaper;
        type Future = Ready<Result<(), OutOfPaper>>;
        fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), OutOfPaper>> {
            panic!("paper jam")
        }
        fn call(&mut self, _job: Job) -> Self::Future {
            ready(Ok(()))
        }
    }

    let printer = printer();
    unwinds(|| layer(&printer).layer(Jammed).call(job("acme", Succeed)));
    assert_eq!(counted(&printer), (1, 0, 0));
}

#[test]
fn a_call_that_is_dropped_while_its_thread_panics_over_something_else_is_cancelled() {
    let printer = printer();
    let mut service = layer(&printer).layer(service_fn(work));
    unwinds(|| {
        let mut call = task::spawn(service.call(job("acme", Hang)));
        assert_pending!(call.poll());
        panic!("something else");
    });
    assert_eq!(counted(&printer), (0, 0, 1));
}

#[test]
fn a_panic_that_stays_within_the_inner_is_none_of_ours() {
    let printer = printer();
    let mut service = layer(&printer).layer(service_fn(|_: Job| async {
        catch_unwind(|| panic!("paper jam")).unwrap_err();
        Ok::<_, OutOfPaper>("unjammed")
    }));
    assert_ready_ok!(task::spawn(service.call(job("acme", Succeed))).poll());
    assert_eq!(counted(&printer), (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_the_classifier_is_neutral_and_gives_the_place_back() {
    let printer = printer();
    open(&printer, "acme");
    tokio::time::advance(OPEN).await;
    let layer = TenantCircuitBreakerLayer::new(printer.clone(), Owner);
    let failures = printer.snapshot().totals.failures;

    let panics = |_: Result<&String, &BoxError>| -> Outcome { panic!("in the classifier") };
    let mut service = layer.clone().classify(panics).layer(service_fn(work));
    let mut call = task::spawn(service.call(job("acme", Succeed)));
    unwinds(|| call.poll());
    // The call itself is still held: the place does not wait for its drop.
    assert_eq!(counted(&printer), (failures, 1, 0));
    assert_eq!(printer.state("acme"), CircuitState::HalfOpen);

    let mut service = layer.classify(ErrIsFailure).layer(service_fn(work));
    service.call(job("acme", Succeed)).await.unwrap();
    assert_eq!(printer.state("acme"), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_panic_over_what_to_keep_is_neutral_and_gives_the_place_back() {
    let printer = printer();
    open(&printer, "acme");
    tokio::time::advance(OPEN).await;
    let failures = printer.snapshot().totals.failures;
    let mut service = layer(&printer)
        .fallback_keeping(
            |job: &Job| assert_eq!(job.order, Succeed, "in the fallback"),
            |(), _: Cause<String>| async { Ok(String::new()) },
        )
        .layer(service_fn(work));

    unwinds(|| service.call(job("acme", Hang)));
    assert_eq!(counted(&printer), (failures, 1, 0));
    service.call(job("acme", Succeed)).await.unwrap();
    assert_eq!(printer.state("acme"), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_the_extractor_is_neutral() {
    let printer = printer();
    let extractor = tenant_fn(|job: &Job| -> Result<Tenant<'_>, MissingTenant> {
        assert_ne!(job.order, Panic, "in the extractor");
        Ok("acme".into())
    });
    let mut service = TenantCircuitBreakerLayer::new(printer.clone(), extractor)
        .classify(ErrIsFailure)
        .layer(service_fn(work));

    for _ in 0..3 {
        unwinds(|| service.call(job("acme", Panic)));
    }
    assert_eq!(counted(&printer), (0, 0, 0));
    assert!(printer.is_empty());
    service.call(job("acme", Succeed)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_a_fallback_is_neutral() {
    let printer = printer();
    let mut service = layer(&printer)
        .fallback_on_failure(|_: Job, cause: Cause<String>| {
            assert!(matches!(cause, Cause::Rejected(_)), "in the fallback");
            async { panic!("in the fallback's future") as Result<String, BoxError> }
        })
        .layer(service_fn(work));

    for failures in 1..=2 {
        let mut call = task::spawn(service.call(job("acme", Fail)));
        unwinds(|| call.poll());
        drop(call);
        assert_eq!(
            counted(&printer),
            (failures, 0, 0),
            "the call's own failure, once"
        );
    }
    let mut call = task::spawn(service.call(job("acme", Fail)));
    unwinds(|| call.poll());
    drop(call);
    assert_eq!(counted(&printer), (2, 0, 0));
}

#[test]
fn a_call_that_was_polled_once_too_often_stays_pending() {
    let mut service = layer(&printer()).layer(service_fn(work));
    let mut call = task::spawn(service.call(job("acme", Succeed)));
    assert_ready!(call.poll()).unwrap();
    assert_pending!(call.poll());
}
