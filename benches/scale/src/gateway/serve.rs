use std::convert::Infallible;
use std::io::{self, BufRead, Write};
use std::net::SocketAddr;
use std::thread;

use axum::Router;
use axum::body::Body;
use axum::http::uri::{Authority, Parts, PathAndQuery, Scheme};
use axum::http::{Request, Response, StatusCode, Uri, header};
use gauge::cpu;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::net::TcpListener;
use tokio::runtime;
use tower::{BoxError, Layer, service_fn};
use tower_tenant_breaker::http::{HeaderTenant, error_response, problem_response};
use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitOpen, Policy, TenantCircuitBreakerLayer,
};

type HttpClient = Client<HttpConnector, Body>;

/// Is the gateway, until its input ends.
pub fn serve(upstream: SocketAddr) -> Result<(), BoxError> {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let [without, with] = runtime.block_on(async {
        let authority = Authority::from_maybe_shared(upstream.to_string())?;
        Ok::<_, BoxError>([
            listen(without(&authority)).await?,
            listen(with(&authority)?).await?,
        ])
    })?;
    thread::spawn(move || runtime.block_on(std::future::pending::<Infallible>()));

    let mut output = io::stdout();
    writeln!(output, "{without} {with}")?;
    output.flush()?;
    for question in io::stdin().lock().lines() {
        question?;
        writeln!(output, "{}", cpu::spent().as_nanos())?;
        output.flush()?;
    }
    Ok(())
}

async fn listen(app: Router) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(address)
}

fn client() -> HttpClient {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    Client::builder(TokioExecutor::new()).build(connector)
}

fn with(upstream: &Authority) -> Result<Router, BoxError> {
    let registry = CircuitBreakerRegistry::builder().build()?;
    let dependency = registry.dependency_with("upstream", Policy::default())?;
    let breaker = TenantCircuitBreakerLayer::new(dependency, HeaderTenant::new("x-tenant-id"))
        .respond_with(rejected)
        .respond_to_error(error_response);
    let (client, upstream) = (client(), upstream.clone());
    let proxy = breaker.layer(service_fn(move |request| {
        let sent = client.request(pass_on(request, &upstream));
        async { sent.await.map(|response| response.map(Body::new)) }
    }));
    Ok(Router::new().fallback_service(proxy))
}

/// The same, with errors of the client answered, which the layer does by the way.
fn without(upstream: &Authority) -> Router {
    let (client, upstream) = (client(), upstream.clone());
    let proxy = service_fn(move |request| {
        let sent = client.request(pass_on(request, &upstream));
        async {
            let answered = sent.await.map(|response| response.map(Body::new));
            Ok::<_, Infallible>(answered.unwrap_or_else(|_| bad_gateway()))
        }
    });
    Router::new().fallback_service(proxy)
}

fn rejected(open: &CircuitOpen) -> Response<Body> {
    problem_response(open)
}

fn bad_gateway() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::BAD_GATEWAY;
    response
}

/// The request as the upstream gets it.
fn pass_on(mut request: Request<Body>, upstream: &Authority) -> Request<Body> {
    let mut parts = Parts::default();
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Some(upstream.clone());
    let path = request.uri().path_and_query().cloned();
    parts.path_and_query = path.or(Some(PathAndQuery::from_static("/")));
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
    // The client names the host it talks to.
    request.headers_mut().remove(header::HOST);
    request
}
