use std::fmt;
use std::future::Future;

use tower::BoxError;

use super::service::{Plan, Provider};
use super::{
    AnswerLast, AnswerLastKeeping, Failover, FailoverError, IfIdempotent, NoLastResort, Unserved,
};
use crate::settle::AtHead;
use crate::sync::Arc;
use crate::{DefaultClassify, Dependency, OnMissingTenant};

/// Makes a [`Failover`]; made by [`Failover::builder`].
#[must_use = "a builder does nothing until it is built"]
pub struct FailoverBuilder<
    S,
    E,
    C = DefaultClassify,
    R = IfIdempotent,
    L = NoLastResort,
    T = AtHead,
> {
    providers: Vec<Provider<S>>,
    extractor: E,
    classify: C,
    resend: R,
    last_resort: L,
    on_missing_tenant: OnMissingTenant,
    settle: T,
}

impl<S, E> FailoverBuilder<S, E> {
    pub(super) const fn new(extractor: E) -> Self {
        Self {
            providers: Vec::new(),
            extractor,
            classify: DefaultClassify,
            resend: IfIdempotent,
            last_resort: NoLastResort,
            on_missing_tenant: OnMissingTenant::RunUnguarded,
            settle: AtHead,
        }
    }
}

impl<S, E, C, R, L, T> FailoverBuilder<S, E, C, R, L, T> {
    /// Adds a provider at the end of the list. The dependency brings its own policy, and its circuits.
    pub fn provider(mut self, dependency: Dependency, service: S) -> Self {
        let provider = Provider {
            dependency,
            service,
        };
        self.providers.push(provider);
        self
    }

    /// Judges finished calls, for the circuits and for whether a call moves on.
    ///
    /// As in [the layer](crate::TenantCircuitBreakerLayer::classify): by default HTTP responses, otherwise
    /// [`ErrIsFailure`](crate::ErrIsFailure) or a closure over `Result<&Res, &BoxError>`.
    pub fn classify<C2>(self, classify: C2) -> FailoverBuilder<S, E, C2, R, L, T> {
        FailoverBuilder {
            providers: self.providers,
            extractor: self.extractor,
            classify,
            resend: self.resend,
            last_resort: self.last_resort,
            on_missing_tenant: self.on_missing_tenant,
            settle: self.settle,
        }
    }

    /// Says which requests may be sent to another provider after one has had them: a
    /// [`Resend`](super::Resend). By default [`IfIdempotent`].
    ///
    /// ```
    /// use tower::service_fn;
    /// use tower_tenant_breaker::{CircuitBreakerRegistry, ErrIsFailure, Failover, FixedTenant};
    ///
    /// #[derive(Clone)]
    /// struct Prompt { text: String, runs_tools: bool }
    ///
    /// let registry = CircuitBreakerRegistry::builder().build()?;
    /// let ask = |prompt: Prompt| async move { Ok::<_, std::io::Error>(prompt.text) };
    /// let models = Failover::builder(FixedTenant::new("acme"))
    ///     .provider(registry.dependency("model-a")?, service_fn(ask))
    ///     .provider(registry.dependency("model-b")?, service_fn(ask))
    ///     .classify(ErrIsFailure)
    ///     .resend(|prompt: &Prompt| (!prompt.runs_tools).then(|| prompt.clone()))
    ///     .build()?;
    /// # fn is_service<S: tower::Service<Prompt>>(_: S) {}
    /// # is_service(models);
    /// # Ok::<(), tower::BoxError>(())
    /// ```
    pub fn resend<R2>(self, resend: R2) -> FailoverBuilder<S, E, C, R2, L, T> {
        FailoverBuilder {
            providers: self.providers,
            extractor: self.extractor,
            classify: self.classify,
            resend,
            last_resort: self.last_resort,
            on_missing_tenant: self.on_missing_tenant,
            settle: self.settle,
        }
    }

