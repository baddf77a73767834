//! Upstreams with sockets of their own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// Answers as the path says.
///
/// | path | answer |
/// |---|---|
/// | `/503` | that status |
/// | `/503/retry-after/60` | that status, and a hint |
/// | `/hang` | none |
/// | `/redirect/200` | a redirect to that path |
/// | `/loop` | a redirect to itself |
///
/// What comes after these, `/500/chat/completions`, does not matter.
pub(crate) struct Upstream {
    address: SocketAddr,
    received: Arc<AtomicUsize>,
}

impl Upstream {
    pub(crate) async fn start() -> Self {
        let received = Arc::new(AtomicUsize::new(0));
        let app = Router::new().fallback(answer).with_state(received.clone());
        Self::serve(app, received).await
    }

    /// One that gives the same answer, whatever it is asked.
    pub(crate) async fn answering(content_type: &'static str, body: &'static str) -> Self {
        let headers = [(header::CONTENT_TYPE, content_type)];
        let app = Router::new().fallback(async move || (headers, body));
        Self::serve(app, Arc::default()).await
    }

    async fn serve(app: Router, received: Arc<AtomicUsize>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { address, received }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn received(&self) -> usize {
        self.received.load(Ordering::SeqCst)
    }
}

async fn answer(State(received): State<Arc<AtomicUsize>>, uri: Uri) -> (StatusCode, HeaderMap) {
    received.fetch_add(1, Ordering::SeqCst);
    let mut headers = HeaderMap::new();
    let status = match uri.path().split('/').collect::<Vec<_>>()[1..] {
        ["hang"] => std::future::pending().await,
        ["loop"] => {
            headers.insert(header::LOCATION, HeaderValue::from_static("/loop"));
            StatusCode::FOUND
        }
        ["redirect", to] => {
            let to = HeaderValue::from_str(&format!("/{to}")).unwrap();
            headers.insert(header::LOCATION, to);
            StatusCode::FOUND
        }
        [status, "retry-after", seconds] => {
            let seconds = HeaderValue::from_str(seconds).unwrap();
            headers.insert(header::RETRY_AFTER, seconds);
            status.parse().unwrap()
        }
        [status, ..] => status.parse().unwrap(),
        [] => StatusCode::NOT_FOUND,
    };
    (status, headers)
}

/// A port that is taken, and where nobody listens.
pub(crate) struct Nobody {
    socket: TcpSocket,
}

impl Nobody {
    pub(crate) fn new() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
        Self { socket }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.socket.local_addr().unwrap())
    }
}

/// Reads each request's head, says this, and closes the connection.
pub(crate) async fn says_and_leaves(said: &'static str) -> String {
    says_and_then(said, drop).await
}

/// Reads each request's head, says this, and no more.
pub(crate) async fn says_and_stays(said: &'static str) -> String {
    let mut kept = Vec::new();
    says_and_then(said, move |socket| kept.push(socket)).await
}

async fn says_and_then(
    said: &'static str,
    mut then: impl FnMut(TcpStream) + Send + 'static,
) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(socket.read_u8().await.unwrap());
            }
            socket.write_all(said.as_bytes()).await.unwrap();
            then(socket);
        }
    });
    url
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
