//! Readiness, cancellation and panics: laws 12 and 19 to 21, for each attempt of a call.

use std::sync::{Arc, Mutex};
use std::task::Poll;

use tokio_test::{assert_pending, assert_ready, assert_ready_err, assert_ready_ok, task};
use tower::limit::ConcurrencyLimit;
use tower::{BoxError, Service, service_fn};
use tower_tenant_breaker::{
    CircuitState, Dependency, ErrIsFailure, EveryRequest, Failover, Outcome,
};

use crate::diary::{Diarist, Diary};
use crate::job::{Fail, Hang, Job, OutOfPaper, Owner, Succeed, job, open, registry, work};
use crate::stage::{Failing, Hanging, Panicking, list, read, two};

type Diarists = Failover<Diarist, Owner, ErrIsFailure, EveryRequest>;

/// A dependency of each name, and a diary kept by its service.
fn diarists<const N: usize>(names: [&str; N]) -> (Diarists, [(Dependency, Diary); N]) {
    let registry = registry();
    let mut list = Failover::builder(Owner);
    let kept = names.map(|name| (registry.dependency(name).unwrap(), Diary::default()));
    for (dependency, diary) in &kept {
        list = list.provider(dependency.clone(), diary.first());
    }
    let list = list.classify(ErrIsFailure).resend(EveryRequest);
    (list.build().unwrap(), kept)
}

// ===== readiness =====

#[test]
fn poll_ready_is_always_ready_and_asks_no_provider() {
    let (models, [(_, a), (_, b)]) = diarists(["a", "b"]);
    a.expect([Poll::Ready(Err(OutOfPaper))]);
    b.expect([Poll::Pending]);
    let mut models = task::spawn(models);
    for _ in 0..3 {
        let ready = models.enter(|cx, mut models| Service::<Job>::poll_ready(&mut *models, cx));
        assert_ready_ok!(ready);
    }
    assert!(a.read().is_empty() && b.read().is_empty());
}

#[test]
fn nobody_is_asked_before_the_future_is_polled() {
    let (mut models, [(dependency, diary)]) = diarists(["a"]);
    drop(models.call(job("acme", Succeed)));
    assert!(diary.read().is_empty());
    assert_eq!(dependency.snapshot().totals.calls, 0);
    assert!(dependency.is_empty());
}

#[test]
fn each_attempt_has_a_clone_of_its_own_and_who_is_not_chosen_is_not_cloned() {
    let (mut models, [(a, diary_a), (_, diary_b), (_, diary_c)]) = diarists(["a", "b", "c"]);
    open(&a, "acme");
    let mut call = task::spawn(models.call(job("acme", Succeed)));
    assert_eq!(assert_ready_ok!(call.poll()).into_inner(), 1);
    assert_eq!(
        diary_b.read(),
        ["0 cloned", "1 ready", "1 called", "1 dropped"]
    );
    assert!(diary_a.read().is_empty() && diary_c.read().is_empty());
}

#[test]
fn a_pending_provider_is_waited_for_with_the_waker_of_the_calls_task() {
    let (mut models, [(_, diary), (_, other)]) = diarists(["a", "b"]);
    diary.expect([Poll::Pending]);
    let mut call = task::spawn(models.call(job("acme", Succeed)));
    assert_pending!(call.poll());
    assert_eq!(diary.read(), ["0 cloned", "1 pending"]);
    assert!(!call.is_woken());
    diary.wake();
    assert!(call.is_woken());

    let mut next = task::spawn(models.call(job("acme", Succeed)));
    assert_eq!(assert_ready_ok!(next.poll()).into_inner(), 1);
    let of_next = ["0 cloned", "1 ready", "1 called", "1 dropped"];
    assert_eq!(diary.read(), of_next, "it waits for nobody");

    assert_eq!(assert_ready_ok!(call.poll()).by().index(), Some(0));
    assert_eq!(diary.read(), ["1 ready", "1 called", "1 dropped"]);
    assert!(other.read().is_empty());
}

