use std::convert::Infallible;

use ::http::Response;
use tower::BoxError;

use super::error_response;
use crate::{Served, ServedBy};

impl<B> Served<Response<B>> {
    /// The response, with [`ServedBy`] among its extensions.
    ///
    /// For stacks that take a plain response, through tower's `map_response(Served::into_response)`.
    /// What is further out finds who served with `response.extensions().get::<ServedBy>()`.
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

/// A failover's result as the response of a route, which cannot fail: what was served, as
/// [`Served::into_response`] gives it, or [`error_response`] to the error.
///
/// For tower's `map_result`. Where every circuit rejected the call, the answer is a 503 with the
/// `Retry-After` of the one that is closest to recovery.
///
/// ```
/// use axum::Router;
/// use axum::body::Body;
/// use axum::extract::Request;
/// use http::Response;
/// use tower::{BoxError, ServiceExt, service_fn};
/// use tower_tenant_breaker::http::{HeaderTenant, IfBodiless, served_response};
/// use tower_tenant_breaker::{CircuitBreakerRegistry, Failover};
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
///     .build()?;
/// let app: Router = Router::new().fallback_service(regions.map_result(served_response));
/// # Ok(())
/// # }
/// ```
// The error is never made, but `map_result` wants a `Result`.
#[allow(clippy::unnecessary_wraps)]
pub fn served_response<B: From<String>>(
    result: Result<Served<Response<B>>, BoxError>,
) -> Result<Response<B>, Infallible> {
    Ok(result.map_or_else(error_response, Served::into_response))
}
