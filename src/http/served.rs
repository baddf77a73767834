use ::http::Response;

use crate::{Served, ServedBy};

impl<B> Served<Response<B>> {
    /// The response, with [`ServedBy`] among its extensions.
    ///
    /// For stacks that take a plain response, through tower's `map_response`. What is further out finds who
    /// served with `response.extensions().get::<ServedBy>()`.
    ///
    /// A route of axum cannot fail, so its `HandleError` answers errors, with
    /// [`error_response`](crate::http::error_response): where every circuit rejected the call, that is a 503
    /// with the `Retry-After` of the one that is closest to recovery.
    ///
    /// ```
    /// use axum::Router;
    /// use axum::body::Body;
    /// use axum::error_handling::HandleError;
    /// use axum::extract::Request;
    /// use http::Response;
    /// use tower::{BoxError, ServiceExt, service_fn};
    /// use tower_tenant_breaker::http::{HeaderTenant, IfBodiless, error_response};
    /// use tower_tenant_breaker::{CircuitBreakerRegistry, Failover, Served};
    ///
    /// # fn main() -> Result<(), BoxError> {
    /// async fn ask(_request: Request) -> Result<Response<Body>, BoxError> {
    ///     Ok(Response::new(Body::from("42")))
    /// }
    ///
    /// let registry = CircuitBreakerRegistry::builder().build()?;
    /// let regions = Failover::builder(HeaderTenant::new("x-tenant-id"))
    ///     .provider(registry.dependency("eu-west")?, service_fn(ask))
    ///     .provider(registry.dependency("eu-north")?, service_fn(ask))
    ///     .resend(IfBodiless)
    ///     .build()?
    ///     .map_response(Served::into_response);
    /// let route = HandleError::new(regions, async |error| error_response::<Body>(error));
    /// let app: Router = Router::new().fallback_service(route);
    /// # Ok(())
    /// # }
    /// ```
    pub fn into_response(self) -> Response<B> {
        let (mut response, by) = self.into_parts();
        response.extensions_mut().insert::<ServedBy>(by);
        response
    }
}

impl<B> From<Served<Response<B>>> for Response<B> {
    fn from(served: Served<Response<B>>) -> Self {
        served.into_response()
    }
}
