use std::any::type_name;
use std::fmt;
use std::marker::PhantomData;

use ::http::{Extensions, Request};

use crate::tenant::{MissingReason, MissingTenant, Tenant, TenantExtractor};

/// The tenant that an earlier layer left in the request's extensions: the place where
/// authentication belongs.
///
/// `T` is the type that this layer inserts.
///
/// ```
/// use http::Request;
/// use tower_tenant_breaker::TenantExtractor;
/// use tower_tenant_breaker::http::ExtensionTenant;
///
/// /// Inserted by the layer that checks tokens.
/// #[derive(Clone)]
/// struct Account(String);
///
/// impl AsRef<str> for Account {
///     fn as_ref(&self) -> &str {
///         &self.0
///     }
/// }
///
/// let mut request = Request::new(());
/// request.extensions_mut().insert(Account("acme".into()));
///
/// let extractor = ExtensionTenant::<Account>::new();
/// assert_eq!(extractor.extract(&request), Ok("acme".into()));
/// ```
pub struct ExtensionTenant<T> {
    _extension: PhantomData<fn() -> T>,
}

impl<T> ExtensionTenant<T> {
    /// The tenant is the extension of type `T`.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            _extension: PhantomData,
        }
    }

    /// The tenant that these extensions name, for requests that are not an [`http::Request`](Request).
    ///
    /// # Errors
    ///
    /// As [`extract`](TenantExtractor::extract): absent, empty, too long.
    pub fn of_extensions<'a>(&self, extensions: &'a Extensions) -> Result<Tenant<'a>, MissingTenant>
    where
        T: AsRef<str> + Send + Sync + 'static,
    {
        let extension = extensions.get::<T>().ok_or(MissingReason::Absent)?;
        Tenant::from(extension.as_ref()).checked()
    }
}

impl<B, T> TenantExtractor<Request<B>> for ExtensionTenant<T>
where
    T: AsRef<str> + Send + Sync + 'static,
{
    fn extract<'a>(&self, req: &'a Request<B>) -> Result<Tenant<'a>, MissingTenant> {
        self.of_extensions(req.extensions())
    }
}

// By hand, because a derive would ask the same of `T`.
impl<T> Clone for ExtensionTenant<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for ExtensionTenant<T> {}

impl<T> Default for ExtensionTenant<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for ExtensionTenant<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ExtensionTenant<{}>", type_name::<T>())
    }
}
