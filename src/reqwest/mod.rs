//! reqwest: the breaker among the middlewares of a client, and around clients that are tower services.
//!
//! | | |
//! |---|---|
//! | a middleware of `reqwest-middleware` | [`TenantCircuitBreakerMiddleware`] |
//! | what its extractor looks at | [`ClientRequest`] |
//! | the tenant is the host | [`HostTenant`] |
//! | what errors mean, outside of both | [`ReqwestErrors`] |
//! | what a call gets that is not sent | [`Unsent`], whose source is the [`CircuitOpen`](crate::CircuitOpen) |
//!
//! ```no_run
//! use reqwest_middleware::ClientBuilder;
//! use reqwest_retry::{RetryTransientMiddleware, policies::ExponentialBackoff};
//! use tower_tenant_breaker::reqwest::TenantCircuitBreakerMiddleware;
//! use tower_tenant_breaker::{CircuitBreakerRegistry, CircuitOpen, ExtensionTenant, Policy};
//!
//! #[derive(Clone)]
//! struct Account(String);
//!
//! impl AsRef<str> for Account {
//!     fn as_ref(&self) -> &str {
//!         &self.0
//!     }
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<(), tower::BoxError> {
//!     let registry = CircuitBreakerRegistry::builder().build()?;
//!     let search = registry.dependency_with("search", Policy::default())?;
//!
//!     let retries = ExponentialBackoff::builder().build_with_max_retries(3);
//!     let client = ClientBuilder::new(reqwest::Client::new())
//!         .with(RetryTransientMiddleware::new_with_policy(retries)) // outside of the breaker
//!         .with(TenantCircuitBreakerMiddleware::new(search, ExtensionTenant::<Account>::new()))
//!         .build();
//!
//!     let call = client.get("http://search/?q=shoes").with_extension(Account("acme".into()));
//!     match call.send().await {
//!         Ok(response) => println!("{}", response.text().await?),
//!         Err(error) => match CircuitOpen::find(&error) {
//!             Some(open) => println!("not now: {open}, retry after {:?}", open.retry_after()),
//!             None => println!("the search failed: {error}"),
//!         },
//!     }
//!     Ok(())
//! }
//! ```
//!
//! Every extractor is at home here: [`HeaderTenant`](crate::HeaderTenant),
//! [`CredentialTenant`](crate::CredentialTenant), [`ExtensionTenant`](crate::ExtensionTenant),
//! [`TaskTenant`](crate::TaskTenant) (read when the call is polled, so that
//! `TaskTenant::scope("acme", call.send())` is enough), [`FixedTenant`](crate::FixedTenant), and
//! [`tenant_fn`](crate::tenant_fn) over a [`ClientRequest`].
//!
//! # What a result means
//!
//! To [`DefaultClassify`](crate::DefaultClassify), which knows `reqwest::Response` too; to
//! [`HttpClassify`](crate::HttpClassify), which has another opinion on statuses; and, but for the responses, to
//! [`ReqwestErrors`]:
//!
//! | result | outcome |
//! |---|---|
//! | a response | by its head, as any of HTTP: status, `grpc-status`, hints such as `Retry-After` |
//! | no connection, a timeout, a connection that broke, an answer that is none | failure |
//! | a redirect that leads nowhere | failure |
//! | a body that could not be read or decoded | failure |
//! | what `error_for_status` makes of a status | as that status; without a hint, the headers are gone |
//! | a request that could not be built: a URL that reqwest cannot ask, also as the target of a redirect | ignored |
//! | the request's own body broke off: the caller's stream | ignored |
//! | a rejection further in, any of our refusals, tower's `Overloaded` | ignored |
//! | any other error, such as one that a middleware further in made up | failure |
//!
//! Redirects that the client follows are one call, whose last answer counts. The error is looked for
//! in what wraps it: `reqwest_middleware::Error`, any error with sources, a box of one. No body is read for it.
//!
//! # Where it goes
//!
//! The middleware that is added first is the outermost.
//!
//! - **Retries go outside**: `.with(retry).with(breaker)`. Every try is admitted and judged by itself, so that the
//!   circuit opens as soon as the tries of a few calls have failed, and ends the tries of those that are still at it.
//!   A rejection is an `Error::Middleware`, which reqwest-retry holds for fatal, so none is wasted on it. A
//!   strategy of your own has to say so: `Err(error) if CircuitOpen::find(error).is_some()` is
//!   `Retryable::Fatal`.
//! - **Retries inside** are one outcome, however many tries it took: a dependency that is only ever reached at the second
//!   attempt is a healthy one. The latency of such a call has the pauses between its tries in it, and a probe holds
//!   its place through them all. And where reqwest-retry did not retry, its error is transparent and hides the
//!   very error that it holds. Feature `reqwest-retry` sees through it. Without, the connection that was refused is a
//!   failure all the same, but so are a URL that cannot be asked, a status of `error_for_status`, and an
//!   `Overloaded`, which are known only where they show. A request whose body is a stream fails there before
//!   it is sent, and counts.
//! - **Timeouts** of reqwest, the client's and the request's, are inside by nature, and failures. One around
//!   the whole call (`tokio::time::timeout`) drops it: it is cancelled, and counts by the policy's
//!   [`abandoned_run`](crate::PolicyBuilder::abandoned_run).
//! - **What finds the tenant** goes outside: a middleware that leaves it in the extensions, or in a header. Headers
//!   that the client itself adds, `default_headers`, come too late to name one.
//! - **What may answer or fail by itself** goes outside too. A cache further in would close the circuit of
//!   a dependency that nobody has asked, and one that fetches tokens would open it for the sins of another.
//!
//! # Bodies and streams
//!
//! A call is over when its head is there, and what goes wrong in its body, behind a good head, is no outcome:
//! unless the middleware is told to [observe bodies](TenantCircuitBreakerMiddleware::observe_body), or the layer
//! is, which does so with `reqwest::Response`s too. Then the outcome is settled at the first data or at the end, a
//! body that breaks off or takes too long is a failure, and a response that is dropped unread is a cancelled call.
//!
//! Where the answer is read in one place, the body can simply be part of the call. Its errors count as the table
//! says:
//!
//! ```
//! use tower_tenant_breaker::reqwest::ReqwestErrors;
//! use tower_tenant_breaker::{CallError, Dependency};
//!
//! async fn hits(
//!     search: &Dependency,
//!     client: &reqwest::Client,
//! ) -> Result<String, CallError<reqwest::Error>> {
//!     let fetch = async {
//!         client.get("http://search/").send().await?.error_for_status()?.text().await
//!     };
//!     search.call_with("acme", ReqwestErrors, fetch).await
//! }
//! ```
//!
//! # Around a client, as a tower layer
//!
//! `reqwest::Client` and `ClientWithMiddleware` are tower services, and
//! [`TenantCircuitBreakerLayer`](crate::TenantCircuitBreakerLayer) goes around either. It judges as the table
//! says, through the box that its errors are in. Its requests are bare `reqwest::Request`s, whose extensions
//! nobody can see; all other extractors know them.
//!
//! ```
//! use std::time::Duration;
//!
//! use reqwest::{Request, Response};
//! use tower::{BoxError, Service, ServiceBuilder};
//! use tower_tenant_breaker::{Dependency, HeaderTenant, TenantCircuitBreakerLayer};
//!
//! fn guarded(
//!     search: Dependency,
//! ) -> impl Service<Request, Response = Response, Error = BoxError, Future: Send> + Clone + Send + 'static {
//!     ServiceBuilder::new()
//!         .layer(TenantCircuitBreakerLayer::new(search, HeaderTenant::new("x-tenant-id")))
//!         .timeout(Duration::from_secs(5))
//!         .service(reqwest::Client::new())
//! }
//! # fn spawn(search: Dependency, request: Request) {
//! #     use tower::ServiceExt;
//! #     let client = guarded(search);
//! #     tokio::spawn(async move { client.oneshot(request).await });
//! # }
//! ```
//!
//! # Not in `connector_layer`
//!
//! `reqwest::ClientBuilder::connector_layer` takes tower layers, and this one among them, but it wraps the
//! making of connections and nothing else. A connection that is in the pool already is used without asking it,
//! whomever it was made for. It sees no response, so a 503 is none of its business; and its request is a type
//! without a name or a field, so that there is no header, nor even a host, to tell tenants by.

mod body;
mod classify;
mod error;
mod host_tenant;
mod middleware;
mod request;

#[cfg(feature = "agent")]
pub(crate) use self::body::open;
pub use self::classify::ReqwestErrors;
#[cfg(feature = "agent")]
pub(crate) use self::classify::of_error_by;
pub use self::error::Unsent;
pub use self::host_tenant::HostTenant;
pub use self::middleware::TenantCircuitBreakerMiddleware;
pub use self::request::ClientRequest;