    /// Answers calls that no provider served: those that every circuit rejected, and those that failed
    /// wherever they were sent.
    ///
    /// A request that must not be sent twice, but was sent and failed, does not come here: its failure is
    /// the answer. [`last_resort_keeping`](Self::last_resort_keeping) gets those too. No circuit hears of
    /// how the last resort ends. Dropping the call drops it.
    ///
    /// ```
    /// use tower::{Service, service_fn};
    /// use tower_tenant_breaker::failover::Unserved;
    /// use tower_tenant_breaker::{
    ///     CircuitBreakerRegistry, ErrIsFailure, EveryRequest, Failover, FixedTenant,
    /// };
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), tower::BoxError> {
    /// let registry = CircuitBreakerRegistry::builder().build()?;
    /// let down = |_: String| async { Err::<String, _>(std::io::Error::other("down")) };
    /// let mut models = Failover::builder(FixedTenant::new("acme"))
    ///     .provider(registry.dependency("model-a")?, service_fn(down))
    ///     .classify(ErrIsFailure)
    ///     .resend(EveryRequest)
    ///     .last_resort(|prompt: String, why: Unserved<String>| async move {
    ///         match why {
    ///             Unserved::Rejected(none) => Ok(format!("later: {prompt}, in {:?}", none.retry_after())),
    ///             Unserved::Failed(_) => Ok(format!("queued: {prompt}")),
    ///             Unserved::Answered(answer) => Ok(answer.into_inner()),
    ///         }
    ///     })
    ///     .build()?;
    ///
    /// let served = models.call("a haiku".to_owned()).await?;
    /// assert!(served.by().is_last_resort());
    /// assert_eq!(served.into_inner(), "queued: a haiku");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # In a spawned task
    ///
    /// Where `tokio::spawn(async move { models.oneshot(request).await })` says "mismatched types: one type is more
    /// general than the other" (E0308), or "implementation of `FnOnce` is not general enough", it is a closure over
    /// [`Unserved`] that it means, which holds a [`BoxError`]. A `fn` in its place compiles:
    /// [why](crate::TenantCircuitBreakerLayer#where-a-closure-is-not-general-enough).
    ///
    /// ```
    /// # use tower::{BoxError, ServiceExt, service_fn};
    /// # use tower_tenant_breaker::failover::Unserved;
    /// # use tower_tenant_breaker::{CircuitBreakerRegistry, ErrIsFailure, EveryRequest, Failover, FixedTenant};
    /// #
    /// async fn queued(prompt: String, _why: Unserved<String>) -> Result<String, BoxError> {
    ///     Ok(format!("queued: {prompt}"))
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), BoxError> {
    /// # let registry = CircuitBreakerRegistry::builder().build()?;
    /// # let down = |_: String| async { Err::<String, _>(std::io::Error::other("down")) };
    /// let models = Failover::builder(FixedTenant::new("acme"))
    ///     .provider(registry.dependency("model-a")?, service_fn(down))
    ///     .classify(ErrIsFailure)
    ///     .resend(EveryRequest)
    ///     .last_resort(queued)
    ///     .build()?;
    /// let served = tokio::spawn(async move { models.oneshot("a haiku".to_owned()).await }).await??;
    /// assert_eq!(served.into_inner(), "queued: a haiku");
    /// # Ok(())
    /// # }
    /// ```
    pub fn last_resort<Req, Res, F, Fut>(
        self,
        answer: F,
    ) -> FailoverBuilder<S, E, C, R, AnswerLast<F>, T>
    where
        F: Fn(Req, Unserved<Res>) -> Fut,
        Fut: Future<Output = Result<Res, BoxError>>,
    {
        self.with_last_resort(AnswerLast(answer))
    }

    /// As [`last_resort`](Self::last_resort), with what the first closure keeps of each request, so that
    /// the failures of requests that must not be sent twice, or cannot be cloned, are answered too.
    ///
    /// ```
    /// use tower::service_fn;
    /// use tower_tenant_breaker::failover::Unserved;
    /// use tower_tenant_breaker::{
    ///     CircuitBreakerRegistry, ErrIsFailure, Failover, FixedTenant, NoRequest,
    /// };
    ///
    /// struct Order { id: u64, body: Vec<u8> }
    ///
    /// let registry = CircuitBreakerRegistry::builder().build()?;
    /// let send = |order: Order| async move { Ok::<_, std::io::Error>(format!("sent {}", order.id)) };
    /// let orders = Failover::builder(FixedTenant::new("acme"))
    ///     .provider(registry.dependency("warehouse")?, service_fn(send))
    ///     .classify(ErrIsFailure)
    ///     .resend(NoRequest)
    ///     .last_resort_keeping(
    ///         |order: &Order| order.id,
    ///         |id: u64, _why: Unserved<String>| async move { Ok(format!("a person looks after {id}")) },
    ///     )
    ///     .build()?;
    /// # fn is_service<S: tower::Service<Order>>(_: S) {}
    /// # is_service(orders);
    /// # Ok::<(), tower::BoxError>(())
    /// ```
    pub fn last_resort_keeping<Req, Res, K, Kept, F, Fut>(
        self,
        keep: K,
        answer: F,
    ) -> FailoverBuilder<S, E, C, R, AnswerLastKeeping<K, F>, T>
    where
        K: Fn(&Req) -> Kept,
        F: Fn(Kept, Unserved<Res>) -> Fut,
        Fut: Future<Output = Result<Res, BoxError>>,
    {
        self.with_last_resort(AnswerLastKeeping { keep, answer })
    }

    /// What happens to a request without a tenant. By default it runs unguarded: it goes to the first
    /// provider that is not forced open, and moves on where that fails.
    pub fn on_missing_tenant(mut self, on_missing_tenant: OnMissingTenant) -> Self {
        self.on_missing_tenant = on_missing_tenant;
        self
    }

    /// The service.
    ///
    /// # Errors
    ///
    /// [`FailoverError::NoProvider`] for an empty list, [`FailoverError::RepeatedDependency`] where two
    /// providers have a dependency of one name.
    ///
    /// ```
    /// use tower::service_fn;
    /// use tower_tenant_breaker::{CircuitBreakerRegistry, Failover, FailoverError, FixedTenant};
    ///
    /// let ask = |prompt: String| async move { Ok::<_, std::io::Error>(prompt) };
    /// let mut models = Failover::builder(FixedTenant::new("acme"));
    /// # if false { models = models.provider(CircuitBreakerRegistry::builder().build()?.dependency("a")?, service_fn(ask)); }
    /// assert_eq!(models.build().err(), Some(FailoverError::NoProvider));
    /// # Ok::<(), tower::BoxError>(())
    /// ```
    pub fn build(self) -> Result<Failover<S, E, C, R, L, T>, FailoverError> {
        if self.providers.is_empty() {
            return Err(FailoverError::NoProvider);
        }
        for (index, provider) in self.providers.iter().enumerate() {
            let name = provider.dependency.name();
            let earlier = &self.providers[..index];
            if earlier.iter().any(|other| other.dependency.name() == name) {
                return Err(FailoverError::RepeatedDependency(name.to_owned()));
            }
        }
        let plan = Plan {
            providers: self.providers,
            extractor: self.extractor,
            classify: self.classify,
            resend: self.resend,
            last_resort: self.last_resort,
            on_missing_tenant: self.on_missing_tenant,
            settle: self.settle,
        };
        let plan = Arc::new(plan);
        Ok(Failover { plan })
    }

    fn with_last_resort<L2>(self, last_resort: L2) -> FailoverBuilder<S, E, C, R, L2, T> {
        FailoverBuilder {
            providers: self.providers,
            extractor: self.extractor,
            classify: self.classify,
            resend: self.resend,
            last_resort,
            on_missing_tenant: self.on_missing_tenant,
            settle: self.settle,
        }
    }

    #[cfg(feature = "http")]
    pub(super) fn settle<T2>(self, settle: T2) -> FailoverBuilder<S, E, C, R, L, T2> {
        FailoverBuilder {
            providers: self.providers,
            extractor: self.extractor,
            classify: self.classify,
            resend: self.resend,
            last_resort: self.last_resort,
            on_missing_tenant: self.on_missing_tenant,
            settle,
        }
    }
}

// By hand: closures have no `Debug`.
impl<S, E, C, R, L, T> fmt::Debug for FailoverBuilder<S, E, C, R, L, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let providers = self.providers.iter();
        let names: Vec<_> = providers
            .map(|provider| provider.dependency.name())
            .collect();
        f.debug_struct("FailoverBuilder")
            .field("providers", &names)
            .field("on_missing_tenant", &self.on_missing_tenant)
            .finish_non_exhaustive()
    }
}
