//! What holds of the breaker beside any neighbour, on either side of it.
//!
//! Each takes a closure that builds the stack around the service that it is given.

use std::sync::Arc;
use std::task::Poll;

use tokio::task::JoinSet;
use tokio_test::task;
use tower::{BoxError, Service, ServiceExt};
use tower_tenant_breaker::{CircuitOpen, CircuitState, Dependency, Reason};

use crate::diary::{Diarist, Diary};
use crate::job::{Fail, Hang, Job, OutOfPaper, Succeed, job, open, printer};
use crate::{Limited, call, limited, once, ready_to_probe, rejection, settle};

/// A test for each promise that the stack keeps.
macro_rules! promises {
    (all: $stack:expr) => {
        promises! {
            all but one_tenants_pending_inner_holds_up_nobody: $stack
        }
        promises! {
            these: $stack, one_tenants_pending_inner_holds_up_nobody
        }
    };
    // Where all calls wait for one and the same inner: that of a `Buffer`, or of what is behind one.
    (all but one_tenants_pending_inner_holds_up_nobody: $stack:expr) => {
        promises! {
            these: $stack,
            the_inners_error_arrives_as_itself_and_trips,
            a_rejection_arrives_as_itself_and_is_counted,
            a_rejected_call_leaves_no_reservation,
            a_probe_that_is_dropped_gives_its_place_back,
            a_call_that_is_dropped_while_it_waits_gives_its_place_back,
            no_clone_starves
        }
    };
    (these: $stack:expr, $($promise:ident),+) => {
        $(
            #[tokio::test(start_paused = true)]
            async fn $promise() {
                crate::in_time(crate::promises::$promise($stack)).await;
            }
        )+
    };
}

pub(crate) async fn the_inners_error_arrives_as_itself_and_trips<S>(
    stack: impl FnOnce(&Dependency, Limited) -> S,
) where
    S: Service<Job, Error = BoxError> + Clone,
{
    let printer = printer();
    let service = stack(&printer, limited(1).1);
    for failures in 1..=2 {
        let error = once(&service, job("acme", Fail)).await.err().unwrap();
        assert!(error.is::<OutOfPaper>(), "{error}");
        let totals = printer.snapshot().totals;
        assert_eq!((totals.calls, totals.failures), (failures, failures));
    }
    assert_eq!(printer.state("acme"), CircuitState::Open);
}

pub(crate) async fn a_rejection_arrives_as_itself_and_is_counted<S>(
    stack: impl FnOnce(&Dependency, Limited) -> S,
) where
    S: Service<Job, Error = BoxError> + Clone,
{
    let printer = printer();
    let service = stack(&printer, limited(1).1);
    open(&printer, "acme");
    let counted = printer.snapshot().totals.calls;

    let error = once(&service, job("acme", Succeed)).await.err().unwrap();
    let open: &CircuitOpen = error.downcast_ref().expect("no wrapper around it");
    assert_eq!(
        (open.tenant(), open.dependency()),
        (Some("acme"), "printer")
    );
    let totals = printer.snapshot().totals;
    assert_eq!((totals.rejected, totals.calls), (1, counted));

    assert!(once(&service, job("globex", Succeed)).await.is_ok());
    let totals = printer.snapshot().totals;
    assert_eq!((totals.rejected, totals.calls), (1, counted + 1));
}

pub(crate) async fn a_rejected_call_leaves_no_reservation<S>(
    stack: impl FnOnce(&Dependency, Limited) -> S,
) where
    S: Service<Job, Error = BoxError> + Clone,
{
    let printer = printer();
    let (semaphore, inner) = limited(1);
    let service = stack(&printer, inner);
    open(&printer, "sick");

    let mut idle = vec![service.clone(); 8];
    for clone in &mut idle {
        let error = call(clone, job("sick", Succeed)).await.err().unwrap();
        assert!(CircuitOpen::find(&*error).is_some(), "{error}");
    }
    assert_eq!(semaphore.available_permits(), 1);
    assert!(once(&service, job("well", Succeed)).await.is_ok());
    assert_eq!(semaphore.available_permits(), 1);
}

