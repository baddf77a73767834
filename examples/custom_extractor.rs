//! A tenant extractor of one's own: here the tenant is the subdomain, `acme` of `acme.example.com`.
//!
//! `cargo run --example custom_extractor`

use std::error::Error;

use http::{Request, Response, StatusCode, header};
use tower::{BoxError, Layer, ServiceExt, service_fn};
use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitOpen, MissingReason, MissingTenant, Policy, Tenant,
    TenantCircuitBreakerLayer, TenantExtractor,
};

/// The first label of the host. Where the host comes from the client, take a tenant only from a name
/// that your proxy or certificate vouches for.
#[derive(Clone)]
struct Subdomain;

impl<B> TenantExtractor<Request<B>> for Subdomain {
    // Borrowed from the request: no allocation per call.
    fn extract<'a>(&self, request: &'a Request<B>) -> Result<Tenant<'a>, MissingTenant> {
        let host = request
            .headers()
            .get(header::HOST)
            .ok_or(MissingTenant::new(MissingReason::Absent))?
            .to_str()
            .map_err(|_| MissingTenant::new(MissingReason::NotUtf8))?;
        match host.split_once('.') {
            Some((tenant, _)) => Ok(Tenant::from(tenant)),
            None => Err(MissingTenant::new(MissingReason::Absent)),
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let registry = CircuitBreakerRegistry::builder().build()?;
    let policy = Policy::builder().consecutive_failures(2).build()?;
    let pages = registry.dependency_with("pages", policy)?;

    // Whatever is behind: it is down for acme.
    let inner = service_fn(async |request: Request<String>| {
        let host = &request.headers()[header::HOST];
        let mut response = Response::new(String::new());
        if host.as_bytes().starts_with(b"acme.") {
            *response.status_mut() = StatusCode::BAD_GATEWAY;
        }
        Ok::<_, BoxError>(response)
    });
    let service = TenantCircuitBreakerLayer::new(pages.clone(), Subdomain).layer(inner);

    for host in ["acme", "acme", "acme", "globex"].map(|tenant| format!("{tenant}.example.com")) {
        let request = Request::builder()
            .header(header::HOST, &host)
            .body(String::new())?;
        match service.clone().oneshot(request).await {
            Ok(response) => println!("{host:20} {}", response.status()),
            Err(error) => match CircuitOpen::find(error.as_ref()) {
                Some(open) => println!("{host:20} rejected, tenant {:?}: {open}", open.tenant()),
                None => return Err(error),
            },
        }
    }
    println!("open circuits: {:?}", pages.open_circuits());
    Ok(())
}
