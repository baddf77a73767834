//! A reqwest client with retries and a breaker: how many requests the calls of a tenant cost whose search is down.
//!
//! `cargo run --example reqwest_middleware --features reqwest-middleware`

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use reqwest_retry::RetryTransientMiddleware;
use reqwest_retry::policies::ExponentialBackoff;
use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitOpen, HeaderTenant, OpenPeriod, Policy,
    TenantCircuitBreakerMiddleware,
};

/// A search service on loopback, which is down for acme until somebody mends it.
#[derive(Default)]
struct Search {
    mended: AtomicBool,
    received: AtomicUsize,
}

async fn search(State(search): State<Arc<Search>>, headers: HeaderMap) -> StatusCode {
    search.received.fetch_add(1, Ordering::SeqCst);
    let is_acme = headers.get("x-tenant-id").is_some_and(|id| id == "acme");
    if is_acme && !search.mended.load(Ordering::SeqCst) {
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        StatusCode::OK
    }
}

fn client(registry: &CircuitBreakerRegistry) -> Result<ClientWithMiddleware, Box<dyn Error>> {
    let policy = Policy::builder()
        .consecutive_failures(4)
        .success_threshold(1)
        .open_for(OpenPeriod::fixed(Duration::from_millis(500)))
        .build()?;
    let dependency = registry.dependency_with("search", policy)?;

    let pause = Duration::from_millis(20);
    let two_more = ExponentialBackoff::builder()
        .retry_bounds(pause, pause)
        .build_with_max_retries(2);
    Ok(
        ClientBuilder::new(reqwest::Client::builder().no_proxy().build()?)
            // The first is the outermost. So each try is admitted and judged by itself, the circuit that opens ends
            // the tries of the call that opened it, and a rejection is never tried again.
            .with(RetryTransientMiddleware::new_with_policy(two_more))
            .with(TenantCircuitBreakerMiddleware::new(
                dependency,
                HeaderTenant::new("x-tenant-id"),
            ))
            .build(),
    )
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let upstream = Arc::new(Search::default());
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://{}/", listener.local_addr()?);
    let app = Router::new().fallback(search).with_state(upstream.clone());
    tokio::spawn(async move { axum::serve(listener, app).await });

    let registry = CircuitBreakerRegistry::builder().build()?;
    let client = client(&registry)?;

    println!(
        "Search is down for acme. A call is tried three times; four failures open a circuit.\n"
    );
    println!("tenant  requests  what came of the call");
    let mut wait = Duration::ZERO;
    for tenant in ["acme", "acme", "acme", "globex", "acme"] {
        let call = client.get(&url).header("x-tenant-id", tenant);
        wait = report(&upstream, tenant, call).await?.unwrap_or(wait);
    }

    println!(
        "\nSearch is mended, and acme waits for the {wait:.0?} that its last rejection named.\n"
    );
    upstream.mended.store(true, Ordering::SeqCst);
    tokio::time::sleep(wait).await;
    for tenant in ["acme", "acme"] {
        let call = client.get(&url).header("x-tenant-id", tenant);
        report(&upstream, tenant, call).await?;
    }
    Ok(())
}

/// Makes a call, and prints it; the time to wait, if it was rejected.
async fn report(
    upstream: &Search,
    tenant: &str,
    call: reqwest_middleware::RequestBuilder,
) -> Result<Option<Duration>, reqwest_middleware::Error> {
    let before = upstream.received.load(Ordering::SeqCst);
    let result = call.send().await;
    let requests = upstream.received.load(Ordering::SeqCst) - before;
    match result {
        Ok(response) => {
            println!("{tenant:<7} {requests:>8}  {}", response.status());
            Ok(None)
        }
        Err(error) => match CircuitOpen::find(&error) {
            Some(open) => {
                println!("{tenant:<7} {requests:>8}  {open}");
                Ok(open.retry_after())
            }
            None => Err(error),
        },
    }
}
