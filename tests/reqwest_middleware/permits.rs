//! What becomes of an admitted call that does not end by an answer.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;

use http::Extensions;
use reqwest::{Request, Response};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Error, Middleware, Next};
use tokio_test::{assert_pending, assert_ready, task};
use tower_tenant_breaker::{
    CircuitOpen, CircuitState, ClientRequest, Dependency, MissingTenant, Outcome, Reason, Tenant,
    TenantCircuitBreakerMiddleware, tenant_fn,
};

use crate::job::{OPEN, open, printer};
use crate::stub::{HANG, OK, PANIC, Stub};
use crate::{breaker, get, plain_client, stubbed};

/// (failures, ignored, cancelled) of all tenants.
fn counted(dependency: &Dependency) -> (u64, u64, u64) {
    let totals = dependency.snapshot().totals;
    (totals.failures, totals.ignored, totals.cancelled)
}

/// Polls a call that panics, and drops it.
#[track_caller]
fn unwinds(client: &ClientWithMiddleware, url: &str) {
    let mut call = task::spawn(get(client, url, "acme").send());
    let polled = catch_unwind(AssertUnwindSafe(|| _ = call.poll()));
    assert!(polled.is_err(), "the panic keeps unwinding");
    drop(call);
}

#[test]
fn a_panic_further_in_is_a_failure() {
    let dependency = printer();
    let client = stubbed(breaker(&dependency), &Stub::default());
    unwinds(&client, PANIC);
    assert_eq!(counted(&dependency), (1, 0, 0));
    unwinds(&client, PANIC);
    assert_eq!(dependency.state("acme"), CircuitState::Open);
}

#[test]
fn a_panic_of_a_middleware_that_does_not_wait_to_be_polled_is_a_failure_too() {
    struct Hasty;
    impl Middleware for Hasty {
        // As `async_trait` writes it, but for the panic at once.
        fn handle<'a, 'b, 'c, 'd>(
            &'a self,
            _request: Request,
            _extensions: &'b mut Extensions,
            _next: Next<'c>,
        ) -> Pin<Box<dyn Future<Output = Result<Response, Error>> + Send + 'd>>
        where
            'a: 'd,
            'b: 'd,
            'c: 'd,
            Self: 'd,
        {
            panic!("in too much of a hurry")
        }
    }

    let dependency = printer();
    let client = ClientBuilder::new(plain_client())
        .with(breaker(&dependency))
        .with(Hasty)
        .build();
    unwinds(&client, OK);
    assert_eq!(counted(&dependency), (1, 0, 0));
}

#[test]
fn a_panic_in_a_classifier_is_neutral() {
    let dependency = printer();
    let broken = |_: Result<&Response, &Error>| -> Outcome { panic!("no opinion") };
    let client = stubbed(breaker(&dependency).classify(broken), &Stub::default());
    unwinds(&client, OK);
    assert_eq!(counted(&dependency), (0, 1, 0));
}

#[test]
fn a_panic_in_an_extractor_is_nobodys() {
    fn broken(_: &ClientRequest) -> Result<Tenant<'_>, MissingTenant> {
        panic!("who are you")
    }
    let dependency = printer();
    let breaker = TenantCircuitBreakerMiddleware::new(dependency.clone(), tenant_fn(broken));
    unwinds(&stubbed(breaker, &Stub::default()), OK);
    assert_eq!(counted(&dependency), (0, 0, 0));
    assert!(dependency.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_is_cancelled_and_a_dropped_probe_gives_its_place_back() {
    let dependency = printer();
    let client = stubbed(breaker(&dependency), &Stub::default());
    let mut call = task::spawn(get(&client, HANG, "acme").send());
    assert_pending!(call.poll());
    drop(call);
    assert_eq!(counted(&dependency), (0, 0, 1));

    open(&dependency, "acme");
    tokio::time::advance(OPEN).await;
    let mut probe = task::spawn(get(&client, HANG, "acme").send());
    assert_pending!(probe.poll());
    let mut next = task::spawn(get(&client, OK, "acme").send());
    let error = assert_ready!(next.poll()).unwrap_err();
    let full = CircuitOpen::find(&error).unwrap();
    assert_eq!(full.reason(), Reason::HalfOpenFull);

    drop(probe);
    get(&client, OK, "acme").send().await.unwrap();
    assert_eq!(dependency.state("acme"), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_around_a_call_cannot_hide_a_dependency_that_hangs() {
    let policy = crate::job::two_strikes().abandoned_run(2).build().unwrap();
    let registry = crate::job::registry();
    let dependency = registry.dependency_with("search", policy).unwrap();
    let client = stubbed(breaker(&dependency), &Stub::default());
    for _ in 0..2 {
        let call = get(&client, HANG, "acme").send();
        tokio::time::timeout(OPEN, call).await.unwrap_err();
    }
    assert_eq!(dependency.state("acme"), CircuitState::Open);
}
