//! Providers of language models: what their answers mean, what the bodies of their errors say, and their streams.
#![cfg(all(feature = "agent", feature = "http"))]

mod allocations;
mod classify;
mod errors;
mod failover;
mod policy;
#[path = "../script/mod.rs"]
mod script;
#[cfg(feature = "reqwest-middleware")]
mod sockets;
mod streams;

use std::convert::Infallible;
use std::future::ready;
use std::time::Duration;

use http::{Request, Response};
use tower::{BoxError, Layer, Service, ServiceExt, service_fn};
use tower_tenant_breaker::agent::llm::{
    LlmClassify, LlmStreamJudge, ProviderError, ProviderErrorKind, ProviderErrorLayer, llm_policy,
};
use tower_tenant_breaker::http::HeaderTenant;
use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitOpen, CircuitState, Classify, Dependency, Outcome,
    PolicyBuilder, Reason, TenantCircuitBreakerLayer,
};

const SECOND: Duration = Duration::from_secs(1);

type Headers<'a> = &'a [(&'static str, &'a str)];

fn provider(policy: PolicyBuilder) -> Dependency {
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    let policy = policy.build().unwrap();
    registry.dependency_with("provider", policy).unwrap()
}

fn breaker(provider: &Dependency) -> TenantCircuitBreakerLayer<Dependency, HeaderTenant> {
    TenantCircuitBreakerLayer::new(provider.clone(), HeaderTenant::new("x-tenant-id"))
}

fn question(tenant: &str) -> Request<()> {
    let request = Request::post("/v1/chat/completions").header("x-tenant-id", tenant);
    request.body(()).unwrap()
}

fn answer<B>(status: u16, headers: Headers<'_>, body: B) -> Response<B> {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(body).unwrap()
}
