//! An axum route behind a breaker that answers rejections itself, so no `HandleErrorLayer` is needed.
//!
//! `cargo run --example axum_respond`

use std::error::Error;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::routing::get;
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tower::ServiceBuilder;
use tower_tenant_breaker::http::{HeaderTenant, error_response, problem_response};
use tower_tenant_breaker::{CircuitBreakerRegistry, Policy, TenantCircuitBreakerLayer};

/// The route. Its database is down for acme, and slow for sloth.
async fn report(headers: HeaderMap) -> Result<&'static str, StatusCode> {
    match headers.get("x-tenant-id").map(|tenant| tenant.as_bytes()) {
        Some(b"acme") => Err(StatusCode::INTERNAL_SERVER_ERROR),
        Some(b"sloth") => std::future::pending().await,
        _ => Ok("42 visits"),
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let registry = CircuitBreakerRegistry::builder().build()?;
    let policy = Policy::builder().consecutive_failures(2).build()?;
    let database = registry.dependency_with("database", policy)?;

    let breaker = TenantCircuitBreakerLayer::new(database, HeaderTenant::new("x-tenant-id"))
        .respond_with(problem_response) // what a rejected call gets
        .respond_to_error(error_response); // what a call gets that timed out
    let app = Router::new().route("/report", get(report)).layer(
        ServiceBuilder::new()
            .layer(breaker)
            .timeout(Duration::from_millis(100)),
    );
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, app).await });

    let client = Client::builder(TokioExecutor::new()).build_http::<Body>();
    for tenant in ["acme", "acme", "acme", "sloth", "sloth", "sloth", "globex"] {
        let request = Request::get(format!("http://{address}/report"))
            .header("x-tenant-id", tenant)
            .body(Body::empty())?;
        let response = client.request(request).await?;
        let status = response.status();
        let retry_after = response.headers().get("retry-after").cloned();
        let body = response.into_body().collect().await?.to_bytes();
        println!("{tenant:6} {status}, retry-after {retry_after:?}");
        println!("       {}", String::from_utf8_lossy(&body));
    }
    Ok(())
}
