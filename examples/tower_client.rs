//! A client behind a breaker: any tower service will do, here hyper's HTTP client.
//!
//! `cargo run --example tower_client`

use std::error::Error;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tower::{Service, ServiceBuilder, ServiceExt};
use tower_tenant_breaker::http::HeaderTenant;
use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitOpen, Policy, TenantCircuitBreakerLayer,
};

/// A search service that is down for acme, and says when to come back.
async fn search(headers: HeaderMap) -> (StatusCode, [(&'static str, &'static str); 1]) {
    match headers.get("x-tenant-id") {
        Some(tenant) if tenant == "acme" => {
            (StatusCode::SERVICE_UNAVAILABLE, [("retry-after", "60")])
        }
        _ => (StatusCode::OK, [("x-hits", "3")]),
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    let server = axum::Router::new().fallback(search);
    tokio::spawn(async move { axum::serve(listener, server).await });

    let registry = CircuitBreakerRegistry::builder().build()?;
    let policy = Policy::builder().consecutive_failures(3).build()?;
    let dependency = registry.dependency_with("search", policy)?;

    let mut client = ServiceBuilder::new()
        .layer(TenantCircuitBreakerLayer::new(
            dependency,
            HeaderTenant::new("x-tenant-id"),
        ))
        // Inside the breaker, so that a call that takes too long is a failure of the search service.
        .timeout(Duration::from_secs(2))
        .service(Client::builder(TokioExecutor::new()).build_http::<Body>());

    for tenant in ["acme", "acme", "acme", "acme", "globex"] {
        let request = Request::get(format!("http://{address}/"))
            .header("x-tenant-id", tenant)
            .body(Body::empty())?;
        match client.ready().await?.call(request).await {
            Ok(response) => println!("{tenant:6} {}", response.status()),
            Err(error) => match CircuitOpen::find(error.as_ref()) {
                // The server's own Retry-After is longer than the policy's 30 s, so it counts.
                Some(open) => println!(
                    "{tenant:6} not sent: {open}; worth a try in {:?}",
                    open.retry_after()
                ),
                None => println!("{tenant:6} failed: {error}"),
            },
        }
    }
    Ok(())
}
