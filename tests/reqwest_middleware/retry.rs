//! reqwest-retry outside of the breaker, which is where it belongs, and inside.

use std::io;
use std::time::Duration;

use futures_util::stream;
use reqwest::{Body, Method, Request, Response};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Error, Middleware};
use reqwest_retry::policies::ExponentialBackoff;
use reqwest_retry::{
    DefaultRetryableStrategy, RetryError, RetryTransientMiddleware, Retryable, RetryableStrategy,
};
use tower_tenant_breaker::{
    CircuitOpen, CircuitState, Classify, DefaultClassify, Dependency, MissingTenant,
    OnMissingTenant, Outcome,
};

use crate::job::{open, printer};
use crate::stub::{DOWN, FLAKY, OK, Stub, response};
use crate::upstream::Nobody;
use crate::{Breaker, breaker, get, plain_client};

/// So many tries of a call after the first, at once.
fn policy(retries: u32) -> ExponentialBackoff {
    let soon = Duration::from_millis(1);
    ExponentialBackoff::builder()
        .retry_bounds(soon, soon)
        .build_with_max_retries(retries)
}

fn retry(retries: u32) -> impl Middleware {
    RetryTransientMiddleware::new_with_policy(policy(retries))
}

fn outside(retries: u32, breaker: Breaker, stub: &Stub) -> ClientWithMiddleware {
    let client = ClientBuilder::new(plain_client()).with(retry(retries));
    client.with(breaker).with(stub.clone()).build()
}

fn inside(breaker: Breaker, retries: u32, stub: &Stub) -> ClientWithMiddleware {
    let client = ClientBuilder::new(plain_client()).with(breaker);
    client.with(retry(retries)).with(stub.clone()).build()
}

/// What reqwest-retry made of an error.
#[track_caller]
fn retried(error: &Error) -> &RetryError {
    let Error::Middleware(inside) = error else {
        panic!("{error:?}");
    };
    inside.downcast_ref().unwrap()
}

/// (calls that were counted, failures, ignored ones, rejected ones)
fn counted(dependency: &Dependency) -> (u64, u64, u64, u64) {
    let totals = dependency.snapshot().totals;
    (
        totals.calls,
        totals.failures,
        totals.ignored,
        totals.rejected,
    )
}

// ===== outside =====

#[tokio::test(start_paused = true)]
async fn a_rejection_is_not_retried() {
    let dependency = printer();
    open(&dependency, "acme");
    let before = counted(&dependency);
    let stub = Stub::default();
    let client = outside(5, breaker(&dependency), &stub);

    let error = get(&client, OK, "acme").send().await.unwrap_err();
    assert!(matches!(retried(&error), RetryError::Error(_)));
    let open = CircuitOpen::find(&error).unwrap();
    assert_eq!(open.tenant(), Some("acme"));
    assert_eq!(counted(&dependency), (before.0, before.1, 0, 1));
    assert_eq!(stub.received(), 0);
}

#[tokio::test(start_paused = true)]
async fn every_try_is_an_outcome_and_the_circuit_that_opens_ends_the_retries() {
    let dependency = printer();
    let stub = Stub::default();
    let client = outside(5, breaker(&dependency), &stub);

    let error = get(&client, DOWN, "acme").send().await.unwrap_err();
    assert!(matches!(
        retried(&error),
        RetryError::WithRetries { retries: 2, .. }
    ));
    assert!(CircuitOpen::find(&error).is_some());
    assert_eq!(stub.received(), 2);
    assert_eq!(counted(&dependency), (2, 2, 0, 1));
}

#[tokio::test(start_paused = true)]
async fn every_refusal_is_found_beneath_a_retry_by_whoever_walks_the_sources() {
    let breaker = breaker(&printer()).on_missing_tenant(OnMissingTenant::Reject);
    let client = outside(5, breaker, &Stub::default());
    let error: Box<dyn std::error::Error> = client.get(OK).send().await.unwrap_err().into();
    let mut sources = std::iter::successors(error.source(), |error| error.source());
    assert!(sources.any(|error| error.is::<MissingTenant>()));
}

#[tokio::test(start_paused = true)]
async fn a_strategy_that_retries_everything_can_leave_rejections_alone() {
    struct AllButRejections;
    impl RetryableStrategy for AllButRejections {
        fn handle(&self, result: &Result<Response, Error>) -> Option<Retryable> {
            match result {
                Err(error) if CircuitOpen::find(error).is_some() => Some(Retryable::Fatal),
                Err(_) => Some(Retryable::Transient),
                ok => DefaultRetryableStrategy.handle(ok),
            }
        }
    }

    let dependency = printer();
    let stub = Stub::default();
    let client = ClientBuilder::new(plain_client())
        .with(RetryTransientMiddleware::new_with_policy_and_strategy(
            policy(5),
            AllButRejections,
        ))
        .with(breaker(&dependency))
        .with(stub.clone())
        .build();
    let error = get(&client, DOWN, "acme").send().await.unwrap_err();
    assert!(CircuitOpen::find(&error).is_some());
    assert_eq!(stub.received(), 2);
    assert_eq!(counted(&dependency).3, 1);
}

// ===== inside =====

