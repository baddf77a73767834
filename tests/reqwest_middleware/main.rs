//! reqwest and reqwest-middleware: the breaker among a client's middlewares, and around clients that are tower
//! services. What needs no socket has none; where there is one, time is real and nothing waits for a clock.

#![cfg(feature = "reqwest-middleware")]

mod bodies;
mod classify;
mod connector;
mod errors;
mod extraction;
#[path = "../job/mod.rs"]
mod job;
mod openai;
mod permits;
mod refusals;
mod retry;
mod sockets;
mod stub;
mod tower_service;
mod upstream;

use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Middleware, RequestBuilder};
use tower_tenant_breaker::{Dependency, HeaderTenant, TenantCircuitBreakerMiddleware};

const TENANT: &str = "x-tenant-id";

type Breaker = TenantCircuitBreakerMiddleware<Dependency, HeaderTenant>;

fn breaker(dependency: &Dependency) -> Breaker {
    TenantCircuitBreakerMiddleware::new(dependency.clone(), HeaderTenant::new(TENANT))
}

/// Without a proxy, whatever the environment says.
fn plain_client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

fn client(breaker: impl Middleware) -> ClientWithMiddleware {
    ClientBuilder::new(plain_client()).with(breaker).build()
}

/// A client with the middleware that needs no sockets inside.
fn stubbed(breaker: impl Middleware, stub: &stub::Stub) -> ClientWithMiddleware {
    ClientBuilder::new(plain_client())
        .with(breaker)
        .with(stub.clone())
        .build()
}

fn get(client: &ClientWithMiddleware, url: &str, tenant: &str) -> RequestBuilder {
    client.get(url).header(TENANT, tenant)
}
