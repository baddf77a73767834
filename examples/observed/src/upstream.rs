//! The upstreams: a real HTTP server, sick for those for whom the stage says so.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::time::sleep;

use crate::front::TENANT;
use crate::scenario::{Service, place};
use crate::stage::Stage;

/// Starts it on a free port.
pub(crate) async fn start(stage: Arc<Stage>) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    let app = Router::new()
        .route("/{service}", get(answer))
        .with_state(stage);
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(address)
}

async fn answer(
    State(stage): State<Arc<Stage>>,
    Path(service): Path<String>,
    headers: HeaderMap,
) -> Response {
    let Ok(service) = service.parse::<Service>() else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let tenant = headers.get(TENANT).and_then(|name| name.to_str().ok());
    let tenant = tenant.unwrap_or_default();
    if stage.is_sick(service, tenant) {
        let status = match service {
            // What providers of models say when they are overloaded.
            Service::Llm => StatusCode::from_u16(529).unwrap_or(StatusCode::SERVICE_UNAVAILABLE),
            Service::Search | Service::Billing => StatusCode::SERVICE_UNAVAILABLE,
        };
        return (status, "sick\n").into_response();
    }
    // Some tenants have more to be looked through than others.
    let size = place(tenant).unwrap_or_default() % 8;
    sleep(service.work() + service.work() * size as u32 / 4).await;
    "well\n".into_response()
}