#[tokio::test(start_paused = true)]
async fn a_retry_inside_is_one_outcome_however_many_tries_it_took() {
    let dependency = printer();
    let stub = Stub::default();
    let client = inside(breaker(&dependency), 5, &stub);
    assert_eq!(
        get(&client, FLAKY, "acme").send().await.unwrap().status(),
        200
    );
    assert_eq!(stub.received(), 3);
    assert_eq!(counted(&dependency), (1, 0, 0, 0));

    let client = inside(breaker(&dependency), 3, &stub);
    assert_eq!(
        get(&client, DOWN, "acme").send().await.unwrap().status(),
        503
    );
    assert_eq!(stub.received(), 3 + 4);
    assert_eq!(counted(&dependency), (2, 1, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_rejection_does_not_come_to_a_retry_inside() {
    let dependency = printer();
    open(&dependency, "acme");
    let stub = Stub::default();
    let client = inside(breaker(&dependency), 5, &stub);
    let error = get(&client, OK, "acme").send().await.unwrap_err();
    assert!(CircuitOpen::find(&error).is_some());
    assert_eq!((stub.received(), counted(&dependency).3), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_rejection_of_a_breaker_inside_of_a_retry_inside_is_ignored() {
    for retries_before in [0, 2] {
        let (near, far) = (printer(), printer());
        if retries_before == 0 {
            open(&far, "acme");
        }
        let client = ClientBuilder::new(plain_client())
            .with(breaker(&near))
            .with(retry(5))
            .with(breaker(&far))
            .with(Stub::default())
            .build();
        let error = get(&client, DOWN, "acme").send().await.unwrap_err();
        match retried(&error) {
            RetryError::Error(_) => assert_eq!(retries_before, 0),
            RetryError::WithRetries { retries, .. } => assert_eq!(*retries, retries_before),
        }
        assert_eq!(counted(&near), (0, 0, 1, 0));
    }
}

#[tokio::test]
async fn an_error_of_a_retry_inside_is_a_failure_retried_or_not() {
    let nobody = Nobody::new();
    for retries in [0, 2] {
        let dependency = printer();
        let client = ClientBuilder::new(plain_client())
            .with(breaker(&dependency))
            .with(retry(retries))
            .build();
        let error = get(&client, &nobody.url(), "acme")
            .send()
            .await
            .unwrap_err();
        assert!(matches!(
            (retries, retried(&error)),
            (0, RetryError::Error(_)) | (2, RetryError::WithRetries { retries: 2, .. })
        ));
        assert_eq!(counted(&dependency), (1, 1, 0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_a_retry_inside_refuses_is_taken_for_a_failure() {
    let dependency = printer();
    let client = inside(breaker(&dependency), 5, &Stub::default());
    let body = Body::wrap_stream(stream::iter([Ok::<_, io::Error>("half")]));
    let call = client.post(OK).header(crate::TENANT, "acme").body(body);
    let error = call.send().await.unwrap_err();
    assert!(error.to_string().contains("not cloneable"), "{error}");
    assert_eq!(counted(&dependency), (1, 1, 0, 0));
}

// ===== what its errors show =====

fn judged(error: RetryError) -> Outcome {
    DefaultClassify.classify(Err::<&Response, _>(&Error::middleware(error)))
}

fn not_found() -> Error {
    Error::Reqwest(response(404, &[]).error_for_status().unwrap_err())
}

fn bad_url() -> Error {
    Error::Reqwest(plain_client().get("no url").build().unwrap_err())
}

#[test]
fn an_error_is_judged_by_itself_where_it_was_retried() {
    let retried = |err| RetryError::WithRetries { retries: 1, err };
    assert_eq!(judged(retried(not_found())), Outcome::Success);
    assert_eq!(judged(retried(bad_url())), Outcome::Ignored);
}

/// Its variant for what was not retried is transparent, and hides the one error that would tell. Should a test
/// of these fail without our feature, reqwest-retry shows it at last, and the feature is no longer needed.
const SEES_THROUGH: bool = cfg!(feature = "reqwest-retry");

#[test]
fn an_error_that_was_not_retried_is_judged_by_itself_where_it_is_seen_and_a_failure_elsewhere() {
    let judged = [not_found(), bad_url()].map(|error| judged(RetryError::Error(error)));
    if SEES_THROUGH {
        assert_eq!(judged, [Outcome::Success, Outcome::Ignored]);
    } else {
        assert_eq!(judged, [Outcome::failure(); 2]);
    }
}

#[tokio::test]
async fn a_url_that_nobody_can_ask_is_ignored_behind_a_retry_where_it_is_seen() {
    let dependency = printer();
    let client = ClientBuilder::new(plain_client())
        .with(breaker(&dependency))
        .with(retry(5))
        .build();
    let mut request = Request::new(Method::GET, "gopher://search/".parse().unwrap());
    request
        .headers_mut()
        .insert(crate::TENANT, "acme".parse().unwrap());
    client.execute(request).await.unwrap_err();
    let (seen, hidden) = ((0, 0, 1, 0), (1, 1, 0, 0));
    assert_eq!(
        counted(&dependency),
        if SEES_THROUGH { seen } else { hidden }
    );
    assert_eq!(dependency.state("acme"), CircuitState::Closed);
}
