//! What goes wrong with real sockets, and what it means.

use std::io;
use std::time::Duration;

use futures_util::stream;
use reqwest::{Body, Method, Request};
use reqwest_middleware::{ClientWithMiddleware, Error};
use tower_tenant_breaker::{Dependency, FixedTenant, HttpClassify, TenantCircuitBreakerMiddleware};

use crate::job::printer;
use crate::upstream::{Nobody, Upstream, says_and_leaves};
use crate::{client, plain_client};

fn guarded() -> (ClientWithMiddleware, Dependency) {
    let dependency = printer();
    let acme = FixedTenant::new("acme");
    let breaker = TenantCircuitBreakerMiddleware::new(dependency.clone(), acme);
    (client(breaker), dependency)
}

/// (calls that were counted, failures, ignored ones)
fn counted(dependency: &Dependency) -> (u64, u64, u64) {
    let totals = dependency.snapshot().totals;
    (totals.calls, totals.failures, totals.ignored)
}

const FAILURE: (u64, u64, u64) = (1, 1, 0);
const IGNORED: (u64, u64, u64) = (0, 0, 1);
const SUCCESS: (u64, u64, u64) = (1, 0, 0);

/// The error of one call.
async fn sent(client: &ClientWithMiddleware, url: &str) -> reqwest::Error {
    of_reqwest(client.get(url).send().await.unwrap_err())
}

fn of_reqwest(error: Error) -> reqwest::Error {
    match error {
        Error::Reqwest(error) => error,
        error => panic!("{error:?}"),
    }
}

#[tokio::test]
async fn a_connection_that_is_refused_is_a_failure() {
    let (client, dependency) = guarded();
    let nobody = Nobody::new();
    assert!(sent(&client, &nobody.url()).await.is_connect());
    assert_eq!(counted(&dependency), FAILURE);
}

#[tokio::test]
async fn a_timeout_of_reqwest_is_a_failure() {
    let (client, dependency) = guarded();
    let upstream = Upstream::start().await;
    let call = client
        .get(upstream.url("/hang"))
        .timeout(Duration::from_millis(50));
    assert!(of_reqwest(call.send().await.unwrap_err()).is_timeout());
    assert_eq!(counted(&dependency), FAILURE);
}

#[tokio::test]
async fn a_connection_that_is_closed_before_the_head_is_a_failure() {
    for said in ["", "HTTP/1.1 200", "what?\r\n\r\n"] {
        let (client, dependency) = guarded();
        let error = sent(&client, &says_and_leaves(said).await).await;
        assert!(error.is_request() && !error.is_connect());
        assert_eq!(counted(&dependency), FAILURE);
    }
}

#[tokio::test]
async fn a_redirect_that_leads_nowhere_is_a_failure() {
    let (client, dependency) = guarded();
    let upstream = Upstream::start().await;
    assert!(sent(&client, &upstream.url("/loop")).await.is_redirect());
    assert_eq!(counted(&dependency), FAILURE);
}

#[tokio::test]
async fn redirects_are_one_call_and_the_last_answer_counts() {
    let upstream = Upstream::start().await;
    for (path, expected) in [("/redirect/200", SUCCESS), ("/redirect/500", FAILURE)] {
        let (client, dependency) = guarded();
        let received = upstream.received();
        client.get(upstream.url(path)).send().await.unwrap();
        assert_eq!(upstream.received(), received + 2);
        assert_eq!(counted(&dependency), expected);
    }

    // Who follows none has the redirect itself, which is as good an answer as any.
    let dependency = printer();
    let acme = FixedTenant::new("acme");
    let follows_none = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let client = reqwest_middleware::ClientBuilder::new(follows_none)
        .with(TenantCircuitBreakerMiddleware::new(
            dependency.clone(),
            acme,
        ))
        .build();
    client.get(upstream.url("/loop")).send().await.unwrap();
    assert_eq!(counted(&dependency), SUCCESS);
}

// ===== what is this side's own fault =====

#[tokio::test]
async fn a_url_that_nobody_can_ask_is_no_failure() {
    let (client, dependency) = guarded();
    let request = Request::new(Method::GET, "gopher://search/".parse().unwrap());
    let error = client.execute(request).await.unwrap_err();
    assert!(error.is_builder());
    assert_eq!(counted(&dependency), IGNORED);
}

#[tokio::test]
async fn an_upload_whose_source_breaks_off_is_no_failure() {
    let (client, dependency) = guarded();
    let upstream = Upstream::start().await;
    let chunks = [Ok("half of it"), Err(io::Error::other("the caller left"))];
    let body = Body::wrap_stream(stream::iter(chunks));
    let error = client
        .post(upstream.url("/hang"))
        .body(body)
        .send()
        .await
        .unwrap_err();
    assert!(error.is_request() && !error.is_body(), "{error:?}");
    assert_eq!(counted(&dependency), IGNORED);
}

// ===== statuses that become errors further in =====

#[tokio::test]
async fn a_middleware_further_in_that_makes_errors_of_statuses_changes_nothing() {
    struct ErrorForStatus;
    #[async_trait::async_trait]
    impl reqwest_middleware::Middleware for ErrorForStatus {
        async fn handle(
            &self,
            request: Request,
            extensions: &mut http::Extensions,
            next: reqwest_middleware::Next<'_>,
        ) -> Result<reqwest::Response, Error> {
            Ok(next.run(request, extensions).await?.error_for_status()?)
        }
    }

    let upstream = Upstream::start().await;
    for (path, by_default, by_table) in [
        ("/404", SUCCESS, FAILURE),
        ("/500", FAILURE, FAILURE),
        ("/501", FAILURE, IGNORED),
    ] {
        let dependency = printer();
        let breaker =
            TenantCircuitBreakerMiddleware::new(dependency.clone(), FixedTenant::new("acme"));
        let table = HttpClassify::new()
            .failure_on(reqwest::StatusCode::NOT_FOUND)
            .ignored_on(reqwest::StatusCode::NOT_IMPLEMENTED);
        let client = reqwest_middleware::ClientBuilder::new(plain_client())
            .with(breaker.clone())
            .with(ErrorForStatus)
            .build();
        client.get(upstream.url(path)).send().await.unwrap_err();
        assert_eq!(counted(&dependency), by_default, "{path}");

        let dependency = printer();
        let breaker =
            TenantCircuitBreakerMiddleware::new(dependency.clone(), FixedTenant::new("acme"));
        let client = reqwest_middleware::ClientBuilder::new(plain_client())
            .with(breaker.classify(table))
            .with(ErrorForStatus)
            .build();
        client.get(upstream.url(path)).send().await.unwrap_err();
        assert_eq!(counted(&dependency), by_table, "{path}");
    }
}
