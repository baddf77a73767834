/// Says which requests may be sent to another provider after one has had them, and copies those.
///
/// | | resends |
/// |---|---|
/// | [`IfIdempotent`] | requests that say they may be sent twice ([`Idempotence`]): the default |
/// | `http::IfBodiless` | idempotent HTTP requests without a body, where bodies are no `Clone` |
/// | [`EveryRequest`] | all of them |
/// | [`NoRequest`] | none of them |
/// | a closure `Fn(&Req) -> Option<Req>` | those that it copies |
///
/// A provider that failed may have done its work all the same: the answer got lost, or came too late.
/// Another one then does it again.
///
/// ```
/// use tower_tenant_breaker::Resend;
///
/// #[derive(Clone)]
/// struct Prompt { text: String, runs_tools: bool }
///
/// let policy = |prompt: &Prompt| (!prompt.runs_tools).then(|| prompt.clone());
/// assert!(policy.copy(&Prompt { text: "a haiku".into(), runs_tools: false }).is_some());
/// assert!(policy.copy(&Prompt { text: "pay the bill".into(), runs_tools: true }).is_none());
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot copy a `{Req}` for another provider",
    label = "no way to tell whether this may be sent twice",
    note = "`IfIdempotent`, which is the default, knows `http::Request<B>` where `B: Clone`; where its body is no \
            `Clone`, say `.resend(IfBodiless)` on the builder",
    note = "where the request has a body that is to be sent again, as a POST has, read it into `Bytes` first: \
            `http::Request<Full<Bytes>>` is `Clone`, which `axum::extract::Request` is not",
    note = "for any other request say `.resend(EveryRequest)` or `.resend(NoRequest)`, give a closure \
            `.resend(|req: &Req| Some(req.clone()))`, or implement `Idempotence`"
)]
pub trait Resend<Req> {
    /// A copy to send to another provider; none where the request must not be sent twice.
    ///
    /// Asked before a provider gets a request, where anybody else is left who could need a copy. A panic in
    /// here is no failure of the provider.
    fn copy(&self, req: &Req) -> Option<Req>;
}

impl<F, Req> Resend<Req> for F
where
    F: Fn(&Req) -> Option<Req>,
{
    fn copy(&self, req: &Req) -> Option<Req> {
        self(req)
    }
}

/// Resends requests that say of themselves that they may be sent twice. The default.
///
/// HTTP requests do so by their method; see [`Idempotence`], which is also for request types of your own. For
/// any other request it does not compile, and a choice has to be made:
///
/// ```compile_fail,E0277
/// use tower::{Service, service_fn};
/// use tower_tenant_breaker::{CircuitBreakerRegistry, ErrIsFailure, Failover, FixedTenant};
///
/// fn is_service<S: Service<String>>(_: S) {}
///
/// # let registry = CircuitBreakerRegistry::builder().build().unwrap();
/// let ask = |prompt: String| async move { Ok::<_, std::io::Error>(prompt) };
/// let models = Failover::builder(FixedTenant::new("acme"))
///     .provider(registry.dependency("model-a").unwrap(), service_fn(ask))
///     .classify(ErrIsFailure)
///     // .resend(EveryRequest)
///     .build()
///     .unwrap();
/// is_service(models);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IfIdempotent;

impl<Req> Resend<Req> for IfIdempotent
where
    Req: Idempotence,
{
    fn copy(&self, req: &Req) -> Option<Req> {
        req.is_idempotent().then(|| req.clone())
    }
}

/// A request that knows whether it may be sent twice.
///
/// Implemented for `http::Request` (feature `http`) whose body is `Clone`. Such a request is idempotent
/// where its method is, by RFC 9110 (GET, HEAD, OPTIONS, TRACE, PUT, DELETE), or where it has an
/// `Idempotency-Key` header. A key protects where the providers know each other's keys, as two regions of
/// one service do. Two services that know nothing of each other will both charge the card: there, say
/// [`NoRequest`], or give a closure that looks at the method alone.
///
/// ```
/// use tower_tenant_breaker::Idempotence;
///
/// #[derive(Clone)]
/// enum Query { Read(String), Write(String) }
///
/// impl Idempotence for Query {
///     fn is_idempotent(&self) -> bool {
///         matches!(self, Self::Read(_))
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say whether it may be sent to a second provider",
    note = "say `.resend(EveryRequest)` or `.resend(NoRequest)` on the builder, give a closure \
            `.resend(|req: &Req| Some(req.clone()))`, or implement `Idempotence`"
)]
pub trait Idempotence: Clone {
    /// Whether it has the same effect sent twice as sent once.
    fn is_idempotent(&self) -> bool;
}

/// Resends every request. For those that change nothing: a search, a prompt to a model without tools.
///
/// For requests that are `Clone`. An HTTP request is so where its body is: not with axum's `Body`, which may be a
/// stream. Read it into `Bytes` first, as
/// [Requests with a body](crate::failover#requests-with-a-body) shows. Otherwise the compiler says that a method
/// "exists for struct `Failover<..>`, but its trait bounds were not satisfied" (E0599).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EveryRequest;

impl<Req: Clone> Resend<Req> for EveryRequest {
    fn copy(&self, req: &Req) -> Option<Req> {
        Some(req.clone())
    }
}

/// Resends no request: only those move on that no provider has had yet. For requests that are not `Clone`, too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NoRequest;

impl<Req> Resend<Req> for NoRequest {
    fn copy(&self, _req: &Req) -> Option<Req> {
        None
    }
}
