//! The live page: what it answers, whom it tells of what, and who may act.
#![cfg(feature = "status")]

mod actions;
mod circuits;
mod csrf;
mod events;
mod flood;
mod headers;
mod hostile;
mod lifetimes;
#[path = "../listen/mod.rs"]
mod listen;
mod log;
mod order;
mod outage;
mod page;
mod readers;
mod routes;
mod sockets;

use std::time::Duration;

use http::request::Parts;
use http::{Request, Response};
use http_body::Body;
use http_body_util::BodyExt;
use serde_json::Value;
use tokio::time::{sleep, timeout};
use tower::ServiceExt;
use tower_tenant_breaker::status::{StatusBody, StatusService};
use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitState, Dependency, OpenPeriod, OutagePolicy, Outcome, Policy,
    PolicyBuilder,
};

const SECOND: Duration = Duration::from_secs(1);
const INTERVAL: Duration = Duration::from_secs(2);
const PERIOD: Duration = Duration::from_secs(4);

/// Two failures in a row open for four seconds, one success closes.
fn policy() -> PolicyBuilder {
    Policy::builder()
        .window(Duration::from_secs(60))
        .without_failure_rate()
        .without_latency()
        .consecutive_failures(2)
        .open_for(OpenPeriod::fixed(PERIOD).jitter(0.0))
        .success_threshold(1)
}

fn declare(registry: &CircuitBreakerRegistry, name: &str, policy: PolicyBuilder) -> Dependency {
    let policy = policy.build().unwrap();
    registry.dependency_with(name, policy).unwrap()
}

fn registry() -> CircuitBreakerRegistry {
    CircuitBreakerRegistry::builder().build().unwrap()
}

/// A page of a registry with one dependency.
fn search() -> (StatusService, Dependency) {
    let registry = registry();
    let search = declare(&registry, "search", policy());
    (StatusService::new(registry), search)
}

fn record(dependency: &Dependency, tenant: &str, outcome: Outcome) {
    dependency.acquire(tenant).unwrap().record(outcome);
}

fn succeed(dependency: &Dependency, tenant: &str) {
    record(dependency, tenant, Outcome::Success);
}

fn trip(dependency: &Dependency, tenant: &str) {
    record(dependency, tenant, Outcome::failure());
    record(dependency, tenant, Outcome::failure());
    assert_eq!(dependency.state(tenant), CircuitState::Open);
}

fn request(uri: &str) -> Request<String> {
    Request::get(uri).body(String::new()).unwrap()
}

async fn ask<B: Body>(service: &StatusService, request: Request<B>) -> Response<StatusBody> {
    service.clone().oneshot(request).await.unwrap()
}

async fn get(service: &StatusService, uri: &str) -> Response<StatusBody> {
    ask(service, request(uri)).await
}

/// The status, and the body as JSON.
async fn json(response: Response<StatusBody>) -> (u16, Value) {
    let status = response.status().as_u16();
    let problem = response.headers()["content-type"] == "application/problem+json";
    assert_eq!(problem, status != 200, "errors are problems");
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let body: Value = serde_json::from_slice(&body).unwrap();
    if problem {
        assert_eq!(body["status"], status);
    }
    (status, body)
}

async fn get_json(service: &StatusService, uri: &str) -> (u16, Value) {
    json(get(service, uri).await).await
}

fn detail((_, problem): &(u16, Value)) -> &str {
    problem["detail"].as_str().unwrap()
}

/// A reader of the events.
struct Reader {
    body: StatusBody,
    text: String,
}

impl Reader {
    async fn of(service: &StatusService) -> Self {
        let response = get(service, "/events").await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self {
            body: response.into_body(),
            text: String::new(),
        }
    }

    /// One that has seen the overview and the log with which it begins.
    async fn greeted(service: &StatusService) -> Self {
        let mut reader = Self::of(service).await;
        assert_eq!(reader.next().await.0, "overview");
        assert_eq!(reader.next().await.0, "log");
        reader
    }

    /// The next block of lines; none where the body has ended.
    async fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let block = block.to_owned();
                self.text = rest.to_owned();
                return Some(block);
            }
            let frame = timeout(Duration::from_secs(60), self.body.frame());
            let frame = frame.await.expect("something is said within a minute")?;
            let data = frame.unwrap().into_data().unwrap();
            self.text += str::from_utf8(&data).unwrap();
        }
    }

    /// The next event: its name and its data.
    async fn next_or_end(&mut self) -> Option<(String, Value)> {
        loop {
            let block = self.block().await?;
            let mut lines = block.lines();
            let Some(name) = lines.next().and_then(|line| line.strip_prefix("event: ")) else {
                continue;
            };
            let data = lines.next().and_then(|line| line.strip_prefix("data: "));
            assert_eq!(lines.next(), None, "an event is one line of data");
            let data = serde_json::from_str(data.unwrap()).unwrap();
            return Some((name.to_owned(), data));
        }
    }

    async fn next(&mut self) -> (String, Value) {
        self.next_or_end().await.expect("the events go on")
    }

    /// The next event of this name.
    async fn wait_for(&mut self, name: &str) -> Value {
        loop {
            let (found, data) = self.next().await;
            if found == name {
                return data;
            }
        }
    }
}

/// What the next overview says of the only dependency.
async fn overview(reader: &mut Reader) -> Value {
    reader.wait_for("overview").await["dependencies"][0].clone()
}

/// Lets the task take in what has happened.
async fn settle() {
    sleep(Duration::from_millis(1)).await;
}

fn alice(request: &Parts) -> Option<String> {
    let cookie = request.headers.get("cookie")?;
    (cookie == "session=alice").then(|| "alice".to_owned())
}
