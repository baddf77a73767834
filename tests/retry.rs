//! The retry policy that leaves rejections to the circuit: what it shows to the user's policy, and which stacks
//! take it.

#![cfg(feature = "retry")]

mod job;
mod stubborn;

use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::future::{Ready, ready};
use std::io;

use job::{Fail, Job, OPEN, OutOfPaper, Owner, Succeed, job, open, printer, work};
use static_assertions::{assert_impl_all, assert_not_impl_any};
use stubborn::Stubborn;
use tokio_test::{assert_ready_err, assert_ready_ok, task};
use tower::retry::{Policy, Retry};
use tower::util::BoxCloneSyncService;
use tower::{BoxError, Service, ServiceBuilder, ServiceExt};
use tower_tenant_breaker::retry::{RespectCircuit, Wait};
use tower_tenant_breaker::{
    CircuitOpen, Dependency, ErrIsFailure, TenantCircuitBreaker, TenantCircuitBreakerLayer,
};

type Answer = Result<String, BoxError>;

assert_impl_all!(RespectCircuit<Stubborn>: Clone, Send, Sync, Unpin, fmt::Debug);
assert_impl_all!(RespectCircuit<Stubborn>: Policy<Job, String, BoxError>);
assert_impl_all!(Wait<Ready<()>>: Send, Sync, Future, fmt::Debug);
// It answers rejections: there is none to find.
assert_not_impl_any!(RespectCircuit<Stubborn>: Policy<Job, String, Infallible>);
assert_not_impl_any!(Wait<std::rc::Rc<()>>: Send, Sync);

fn layer(printer: &Dependency) -> TenantCircuitBreakerLayer<Dependency, Owner, ErrIsFailure> {
    TenantCircuitBreakerLayer::new(printer.clone(), Owner).classify(ErrIsFailure)
}

#[tokio::test(start_paused = true)]
async fn a_rejection_is_never_shown_to_the_policy() {
    let printer = printer();
    open(&printer, "acme");
    let theirs = Stubborn::new(9);
    let mut service = Retry::new(
        RespectCircuit::new(theirs.clone()),
        ServiceBuilder::new()
            .layer(layer(&printer))
            .service_fn(work),
    );

    let error = service.call(job("acme", Succeed)).await.unwrap_err();
    assert!(error.is::<CircuitOpen>(), "{error}");
    assert!(theirs.shown().is_empty());
    assert_eq!(printer.snapshot().totals.rejected, 1);
}

#[tokio::test(start_paused = true)]
async fn nor_is_one_that_lies_beneath_other_errors() {
    let printer = printer();
    open(&printer, "acme");
    let theirs = Stubborn::new(9);
    let mut policy = RespectCircuit::new(theirs.clone());

    let rejection = printer.acquire("acme").unwrap_err();
    let beneath: BoxError = io::Error::other(io::Error::other(rejection)).into();
    let waiting = policy.retry(&mut job("acme", Succeed), &mut Answer::Err(beneath));
    assert!(waiting.is_none());
    assert!(theirs.shown().is_empty());
}

#[test]
fn nor_is_one_in_an_error_of_ones_own_that_lends_itself() {
    #[derive(Debug)]
    enum PrintError {
        NotNow(CircuitOpen),
        Failed,
    }

    impl AsRef<dyn Error + Send + Sync> for PrintError {
        fn as_ref(&self) -> &(dyn Error + Send + Sync + 'static) {
            self
        }
    }

    impl Error for PrintError {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            match self {
                Self::NotNow(open) => Some(open),
                Self::Failed => None,
            }
        }
    }

    impl fmt::Display for PrintError {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("not printed")
        }
    }

    let printer = printer();
    open(&printer, "acme");
    let theirs = Stubborn::new(0);
    let mut policy = RespectCircuit::new(theirs.clone());

    let rejection = printer.acquire("acme").unwrap_err();
    let not_now = PrintError::NotNow(rejection.circuit_open().unwrap().clone());
    let mut retry = |error| policy.retry(&mut job("acme", Succeed), &mut Err::<String, _>(error));
    assert!(retry(not_now).is_none());
    assert!(theirs.shown().is_empty());
    assert!(retry(PrintError::Failed).is_none());
    assert_eq!(theirs.shown(), ["not printed"]);
}

/// Changes what it is shown, and retries at once.
#[derive(Clone, Debug)]
struct Meddler;

impl Policy<Job, String, BoxError> for Meddler {
    type Future = Ready<()>;

    fn retry(&mut self, job: &mut Job, result: &mut Answer) -> Option<Ready<()>> {
        match result {
            Ok(answer) => {
                answer.push_str(" twice");
                None
            }
            Err(_) => {
                job.order = Succeed;
                Some(ready(()))
            }
        }
    }

    fn clone_request(&mut self, job: &Job) -> Option<Job> {
        (job.tool == "printer").then(|| job.clone())
    }
}

#[test]
fn all_else_goes_to_the_policy_which_may_change_request_and_result() {
    let printer = printer();
    let mut service = Retry::new(
        RespectCircuit::new(Meddler),
        ServiceBuilder::new()
            .layer(layer(&printer))
            .service_fn(work),
    );
    let mut call = task::spawn(service.call(job("acme", Fail)));
    assert_eq!(assert_ready_ok!(call.poll()), "done twice");
    assert_eq!(printer.snapshot().totals.failures, 1);
}

#[test]
fn whether_a_request_can_be_cloned_is_up_to_the_policy() {
    let printer = printer();
    let mut service = Retry::new(
        RespectCircuit::new(Meddler),
        ServiceBuilder::new()
            .layer(layer(&printer))
            .service_fn(work),
    );
    let mut unique = job("acme", Fail);
    unique.tool = "plotter".into();
    let error = assert_ready_err!(task::spawn(service.call(unique)).poll());
    assert!(error.is::<OutOfPaper>(), "{error}");
}

#[test]
fn where_rejections_are_answered_the_policy_is_shown_the_answer() {
    let printer = printer();
    open(&printer, "acme");
    let theirs = Stubborn::new(9);
    let breaker = layer(&printer).respond_with(|_: &CircuitOpen| "do without it".to_owned());
    let mut service = ServiceBuilder::new()
        .retry(RespectCircuit::new(theirs.clone()))
        .layer(breaker)
        .service_fn(work);
    let mut call = task::spawn(service.call(job("acme", Succeed)));
    assert_eq!(assert_ready_ok!(call.poll()), "do without it");
    assert_eq!(theirs.shown(), ["do without it"]);
}

#[tokio::test(start_paused = true)]
async fn a_guarded_service_can_be_named_boxed_and_spawned() {
    type Work = tower::util::ServiceFn<fn(Job) -> Ready<Result<String, OutOfPaper>>>;
    type Guarded = TenantCircuitBreaker<Work, Dependency, Owner, ErrIsFailure>;
    assert_impl_all!(Retry<RespectCircuit<Stubborn>, Guarded>: Clone, Send, Sync, Service<Job>);

    let policy = RespectCircuit::new(Stubborn::new(0)).wait_up_to(OPEN);
    let service = ServiceBuilder::new()
        .retry(policy.unwrap())
        .layer(layer(&printer()))
        .service_fn(work);
    let boxed: BoxCloneSyncService<Job, String, BoxError> =
        BoxCloneSyncService::new(service.clone());
    assert_eq!(boxed.oneshot(job("acme", Succeed)).await.unwrap(), "done");
    let spawned = tokio::spawn(async move { service.oneshot(job("acme", Succeed)).await });
    assert_eq!(spawned.await.unwrap().unwrap(), "done");
}
