//! What happens after a good head: seen where bodies are observed, and by a call that reads them itself.

use std::time::Duration;

use reqwest::{Method, Request, Response};
use reqwest_middleware::{ClientWithMiddleware, RequestBuilder};
use tower::{BoxError, Layer, Service, ServiceExt};
use tower_tenant_breaker::http::body::{SettleAt, SseJudge};
use tower_tenant_breaker::reqwest::ReqwestErrors;
use tower_tenant_breaker::{
    CallError, CircuitOpen, CircuitState, Dependency, HeaderTenant, Reason,
    TenantCircuitBreakerLayer,
};

use crate::job::printer;
use crate::upstream::{Upstream, says_and_leaves, says_and_stays};
use crate::{TENANT, breaker, client, get, plain_client};

const CUT_SHORT: &str = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf";

async fn page(client: &ClientWithMiddleware, url: &str) -> Result<String, reqwest::Error> {
    get(client, url, "acme").send().await.unwrap().text().await
}

/// (calls that were counted, failures, cancelled ones)
fn counted(dependency: &Dependency) -> (u64, u64, u64) {
    let totals = dependency.snapshot().totals;
    (totals.calls, totals.failures, totals.cancelled)
}

#[tokio::test]
async fn a_body_that_is_cut_short_behind_a_good_head_is_not_seen_by_default() {
    let dependency = printer();
    let client = client(breaker(&dependency));
    let url = says_and_leaves(CUT_SHORT).await;
    for _ in 0..3 {
        assert!(page(&client, &url).await.unwrap_err().is_decode());
    }
    assert_eq!(counted(&dependency), (3, 0, 0));
}

// ===== observed =====

fn observing(dependency: &Dependency, point: SettleAt) -> ClientWithMiddleware {
    client(breaker(dependency).observe_body(point))
}

#[tokio::test]
async fn an_observed_body_that_is_cut_short_is_a_failure() {
    let dependency = printer();
    let client = observing(&dependency, SettleAt::End);
    let url = says_and_leaves(CUT_SHORT).await;
    for _ in 0..2 {
        assert!(page(&client, &url).await.unwrap_err().is_decode());
    }
    assert_eq!(dependency.state("acme"), CircuitState::Open);
}

#[tokio::test]
async fn an_observed_body_that_takes_too_long_is_a_failure() {
    let dependency = printer();
    let client = observing(&dependency, SettleAt::End);
    let url = says_and_stays(CUT_SHORT).await;
    let call = get(&client, &url, "acme").timeout(Duration::from_millis(500));
    assert!(
        call.send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap_err()
            .is_timeout()
    );
    assert_eq!(counted(&dependency), (1, 1, 0));
}

#[tokio::test]
async fn a_layer_around_either_client_observes_bodies_too() {
    let url = says_and_leaves(CUT_SHORT).await;
    let layer = |dependency: &Dependency| {
        TenantCircuitBreakerLayer::new(dependency.clone(), HeaderTenant::new(TENANT))
            .observe_body(SettleAt::End)
    };
    let dependency = printer();
    is_seen_by(layer(&dependency).layer(plain_client()), &dependency, &url).await;
    let dependency = printer();
    let with_middleware = ClientWithMiddleware::from(plain_client());
    is_seen_by(layer(&dependency).layer(with_middleware), &dependency, &url).await;
}

async fn is_seen_by<S>(service: S, dependency: &Dependency, url: &str)
where
    S: Service<Request, Response = Response, Error = BoxError>,
{
    let mut request = Request::new(Method::GET, url.parse().unwrap());
    request
        .headers_mut()
        .insert(TENANT, "acme".parse().unwrap());
    let response = service.oneshot(request).await.unwrap();
    assert_eq!(counted(dependency), (0, 0, 0));
    response.text().await.unwrap_err();
    assert_eq!(counted(dependency), (1, 1, 0));
}

#[tokio::test]
async fn an_observed_call_is_in_the_air_until_its_body_is_read_or_dropped() {
    let upstream = Upstream::answering("text/plain", "red shoes").await;
    let dependency = printer();
    let client = observing(&dependency, SettleAt::End);
    let url = upstream.url("/");

    let response = get(&client, &url, "acme").send().await.unwrap();
    assert_eq!(counted(&dependency), (0, 0, 0));
    assert_eq!(response.text().await.unwrap(), "red shoes");
    assert_eq!(counted(&dependency), (1, 0, 0));

    drop(get(&client, &url, "acme").send().await.unwrap());
    assert_eq!(counted(&dependency), (1, 0, 1));
}

