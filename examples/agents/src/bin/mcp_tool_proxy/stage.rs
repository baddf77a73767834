//! Everything that the story needs: the servers of three tools, the proxy before them, and its tenants.

use std::sync::Arc;
use std::time::Duration;

use tower::BoxError;
use tower_tenant_breaker::agent::{Tool, Tools};
use tower_tenant_breaker::impact::ImpactPolicy;
use tower_tenant_breaker::{CircuitBreakerRegistry, OpenPeriod, Policy};

use crate::agent::Agent;
use crate::proxy::Proxy;
use crate::serve::{self, Keys, Running};
use crate::tool_server::ToolServer;
use crate::upstream::{Account, Server, Upstreams};

pub const TENANTS: [&str; 2] = ["acme", "globex"];

/// The tools by which the agents answer questions, the better one first.
pub const ANSWERING: [&str; 2] = ["search", "encyclopedia"];

pub struct Stage {
    pub registry: CircuitBreakerRegistry,
    pub search: ToolServer,
    pub encyclopedia: ToolServer,
    pub booking: ToolServer,
    pub proxy: Running,
}

impl Stage {
    /// Circuits open after two failures in a row, and for so long.
    pub async fn set(open_for: Duration, timeout: Duration) -> Result<Self, BoxError> {
        let registry = CircuitBreakerRegistry::builder()
            .impact(ImpactPolicy::default())
            .build()?;
        let policy = Policy::low_traffic()
            .consecutive_failures(2)
            .open_for(OpenPeriod::fixed(open_for).jitter(0.0))
            .success_threshold(1)
            .trip_on_hint(true)
            .build()?;
        let tools = Tools::builder(&registry)
            .policy(policy)
            .timeout(timeout)
            .tool(Tool::new("search").substitutes(["encyclopedia"]))
            .tool(Tool::new("encyclopedia"))
            .tool(Tool::new("book").has_side_effects())
            .build()?;

        let keys = keys(key_with_servers);
        let start =
            async |tool, described| ToolServer::start(tool, described, Arc::clone(&keys)).await;
        let search = start("search", "Searches the web.").await?;
        let encyclopedia =
            start("encyclopedia", "Looks things up, as they were last year.").await?;
        let booking = start("book", "Books a journey.").await?;
        let servers = [
            ("search", &search),
            ("encyclopedia", &encyclopedia),
            ("book", &booking),
        ];
        let servers = servers.map(|(tool, server)| Server {
            tool,
            url: server.url().to_owned(),
        });
        let accounts = TENANTS.map(|tenant| Account {
            tenant,
            key: key_with_servers(tenant),
        });
        let upstreams = Upstreams::connect(&servers, &accounts).await?;

        let proxy = Proxy::new(&registry, &tools, upstreams);
        let proxy = serve::serve(
            serve::mcp(move || proxy.session()),
            self::keys(key_with_proxy),
        )
        .await?;
        Ok(Self {
            registry,
            search,
            encyclopedia,
            booking,
            proxy,
        })
    }

    /// An agent of this tenant.
    pub async fn agent(&self, tenant: &str) -> Result<Agent, BoxError> {
        Agent::connect(&self.proxy.url, &key_with_proxy(tenant)).await
    }
}

/// What an agent shows to the proxy.
pub fn key_with_proxy(tenant: &str) -> String {
    format!("agent-key-of-{tenant}")
}

/// What the proxy shows to the servers: no agent has it.
pub fn key_with_servers(tenant: &str) -> String {
    format!("account-key-of-{tenant}")
}

fn keys(key: impl Fn(&str) -> String) -> Keys {
    let keys = TENANTS.map(|tenant| (key(tenant), tenant.into()));
    Arc::new(keys.into_iter().collect())
}
