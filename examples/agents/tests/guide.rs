//! The programs that the guide shows beside its own.

use std::sync::Arc;

use agents::guide_mcp::call_tool;
use agents::guide_models::failing_over;
use async_openai::config::OpenAIConfig;
use async_openai::middleware::HttpRequestFactory;
use async_openai::types::chat::{
    ChatCompletionRequestUserMessage, CreateChatCompletionRequestArgs,
};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum::{Json, Router};
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorData,
};
use rmcp::service::RequestContext;
use rmcp::{RoleServer, ServerHandler, ServiceExt as _};
use serde_json::json;
use tokio::net::TcpListener;
use tower::{BoxError, service_fn};
use tower_tenant_breaker::agent::{Dispatcher, Tool, ToolCall, Tools};
use tower_tenant_breaker::{CircuitBreakerRegistry, CircuitState, TaskTenant};

/// A provider on loopback that lets in one key, and answers with this status; its base address.
async fn provider(key: &'static str, status: u16) -> String {
    let answer = json!({
        "id": "1", "object": "chat.completion", "created": 0, "model": key,
        "choices": [{
            "index": 0, "finish_reason": "stop", "logprobs": null,
            "message": {"role": "assistant", "content": "a haiku", "refusal": null},
        }],
    });
    let chat = post(async move |headers: HeaderMap| {
        let is_mine = headers
            .get(AUTHORIZATION)
            .is_some_and(|sent| *sent == format!("Bearer {key}"));
        let status = StatusCode::from_u16(if is_mine { status } else { 401 }).unwrap();
        (status, Json(answer))
    });
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let app = Router::new().route("/chat/completions", chat);
    tokio::spawn(async move { axum::serve(listener, app).await });
    base
}

/// Makes a request that was built for another provider one for this.
fn to_own(
    base: &str,
    key: &str,
) -> impl Fn(HttpRequestFactory) -> HttpRequestFactory + Clone + Send + Sync + use<> {
    let url: Url = format!("{base}/chat/completions").parse().unwrap();
    let key: HeaderValue = format!("Bearer {key}").parse().unwrap();
    move |factory| {
        let (url, key) = (url.clone(), key.clone());
        HttpRequestFactory::new(move || {
            let (factory, url, key) = (factory.clone(), url.clone(), key.clone());
            async move {
                let mut request = factory.build().await?;
                *request.url_mut() = url;
                request.headers_mut().insert(AUTHORIZATION, key);
                Ok(request)
            }
        })
    }
}

#[tokio::test]
async fn a_standby_serves_with_its_own_key_where_the_primary_is_overloaded() {
    let (primary, standby) = (provider("one", 529).await, provider("two", 200).await);
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    let providers = vec![
        ("primary", to_own(&primary, "one")),
        ("standby", to_own(&standby, "two")),
    ];
    let config = OpenAIConfig::new()
        .with_api_base(primary)
        .with_api_key("one");
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let client = failing_over(&registry, http, providers, config).unwrap();

    let question = ChatCompletionRequestUserMessage::from("write a haiku");
    let request = CreateChatCompletionRequestArgs::default()
        .model("any")
        .messages([question.into()])
        .build()
        .unwrap();
    for _ in 0..3 {
        let answer = TaskTenant::scope("acme", client.chat().create(request.clone()))
            .await
            .unwrap();
        assert_eq!(answer.model, "two");
    }
    let state = |name| registry.get(name).unwrap().state("acme");
    assert_eq!(
        (state("primary"), state("standby")),
        (CircuitState::Open, CircuitState::Closed)
    );
}

type Params = CallToolRequestParams;

/// The calendar is down; every other tool says its name.
async fn run(call: ToolCall<Params>) -> Result<CallToolResult, BoxError> {
    match &*call.tool {
        "calendar" => Err("the calendar's server has said something internal".into()),
        tool => Ok(CallToolResult::success(vec![ContentBlock::text(
            tool.to_owned(),
        )])),
    }
}

type Run = tower::util::ServiceFn<
    fn(
        ToolCall<Params>,
    ) -> futures_util::future::BoxFuture<'static, Result<CallToolResult, BoxError>>,
>;

#[derive(Clone)]
struct Proxy(Arc<Dispatcher<Run, Params>>);

impl ServerHandler for Proxy {
    async fn call_tool(
        &self,
        params: Params,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        call_tool(Dispatcher::clone(&self.0), "acme", params, context).await
    }
}

#[tokio::test]
async fn a_client_of_mcp_reads_outputs_signals_and_the_tools_that_there_are() {
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    let tools = Tools::builder(&registry)
        .tools(["calendar", "search"].map(Tool::new))
        .build()
        .unwrap();
    let run: Run = service_fn(|call| Box::pin(run(call)));
    let proxy = Proxy(Arc::new(tools.dispatcher(run)));
    let (here, there) = tokio::io::duplex(4096);
    tokio::spawn(async move { proxy.serve(there).await.unwrap().waiting().await });
    let agent = ().serve(here).await.unwrap();

    let found = agent.call_tool(Params::new("search")).await.unwrap();
    assert_ne!(found.is_error, Some(true));
    let failed = agent.call_tool(Params::new("calendar")).await.unwrap();
    assert_eq!(failed.is_error, Some(true));
    let said = serde_json::to_string(&failed).unwrap();
    assert!(
        said.contains("tool_call_failed") && !said.contains("internal"),
        "{said}"
    );
    let unknown = agent
        .call_tool(Params::new("calender"))
        .await
        .unwrap_err()
        .to_string();
    assert!(unknown.contains("\"calendar\", \"search\""), "{unknown}");
}
