//! The providers: real HTTP servers that answer a prompt, and can be overloaded.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use tokio::net::TcpListener;
use tokio::time::sleep;

/// How long an overloaded provider takes to say so. They do take their time: the refusal waits in the same
/// queue as the work.
pub(crate) const REFUSAL: Duration = Duration::from_millis(300);

/// What it then says in `Retry-After`.
pub(crate) const RETRY_AFTER_SECONDS: u64 = 3;

/// A provider, while it runs.
#[derive(Clone, Debug)]
pub(crate) struct Provider {
    pub(crate) address: SocketAddr,
    /// What an answer takes.
    work: Duration,
    overloaded: Arc<AtomicBool>,
    refused: Arc<AtomicU64>,
}

impl Provider {
    pub(crate) async fn primary() -> io::Result<Self> {
        Self::start(Duration::from_millis(20)).await
    }

    /// Somewhat slower: that is why it is not the primary.
    pub(crate) async fn standby() -> io::Result<Self> {
        Self::start(Duration::from_millis(40)).await
    }

    async fn start(work: Duration) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let provider = Self {
            address: listener.local_addr()?,
            work,
            overloaded: Arc::default(),
            refused: Arc::default(),
        };
        let app = Router::new().fallback(answer).with_state(provider.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Ok(provider)
    }

    pub(crate) fn set_overloaded(&self, overloaded: bool) {
        self.overloaded.store(overloaded, Ordering::Relaxed);
    }

    /// How many calls it refused.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

async fn answer(State(provider): State<Provider>) -> (StatusCode, HeaderMap, &'static str) {
    let mut headers = HeaderMap::new();
    if provider.overloaded.load(Ordering::Relaxed) {
        provider.refused.fetch_add(1, Ordering::Relaxed);
        sleep(REFUSAL).await;
        let retry_after = HeaderName::from_static("retry-after");
        headers.insert(retry_after, RETRY_AFTER_SECONDS.into());
        // 529 is what some providers say when they are overloaded.
        let status = StatusCode::from_u16(529).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
        return (status, headers, "");
    }
    sleep(provider.work).await;
    (StatusCode::OK, headers, "42")
}
