use rmcp::RoleServer;
use rmcp::model::{CallToolRequestParams, CallToolResponse, CallToolResult, ErrorData};
use rmcp::service::RequestContext;
use tower::{BoxError, Service, ServiceExt};
use tower_tenant_breaker::agent::{Dispatcher, ToolCall, ToolReply};

/// What a proxy's `ServerHandler::call_tool` does with a call of this tenant, who is known by the request's key.
pub async fn call_tool<S>(
    dispatcher: Dispatcher<S, CallToolRequestParams>,
    tenant: &str,
    params: CallToolRequestParams,
    context: RequestContext<RoleServer>,
) -> Result<CallToolResponse, ErrorData>
where
    S: Service<ToolCall<CallToolRequestParams>, Response = CallToolResult> + Clone,
    S::Error: Into<BoxError>,
{
    let name = params.name.to_string();
    let call = ToolCall::new(tenant, name, params).call_id(context.id.to_string());
    let reply = tokio::select! {
        reply = dispatcher.oneshot(call) => reply,
        // rmcp goes on with what nobody waits for any more: dropped, the call gives its place back.
        () = context.ct.cancelled() => return Err(ErrorData::internal_error("cancelled", None)),
    };
    match reply {
        // Also where the tool calls it an error, in its own words.
        Ok(ToolReply::Output(result)) => Ok(result.into()),
        Ok(ToolReply::Unavailable(signal)) => {
            let result: Result<CallToolResult, _> = serde_json::from_value(signal.to_mcp());
            let result = result.map_err(|error| ErrorData::internal_error(error.to_string(), None));
            result.map(CallToolResponse::from)
        }
        // It lists the tools that there are.
        Err(error) => Err(ErrorData::invalid_params(error.to_string(), None)),
    }
}