pub(crate) async fn a_probe_that_is_dropped_gives_its_place_back<S>(
    stack: impl FnOnce(&Dependency, Limited) -> S,
) where
    S: Service<Job, Error = BoxError> + Clone + Send + 'static,
    S::Response: Send,
    S::Future: Send,
{
    let printer = printer();
    let service = stack(&printer, limited(1).1);
    ready_to_probe(&printer, "acme").await;

    let probe = tokio::spawn(service.clone().oneshot(job("acme", Hang)));
    settle().await;
    let full = rejection(&service, "acme").await;
    assert_eq!(full.reason(), Reason::HalfOpenFull);

    probe.abort();
    settle().await;
    assert_eq!(printer.snapshot().totals.cancelled, 1);
    assert!(once(&service, job("acme", Succeed)).await.is_ok());
    assert_eq!(printer.state("acme"), CircuitState::Closed);
}

pub(crate) async fn a_call_that_is_dropped_while_it_waits_gives_its_place_back<S>(
    stack: impl FnOnce(&Dependency, Limited) -> S,
) where
    S: Service<Job, Error = BoxError> + Clone,
{
    let printer = printer();
    let (semaphore, inner) = limited(1);
    let service = stack(&printer, inner);

    let held = Arc::clone(&semaphore).acquire_owned().await;
    let mut idle = service.clone();
    let mut waiting = task::spawn(call(&mut idle, job("acme", Succeed)));
    assert!(waiting.poll().is_pending());
    settle().await;
    assert!(waiting.poll().is_pending());
    drop(waiting);
    drop(held);
    // It neither holds the permit nor stands before others in the queue, though it is still there.
    assert!(once(&service, job("acme", Succeed)).await.is_ok());
    let totals = printer.snapshot().totals;
    assert_eq!((totals.cancelled, totals.calls), (1, 1));
}

pub(crate) async fn no_clone_starves<S>(stack: impl FnOnce(&Dependency, Limited) -> S)
where
    S: Service<Job, Error = BoxError> + Clone + Send + 'static,
    S::Response: Send,
    S::Future: Send,
{
    let printer = printer();
    let (semaphore, inner) = limited(1);
    let service = stack(&printer, inner);
    let mut tasks = JoinSet::new();
    for _ in 0..4 {
        let mut clone = service.clone();
        tasks.spawn(async move {
            for turn in 0..10 {
                let tenant = if turn % 2 == 0 { "acme" } else { "globex" };
                assert!(call(&mut clone, job(tenant, Succeed)).await.is_ok());
                // Every third leaves as soon as it is on its way.
                if turn % 3 == 0 {
                    let ready = clone.ready().await.unwrap();
                    let _ = task::spawn(ready.call(job(tenant, Succeed))).poll();
                }
            }
            clone
        });
    }
    let _idle = tasks.join_all().await;
    assert_eq!(printer.snapshot().totals.calls, 40);

    // Two that wait at once both come through, though nobody calls after them.
    let held = Arc::clone(&semaphore).acquire_owned().await;
    let waiting = [(); 2].map(|()| tokio::spawn(service.clone().oneshot(job("acme", Succeed))));
    settle().await;
    drop(held);
    for call in waiting {
        assert!(call.await.unwrap().is_ok());
    }
}

pub(crate) async fn one_tenants_pending_inner_holds_up_nobody<S>(
    stack: impl FnOnce(&Dependency, Diarist) -> S,
) where
    S: Service<Job, Error = BoxError>,
    S::Response: Send + 'static,
    S::Future: Send + 'static,
{
    let diary = Diary::default();
    let mut service = stack(&printer(), diary.first());
    // As the call begins, and as its task waits.
    diary.expect([Poll::Pending, Poll::Pending]);
    let stuck = tokio::spawn(service.ready().await.unwrap().call(job("stuck", Succeed)));
    settle().await;
    assert!(call(&mut service, job("next", Succeed)).await.is_ok());
    assert!(!stuck.is_finished());
}
