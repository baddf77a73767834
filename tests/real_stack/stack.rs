//! Client, gateway and upstream, each with sockets of its own.

use std::collections::HashMap;
use std::future::ready;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::error_handling::HandleErrorLayer;
use axum::extract::State;
use axum::http::response::Parts;
use axum::http::{HeaderMap, Request, Response, StatusCode, Uri};
use axum::routing::get;
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::net::TcpListener;
use tower::ServiceBuilder;
use tower_tenant_breaker::http::{error_response, problem_response};
use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitState, Dependency, Event, EventKind, Policy, Reason,
    TenantCircuitBreakerLayer, TenantExtractor,
};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Health {
    #[default]
    Healthy,
    Failing,
    Hanging,
}

/// The gateway's timeout, and on which side of the breaker it is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Timeout {
    Inside(Duration),
    Outside(Duration),
}

/// What a tenant's client saw.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) served: u64,
    pub(crate) failed: u64,
    pub(crate) rejected: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Stack {
    pub(crate) dependency: Dependency,
    gateway: SocketAddr,
    client: Client<HttpConnector, Body>,
    tenants: Tenants,
    transitions: Transitions,
}

type Transitions = Arc<Mutex<Vec<(String, CircuitState, Reason)>>>;

type Tenants = Arc<Mutex<HashMap<String, Tenant>>>;

#[derive(Clone, Copy, Debug, Default)]
struct Tenant {
    health: Health,
    received: u64,
    seen: Seen,
}

impl Stack {
    pub(crate) async fn start<X>(policy: Policy, extractor: X, timeout: Timeout) -> Self
    where
        X: TenantExtractor<Request<Body>> + Clone + Send + Sync + 'static,
    {
        let tenants = Tenants::default();
        let upstream = Router::new().fallback(answer).with_state(tenants.clone());
        let upstream = serve(upstream).await;

        let transitions = Transitions::default();
        let registry = CircuitBreakerRegistry::builder()
            .observer(note_transitions(&transitions))
            .build()
            .unwrap();
        let dependency = registry.dependency_with("upstream", policy).unwrap();
        let breaker = TenantCircuitBreakerLayer::new(dependency.clone(), extractor)
            .respond_with(problem_response)
            .respond_to_error(error_response);
        // Handlers, and the breaker through `Router::layer`; the gateway example has a proxy service.
        let pass_on = move |State(client): State<Client<HttpConnector, Body>>, request| {
            pass_on(client, upstream, request)
        };
        let routes = Router::new()
            .route("/one", get(pass_on))
            .route("/two", get(pass_on));
        let guarded = match timeout {
            Timeout::Inside(limit) => {
                routes.layer(ServiceBuilder::new().layer(breaker).timeout(limit))
            }
            Timeout::Outside(limit) => {
                let answer = HandleErrorLayer::new(|error| ready(error_response::<Body>(error)));
                routes.layer(
                    ServiceBuilder::new()
                        .layer(answer)
                        .timeout(limit)
                        .layer(breaker),
                )
            }
        };
        Self {
            dependency,
            gateway: serve(guarded.with_state(client())).await,
            client: client(),
            tenants,
            transitions,
        }
    }

    pub(crate) fn set(&self, tenant: &str, health: Health) {
        self.tenant(tenant, |tenant| tenant.health = health);
    }

    /// How many calls of this tenant reached the upstream.
    pub(crate) fn received(&self, tenant: &str) -> u64 {
        self.tenant(tenant, |tenant| tenant.received)
    }

    pub(crate) fn seen(&self, tenant: &str) -> Seen {
        self.tenant(tenant, |tenant| tenant.seen)
    }

    /// The states that the tenant's circuit went to, and why.
    pub(crate) fn transitions(&self, tenant: &str) -> Vec<(CircuitState, Reason)> {
        let transitions = self.transitions.lock().unwrap();
        let of_tenant = transitions.iter().filter(|(whose, ..)| whose == tenant);
        of_tenant.map(|(_, to, why)| (*to, *why)).collect()
    }

    pub(crate) async fn call(&self, tenant: &str) {
        self.call_at(tenant, "/one").await;
    }

    pub(crate) async fn call_at(&self, tenant: &str, path: &str) {
        let (head, _) = self.fetch_at(tenant, path).await;
        let kind = head.headers.get("content-type");
        let is_problem = kind.is_some_and(|kind| kind == "application/problem+json");
        self.tenant(tenant, |tenant| match head.status {
            StatusCode::OK => tenant.seen.served += 1,
            StatusCode::SERVICE_UNAVAILABLE if is_problem => tenant.seen.rejected += 1,
            _ => tenant.seen.failed += 1,
        });
    }

    pub(crate) async fn fetch(&self, tenant: &str) -> (Parts, Bytes) {
        self.fetch_at(tenant, "/one").await
    }

    async fn fetch_at(&self, tenant: &str, path: &str) -> (Parts, Bytes) {
        let request = Request::get(format!("http://{}{path}", self.gateway))
            .header("x-tenant-id", tenant)
            .body(Body::empty())
            .unwrap();
        let (head, body) = self.client.request(request).await.unwrap().into_parts();
        (head, body.collect().await.unwrap().to_bytes())
    }

    fn tenant<T>(&self, tenant: &str, f: impl FnOnce(&mut Tenant) -> T) -> T {
        f(self
            .tenants
            .lock()
            .unwrap()
            .entry(tenant.to_owned())
            .or_default())
    }
}

/// Waits until it is so. The bound is there to fail a test that would hang, not to time anything.
pub(crate) async fn until(what: &str, so: impl AsyncFn() -> bool) {
    let patience = tokio::time::timeout(Duration::from_secs(30), async {
        while !so().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    assert!(patience.await.is_ok(), "it never came to that: {what}");
}

fn note_transitions(transitions: &Transitions) -> impl Fn(&Event<'_>) + Send + Sync + 'static {
    let transitions = Arc::clone(transitions);
    move |event| {
        if let EventKind::Transition { to, .. } = event.kind {
            let (tenant, reason) = (event.tenant.unwrap(), event.reason.unwrap());
            let transition = (tenant.to_owned(), to, reason);
            transitions.lock().unwrap().push(transition);
        }
    }
}

fn client() -> Client<HttpConnector, Body> {
    Client::builder(TokioExecutor::new()).build_http()
}

async fn serve(app: Router) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

async fn answer(State(tenants): State<Tenants>, headers: HeaderMap) -> StatusCode {
    let health = {
        let mut tenants = tenants.lock().unwrap();
        let id = headers["x-tenant-id"].to_str().unwrap();
        let tenant = tenants.entry(id.to_owned()).or_default();
        tenant.received += 1;
        tenant.health
    };
    match health {
        Health::Healthy => StatusCode::OK,
        Health::Failing => StatusCode::SERVICE_UNAVAILABLE,
        Health::Hanging => std::future::pending().await,
    }
}

async fn pass_on(
    client: Client<HttpConnector, Body>,
    upstream: SocketAddr,
    mut request: Request<Body>,
) -> Response<Body> {
    *request.uri_mut() = Uri::try_from(format!("http://{upstream}/")).unwrap();
    match client.request(request).await {
        Ok(response) => response.map(Body::new),
        Err(_) => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::BAD_GATEWAY;
            response
        }
    }
}
