//! Which dependency a request goes to: always the same one, or one that the request names.

use std::borrow::Cow;
use std::fmt;

use crate::{CircuitBreakerRegistry, Dependency, UnknownDependency};

/// Finds the dependency that a request goes to.
///
/// [`Dependency`] itself is the one that always gives itself, for a layer around a client of one
/// service. Where one stack serves many (a proxy, the tools of an agent), [`dependency_fn`] looks it up
/// by a name in the request.
///
/// ```
/// use std::borrow::Cow;
/// use tower_tenant_breaker::{Dependency, SelectDependency, UnknownDependency};
///
/// struct Query { writes: bool }
///
/// /// A database whose primary and replicas fail apart.
/// #[derive(Clone)]
/// struct Database { primary: Dependency, replicas: Dependency }
///
/// impl SelectDependency<Query> for Database {
///     fn select<'a>(&'a self, query: &Query) -> Result<Cow<'a, Dependency>, UnknownDependency> {
///         Ok(Cow::Borrowed(if query.writes { &self.primary } else { &self.replicas }))
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot find the dependency of a `{Req}`",
    note = "give a `Dependency`, or look it up: `dependency_fn(registry, |req: &Req| ..)`"
)]
pub trait SelectDependency<Req> {
    /// The dependency that this request goes to.
    ///
    /// # Errors
    ///
    /// [`UnknownDependency`] where there is none by that name, and no room for another. The call is
    /// then refused with that error, and no circuit hears of it.
    fn select<'a>(&'a self, req: &Req) -> Result<Cow<'a, Dependency>, UnknownDependency>;
}

impl<Req> SelectDependency<Req> for Dependency {
    fn select<'a>(&'a self, _req: &Req) -> Result<Cow<'a, Dependency>, UnknownDependency> {
        Ok(Cow::Borrowed(self))
    }
}

/// The dependency that a request names; made by [`dependency_fn`].
#[derive(Clone)]
pub struct DependencyFn<F> {
    registry: CircuitBreakerRegistry,
    name: F,
}

/// Looks the dependency up in the registry, by the name that the closure finds in the request.
///
/// A name that was not declared becomes a dependency on first use, up to the bound that the registry's
/// builder sets. Past it the call is refused with [`UnknownDependency`], which goes through
/// [`respond_to_error`](crate::TenantCircuitBreakerLayer::respond_to_error). Take the name from what you
/// route by, not from free text that a caller writes.
///
/// ```
/// use tower_tenant_breaker::{
///     CircuitBreakerRegistry, ErrIsFailure, FixedTenant, TenantCircuitBreakerLayer, dependency_fn,
/// };
///
/// struct ToolCall { tool: String }
///
/// let registry = CircuitBreakerRegistry::builder().build()?;
/// let by_tool = dependency_fn(registry, |call: &ToolCall| call.tool.as_str().into());
/// let layer = TenantCircuitBreakerLayer::new(by_tool, FixedTenant::new("acme"))
///     .classify(ErrIsFailure);
/// # Ok::<(), tower::BoxError>(())
/// ```
pub fn dependency_fn<Req, F>(registry: CircuitBreakerRegistry, name: F) -> DependencyFn<F>
where
    F: for<'r> Fn(&'r Req) -> Cow<'r, str>,
{
    DependencyFn { registry, name }
}

impl<Req, F> SelectDependency<Req> for DependencyFn<F>
where
    F: for<'r> Fn(&'r Req) -> Cow<'r, str>,
{
    fn select<'a>(&'a self, req: &Req) -> Result<Cow<'a, Dependency>, UnknownDependency> {
        let name = (self.name)(req);
        // A clone would touch the one counter of the dependency on all cores, for every call.
        match self.registry.known(&name) {
            Some(known) => Ok(Cow::Borrowed(known)),
            None => self.registry.dependency(&name).map(Cow::Owned),
        }
    }
}

impl<F> fmt::Debug for DependencyFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DependencyFn")
            .field("registry", &self.registry)
            .finish_non_exhaustive()
    }
}
