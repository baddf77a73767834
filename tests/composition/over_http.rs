//! Jobs as HTTP requests, for neighbours that know nothing else.

use http::{Request, Response};
use tower::{Service, ServiceExt};
use tower_tenant_breaker::{
    Dependency, MissingReason, MissingTenant, Tenant, TenantCircuitBreakerLayer, TenantExtractor,
};

use crate::job::{Job, Owner};

/// The owner of the job that a request has in its extensions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OwnerOfRequest;

impl TenantExtractor<Request<String>> for OwnerOfRequest {
    fn extract<'a>(&self, request: &'a Request<String>) -> Result<Tenant<'a>, MissingTenant> {
        let job = request.extensions().get::<Job>();
        Owner.extract(job.ok_or(MissingTenant::new(MissingReason::Absent))?)
    }
}

pub(crate) fn layer(printer: &Dependency) -> TenantCircuitBreakerLayer<Dependency, OwnerOfRequest> {
    TenantCircuitBreakerLayer::new(printer.clone(), OwnerOfRequest)
}

/// A stack over HTTP, as one that takes jobs.
pub(crate) fn service<S>(
    stack: S,
) -> impl Service<Job, Response = S::Response, Error = S::Error, Future: Send> + Clone + Send
where
    S: Service<Request<String>, Future: Send> + Clone + Send,
{
    stack.map_request(|job: Job| {
        let mut request = Request::new(String::new());
        request.extensions_mut().insert(job);
        request
    })
}

/// A service that takes jobs, as the innermost of a stack over HTTP.
pub(crate) fn inner<S>(
    service: S,
) -> impl Service<Request<String>, Response = Response<String>, Error = S::Error, Future: Send>
+ Clone
+ Send
where
    S: Service<Job, Response: ToString, Future: Send> + Clone + Send,
{
    service
        .map_request(|mut request: Request<String>| {
            let job = request.extensions_mut().remove::<Job>();
            job.expect("the request is of one that takes jobs")
        })
        .map_response(|answer: S::Response| Response::new(answer.to_string()))
}