#[test]
fn a_call_that_was_polled_once_too_often_stays_pending() {
    let (mut models, _) = diarists(["a"]);
    let mut call = task::spawn(models.call(job("acme", Succeed)));
    assert_ready_ok!(call.poll());
    assert_pending!(call.poll());
}

#[test]
fn a_refused_call_that_was_polled_once_too_often_stays_pending_too() {
    let (a, b) = two();
    let reject = tower_tenant_breaker::OnMissingTenant::Reject;
    let mut models = list(&[&a, &b]).on_missing_tenant(reject).build().unwrap();
    let mut call = task::spawn(models.call(crate::stage::nobodys()));
    assert_ready_err!(call.poll());
    assert_pending!(call.poll());
}

// ===== cancellation =====

#[tokio::test(start_paused = true)]
async fn a_dropped_call_cancels_the_attempt_in_the_air_and_makes_no_other() {
    let (a, b) = two();
    a.is(Hanging);
    let mut models = list(&[&a, &b]).build().unwrap();
    let mut call = task::spawn(models.call(read("acme")));
    assert_pending!(call.poll());
    drop(call);
    let totals = a.dependency.snapshot().totals;
    assert_eq!((totals.cancelled, totals.failures), (1, 0));
    assert_eq!(b.dependency.snapshot().totals.calls, 0);

    a.is(Failing);
    b.is(Hanging);
    let mut call = task::spawn(models.call(read("acme")));
    assert_pending!(call.poll());
    drop(call);
    assert_eq!(a.dependency.snapshot().totals.failures, 1);
    assert_eq!(b.dependency.snapshot().totals.cancelled, 1);
}

#[test]
fn a_call_cancelled_while_its_provider_is_pending_gives_its_place_in_the_queue_back() {
    let dependency = registry().dependency("printer").unwrap();
    let mut printers = Failover::builder(Owner)
        .provider(
            dependency.clone(),
            ConcurrencyLimit::new(service_fn(work), 1),
        )
        .classify(ErrIsFailure)
        .resend(EveryRequest)
        .build()
        .unwrap();

    let mut holder = task::spawn(printers.call(job("acme", Hang)));
    let mut gone = task::spawn(printers.call(job("acme", Succeed)));
    let mut next = task::spawn(printers.call(job("acme", Succeed)));
    assert_pending!(holder.poll());
    assert_pending!(gone.poll());
    assert_pending!(next.poll());
    drop(gone);
    drop(holder);
    assert!(next.is_woken());
    assert_eq!(assert_ready_ok!(next.poll()).into_inner(), "done");
    assert_eq!(dependency.snapshot().totals.cancelled, 2);
}

#[test]
fn a_call_that_moves_on_leaves_no_reservation_behind() {
    let registry = registry();
    let limits = [(); 2].map(|()| ConcurrencyLimit::new(service_fn(work), 1));
    let [first, second] = limits;
    let (a, b) = (
        registry.dependency("a").unwrap(),
        registry.dependency("b").unwrap(),
    );
    let mut printers = Failover::builder(Owner)
        .provider(a.clone(), first)
        .provider(b, second)
        .classify(ErrIsFailure)
        .resend(EveryRequest)
        .build()
        .unwrap();

    for _ in 0..2 {
        assert_ready_err!(task::spawn(printers.call(job("sick", Fail))).poll());
    }
    assert_eq!(a.state("sick"), CircuitState::Open);
    for _ in 0..3 {
        assert_ready_err!(task::spawn(printers.call(job("sick", Succeed))).poll());
        let served = assert_ready_ok!(task::spawn(printers.call(job("well", Succeed))).poll());
        assert_eq!(served.by().index(), Some(0));
    }
}

// ===== order =====

