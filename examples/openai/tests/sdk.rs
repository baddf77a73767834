//! async-openai, whose requests are opaque to a layer, and whose errors hide what they hold.

#[path = "../../../tests/job/mod.rs"]
mod job;
#[allow(dead_code)]
#[path = "../../../tests/reqwest_middleware/upstream.rs"]
mod upstream;

use std::error::Error as _;
use std::future::ready;

use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_openai::error::OpenAIError;
use async_openai::types::chat::{
    ChatCompletionRequestUserMessageArgs, CreateChatCompletionRequest,
    CreateChatCompletionRequestArgs, CreateChatCompletionResponse,
};
use futures_util::StreamExt;
use job::printer;
use openai::{guarded, rejection};
use tower_tenant_breaker::{CircuitOpen, CircuitState, TaskTenant};
use upstream::{Nobody, Upstream, until};

/// Without a proxy, whatever the environment says.
fn plain_client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

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
async fn a_stream_that_carries_an_error_is_a_failure_though_its_head_said_200() {
    let upstream = Upstream::answering(
        "text/event-stream",
        "data: {\"object\":\"chat.completion.chunk\"}\n\nevent: error\ndata: overloaded\n\n",
    )
    .await;
    let models = printer();
    let client = guarded(models.clone(), plain_client(), at(upstream.url("/v1")));
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
