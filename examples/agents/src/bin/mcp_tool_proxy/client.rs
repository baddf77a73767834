//! A client of an MCP server, by streamable HTTP.

use rmcp::model::{ClientConfig, ProtocolVersion};
use rmcp::service::{ClientInitializeError, RunningService};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::{ClientHandler, ClientLifecycleMode, ClientServiceExt, RoleClient};

/// Connects without a session, as protocol 2026-07-28 has it: each request is complete in itself.
pub async fn connect(
    url: &str,
    key: &str,
) -> Result<RunningService<RoleClient, ClientConfig>, ClientInitializeError> {
    let newest = ClientLifecycleMode::Discover {
        preferred_versions: vec![ProtocolVersion::V_2026_07_28],
    };
    connect_as(ClientConfig::default(), newest, url, key).await
}

/// Connects with this handler and by these protocols.
pub async fn connect_as<H: ClientHandler>(
    handler: H,
    lifecycle: ClientLifecycleMode,
    url: &str,
    key: &str,
) -> Result<RunningService<RoleClient, H>, ClientInitializeError> {
    // Without a proxy, whatever the environment says.
    let http = reqwest::Client::builder().no_proxy().build();
    let http = http.unwrap_or_default();
    let config = StreamableHttpClientTransportConfig::with_uri(url).auth_header(key);
    let transport = StreamableHttpClientTransport::with_client(http, config);
    handler.serve_with_lifecycle(transport, lifecycle).await
}
