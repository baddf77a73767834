//! The front: a route for each dependency, with a breaker, a timeout, and a client to the upstream.

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::http::uri::{Authority, Scheme};
use axum::http::{Request, Response, Uri, header};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tower::ServiceBuilder;
use tower_tenant_breaker::agent::llm::ProviderErrorLayer;
use tower_tenant_breaker::http::{HeaderTenant, error_response, problem_response};
use tower_tenant_breaker::{CircuitBreakerRegistry, Dependency, TenantCircuitBreakerLayer};

use crate::scenario::{Service, TIMEOUT};

/// Who calls. Of your tenants, something before the breaker has proved it.
pub(crate) const TENANT: &str = "x-tenant-id";

pub(crate) type HttpClient = Client<HttpConnector, Body>;

/// A client that sends what it has at once.
pub(crate) fn client() -> HttpClient {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    Client::builder(TokioExecutor::new()).build(connector)
}

/// `/search`, `/billing` and `/llm`.
pub(crate) fn routes(
    registry: &CircuitBreakerRegistry,
    upstream: SocketAddr,
) -> Result<Router, Box<dyn Error>> {
    let authority = Authority::from_maybe_shared(upstream.to_string())?;
    let mut routes = Router::new();
    for service in Service::ALL {
        let dependency = registry.dependency_with(service.name(), service.policy()?)?;
        let path = format!("/{}", service.name());
        routes = match service {
            Service::Search | Service::Billing => {
                routes.route_service(&path, plain(dependency, authority.clone()))
            }
            Service::Llm => routes.route_service(&path, of_models(dependency, authority.clone())),
        };
    }
    Ok(routes)
}

/// A dependency that says by its status how it is.
fn plain(
    dependency: Dependency,
    upstream: Authority,
) -> impl tower::Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
+ Clone
+ Send
+ Sync
+ 'static {
    let breaker = TenantCircuitBreakerLayer::new(dependency, HeaderTenant::new(TENANT))
        .respond_with(problem_response)
        .respond_to_error(error_response);
    ServiceBuilder::new()
        .layer(breaker)
        .timeout(TIMEOUT)
        .map_request(move |request| pass_on(request, &upstream))
        .map_response(|response: Response<_>| response.map(Body::new))
        .service(client())
}

/// A provider of models, judged by what providers say, and by their streams to the end.
fn of_models(
    dependency: Dependency,
    upstream: Authority,
) -> impl tower::Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
+ Clone
+ Send
+ Sync
+ 'static {
    let breaker = TenantCircuitBreakerLayer::new(dependency, HeaderTenant::new(TENANT))
        .classify_llm()
        .respond_with(problem_response)
        .respond_to_error(error_response);
    ServiceBuilder::new()
        .map_response(|response: Response<_>| response.map(Body::new))
        .layer(breaker)
        .timeout(TIMEOUT)
        .map_response(|response: Response<_>| response.map(Body::new))
        .layer(ProviderErrorLayer::new())
        .map_request(move |request| pass_on(request, &upstream))
        .service(client())
}

/// The request as the upstream gets it. A gateway of yours also takes the hop-by-hop headers out.
fn pass_on(mut request: Request<Body>, upstream: &Authority) -> Request<Body> {
    let mut parts = std::mem::take(request.uri_mut()).into_parts();
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Some(upstream.clone());
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
    // The client names the host it talks to.
    request.headers_mut().remove(header::HOST);
    request
}
