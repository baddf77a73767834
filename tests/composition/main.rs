//! The breaker beside each neighbour that it may have in a stack, further in and further out.
//!
//! Every cell of the table in `tests/COMPOSITION.md` keeps the promises of `promises.rs`, or says why one
//! does not apply; what is peculiar to a neighbour is in its own file.

#[macro_use]
mod promises;

mod balance;
mod boxed;
mod buffer;
mod concurrency_limit;
mod filter;
mod hedge;
#[cfg(feature = "http")]
mod http_timeout;
mod load_shed;
#[cfg(feature = "http")]
mod over_http;
mod rate_limit;
mod recommended;
#[cfg(feature = "retry")]
mod retry;
mod second_breaker;
mod spawn_ready;
mod timeout;
#[cfg(feature = "http")]
mod trace;
mod whole_semaphore;

#[path = "../diary/mod.rs"]
mod diary;
#[path = "../job/mod.rs"]
mod job;
#[cfg(feature = "retry")]
#[path = "../stubborn/mod.rs"]
mod stubborn;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::yield_now;
use tokio::time::advance;
use tower::limit::ConcurrencyLimit;
use tower::util::BoxCloneSyncService;
use tower::{BoxError, Service, ServiceExt, service_fn};
use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitOpen, Dependency, ErrIsFailure, PolicyBuilder,
    TenantCircuitBreakerLayer,
};

use job::{Job, OPEN, OutOfPaper, Owner, Succeed, job, open, work};

fn layer(printer: &Dependency) -> TenantCircuitBreakerLayer<Dependency, Owner, ErrIsFailure> {
    TenantCircuitBreakerLayer::new(printer.clone(), Owner).classify(ErrIsFailure)
}

fn declare(policy: PolicyBuilder) -> Dependency {
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    let policy = policy.build().unwrap();
    registry.dependency_with("printer", policy).unwrap()
}

/// Its circuit is open, and the next call probes.
async fn ready_to_probe(printer: &Dependency, tenant: &str) {
    open(printer, tenant);
    advance(OPEN).await;
}

/// A service that is ready only for as many calls at a time as its semaphore has permits. Clones share it.
type Limited = BoxCloneSyncService<Job, String, OutOfPaper>;

fn limited(places: usize) -> (Arc<Semaphore>, Limited) {
    let semaphore = Arc::new(Semaphore::new(places));
    let slowly = service_fn(|job| async {
        yield_now().await;
        work(job).await
    });
    let service = ConcurrencyLimit::with_semaphore(slowly, Arc::clone(&semaphore));
    (semaphore, BoxCloneSyncService::new(service))
}

/// A call of this very clone, once it is ready.
async fn call<S>(clone: &mut S, job: Job) -> Result<S::Response, S::Error>
where
    S: Service<Job>,
{
    in_time(async { clone.ready().await?.call(job).await }).await
}

/// A call by a clone of its own.
async fn once<S>(service: &S, job: Job) -> Result<S::Response, S::Error>
where
    S: Service<Job> + Clone,
{
    in_time(service.clone().oneshot(job)).await
}

/// What a call of this tenant gets, whose circuit rejects it.
async fn rejection<S>(service: &S, tenant: &str) -> CircuitOpen
where
    S: Service<Job, Error = BoxError> + Clone,
{
    let error = once(service, job(tenant, Succeed)).await.err();
    let error = error.expect("the call is rejected");
    CircuitOpen::find(&*error)
        .expect("it is told by whom")
        .clone()
}

/// Lets everything run that can. The clock is paused, so it moves on only once all tasks wait.
async fn settle() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

/// What does not come to an end fails the test, rather than hang.
async fn in_time<F: Future>(future: F) -> F::Output {
    let an_hour = Duration::from_secs(3_600);
    let ended = tokio::time::timeout(an_hour, future).await;
    ended.expect("nothing waits for ever")
}
