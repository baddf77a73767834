//! Tenants of requests that tonic has taken apart: the metadata of one are HTTP's headers.

use tonic::Request;

use crate::tenant::{MissingTenant, Tenant, TenantExtractor};
use crate::{CredentialTenant, ExtensionTenant, HeaderTenant};

impl<T> TenantExtractor<Request<T>> for HeaderTenant {
    fn extract<'a>(&self, req: &'a Request<T>) -> Result<Tenant<'a>, MissingTenant> {
        self.of_headers(req.metadata().as_ref())
    }
}

impl<T> TenantExtractor<Request<T>> for CredentialTenant {
    fn extract<'a>(&self, req: &'a Request<T>) -> Result<Tenant<'a>, MissingTenant> {
        self.of_headers(req.metadata().as_ref())
    }
}

impl<T, X> TenantExtractor<Request<T>> for ExtensionTenant<X>
where
    X: AsRef<str> + Send + Sync + 'static,
{
    fn extract<'a>(&self, req: &'a Request<T>) -> Result<Tenant<'a>, MissingTenant> {
        self.of_extensions(req.extensions())
    }
}
