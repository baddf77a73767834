use std::mem;

use ::http::Extensions;
use ::reqwest::Request;

use crate::http::{CredentialTenant, ExtensionTenant, HeaderTenant};
use crate::tenant::{MissingTenant, Tenant, TenantExtractor};

/// A request on its way through the middlewares of a client, with the extensions that go along.
///
/// What an extractor, [`dependency_fn`](crate::dependency_fn) and
/// [`probe_if`](crate::TenantCircuitBreakerMiddleware::probe_if) look at.
///
/// ```
/// use http::Extensions;
/// use reqwest::{Method, Request};
/// use tower_tenant_breaker::reqwest::ClientRequest;
/// use tower_tenant_breaker::{MissingReason, TenantExtractor, tenant_fn};
///
/// #[derive(Clone)]
/// struct Account(String);
///
/// let by_account = tenant_fn(|call: &ClientRequest| {
///     let account = call.extensions().get::<Account>().ok_or(MissingReason::Absent)?;
///     Ok(account.0.as_str().into())
/// });
///
/// // As the middleware sees it; here, to test the closure.
/// let mut extensions = Extensions::new();
/// extensions.insert(Account("acme".into()));
/// let request = Request::new(Method::GET, "http://search/".parse()?);
/// let call = ClientRequest::new(request, extensions);
/// assert_eq!(by_account.extract(&call), Ok("acme".into()));
/// # Ok::<(), tower::BoxError>(())
/// ```
#[derive(Debug)]
pub struct ClientRequest {
    request: Request,
    extensions: Extensions,
}

impl ClientRequest {
    /// A request and its extensions, for the test of an extractor.
    #[must_use]
    pub const fn new(request: Request, extensions: Extensions) -> Self {
        Self {
            request,
            extensions,
        }
    }

    /// The request: method, URL, headers, body. It lacks the headers that the client itself adds, its
    /// `default_headers` among them.
    #[must_use]
    pub const fn request(&self) -> &Request {
        &self.request
    }

    /// What the caller put in by `RequestBuilder::with_extension`, and middlewares before this one.
    #[must_use]
    pub const fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// Looks at a request together with extensions that are only lent. Nothing is copied: both are
    /// small, and moved there and back.
    pub(super) fn look<T>(
        request: Request,
        extensions: &mut Extensions,
        look: impl FnOnce(&Self) -> T,
    ) -> (Request, T) {
        let seen = Self::new(request, mem::take(extensions));
        let found = look(&seen);
        *extensions = seen.extensions;
        (seen.request, found)
    }
}

impl TenantExtractor<ClientRequest> for HeaderTenant {
    fn extract<'a>(&self, call: &'a ClientRequest) -> Result<Tenant<'a>, MissingTenant> {
        self.of_headers(call.request.headers())
    }
}

impl TenantExtractor<Request> for HeaderTenant {
    fn extract<'a>(&self, request: &'a Request) -> Result<Tenant<'a>, MissingTenant> {
        self.of_headers(request.headers())
    }
}

impl<T> TenantExtractor<ClientRequest> for ExtensionTenant<T>
where
    T: AsRef<str> + Send + Sync + 'static,
{
    fn extract<'a>(&self, call: &'a ClientRequest) -> Result<Tenant<'a>, MissingTenant> {
        self.of_extensions(&call.extensions)
    }
}

impl TenantExtractor<ClientRequest> for CredentialTenant {
    fn extract<'a>(&self, call: &'a ClientRequest) -> Result<Tenant<'a>, MissingTenant> {
        self.of_headers(call.request.headers())
    }
}

impl TenantExtractor<Request> for CredentialTenant {
    fn extract<'a>(&self, request: &'a Request) -> Result<Tenant<'a>, MissingTenant> {
        self.of_headers(request.headers())
    }
}

#[cfg(test)]
mod tests {
    use ::http::Extensions;
    use ::reqwest::{Method, Request};

    use super::ClientRequest;

    #[test]
    fn what_is_looked_at_comes_back_whole() {
        let request = Request::new(Method::PUT, "http://search/one".parse().unwrap());
        let mut extensions = Extensions::new();
        extensions.insert("acme");

        let (request, seen) = ClientRequest::look(request, &mut extensions, |call| {
            (
                call.extensions().get::<&str>().copied(),
                call.request().method().clone(),
            )
        });

        assert_eq!(seen, (Some("acme"), Method::PUT));
        assert_eq!(extensions.get(), Some(&"acme"));
        assert_eq!(request.url().path(), "/one");
    }
}
