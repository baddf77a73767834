use ::http::request::Parts;

/// Knows who may act.
///
/// A closure is one, where its argument says its type: `|request: &Parts| ..`.
///
/// It is asked with each request to `actions`, and should decide by a credential: a session's cookie, a header that the
/// proxy in front has set and takes from others. Where a request comes from is none: a page of any origin can have a
/// browser within your network send requests, under a name that resolves to this host.
///
/// A panic in it answers nothing and does nothing; the server ends the connection.
///
/// It must not block; look up what takes time in a layer before, and leave it in the request's extensions.
///
/// ```
/// use http::request::Parts;
/// use tower_tenant_breaker::status::Authorise;
///
/// #[derive(Clone)]
/// struct User { name: String, is_operator: bool }
///
/// // By what a layer before has found out.
/// let operators = |request: &Parts| {
///     let user: &User = request.extensions.get()?;
///     user.is_operator.then(|| user.name.clone())
/// };
///
/// let (mut request, ()) = http::Request::new(()).into_parts();
/// assert_eq!(operators.authorise(&request), None);
/// request.extensions.insert(User { name: "alice".into(), is_operator: true });
/// assert_eq!(operators.authorise(&request).as_deref(), Some("alice"));
/// ```
pub trait Authorise: Send + Sync + 'static {
    /// Who sent this request, if they may act; none, or an empty name, where they may not. The name stands in the notes
    /// of their overrides, cut to 128 bytes, and so is seen by everybody who sees the page.
    fn authorise(&self, request: &Parts) -> Option<String>;
}

impl<F> Authorise for F
where
    F: Fn(&Parts) -> Option<String> + Send + Sync + 'static,
{
    fn authorise(&self, request: &Parts) -> Option<String> {
        self(request)
    }
}
