//! The gateways: axum, a circuit breaker, a timeout, and a client to the upstream.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::uri::{Authority, Parts, PathAndQuery, Scheme};
use axum::http::{HeaderValue, Request, Response, Uri, header};
use axum::routing::get;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::time::Instant;
use tower::ServiceBuilder;
use tower_tenant_breaker::http::{HeaderTenant, error_response, problem_response};
use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitOpen, CircuitState, Dependency, Event, EventKind, FixedTenant,
    TenantCircuitBreakerLayer, TenantExtractor,
};

use crate::scenario::{TIMEOUT, policy};
use crate::upstream::Upstream;

pub(crate) type HttpClient = Client<HttpConnector, Body>;

/// A client that sends what it has at once.
pub(crate) fn client() -> HttpClient {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    Client::builder(TokioExecutor::new()).build(connector)
}

/// A gateway, while it runs.
#[derive(Clone, Debug)]
pub(crate) struct Gateway {
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    pub(crate) registry: CircuitBreakerRegistry,
    dependency: Dependency,
    /// The one circuit of all tenants, where they share it.
    shared: Option<&'static str>,
    openings: Openings,
}

/// Which circuit opened, and when.
type Openings = Arc<Mutex<Vec<(String, Instant)>>>;

impl Gateway {
    /// Starts a gateway with a circuit for each tenant.
    pub(crate) async fn isolated(upstream: &Upstream) -> Result<Self, Box<dyn Error>> {
        let tenant = HeaderTenant::new("x-tenant-id");
        Self::start("isolated", None, tenant, upstream).await
    }

    /// Starts a gateway whose tenants share one circuit.
    pub(crate) async fn shared(upstream: &Upstream) -> Result<Self, Box<dyn Error>> {
        let everyone = "everyone";
        Self::start(
            "shared",
            Some(everyone),
            FixedTenant::new(everyone),
            upstream,
        )
        .await
    }

    async fn start<X>(
        name: &'static str,
        shared: Option<&'static str>,
        extractor: X,
        upstream: &Upstream,
    ) -> Result<Self, Box<dyn Error>>
    where
        X: TenantExtractor<Request<Body>> + Clone + Send + Sync + 'static,
    {
        let openings = Openings::default();
        let registry = CircuitBreakerRegistry::builder()
            .observer(note_openings(openings.clone()))
            .build()?;
        let dependency = registry.dependency_with("upstream", policy()?)?;

        let address = serve(name, &dependency, extractor, upstream, Router::new()).await?;
        Ok(Self {
            name,
            address,
            registry,
            dependency,
            shared,
            openings,
        })
    }

    /// The state of the circuit that this tenant's calls go through.
    pub(crate) fn state(&self, tenant: &str) -> CircuitState {
        self.dependency.state(self.circuit_of(tenant))
    }

    /// When the circuit of this tenant first opened, not before `since`.
    pub(crate) fn opened(&self, tenant: &str, since: Instant) -> Option<Instant> {
        let circuit = self.circuit_of(tenant);
        let openings = self.openings.lock().unwrap_or_else(PoisonError::into_inner);
        let of_circuit = openings.iter().filter(|(name, _)| name == circuit);
        of_circuit.map(|&(_, at)| at).find(|&at| at >= since)
    }

    fn circuit_of<'a>(&self, tenant: &'a str) -> &'a str {
        self.shared.unwrap_or(tenant)
    }
}

/// Serves this on a free port: a breaker, a timeout, and the upstream. `beside` are further routes.
pub(crate) async fn serve<X>(
    name: &str,
    dependency: &Dependency,
    extractor: X,
    upstream: &Upstream,
    beside: Router,
) -> Result<SocketAddr, Box<dyn Error>>
where
    X: TenantExtractor<Request<Body>> + Clone + Send + Sync + 'static,
{
    let breaker = TenantCircuitBreakerLayer::new(dependency.clone(), extractor)
        .respond_with(with_note)
        .respond_to_error(error_response);
    let authority = Authority::from_maybe_shared(upstream.address.to_string())?;
    let via = HeaderValue::from_str(&format!("1.1 {name}"))?;
    let proxy = ServiceBuilder::new()
        .layer(breaker)
        .timeout(TIMEOUT)
        .map_request(move |request| pass_on(request, &authority, &via))
        .map_response(|response: Response<_>| response.map(Body::new))
        .service(client());
    // A circuit is read beside the breaker, not through it.
    let app = Router::new()
        .route("/circuits/{tenant}", get(show_circuit))
        .with_state(dependency.clone())
        .merge(beside)
        .fallback_service(proxy);

    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(address)
}

/// The stock answer, and what an operator noted who forced the circuit open.
///
/// The stock answer keeps such a note back, since it may be meant for colleagues. Here it is meant for
/// the callers.
fn with_note(open: &CircuitOpen) -> Response<Body> {
    let response: Response<String> = problem_response(open);
    let Some(note) = open.note() else {
        return response.map(Body::from);
    };
    response.map(|text| match serde_json::from_str::<Value>(&text) {
        Ok(mut problem) => {
            problem["note"] = note.into();
            Body::from(problem.to_string())
        }
        Err(_) => Body::from(text),
    })
}

fn note_openings(openings: Openings) -> impl Fn(&Event<'_>) + Send + Sync + 'static {
    move |event| {
        if let EventKind::Transition {
            to: CircuitState::Open,
            ..
        } = event.kind
        {
            let tenant = event.tenant.unwrap_or_default().to_owned();
            let mut openings = openings.lock().unwrap_or_else(PoisonError::into_inner);
            openings.push((tenant, event.at));
        }
    }
}

/// The request as the upstream gets it. A gateway of yours also takes the hop-by-hop headers out.
fn pass_on(mut request: Request<Body>, upstream: &Authority, via: &HeaderValue) -> Request<Body> {
    let mut parts = Parts::default();
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Some(upstream.clone());
    let path = request.uri().path_and_query().cloned();
    parts.path_and_query = path.or(Some(PathAndQuery::from_static("/")));
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
    request.headers_mut().insert(header::VIA, via.clone());
    // The client names the host it talks to.
    request.headers_mut().remove(header::HOST);
    request
}

/// `GET /circuits/{tenant}`.
async fn show_circuit(State(dependency): State<Dependency>, Path(tenant): Path<String>) -> String {
    let circuit = dependency.circuit(&tenant);
    let Some(snapshot) = circuit.snapshot() else {
        return format!("{tenant} has no circuit: it has not called yet\n");
    };
    let totals = snapshot.totals;
    let mut text = format!(
        "{tenant}: {}, {} calls, {} failed, {} rejected, opened {} times\n",
        snapshot.state, totals.calls, totals.failures, totals.rejected, totals.opened,
    );
    if let Some(left) = snapshot.retry_after {
        text += &format!("the next probe may come in {} ms\n", left.as_millis());
    }
    if let Some(trip) = snapshot.last_trip {
        let figures = trip.figures;
        text += &format!(
            "last trip: {}, {} of {} calls in the window had failed\n",
            trip.reason, figures.failures, figures.calls
        );
    }
    text
}