#[tokio::test(start_paused = true)]
async fn an_attempt_is_recorded_and_its_answer_dropped_before_the_next_is_made() {
    struct Answer(Arc<Mutex<Vec<&'static str>>>, bool);
    impl Drop for Answer {
        fn drop(&mut self) {
            self.0.lock().unwrap().push("an answer is dropped");
        }
    }
    let registry = registry();
    let (a, b) = (
        registry.dependency("a").unwrap(),
        registry.dependency("b").unwrap(),
    );
    let seen = Arc::<Mutex<Vec<_>>>::default();
    let ask = |name: &'static str| {
        let (seen, a) = (Arc::clone(&seen), a.clone());
        service_fn(move |(): ()| {
            let failures = a.snapshot().totals.failures;
            seen.lock().unwrap().push(match (name, failures) {
                ("a", 0) => "a is called",
                ("b", 1) => "b is called",
                _ => "somebody is called too early",
            });
            let answer = Answer(Arc::clone(&seen), name == "b");
            async move { Ok::<_, BoxError>(answer) }
        })
    };
    let mut models = Failover::builder(tower_tenant_breaker::FixedTenant::new("acme"))
        .provider(a.clone(), ask("a"))
        .provider(b, ask("b"))
        .classify(|result: Result<&Answer, &BoxError>| match result {
            Ok(answer) if answer.1 => Outcome::Success,
            _ => Outcome::failure(),
        })
        .resend(EveryRequest)
        .build()
        .unwrap();

    let served = models.call(()).await.unwrap();
    let seen = std::mem::take(&mut *seen.lock().unwrap());
    drop(served);
    assert_eq!(seen, ["a is called", "an answer is dropped", "b is called"]);
}

// ===== panics =====

#[tokio::test(start_paused = true)]
async fn a_panic_that_leaves_a_provider_is_its_failure_and_keeps_unwinding() {
    let (a, b) = two();
    a.is(Panicking);
    let mut models = list(&[&a, &b]).build().unwrap();
    for _ in 0..2 {
        let error = tokio::spawn(models.call(read("acme"))).await.unwrap_err();
        assert!(error.is_panic());
    }
    assert_eq!(a.state(), CircuitState::Open);
    assert_eq!(b.received(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_the_classifier_is_neutral() {
    let (a, _) = two();
    let mut models = list(&[&a])
        .classify(|_: Result<&String, &BoxError>| -> Outcome { panic!("no opinion") })
        .build()
        .unwrap();
    for _ in 0..3 {
        let error = tokio::spawn(models.call(read("acme"))).await.unwrap_err();
        assert!(error.is_panic());
    }
    let totals = a.dependency.snapshot().totals;
    assert_eq!((totals.failures, totals.ignored), (0, 3));
}

#[test]
fn a_panic_in_a_services_clone_is_neutral() {
    #[derive(Debug)]
    struct NoClone;
    impl Clone for NoClone {
        fn clone(&self) -> Self {
            panic!("one of a kind")
        }
    }
    impl Service<Job> for NoClone {
        type Response = String;
        type Error = OutOfPaper;
        type Future = std::future::Ready<Result<String, OutOfPaper>>;

        fn poll_ready(&mut self, _cx: &mut std::task::Context<'_>) -> Poll<Result<(), OutOfPaper>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, _job: Job) -> Self::Future {
            std::future::ready(Ok(String::new()))
        }
    }
    let dependency = registry().dependency("printer").unwrap();
    let mut printers = Failover::builder(Owner)
        .provider(dependency.clone(), NoClone)
        .classify(ErrIsFailure)
        .resend(EveryRequest)
        .build()
        .unwrap();
    let mut call = task::spawn(printers.call(job("acme", Succeed)));
    let polled = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _ = assert_ready!(call.poll());
    }));
    assert!(polled.is_err());
    drop(call);
    let totals = dependency.snapshot().totals;
    assert_eq!(
        (totals.failures, totals.cancelled, totals.ignored),
        (0, 0, 1)
    );
}
