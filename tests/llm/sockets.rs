//! A real server and a real client, with the breaker and the reader of errors between them.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{StatusCode, header};
use axum::routing::post;
use tokio::net::TcpListener;

use super::*;

const QUOTA: &str = "{\n    \"error\": {\n        \"message\": \"You exceeded your current quota, please check your plan \
    and billing details.\",\n        \"type\": \"insufficient_quota\",\n        \"param\": null,\n        \
    \"code\": \"insufficient_quota\"\n    }\n}\n";
const EVENTS: [&str; 3] = [
    "event: message_start\ndata: {\"type\":\"message_start\"}\n\n",
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\"}\n\n",
    "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n",
];

async fn serve() -> String {
    const JSON: [(header::HeaderName, &str); 1] = [(header::CONTENT_TYPE, "application/json")];
    let quota = || async { (StatusCode::TOO_MANY_REQUESTS, JSON, QUOTA) };
    let stream = || async {
        let events = EVENTS.map(|event| Ok::<_, Infallible>(Bytes::from_static(event.as_bytes())));
        let events = futures_util::stream::iter(events);
        let kind = [(header::CONTENT_TYPE, "text/event-stream")];
        (kind, Body::from_stream(events))
    };
    let app = Router::new()
        .route("/quota", post(quota))
        .route("/stream", post(stream));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://{address}")
}

fn client(
    provider: &Dependency,
) -> impl Service<reqwest::Request, Response = reqwest::Response, Error = BoxError> + Clone {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    tower::ServiceBuilder::new()
        .layer(breaker(provider).classify_llm())
        .layer(ProviderErrorLayer::new())
        .service(client)
}

fn ask(url: &str) -> reqwest::Request {
    let mut request = reqwest::Request::new(reqwest::Method::POST, url.parse().unwrap());
    request
        .headers_mut()
        .insert("x-tenant-id", "acme".parse().unwrap());
    request
}

#[tokio::test]
async fn an_exhausted_quota_is_seen_and_its_body_arrives_byte_for_byte() {
    let url = serve().await + "/quota";
    let provider = provider(llm_policy());
    let response = client(&provider).oneshot(ask(&url)).await.unwrap();
    assert_eq!(response.status(), 429);
    assert_eq!(response.url().as_str(), url);
    assert_eq!(response.version(), reqwest::Version::HTTP_11);
    assert_eq!(response.content_length(), Some(QUOTA.len() as u64));
    assert_eq!(response.headers()["content-type"], "application/json");
    assert!(response.remote_addr().is_some());
    let error: ProviderError = *response.extensions().get().unwrap();
    assert_eq!(error.kind(), ProviderErrorKind::QuotaExhausted);
    assert_eq!(response.bytes().await.unwrap(), QUOTA);
    let totals = provider.snapshot().totals;
    assert_eq!((totals.throttled, totals.failures), (1, 0));
}

#[tokio::test]
async fn an_error_in_a_stream_is_a_failure_and_the_stream_arrives_whole() {
    let url = serve().await + "/stream";
    let provider = provider(llm_policy());
    let client = client(&provider);
    for failures in 1..=3 {
        let response = client.clone().oneshot(ask(&url)).await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.text().await.unwrap(), EVENTS.concat());
        assert_eq!(provider.snapshot().totals.failures, failures);
    }
    let error = client.oneshot(ask(&url)).await.unwrap_err();
    assert!(CircuitOpen::find(&*error).is_some());
}

#[tokio::test]
async fn a_middleware_of_reqwest_sees_the_same_in_a_stream() {
    use tower_tenant_breaker::TenantCircuitBreakerMiddleware;
    use tower_tenant_breaker::http::body::SettleAt;

    let url = serve().await + "/stream";
    let provider = provider(llm_policy());
    let breaker =
        TenantCircuitBreakerMiddleware::new(provider.clone(), HeaderTenant::new("x-tenant-id"))
            .classify(LlmClassify)
            .observe_body_with(SettleAt::EndTimedAtFirstData, LlmStreamJudge::new());
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let client = reqwest_middleware::ClientBuilder::new(client)
        .with(breaker)
        .build();
    let response = client.execute(ask(&url)).await.unwrap();
    assert_eq!(provider.snapshot().totals.calls, 0, "nobody knows yet");
    assert_eq!(response.text().await.unwrap(), EVENTS.concat());
    assert_eq!(provider.snapshot().totals.failures, 1);
}
