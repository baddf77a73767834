//! What comes after a good head: when it settles a call, and what it makes of it.
#![cfg(feature = "http")]

#[path = "../job/mod.rs"]
mod job;
mod judges;
mod panics;
mod passing;
mod places;
#[path = "../script/mod.rs"]
mod script;
mod settled;
mod timed;
mod unpolled;

use std::future::ready;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::Body;
use job::{OPEN, open, two_strikes};
use script::{Break, Data, End, Panic, Script, Step, Trailers, Wait, poll, polls, script};
use tokio::time::advance;
use tokio_test::{assert_pending, assert_ready, assert_ready_ok, task};
use tower::{BoxError, Layer, Service, service_fn};
use tower_tenant_breaker::http::HeaderTenant;
use tower_tenant_breaker::http::body::{
    DefaultBodyJudge, JudgeBody, JudgeData, ObservedBody, SettleAt, SseEvent, SseJudge,
};
use tower_tenant_breaker::{
    CallError, Cause, CircuitBreakerRegistry, CircuitOpen, CircuitState, Dependency, LatencyRule,
    Outcome, Policy, PolicyBuilder, TenantCircuitBreakerLayer, Totals,
};

const SECOND: Duration = Duration::from_secs(1);

fn models(policy: PolicyBuilder) -> Dependency {
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    let policy = policy.build().unwrap();
    registry.dependency_with("models", policy).unwrap()
}

fn layer(models: &Dependency) -> TenantCircuitBreakerLayer<Dependency, HeaderTenant> {
    TenantCircuitBreakerLayer::new(models.clone(), HeaderTenant::new("x-tenant-id"))
}

fn request() -> Request<()> {
    let request = Request::get("/").header("x-tenant-id", "acme");
    request.body(()).unwrap()
}

/// A good answer with this body and these headers.
fn answer(steps: &[Step], headers: &[(&'static str, &'static str)]) -> Response<Script> {
    let mut response = Response::new(script(steps));
    for (name, value) in headers {
        response.headers_mut().insert(*name, value.parse().unwrap());
    }
    response
}

/// The body of a call that gets this answer.
fn observed<J>(
    models: &Dependency,
    point: SettleAt,
    judge: J,
    request: Request<()>,
    answer: Response<Script>,
) -> ObservedBody<Script, J>
where
    J: JudgeBody<Bytes, script::Broken> + Clone,
{
    let mut answer = Some(answer);
    let inner = service_fn(move |_: Request<()>| ready(answer.take().ok_or("asked twice")));
    // A service that is called once need not be cloned in truth.
    let inner = Once(Some(inner));
    let mut service = layer(models).observe_body_with(point, judge).layer(inner);
    assert_ready_ok!(task::spawn(service.call(request)).poll()).into_body()
}

/// Hands its service to whoever calls first; clones are empty.
struct Once<S>(Option<S>);

impl<S> Clone for Once<S> {
    fn clone(&self) -> Self {
        Self(None)
    }
}

impl<S: Service<Request<()>>> Service<Request<()>> for Once<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut std::task::Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.as_mut().unwrap().poll_ready(cx)
    }

    fn call(&mut self, request: Request<()>) -> S::Future {
        self.0.as_mut().unwrap().call(request)
    }
}

fn to_end(models: &Dependency, steps: &[Step]) -> ObservedBody<Script, DefaultBodyJudge> {
    let judge = DefaultBodyJudge::new();
    observed(models, SettleAt::End, judge, request(), answer(steps, &[]))
}

fn to_first_data(models: &Dependency, steps: &[Step]) -> ObservedBody<Script, DefaultBodyJudge> {
    let judge = DefaultBodyJudge::new();
    observed(
        models,
        SettleAt::FirstData,
        judge,
        request(),
        answer(steps, &[]),
    )
}

fn totals(models: &Dependency) -> Totals {
    models.snapshot().totals
}

fn successes(models: &Dependency) -> u64 {
    let totals = totals(models);
    totals.calls - totals.failures - totals.throttled
}

fn two_strikes_of_p95(threshold: Duration) -> PolicyBuilder {
    two_strikes().latency(LatencyRule::p95(threshold).min_calls(1000))
}
