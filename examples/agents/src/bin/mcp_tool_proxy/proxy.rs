//! The MCP server that agents talk to. Each `tools/call` is a call of the dispatcher.

use std::borrow::Cow;
use std::sync::{Arc, Mutex};

use axum::http::request::Parts;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ErrorData, Extensions,
    ListToolsResult, MetaObject, PaginatedRequestParams, ServerCapabilities, ServerConfig,
    SubscriptionFilter, Tool,
};
use rmcp::service::{NotificationContext, RequestContext, SubscriptionContext};
use rmcp::{Peer, RoleServer, ServerHandler};
use tokio::task::JoinSet;
use tower::ServiceExt;
use tower_tenant_breaker::CircuitBreakerRegistry;
use tower_tenant_breaker::agent::{
    DegradationSignal, DispatchError, Dispatcher, ToolCall, ToolReply, Tools,
};

use crate::availability::Availability;
use crate::judge::OfServers;
use crate::serve::TenantId;
use crate::upstream::Upstreams;

/// Under which key of `_meta` an agent says to which of its turns a call belongs.
pub const TURN: &str = "tower-tenant-breaker/turn";

/// Under which key of its `_meta` a list of tools has the note for the next prompt.
pub const PROMPT_NOTE: &str = "tower-tenant-breaker/prompt_note";

/// What the proxy is to all agents.
#[derive(Clone)]
pub struct Proxy {
    registry: CircuitBreakerRegistry,
    tools: Tools,
    dispatcher: Dispatcher<Upstreams, CallToolRequestParams, OfServers>,
    /// As the servers of the tools describe them.
    described: Arc<[Tool]>,
}

impl Proxy {
    pub fn new(registry: &CircuitBreakerRegistry, tools: &Tools, upstreams: Upstreams) -> Self {
        Self {
            registry: registry.clone(),
            tools: tools.clone(),
            described: upstreams.described().into(),
            dispatcher: tools.dispatcher_with(upstreams, OfServers),
        }
    }

    /// What a session of an agent is served by; a request without a session has one of its own.
    pub fn session(&self) -> Session {
        Session {
            proxy: self.clone(),
            watch: Mutex::default(),
        }
    }

    /// As the server describes it, and whether this tenant can use it: what the model reads.
    fn annotated(&self, tool: &Tool, tenant: &str) -> Tool {
        let mut tool = tool.clone();
        if let Some(note) = self.tools.tool_note(tenant, &tool.name) {
            let described = tool.description.unwrap_or_default();
            tool.description = Some(Cow::Owned(format!("{note} {described}")));
        }
        tool
    }

    /// The signal in the place of a result. Clients hold structured content against the schema that its tool has
    /// declared, and a signal is of none.
    fn unavailable(&self, signal: &DegradationSignal) -> Result<CallToolResponse, ErrorData> {
        let mut described = self.described.iter();
        let tool = described.find(|tool| tool.name == signal.tool_name());
        let result = match tool.and_then(|tool| tool.output_schema.as_ref()) {
            Some(_schema) => signal.to_mcp_text(),
            None => signal.to_mcp(),
        };
        let result: Result<CallToolResult, _> = serde_json::from_value(result);
        result
            .map(CallToolResponse::from)
            .map_err(|error| ErrorData::internal_error(error.to_string(), None))
    }

    fn availability(&self, tenant: Arc<str>) -> Availability {
        Availability::new(&self.registry, &self.tools, tenant)
    }
}

/// An agent's session.
pub struct Session {
    proxy: Proxy,
    /// What tells an agent of before 2026-07-28 of changes; ends with the session.
    watch: Mutex<JoinSet<()>>,
}

impl ServerHandler for Session {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder();
        ServerConfig::new(
            capabilities
                .enable_tools()
                .enable_tool_list_changed()
                .build(),
        )
    }

    async fn call_tool(
        &self,
        params: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let tenant = tenant(&context.extensions)?;
        let mut call =
            ToolCall::new(tenant, &*params.name, params.clone()).call_id(context.id.to_string());
        if let Some(turn) = context.meta.get(TURN).and_then(|turn| turn.as_str()) {
            call = call.turn_id(turn);
        }
        tokio::select! {
            reply = self.proxy.dispatcher.clone().oneshot(call) => match reply {
                Ok(ToolReply::Output(output)) => output,
                Ok(ToolReply::Unavailable(signal)) => self.proxy.unavailable(&signal),
                Err(error) => Err(refused(&error)),
            },
            // rmcp goes on with what nobody waits for any more: dropped, the call frees its place.
            () = context.ct.cancelled() => Err(ErrorData::internal_error("cancelled", None)),
        }
    }

    async fn list_tools(
        &self,
        _page: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let tenant = tenant(&context.extensions)?;
        let described = self.proxy.described.iter();
        let note = self.proxy.tools.prompt_note(&tenant);
        Ok(ListToolsResult {
            tools: described
                .map(|tool| self.proxy.annotated(tool, &tenant))
                .collect(),
            meta: note.map(|note| {
                let note = (PROMPT_NOTE.to_owned(), note.into());
                MetaObject([note].into_iter().collect())
            }),
            ..ListToolsResult::default()
        })
    }

    fn accepted_subscription_filter(
        &self,
        _requested: &SubscriptionFilter,
    ) -> Option<SubscriptionFilter> {
        Some(SubscriptionFilter::builder().tools_list_changed().build())
    }

    /// Protocol 2026-07-28: an agent that wants to know of changes asks for them.
    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let tenant = tenant(&context.request_context().extensions)?;
        let mut availability = self.proxy.availability(tenant);
        loop {
            tokio::select! {
                changed = availability.changed() => if !changed { return Ok(()) },
                () = context.cancelled() => return Ok(()),
            }
            if context.sink().notify_tool_list_changed().await.is_err() {
                return Ok(());
            }
        }
    }

    /// Earlier protocols: an agent is told without asking, as long as its session lasts.
    async fn on_initialized(&self, context: NotificationContext<RoleServer>) {
        let Ok(tenant) = tenant(&context.extensions) else {
            return;
        };
        let availability = self.proxy.availability(tenant);
        if let Ok(mut watch) = self.watch.lock() {
            watch.spawn(tell(availability, context.peer));
        }
    }
}

async fn tell(mut availability: Availability, peer: Peer<RoleServer>) {
    while availability.changed().await {
        if peer.notify_tool_list_changed().await.is_err() {
            break;
        }
    }
}

/// Who this request is for: each says so anew, whatever session it is of.
fn tenant(extensions: &Extensions) -> Result<Arc<str>, ErrorData> {
    let parts = extensions.get::<Parts>();
    let tenant = parts.and_then(|parts| parts.extensions.get::<TenantId>());
    tenant
        .map(|TenantId(tenant)| Arc::clone(tenant))
        .ok_or_else(|| ErrorData::internal_error("nobody has said who this is for", None))
}

/// What is no call of a tool, and no result that a model could plan with.
fn refused(error: &DispatchError) -> ErrorData {
    ErrorData::invalid_params(error.to_string(), None)
}
