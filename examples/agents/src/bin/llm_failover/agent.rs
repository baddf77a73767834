//! What an agent does: it asks, and listens. Nothing here knows of providers.

use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_openai::error::OpenAIError;
use async_openai::types::chat::{
    ChatCompletionRequestUserMessage, CreateChatCompletionRequest, CreateChatCompletionRequestArgs,
    CreateChatCompletionResponse,
};
use futures_util::StreamExt;
use tower_tenant_breaker::TaskTenant;

fn question(tenant: &str) -> Result<CreateChatCompletionRequest, OpenAIError> {
    CreateChatCompletionRequestArgs::default()
        .model("any")
        .messages([ChatCompletionRequestUserMessage::from("what is six times seven?").into()])
        .safety_identifier(tenant)
        .build()
}

/// Asks for a whole answer.
pub(crate) async fn ask(
    client: &Client<OpenAIConfig>,
    tenant: &str,
) -> Result<CreateChatCompletionResponse, OpenAIError> {
    let question = question(tenant)?;
    TaskTenant::scope(tenant.to_owned(), client.chat().create(question)).await
}

/// What was heard of a stream.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// Who spoke.
    pub(crate) model: Option<String>,
    pub(crate) tokens: Vec<String>,
    /// Where it broke off.
    pub(crate) error: Option<OpenAIError>,
}

/// Asks for a stream, and listens to its end.
pub(crate) async fn listen(
    client: &Client<OpenAIConfig>,
    tenant: &str,
) -> Result<Heard, OpenAIError> {
    let question = question(tenant)?;
    let begin = async { client.chat().create_stream(question).await };
    let mut chunks = TaskTenant::scope(tenant.to_owned(), begin).await?;
    let mut heard = Heard::default();
    while let Some(chunk) = chunks.next().await {
        match chunk {
            Ok(chunk) => {
                heard.model = Some(chunk.model);
                let said = chunk
                    .choices
                    .into_iter()
                    .filter_map(|choice| choice.delta.content);
                heard.tokens.extend(said.filter(|token| !token.is_empty()));
            }
            Err(error) => {
                heard.error = Some(error);
                break;
            }
        }
    }
    Ok(heard)
}
