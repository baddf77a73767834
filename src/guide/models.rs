use std::time::Duration;

use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_openai::error::OpenAIError;
use async_openai::middleware::{HttpRequestFactory, ReqwestService};
use tower::{BoxError, ServiceBuilder};
use tower_tenant_breaker::agent::llm::{ProviderErrorLayer, llm_policy};
use tower_tenant_breaker::{CircuitBreakerRegistry, EveryRequest, Failover, Served, TaskTenant};

/// Call it for a tenant: `TaskTenant::scope("acme", client.chat().create(question))`.
///
/// The SDK builds each request for the account in `config`, the first provider's. What stands beside each provider's name
/// makes it that provider's own: another address, and another key.
pub fn failing_over<F>(
    registry: &CircuitBreakerRegistry,
    http: reqwest::Client,
    providers: Vec<(&str, F)>,
    config: OpenAIConfig,
) -> Result<Client<OpenAIConfig>, BoxError>
where
    F: Fn(HttpRequestFactory) -> HttpRequestFactory + Clone + Send + Sync + 'static,
{
    let mut failover = Failover::builder(TaskTenant);
    for (name, to_own) in providers {
        let provider = ServiceBuilder::new()
            .map_request(to_own)
            .timeout(Duration::from_secs(60)) // to the head; how long a stream may pause is for `read_timeout`
            .layer(ProviderErrorLayer::new()) // an exhausted quota is a 429, too, and only its body says so
            .service(ReqwestService::new(http.clone()));
        let dependency = registry.dependency_with(name, llm_policy().build()?)?;
        failover = failover.provider(dependency, provider);
    }
    let failover = failover
        .resend(EveryRequest) // a completion is a POST, but one that a provider refused was not made
        .classify_llm()
        .build()?;
    let service = ServiceBuilder::new()
        .map_err(own)
        .map_response(Served::into_inner)
        .service(failover);
    Ok(Client::with_config(config).with_http_service(service))
}

fn own(error: BoxError) -> OpenAIError {
    match error.downcast::<OpenAIError>() {
        Ok(own) => *own,
        Err(other) => OpenAIError::Boxed(other),
    }
}
