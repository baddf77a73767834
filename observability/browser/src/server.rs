//! The page's server, which can go away as a process does: with all of its connections.

use std::net::SocketAddr;

use axum::Router;
use http::request::Parts;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tower_tenant_breaker::CircuitBreakerRegistry;
use tower_tenant_breaker::status::StatusService;

use crate::failure::Failure;

/// Where the page is for those who may act.
pub(crate) const OPS: &str = "/ops/breakers";

/// Where it is for those who may only look.
pub(crate) const LOOK: &str = "/look";

#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    runtime: Option<Runtime>,
}

impl Server {
    /// On this port of loopback; on a free one, for 0.
    pub(crate) async fn start(
        registry: &CircuitBreakerRegistry,
        port: u16,
    ) -> Result<Self, Failure> {
        // Of its own, so that its end takes everything with it.
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        let registry = registry.clone();
        let serving = runtime.spawn(async move {
            let listener = TcpListener::bind(("127.0.0.1", port)).await?;
            let address = listener.local_addr()?;
            let alice = |_: &Parts| Some("alice".to_owned());
            let app = Router::new()
                .nest_service(OPS, StatusService::new(registry.clone()).authorise(alice))
                .nest_service(LOOK, StatusService::new(registry));
            tokio::spawn(async move { axum::serve(listener, app).await });
            std::io::Result::Ok(address)
        });
        let address = serving.await??;
        Ok(Self {
            address,
            runtime: Some(runtime),
        })
    }

    pub(crate) fn stop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A runtime must not be waited for within another.
impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}
