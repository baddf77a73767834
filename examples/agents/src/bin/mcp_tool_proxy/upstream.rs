//! The clients of the MCP servers that have the tools.

use std::collections::HashMap;
use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rmcp::RoleClient;
use rmcp::model::{CallToolRequestParams, ClientConfig, ErrorCode, Tool};
use rmcp::service::{RunningService, ServiceError};
use tower::{BoxError, Service};
use tower_tenant_breaker::agent::ToolCall;

use crate::client;
use crate::judge::Answer;

/// Where a tool's server is.
pub struct Server {
    pub tool: &'static str,
    pub url: String,
}

/// A tenant, and the account that it has with the servers.
pub struct Account {
    pub tenant: &'static str,
    pub key: String,
}

/// The tools, as a service: a connection for each tenant to each server, under the tenant's own account.
#[derive(Clone)]
pub struct Upstreams {
    connections: Arc<Connections>,
}

struct Connections {
    described: Vec<Tool>,
    /// By tenant, then by tool.
    clients: HashMap<&'static str, HashMap<&'static str, RunningService<RoleClient, ClientConfig>>>,
}

impl Upstreams {
    pub async fn connect(
        servers: &[Server],
        accounts: &[Account],
    ) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let mut described = HashMap::new();
        let mut clients = HashMap::<_, HashMap<_, _>>::new();
        for Account { tenant, key } in accounts {
            for Server { tool, url } in servers {
                let client = client::connect(url, key).await?;
                for tool in client.list_all_tools().await? {
                    described.insert(tool.name.clone(), tool);
                }
                clients.entry(*tenant).or_default().insert(*tool, client);
            }
        }
        let mut described: Vec<_> = described.into_values().collect();
        described.sort_by(|one, other| one.name.cmp(&other.name));
        let connections = Connections { described, clients };
        Ok(Self {
            connections: Arc::new(connections),
        })
    }

    /// The tools, as their servers describe them.
    pub fn described(&self) -> &[Tool] {
        &self.connections.described
    }
}

impl Service<ToolCall<CallToolRequestParams>> for Upstreams {
    type Response = Answer;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Answer, BoxError>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, call: ToolCall<CallToolRequestParams>) -> Self::Future {
        let of_tenant = self.connections.clients.get(&*call.tenant);
        let client = of_tenant.and_then(|clients| clients.get(&*call.tool));
        let peer = client.map(|client| client.peer().clone());
        Box::pin(async move {
            let peer = peer.ok_or("this tenant has no account with the tool's server")?;
            match peer.call_tool_once(call.input).await {
                Ok(response) => Ok(Ok(response)),
                // The tool is well, and says what is wrong with the model's arguments.
                Err(ServiceError::McpError(error)) if error.code == ErrorCode::INVALID_PARAMS => {
                    Ok(Err(error))
                }
                Err(error) => Err(error.into()),
            }
        })
    }
}
