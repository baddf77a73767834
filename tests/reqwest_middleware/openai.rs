//! async-openai, whose requests are opaque to a layer, and whose errors hide what they hold.

use std::error::Error as _;
use std::future::ready;

use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_openai::error::OpenAIError;
use async_openai::middleware::ReqwestService;
use async_openai::middleware::retry::OpenAIRetryLayer;
use async_openai::types::chat::{
    ChatCompletionRequestUserMessageArgs, CreateChatCompletionRequest,
    CreateChatCompletionRequestArgs, CreateChatCompletionResponse,
};
use futures_util::StreamExt;
use tower::{BoxError, ServiceBuilder};
use tower_tenant_breaker::http::body::{SettleAt, SseJudge};
use tower_tenant_breaker::{
    CircuitOpen, CircuitState, Dependency, TaskTenant, TenantCircuitBreakerLayer,
};

use crate::job::printer;
use crate::plain_client;
use crate::upstream::{Nobody, Upstream, until};

// ===== what the guide shows =====

/// A client whose calls are the running tenant's: `TaskTenant::scope("acme", client.chat().create(..))`.
fn guarded(
    models: Dependency,
    http: reqwest::Client,
    config: OpenAIConfig,
) -> Client<OpenAIConfig> {
    let service = ServiceBuilder::new()
        .layer(OpenAIRetryLayer::new(1))
        // The retry wants async-openai's own errors, and retries none of the boxed ones.
        .map_err(own)
        .layer(TenantCircuitBreakerLayer::new(models, TaskTenant))
        .service(ReqwestService::new(http));
    Client::with_config(config).with_http_service(service)
}

/// async-openai's own errors are themselves again; what else there is, a rejection among it, stays in its box.
fn own(error: BoxError) -> OpenAIError {
    match error.downcast::<OpenAIError>() {
        Ok(own) => *own,
        Err(other) => OpenAIError::Boxed(other),
    }
}

/// Why a call was not sent, if it was not.
fn rejection(error: &OpenAIError) -> Option<&CircuitOpen> {
    match error {
        // The variant is transparent, so the error in it is not among its sources.
        OpenAIError::Boxed(inside) => CircuitOpen::find(&**inside),
        _ => None,
    }
}

// ===== and that it does as it says =====

fn question() -> CreateChatCompletionRequest {
    let message = ChatCompletionRequestUserMessageArgs::default()
        .content("red shoes?")
        .build()
        .unwrap();
    CreateChatCompletionRequestArgs::default()
        .model("any")
        .messages([message.into()])
        .build()
        .unwrap()
}

async fn ask(
    client: &Client<OpenAIConfig>,
    tenant: &'static str,
) -> Result<CreateChatCompletionResponse, OpenAIError> {
    TaskTenant::scope(tenant, client.chat().create(question())).await
}

fn at(base: String) -> OpenAIConfig {
    OpenAIConfig::new().with_api_base(base).with_api_key("none")
}

#[tokio::test]
async fn a_rejection_is_found_in_the_boxed_error_and_not_retried() {
    let upstream = Upstream::start().await;
    let models = printer();
    let client = guarded(models.clone(), plain_client(), at(upstream.url("/500")));

    // Two tries, two outcomes, which open the circuit.
    assert!(rejection(&ask(&client, "acme").await.unwrap_err()).is_none());
    assert_eq!(upstream.received(), 2);
    assert_eq!(models.state("acme"), CircuitState::Open);

    let error = ask(&client, "acme").await.unwrap_err();
    let open = rejection(&error).unwrap();
    assert_eq!(
        (open.tenant(), open.dependency()),
        (Some("acme"), "printer")
    );
    assert_eq!(upstream.received(), 2);
    assert_eq!(models.snapshot().totals.rejected, 1);
    // What walks the sources of the error as it comes does not find it.
    assert!(CircuitOpen::find(&error).is_none() && error.source().is_none());

    ask(&client, "globex").await.unwrap_err();
    assert_eq!(upstream.received(), 4, "another tenant's calls go on");
}

#[tokio::test]
async fn an_answer_is_a_success_and_comes_through() {
    let upstream = Upstream::answering(
        "application/json",
        r#"{"id":"1","object":"chat.completion","created":0,"model":"any","choices":[]}"#,
    )
    .await;
    let models = printer();
    let client = guarded(models.clone(), plain_client(), at(upstream.url("/v1")));
    assert_eq!(ask(&client, "acme").await.unwrap().id, "1");
    let totals = models.snapshot().totals;
    assert_eq!((totals.calls, totals.failures), (1, 0));
}

#[tokio::test]
async fn a_stream_that_carries_an_error_is_a_failure_where_it_is_observed() {
    let upstream = Upstream::answering(
        "text/event-stream",
        "data: {\"object\":\"chat.completion.chunk\"}\n\nevent: error\ndata: overloaded\n\n",
    )
    .await;
    let models = printer();
    let service = ServiceBuilder::new()
        .layer(
            TenantCircuitBreakerLayer::new(models.clone(), TaskTenant)
                .observe_body_with(SettleAt::End, SseJudge::new()),
        )
        .service(ReqwestService::new(plain_client()));
    let client = Client::with_config(at(upstream.url("/v1"))).with_http_service(service);
    for failures in 1..=2 {
        let call = async { client.chat().create_stream(question()).await };
        let answers = TaskTenant::scope("acme", call).await.unwrap();
        answers.for_each(|_| ready(())).await;
        until("the stream is read", async || {
            models.snapshot().totals.failures == failures
        })
        .await;
    }
    assert_eq!(models.state("acme"), CircuitState::Open);
}

#[tokio::test]
async fn an_error_of_reqwest_is_seen_in_the_sdks_own_and_still_retried_by_it() {
    let nobody = Nobody::new();
    let models = printer();
    let client = guarded(models.clone(), plain_client(), at(nobody.url()));
    let error = ask(&client, "acme").await.unwrap_err();
    assert!(matches!(error, OpenAIError::Reqwest(error) if error.is_connect()));
    assert_eq!(models.snapshot().totals.failures, 2);
}

#[tokio::test]
async fn an_answer_that_says_too_many_requests_is_throttled() {
    let upstream = Upstream::start().await;
    let models = printer();
    let client = guarded(models.clone(), plain_client(), at(upstream.url("/429")));
    ask(&client, "acme").await.unwrap_err();
    let totals = models.snapshot().totals;
    assert_eq!((totals.calls, totals.failures, totals.throttled), (1, 0, 1));
}
