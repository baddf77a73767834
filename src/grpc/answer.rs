use ::http::Response;
use tonic::{Code, Status};
use tower::BoxError;

use super::status_error::{of_rejection, told};
use crate::CircuitOpen;
use crate::source_chain::chain;

/// Answers a circuit's rejection with `UNAVAILABLE` and a pushback, as [`status_error`](super::status_error()) words
/// it.
///
/// For [`respond_with`](crate::TenantCircuitBreakerLayer::respond_with), on a server.
///
/// ```
/// use tower_tenant_breaker::grpc::{GrpcClassify, error_response, rejection_response};
/// use tower_tenant_breaker::{CircuitBreakerRegistry, HeaderTenant, TenantCircuitBreakerLayer};
///
/// let search = CircuitBreakerRegistry::builder().build()?.dependency("search")?;
/// let layer = TenantCircuitBreakerLayer::new(search, HeaderTenant::new("x-tenant-id"))
///     .classify_grpc(GrpcClassify::new())
///     .respond_with(rejection_response::<tonic::body::Body>)
///     .respond_to_error(error_response::<tonic::body::Body>);
/// # Ok::<(), tower::BoxError>(())
/// ```
pub fn rejection_response<B: Default>(open: &CircuitOpen) -> Response<B> {
    of_rejection(open).into_http()
}

/// Answers every other refusal, and the inner service's errors, with the status that
/// [`status_error`](super::status_error()) gives them, or that they have.
///
/// For [`respond_to_error`](crate::TenantCircuitBreakerLayer::respond_to_error), on a server. An error without a
/// status is `UNKNOWN`, and nothing of its own text gets into the answer: it may tell a stranger of hosts and
/// credentials.
// By value, because that is how the layer hands it over.
pub fn error_response<B: Default>(error: BoxError) -> Response<B> {
    let status = told(&*error).or_else(|| {
        let mut chain = chain(&*error);
        let said = chain.find_map(|error| error.downcast_ref::<Status>())?;
        Some(said.clone())
    });
    status
        .unwrap_or_else(|| Status::new(Code::Unknown, "the dependency could not be asked"))
        .into_http()
}
