//! The gateway: axum, a breaker or none, a timeout, a bounded pool of calls, and a client. It runs on a thread of its own,
//! and begins anew with each run, with circuits that have seen nothing.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use axum::Router;
use axum::body::Body;
use axum::http::uri::{Authority, Parts, PathAndQuery, Scheme};
use axum::http::{Request, Response, StatusCode, Uri, header};
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::net::TcpListener;
use tokio::runtime;
use tokio::sync::{Semaphore, oneshot};
use tower::util::BoxCloneSyncService;
use tower::{BoxError, ServiceBuilder};

use crate::breakers::Breaker;
use crate::openings::Openings;
use crate::scenario::{POOL, TIMEOUT};

/// What is behind a breaker. Its errors are the timeout's and the client's.
pub(crate) type Proxy = BoxCloneSyncService<Request<Body>, Response<Body>, BoxError>;

/// A gateway, while it runs; dropped, it ends, and its connections with it.
pub(crate) struct Gateway {
    pub(crate) address: SocketAddr,
    pub(crate) openings: Openings,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Gateway {
    pub(crate) fn start(
        breaker: Breaker,
        share: f64,
        upstream: SocketAddr,
    ) -> Result<Self, BoxError> {
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let openings = Openings::default();
        let app = breaker.guard(share, proxy(upstream)?, &openings)?;
        let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0)))?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let thread = thread::spawn(move || runtime.block_on(serve(listener, app, stopped)));
        Ok(Self {
            address,
            openings,
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        drop(self.stop.take());
        // Its runtime goes with the thread, and all that hangs in it. What it panicked of, it has said.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// Until the sender is dropped.
async fn serve(listener: TcpListener, app: Router, stopped: oneshot::Receiver<()>) {
    tokio::spawn(async move { axum::serve(listener, app).await });
    let _ = stopped.await;
}

/// One for all tenants and dependencies.
fn proxy(upstream: SocketAddr) -> Result<Proxy, BoxError> {
    let authority = Authority::from_maybe_shared(upstream.to_string())?;
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client: Client<_, Body> = Client::builder(TokioExecutor::new()).build(connector);
    let pool = Arc::new(Semaphore::new(POOL));
    let proxy = ServiceBuilder::new()
        .timeout(TIMEOUT)
        .service_fn(move |request| {
            let request = pass_on(request, &authority);
            let (client, pool) = (client.clone(), pool.clone());
            async move {
                let _place = pool.acquire().await?;
                let (head, body) = client.request(request).await?.into_parts();
                // Read while it has its place.
                let body = Body::from(body.collect().await?.to_bytes());
                Ok::<_, BoxError>(Response::from_parts(head, body))
            }
        });
    Ok(Proxy::new(proxy))
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

/// An answer of the gateway's own.
pub(crate) fn own(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// The answer to an error of the proxy's.
pub(crate) fn to_error(error: &BoxError) -> Response<Body> {
    own(if error.is::<tower::timeout::error::Elapsed>() {
        StatusCode::GATEWAY_TIMEOUT
    } else {
        StatusCode::BAD_GATEWAY
    })
}