#[tokio::test]
async fn a_probe_whose_body_is_observed_keeps_its_place_until_that_is_dropped() {
    let upstream = Upstream::answering("text/plain", "red shoes").await;
    let dependency = printer();
    let client = observing(&dependency, SettleAt::End);
    let url = upstream.url("/");
    dependency.circuit("acme").open().unwrap();
    dependency.circuit("acme").half_open().unwrap();

    let probe = get(&client, &url, "acme").send().await.unwrap();
    let error = get(&client, &url, "acme").send().await.unwrap_err();
    assert_eq!(
        CircuitOpen::find(&error).unwrap().reason(),
        Reason::HalfOpenFull
    );
    drop(probe);
    assert_eq!(page(&client, &url).await.unwrap(), "red shoes");
    assert_eq!(dependency.state("acme"), CircuitState::Closed);
}

#[tokio::test]
async fn the_first_data_can_settle_it() {
    let dependency = printer();
    let client = observing(&dependency, SettleAt::FirstData);
    let url = says_and_leaves(CUT_SHORT).await;
    page(&client, &url).await.unwrap_err();
    assert_eq!(counted(&dependency), (1, 0, 0));
}

#[tokio::test]
async fn an_answer_without_a_body_is_settled_at_its_head() {
    let upstream = Upstream::answering("text/plain", "red shoes").await;
    let dependency = printer();
    let client = observing(&dependency, SettleAt::End);
    let head = |call: RequestBuilder| call.header(TENANT, "acme").send();
    let response = head(client.head(upstream.url("/"))).await.unwrap();
    assert_eq!(response.headers()["content-length"], "9");
    assert_eq!(counted(&dependency), (1, 0, 0));

    let empty = Upstream::start().await;
    let response = head(client.get(empty.url("/200"))).await.unwrap();
    assert_eq!(counted(&dependency), (2, 0, 0));
    drop(response);
    head(client.get(empty.url("/500"))).await.unwrap();
    assert_eq!(counted(&dependency), (3, 1, 0));
}

#[tokio::test]
async fn an_event_that_says_error_can_be_a_failure() {
    let upstream = Upstream::answering(
        "text/event-stream",
        "data: red\n\nevent: error\ndata: overloaded\n\ndata: shoes\n\n",
    )
    .await;
    let dependency = printer();
    let observed = breaker(&dependency).observe_body_with(SettleAt::End, SseJudge::new());
    let client = client(observed);
    assert!(
        page(&client, &upstream.url("/"))
            .await
            .unwrap()
            .ends_with("shoes\n\n")
    );
    assert_eq!(counted(&dependency), (1, 1, 0));
}

#[tokio::test]
async fn an_observed_response_is_the_same_but_for_its_body() {
    let upstream = Upstream::start().await;
    let plain = plain_client();
    let observed = observing(&printer(), SettleAt::End);
    let url = upstream.url("/redirect/404");
    let plain = plain.get(&url).send().await.unwrap();
    let observed = get(&observed, &url, "acme").send().await.unwrap();

    assert_eq!(observed.url().path(), "/404");
    assert_eq!(observed.url(), plain.url());
    assert_eq!(observed.status(), plain.status());
    assert_eq!(observed.version(), plain.version());
    assert_eq!(observed.content_length(), plain.content_length());
    assert_eq!(observed.remote_addr(), plain.remote_addr());
    let but_date = |response: &Response| {
        let mut headers = response.headers().clone();
        headers.remove("date");
        headers
    };
    assert_eq!(but_date(&observed), but_date(&plain));
}

// ===== read within the call =====

/// The whole call, body and all, in one outcome.
async fn whole(
    dependency: &Dependency,
    client: &reqwest::Client,
    url: &str,
) -> Result<String, CallError<reqwest::Error>> {
    let fetch = async {
        client
            .get(url)
            .send()
            .await?
            .error_for_status()?
            .text()
            .await
    };
    dependency.call_with("acme", ReqwestErrors, fetch).await
}

#[tokio::test]
async fn a_body_that_is_cut_short_is_a_failure_of_a_call_that_reads_it() {
    let url = says_and_leaves(CUT_SHORT).await;
    // With a timeout, bodies are wrapped, and so are their errors.
    let timely = reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(60));
    for client in [plain_client(), timely.build().unwrap()] {
        let dependency = printer();
        for _ in 0..2 {
            let error = whole(&dependency, &client, &url).await.unwrap_err();
            assert!(matches!(error, CallError::Inner(error) if error.is_decode()));
        }
        assert_eq!(dependency.state("acme"), CircuitState::Open);
    }
}

#[tokio::test]
async fn a_call_that_reads_it_all_is_judged_by_its_status_first() {
    let dependency = printer();
    let client = plain_client();
    let upstream = Upstream::start().await;
    for path in ["/200", "/404", "/200"] {
        _ = whole(&dependency, &client, &upstream.url(path)).await;
    }
    assert_eq!(counted(&dependency), (3, 0, 0));
    for _ in 0..2 {
        whole(&dependency, &client, &upstream.url("/500"))
            .await
            .unwrap_err();
    }
    assert_eq!(dependency.state("acme"), CircuitState::Open);
}
