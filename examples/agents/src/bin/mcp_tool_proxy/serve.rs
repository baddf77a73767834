//! MCP servers on loopback, whose requests say by a key who they are for.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::AUTHORIZATION;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use rmcp::ServerHandler;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

/// Who a request is for, as it was authenticated.
#[derive(Clone, Debug)]
pub struct TenantId(pub Arc<str>);

/// The tenants by their keys.
pub type Keys = Arc<HashMap<String, Arc<str>>>;

/// A server that runs until it is dropped.
pub struct Running {
    pub url: String,
    task: AbortHandle,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// MCP by streamable HTTP.
pub fn mcp<S: ServerHandler>(session: impl Fn() -> S + Send + Sync + 'static) -> Router {
    let service: StreamableHttpService<S, LocalSessionManager> = StreamableHttpService::new(
        move || Ok(session()),
        Arc::default(),
        StreamableHttpServerConfig::default(),
    );
    Router::new().route_service("/mcp", service)
}

/// Serves to whom has a key.
pub async fn serve(router: Router, keys: Keys) -> io::Result<Running> {
    let router = router.layer(from_fn_with_state(keys, authenticate));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/mcp", listener.local_addr()?);
    let task = tokio::spawn(async move { axum::serve(listener, router).await }).abort_handle();
    Ok(Running { url, task })
}

async fn authenticate(State(keys): State<Keys>, mut request: Request, next: Next) -> Response {
    let header = request.headers().get(AUTHORIZATION);
    let key = header.and_then(|header| header.to_str().ok()?.strip_prefix("Bearer "));
    let Some(tenant) = key.and_then(|key| keys.get(key)) else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    request
        .extensions_mut()
        .insert(TenantId(Arc::clone(tenant)));
    next.run(request).await
}
