//! An MCP server with one tool, as somebody else has written it: it can break for one account alone, and says too much.

use std::collections::HashMap;
use std::future::pending;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorData,
    ListToolsResult, PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::RequestContext;
use rmcp::{RoleServer, ServerHandler};
use serde_json::json;
use tokio::sync::watch;

use crate::serve::{self, Keys, Running, TenantId};

/// What no agent may ever read: it is in everything that the server says when it breaks.
pub const SECRET: &str = "hunter2";

/// How the server is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Its gateway answers 500, with a page that says too much.
    Status500,
    /// It is busy, and says for how long.
    Status429,
    /// It answers with an error of JSON-RPC, which says too much.
    Internal,
    /// It never answers.
    Hangs,
}

/// A server that runs until it is dropped.
pub struct ToolServer {
    running: Running,
    state: Shared,
}

#[derive(Clone, Default)]
struct Shared {
    accounts: Arc<Mutex<Accounts>>,
    /// How many requests wait for an answer that never comes.
    hanging: watch::Sender<usize>,
}

#[derive(Default)]
struct Accounts {
    faults: HashMap<Arc<str>, Fault>,
    requests: HashMap<Arc<str>, usize>,
}

impl ToolServer {
    /// Serves this tool to whom has a key.
    pub async fn start(
        tool: &'static str,
        described: &'static str,
        keys: Keys,
    ) -> io::Result<Self> {
        let state = Shared::default();
        let handler = Handler {
            tool,
            described,
            state: state.clone(),
        };
        let gateway = from_fn_with_state(state.clone(), gateway);
        let router = serve::mcp(move || handler.clone()).layer(gateway);
        let running = serve::serve(router, keys).await?;
        Ok(Self { running, state })
    }

    pub fn url(&self) -> &str {
        &self.running.url
    }

    /// Breaks it for this account, or mends it.
    pub fn set(&self, account: &str, fault: Option<Fault>) {
        let mut accounts = self.state.lock();
        match fault {
            Some(fault) => accounts.faults.insert(account.into(), fault),
            None => accounts.faults.remove(account),
        };
    }

    /// How many requests of this account have arrived.
    pub fn requests(&self, account: &str) -> usize {
        self.state
            .lock()
            .requests
            .get(account)
            .copied()
            .unwrap_or(0)
    }
}

impl ToolServer {
    /// Waits until so many requests hang.
    pub async fn until_hanging(&self, requests: usize) {
        let mut hanging = self.state.hanging.subscribe();
        // The sender is in `self`.
        let _ = hanging.wait_for(|hanging| *hanging == requests).await;
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Accounts> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fault(&self, account: &str) -> Option<Fault> {
        self.lock().faults.get(account).copied()
    }
}

/// A request that hangs, until its client has gone.
struct Hanging(watch::Sender<usize>);

impl Hanging {
    fn new(shared: &Shared) -> Self {
        shared.hanging.send_modify(|hanging| *hanging += 1);
        Self(shared.hanging.clone())
    }
}

impl Drop for Hanging {
    fn drop(&mut self) {
        self.0.send_modify(|hanging| *hanging -= 1);
    }
}

/// What stands before the server and breaks with it.
async fn gateway(
    State(state): State<Shared>,
    Extension(TenantId(account)): Extension<TenantId>,
    request: Request,
    next: Next,
) -> Response {
    *state
        .lock()
        .requests
        .entry(Arc::clone(&account))
        .or_default() += 1;
    match state.fault(&account) {
        Some(Fault::Status500) => {
            let page = format!("cannot log in to postgres://{account}:{SECRET}@10.0.0.7/");
            (StatusCode::INTERNAL_SERVER_ERROR, page).into_response()
        }
        Some(Fault::Status429) => {
            let page = format!("{account} has used up what {SECRET} allows");
            (
                StatusCode::TOO_MANY_REQUESTS,
                [("retry-after", "600")],
                page,
            )
                .into_response()
        }
        Some(Fault::Hangs) => {
            let _hanging = Hanging::new(&state);
            pending().await
        }
        Some(Fault::Internal) | None => next.run(request).await,
    }
}

#[derive(Clone)]
struct Handler {
    tool: &'static str,
    described: &'static str,
    state: Shared,
}

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn list_tools(
        &self,
        _page: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let schema = json!({
            "type": "object",
            "properties": { "about": { "type": "string" } },
            "required": ["about"],
        });
        let schema = schema.as_object().cloned().unwrap_or_default();
        Ok(ListToolsResult::with_all_items(vec![Tool::new(
            self.tool,
            self.described,
            schema,
        )]))
    }

    async fn call_tool(
        &self,
        params: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let parts = context.extensions.get::<Parts>();
        let account = parts.and_then(|parts| parts.extensions.get::<TenantId>());
        let fault = account.and_then(|TenantId(account)| self.state.fault(account));
        if fault == Some(Fault::Internal) {
            let said = format!("the pool of {SECRET} is exhausted");
            let data = json!({ "dsn": format!("postgres://{SECRET}@10.0.0.7/") });
            return Err(ErrorData::internal_error(said, Some(data)));
        }
        let about = params
            .arguments
            .as_ref()
            .and_then(|given| given.get("about"));
        let Some(about) = about.and_then(|about| about.as_str()) else {
            return Err(ErrorData::invalid_params("there is no \"about\"", None));
        };
        let found = ContentBlock::text(format!("{} knows of {about}", self.tool));
        Ok(match about {
            // In the tool's own words, for the model to read.
            "" => CallToolResult::error(vec![ContentBlock::text("\"about\" is empty")]),
            _ => CallToolResult::success(vec![found]),
        }
        .into())
    }
}
