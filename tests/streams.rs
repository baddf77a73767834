//! Bodies over TCP, observed to their end: an axum server behind the breaker, and clients that read, ask for the head, or
//! leave. Real time, so nothing here asserts how long anything took.

#![cfg(feature = "http")]

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use axum::response::sse::{Event, Sse};
use axum::routing::get;
use futures_util::stream::{self, StreamExt};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::net::TcpListener;
use tower_tenant_breaker::http::body::{SettleAt, SseJudge};
use tower_tenant_breaker::http::{HeaderTenant, error_response, problem_response};
use tower_tenant_breaker::{
    CircuitBreakerRegistry, Dependency, Policy, TenantCircuitBreakerLayer, Totals,
};

fn chunks(chunks: &'static [Result<&'static str, &'static str>]) -> Body {
    let chunks = chunks.iter().map(|chunk| match chunk {
        Ok(data) => Ok(Bytes::from_static(data.as_bytes())),
        Err(error) => Err(std::io::Error::other(*error)),
    });
    Body::from_stream(stream::iter(chunks))
}

fn trailers() -> Body {
    let timing = HeaderMap::from_iter([(
        HeaderName::from_static("server-timing"),
        HeaderValue::from_static("db;dur=53"),
    )]);
    let frames = [
        Frame::data(Bytes::from_static(b"one")),
        Frame::trailers(timing),
    ];
    Body::new(StreamBody::new(stream::iter(
        frames.map(Ok::<_, Infallible>),
    )))
}

async fn serve() -> (SocketAddr, Dependency) {
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    let policy = Policy::builder().without_latency().build().unwrap();
    let feeds = registry.dependency_with("feeds", policy).unwrap();
    let breaker = TenantCircuitBreakerLayer::new(feeds.clone(), HeaderTenant::new("x-tenant-id"))
        .observe_body_with(SettleAt::End, SseJudge::new())
        .respond_with(problem_response::<Body>)
        .respond_to_error(error_response::<Body>);
    let hang =
        || stream::iter([Ok::<_, Infallible>(Bytes::from_static(b"one"))]).chain(stream::pending());
    let events = |name: &'static str| {
        let events = ["start", name].map(|name| Event::default().event(name).data("{}"));
        Sse::new(stream::iter(events.map(Ok::<_, Infallible>)))
    };
    let app = Router::new()
        .route("/whole", get(async || "all of it"))
        .route("/chunks", get(async || chunks(&[Ok("one"), Ok("two")])))
        // A stream that does not know its end, under a head that promises one.
        .route(
            "/promised",
            get(async || ([("content-length", "6")], chunks(&[Ok("one"), Ok("two")]))),
        )
        .route("/empty", get(async || StatusCode::NO_CONTENT))
        // As a proxy passes on what it was given: a body that does not know that it is none.
        .route("/204", get(async || (StatusCode::NO_CONTENT, chunks(&[]))))
        .route(
            "/304",
            get(async || (StatusCode::NOT_MODIFIED, chunks(&[]))),
        )
        .route("/trailers", get(async || trailers()))
        .route("/breaks", get(async || chunks(&[Ok("one"), Err("disk")])))
        .route("/hangs", get(async move || Body::from_stream(hang())))
        .route("/events", get(async move || events("stop")))
        .route("/error-event", get(async move || events("error")))
        .layer(breaker);
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    (address, feeds)
}

type Asked = Result<Response<hyper::body::Incoming>, hyper_util::client::legacy::Error>;

async fn ask(server: SocketAddr, method: &str, path: &str) -> Asked {
    let request = Request::builder()
        .method(method)
        .uri(format!("http://{server}{path}"))
        .header("x-tenant-id", "acme")
        .body(Body::empty())
        .unwrap();
    let client = Client::builder(TokioExecutor::new()).build_http();
    client.request(request).await
}

/// Waits until one more call is settled, and tells the totals.
async fn settled(feeds: &Dependency, before: Totals) -> Totals {
    let count = |totals: Totals| totals.calls + totals.cancelled;
    let patience = tokio::time::timeout(Duration::from_secs(30), async {
        while count(feeds.snapshot().totals) == count(before) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    });
    assert!(patience.await.is_ok(), "the call is never settled");
    feeds.snapshot().totals
}

#[tokio::test]
async fn however_a_body_ends_over_tcp_its_call_is_settled_and_counted_once() {
    let (server, feeds) = serve().await;
    for (method, path, failures) in [
        ("GET", "/whole", 0),
        ("HEAD", "/whole", 0),
        ("GET", "/chunks", 0),
        ("HEAD", "/chunks", 0),
        ("GET", "/promised", 0),
        ("HEAD", "/promised", 0),
        ("GET", "/empty", 0),
        ("GET", "/204", 0),
        ("GET", "/304", 0),
        ("GET", "/trailers", 0),
        ("GET", "/nowhere", 0),
        ("GET", "/breaks", 1),
        ("GET", "/events", 0),
        ("GET", "/error-event", 1),
    ] {
        let before = feeds.snapshot().totals;
        // One that breaks may do so before its head is on the wire.
        let is_whole = match ask(server, method, path).await {
            Ok(response) => response.into_body().collect().await.is_ok(),
            Err(_) => false,
        };
        assert_eq!(is_whole, path != "/breaks", "{method} {path}");
        let after = settled(&feeds, before).await;
        assert_eq!(
            (after.calls, after.failures, after.cancelled),
            (before.calls + 1, before.failures + failures, 0),
            "{method} {path}"
        );
    }
}

#[tokio::test]
async fn a_client_that_leaves_in_the_middle_of_a_stream_has_cancelled_the_call() {
    let (server, feeds) = serve().await;
    let before = feeds.snapshot().totals;
    let mut body = ask(server, "GET", "/hangs").await.unwrap().into_body();
    let frame = body.frame().await.unwrap().unwrap();
    assert_eq!(frame.into_data().unwrap(), "one");
    drop(body);
    let after = settled(&feeds, before).await;
    assert_eq!((after.calls, after.cancelled), (0, 1));
}

#[tokio::test]
async fn rejections_pass_through_an_observer_of_bodies() {
    let (server, feeds) = serve().await;
    feeds.circuit("acme").open().unwrap();
    let response = ask(server, "GET", "/whole").await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    let headers: &HeaderMap = response.headers();
    assert_eq!(headers["content-type"], "application/problem+json");
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert!(body.starts_with(b"{"));
}
