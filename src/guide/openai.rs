use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_openai::error::OpenAIError;
use async_openai::middleware::ReqwestService;
use async_openai::middleware::retry::OpenAIRetryLayer;
use tower::{BoxError, ServiceBuilder};
use tower_tenant_breaker::http::body::{SettleAt, SseJudge};
use tower_tenant_breaker::{CircuitOpen, Dependency, TaskTenant, TenantCircuitBreakerLayer};

/// Call it for a tenant: `TaskTenant::scope("acme", client.chat().create(question))`.
pub fn guarded(
    models: Dependency,
    http: reqwest::Client,
    config: OpenAIConfig,
) -> Client<OpenAIConfig> {
    let service = ServiceBuilder::new()
        .layer(OpenAIRetryLayer::new(1))
        // The retry wants async-openai's own errors, and retries none of the boxed ones.
        .map_err(own)
        .layer(
            TenantCircuitBreakerLayer::new(models, TaskTenant)
                // For answers that are streamed.
                .observe_body_with(SettleAt::End, SseJudge::new()),
        )
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
pub fn rejection(error: &OpenAIError) -> Option<&CircuitOpen> {
    match error {
        // The variant is transparent, so the error in it is not among its sources.
        OpenAIError::Boxed(inside) => CircuitOpen::find(&**inside),
        _ => None,
    }
}
