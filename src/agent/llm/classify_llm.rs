//! Both judges at once, on everything that takes a classifier and observes bodies.

use super::{LlmClassify, LlmStreamJudge};
use crate::http::body::{ObserveBody, SettleAt};
#[cfg(feature = "reqwest-middleware")]
use crate::reqwest::TenantCircuitBreakerMiddleware;
use crate::{FailoverBuilder, TenantCircuitBreakerLayer};

impl<D, E, C, O, G, P, T> TenantCircuitBreakerLayer<D, E, C, O, G, P, T> {
    /// Judges calls of language models: heads by [`LlmClassify`], bodies by [`LlmStreamJudge`], settled at their end with
    /// the latency that the first token had ([`SettleAt::EndTimedAtFirstData`]).
    ///
    /// Replaces an earlier `classify` and `observe_body`. See [`agent::llm`](crate::agent::llm) for what else belongs to
    /// it.
    ///
    /// ```
    /// use tower_tenant_breaker::agent::llm::llm_policy;
    /// use tower_tenant_breaker::{CircuitBreakerRegistry, TaskTenant, TenantCircuitBreakerLayer};
    ///
    /// let registry = CircuitBreakerRegistry::builder().build()?;
    /// let provider = registry.dependency_with("provider", llm_policy().build()?)?;
    /// let layer = TenantCircuitBreakerLayer::new(provider, TaskTenant).classify_llm();
    /// # Ok::<(), tower::BoxError>(())
    /// ```
    pub fn classify_llm(
        self,
    ) -> TenantCircuitBreakerLayer<D, E, LlmClassify, O, G, P, ObserveBody<LlmStreamJudge>> {
        self.classify(LlmClassify)
            .observe_body_with(SettleAt::EndTimedAtFirstData, LlmStreamJudge::new())
    }
}

impl<S, E, C, R, L, T> FailoverBuilder<S, E, C, R, L, T> {
    /// Judges calls of language models, as [the layer's](TenantCircuitBreakerLayer::classify_llm) `classify_llm` does.
    ///
    /// The provider is chosen by the heads of answers, so that no stream is begun anew; what goes wrong later, its circuit
    /// hears of, and the next call goes to the next provider.
    ///
    /// ```
    /// use http::{Request, Response};
    /// use tower::{BoxError, service_fn};
    /// use tower_tenant_breaker::agent::llm::{ProviderErrorLayer, llm_policy};
    /// use tower_tenant_breaker::{CircuitBreakerRegistry, EveryRequest, Failover, TaskTenant};
    ///
    /// async fn ask(_: Request<String>) -> Result<Response<String>, BoxError> {
    ///     Ok(Response::new("a haiku".to_owned()))
    /// }
    ///
    /// let registry = CircuitBreakerRegistry::builder().build()?;
    /// let policy = llm_policy().build()?;
    /// let provider = || tower::ServiceBuilder::new().layer(ProviderErrorLayer::new()).service_fn(ask);
    /// let models = Failover::builder(TaskTenant)
    ///     .provider(registry.dependency_with("model-a", policy.clone())?, provider())
    ///     .provider(registry.dependency_with("model-b", policy)?, provider())
    ///     .resend(EveryRequest) // a prompt that is asked twice changes nothing
    ///     .classify_llm()
    ///     .build()?;
    /// # Ok::<(), BoxError>(())
    /// ```
    pub fn classify_llm(
        self,
    ) -> FailoverBuilder<S, E, LlmClassify, R, L, ObserveBody<LlmStreamJudge>> {
        self.classify(LlmClassify)
            .observe_body_with(SettleAt::EndTimedAtFirstData, LlmStreamJudge::new())
    }
}

#[cfg(feature = "reqwest-middleware")]
impl<D, E, C, P, T> TenantCircuitBreakerMiddleware<D, E, C, P, T> {
    /// Judges calls of language models, as [the layer's](TenantCircuitBreakerLayer::classify_llm) `classify_llm` does.
    ///
    /// What the body of an error says is not known among middlewares, which
    /// [`ProviderErrorLayer`](super::ProviderErrorLayer) is none of: the status and the headers decide.
    pub fn classify_llm(
        self,
    ) -> TenantCircuitBreakerMiddleware<D, E, LlmClassify, P, ObserveBody<LlmStreamJudge>> {
        self.classify(LlmClassify)
            .observe_body_with(SettleAt::EndTimedAtFirstData, LlmStreamJudge::new())
    }
}
