//! What the gateway calls: both dependencies, on a thread of their own.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::runtime;
use tokio::time::sleep;
use tower::BoxError;

use crate::fault::{Fault, Trouble};
use crate::scenario::{DEPENDENCIES, HEADER, SLOW, WORK, tenant};

/// A good answer.
pub(crate) const PAGE: &[u8] =
    br#"{"hits":[{"id":17,"title":"found it"},{"id":23,"title":"and this"}]}"#;

/// The upstream, as long as the program runs.
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    sick: Sick,
}

type Sick = Arc<Mutex<Option<Trouble>>>;

impl Upstream {
    pub(crate) fn start() -> Result<Self, BoxError> {
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0)))?;
        let address = listener.local_addr()?;
        let sick = Sick::default();
        let shared = sick.clone();
        thread::spawn(move || runtime.block_on(serve(listener, shared)));
        Ok(Self { address, sick })
    }

    /// From now on, tenants have this trouble, or none.
    pub(crate) fn strike(&self, trouble: Option<Trouble>) {
        *self.sick.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }
}

async fn serve(listener: TcpListener, sick: Sick) {
    loop {
        let Ok((connection, _)) = listener.accept().await else {
            // There are too many files, or the client is gone already.
            sleep(WORK).await;
            continue;
        };
        // Where it could not be set, answers are only slower.
        let _ = connection.set_nodelay(true);
        let sick = sick.clone();
        let answer = service_fn(move |request| answer(treatment(&request, &sick)));
        // A connection that is closed on a call that hangs takes the call with it.
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(connection), answer));
    }
}

/// How it is sick for the one who asks, or none.
fn treatment(request: &Request<Incoming>, sick: &Sick) -> Option<Fault> {
    if request.uri().path() != format!("/{}", DEPENDENCIES[0]) {
        return None;
    }
    let trouble = (*sick.lock().unwrap_or_else(PoisonError::into_inner))?;
    let id = request.headers().get(HEADER)?.to_str().ok()?;
    trouble.hits(tenant(id)?).then_some(trouble.fault)
}

async fn answer(fault: Option<Fault>) -> Result<Response<Full<Bytes>>, Infallible> {
    let page = || Response::new(Full::new(Bytes::from_static(PAGE)));
    Ok(match fault {
        None => {
            sleep(WORK).await;
            page()
        }
        Some(Fault::Slow) => {
            sleep(SLOW).await;
            page()
        }
        Some(Fault::Hangs) => std::future::pending().await,
        Some(Fault::Fails) => {
            let mut response = Response::new(Full::default());
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            response
        }
    })
}
