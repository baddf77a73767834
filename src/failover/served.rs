use std::fmt;

use crate::Dependency;

/// A response, and who gave it: what [`Failover`](crate::Failover) answers with.
///
/// ```
/// use tower::{Service, service_fn};
/// use tower_tenant_breaker::{
///     CircuitBreakerRegistry, ErrIsFailure, EveryRequest, Failover, FixedTenant, Served,
/// };
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), tower::BoxError> {
/// let registry = CircuitBreakerRegistry::builder().build()?;
/// let echo = |prompt: String| async move { Ok::<_, std::io::Error>(prompt) };
/// let mut models = Failover::builder(FixedTenant::new("acme"))
///     .provider(registry.dependency("model-a")?, service_fn(echo))
///     .provider(registry.dependency("model-b")?, service_fn(echo))
///     .classify(ErrIsFailure)
///     .resend(EveryRequest)
///     .build()?;
///
/// let served: Served<String> = models.call("hello".to_owned()).await?;
/// assert_eq!(served.by().to_string(), "model-a");
/// assert_eq!(served.into_inner(), "hello");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Served<Res> {
    response: Res,
    by: ServedBy,
}

impl<Res> Served<Res> {
    pub(super) const fn new(response: Res, by: ServedBy) -> Self {
        Self { response, by }
    }

    /// Who served it.
    pub const fn by(&self) -> &ServedBy {
        &self.by
    }

    /// The response.
    pub const fn get_ref(&self) -> &Res {
        &self.response
    }

    /// The response, to change it.
    pub const fn get_mut(&mut self) -> &mut Res {
        &mut self.response
    }

    /// The response alone.
    pub fn into_inner(self) -> Res {
        self.response
    }

    /// The response, and who served it.
    pub fn into_parts(self) -> (Res, ServedBy) {
        (self.response, self.by)
    }

    /// Another response, served by the same.
    pub fn map<T>(self, f: impl FnOnce(Res) -> T) -> Served<T> {
        Served::new(f(self.response), self.by)
    }
}

/// Who served a call: one of the providers, or the last resort.
///
/// Shown, it is the dependency's name, or `last resort`.
#[derive(Clone)]
pub struct ServedBy(Server);

#[derive(Clone)]
enum Server {
    Provider {
        index: usize,
        dependency: Dependency,
    },
    LastResort,
}

impl ServedBy {
    pub(super) fn provider(index: usize, dependency: Dependency) -> Self {
        Self(Server::Provider { index, dependency })
    }

    pub(super) const fn last_resort() -> Self {
        Self(Server::LastResort)
    }

    /// The dependency of the provider; none for the last resort.
    #[must_use]
    pub const fn dependency(&self) -> Option<&Dependency> {
        match &self.0 {
            Server::Provider { dependency, .. } => Some(dependency),
            Server::LastResort => None,
        }
    }

    /// The provider's place in the list, from 0; none for the last resort.
    #[must_use]
    pub const fn index(&self) -> Option<usize> {
        match self.0 {
            Server::Provider { index, .. } => Some(index),
            Server::LastResort => None,
        }
    }

    /// Whether it was the last resort.
    #[must_use]
    pub const fn is_last_resort(&self) -> bool {
        matches!(self.0, Server::LastResort)
    }
}

impl fmt::Display for ServedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.dependency().map_or("last resort", Dependency::name))
    }
}

// By hand: a dependency shows all of its circuits.
impl fmt::Debug for ServedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Server::Provider { index, dependency } => f
                .debug_struct("ServedBy")
                .field("index", index)
                .field("dependency", &dependency.name())
                .finish(),
            Server::LastResort => f.write_str("ServedBy(last resort)"),
        }
    }
}
