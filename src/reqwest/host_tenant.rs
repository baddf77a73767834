use ::reqwest::{Request, Url};

use super::ClientRequest;
use crate::tenant::{MissingReason, MissingTenant, Tenant, TenantExtractor};

/// The tenant is the host that a request goes to: where each tenant has an endpoint of its own, as
/// with webhooks, or a host name of its own at one provider.
///
/// The host as the URL has it: in lower case, without port, without user and password, and without the dot that a
/// name in full may end with. It is the
/// host of the request that was made, not of a redirect that it leads to. Where tenants choose their
/// own URLs, one who names many hosts has many circuits.
///
/// ```
/// use reqwest::{Method, Request};
/// use tower_tenant_breaker::TenantExtractor;
/// use tower_tenant_breaker::reqwest::HostTenant;
///
/// let request = Request::new(Method::POST, "https://Hooks.Acme.example:8443/orders".parse()?);
/// assert_eq!(HostTenant.extract(&request), Ok("hooks.acme.example".into()));
/// # Ok::<(), tower::BoxError>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct HostTenant;

impl HostTenant {
    /// The tenant that this URL names, for requests of another kind.
    ///
    /// # Errors
    ///
    /// As [`extract`](TenantExtractor::extract): absent, too long.
    pub fn of_url<'a>(&self, url: &'a Url) -> Result<Tenant<'a>, MissingTenant> {
        let host = url.host_str().ok_or(MissingReason::Absent)?;
        // The dot at the end of a name in full is no other host.
        Tenant::from(host.strip_suffix('.').unwrap_or(host)).checked()
    }
}

impl TenantExtractor<ClientRequest> for HostTenant {
    fn extract<'a>(&self, call: &'a ClientRequest) -> Result<Tenant<'a>, MissingTenant> {
        self.of_url(call.request().url())
    }
}

impl TenantExtractor<Request> for HostTenant {
    fn extract<'a>(&self, request: &'a Request) -> Result<Tenant<'a>, MissingTenant> {
        self.of_url(request.url())
    }
}
