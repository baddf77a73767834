//! An ordered list of providers for one kind of request: a primary, hot standbys, a last resort.
//!
//! ```text
//!                    closed: calls it
//! a call of acme --> [ model-a | circuit of acme ] --fails--> [ model-b | circuit of acme ] --fails--> a stored
//!                    open: goes on at once --------^                                                   answer, or
//!                                                                                                      a person
//! ```
//!
//! [`Failover`] is a tower service around all of them. Each provider has a [`Dependency`](crate::Dependency)
//! of its own, and with it a policy, and a circuit for every tenant: where `model-a` is down for acme alone,
//! nobody else moves.
//!
//! # Why circuits, and not "try A, and where that fails, B"
//!
//! Because A seldom says no at once. A provider that is overloaded takes its time to say so, and one that hangs
//! takes the whole timeout: without a circuit, each call of an outage pays that before B is asked, and each
//! keeps A from recovering. With one, the first few calls pay, the others go to B as if it came first, and a
//! few probes find out when A is back. `cargo run --release --package failover` measures both.
//!
//! A layer whose [`fallback_on_failure`](crate::TenantCircuitBreakerLayer::fallback_on_failure) calls B gets
//! halfway there. But then nothing guards B, or says when all are down which of them comes back first; and the
//! choice between more than two is nested, and out of sight.
//!
//! # Who is asked
//!
//! The first in the list whose circuit admits the call. A call that was rejected there was not sent, so it goes
//! on whatever it is. The order is the only preference: no call goes to B because it would be faster, or because
//! A has enough to do, unless the policy of A says so
//! ([`max_in_flight`](crate::PolicyBuilder::max_in_flight)). When the open period of A is over, calls go to A
//! again as its probes, and stay there once enough succeeded.
//!
//! # What moves on
//!
//! | an attempt ended with | by its classifier | the call |
//! |---|---|---|
//! | a response | failure, throttled | moves on |
//! | a response | anything else | is served |
//! | an error | success | ends with this error |
//! | an error | anything else, ignored too | moves on |
//!
//! So a load that a `LoadShed` further in has shed (`Overloaded`), which says nothing about the provider and
//! is ignored by its circuit, finds a place elsewhere, if there is a copy of it: the request itself is gone with
//! what shed it. A slow answer is an answer: it counts against the circuit,
//! and is served.
//!
//! **Put a timeout inside of each provider.** One outside of the `Failover` ends the call, and not the attempt:
//! a provider that hangs is never left.
//!
//! # What was sent is not lightly sent again
//!
//! A provider that failed may have done its work. So a request that was sent moves on only where [`Resend`]
//! gives a copy of it, which by default it does of requests that are idempotent ([`IfIdempotent`]): not of a POST.
//! A copy is made where somebody is left who could need it, and held while the provider works. Where the
//! provider's `poll_ready` fails, nothing was sent, and the request itself moves on.
//!
//! A request without a copy would rather not be a probe, since where the probe fails so does the call. It is
//! barred from probing ([`Probing::IfNoneElse`](crate::Probing::IfNoneElse)) as long as another provider admits
//! it. Where none does, a probe is better than no answer.
//!
//! # Requests with a body
//!
//! A copy of a request needs a copy of its body, and one that may be a stream has none: axum's `Body` is not `Clone`.
//! So read the body into `Bytes` first. A prompt that is sent as a POST then goes to the next provider whole:
//!
//! ```
//! # #[cfg(feature = "http")]
//! # mod of_http {
//! use axum::Router;
//! use axum::body::{Body, Bytes};
//! use axum::extract::State;
//! use axum::http::request::Parts;
//! use axum::http::{Request, Response, StatusCode};
//! use axum::response::IntoResponse;
//! use axum::routing::post;
//! use http_body_util::Full;
//! use tower::util::BoxCloneSyncService;
//! use tower::{BoxError, ServiceExt};
//! use tower_tenant_breaker::{CircuitBreakerRegistry, EveryRequest, Failover, HeaderTenant, Served};
//!
//! type Model = BoxCloneSyncService<Request<Full<Bytes>>, Response<Body>, BoxError>;
//! /// In a box, because a handler's future could not hold a `Failover<Model, ..>`: its type names a `BoxError`.
//! type Models = BoxCloneSyncService<Request<Full<Bytes>>, Served<Response<Body>>, BoxError>;
//!
//! fn app(registry: &CircuitBreakerRegistry, first: Model, second: Model) -> Result<Router, BoxError> {
//!     let models = Failover::builder(HeaderTenant::new("x-tenant-id"))
//!         .provider(registry.dependency("model-a")?, first)
//!         .provider(registry.dependency("model-b")?, second)
//!         .resend(EveryRequest) // a prompt may be asked twice
//!         .build()?;
//!     Ok(Router::new().route("/chat", post(chat)).with_state(Models::new(models)))
//! }
//!
//! /// `Bytes` has read the whole body, within axum's `DefaultBodyLimit`.
//! async fn chat(State(models): State<Models>, parts: Parts, body: Bytes) -> axum::response::Response {
//!     match models.oneshot(Request::from_parts(parts, Full::new(body))).await {
//!         Ok(served) => served.into_response(),
//!         Err(_) => StatusCode::BAD_GATEWAY.into_response(),
//!     }
//! }
//! # }
//! ```
//!
//! # Streams
//!
//! The choice is made at the head of the response. What was handed out stays: a body that breaks later is the
//! caller's to notice, and no other provider is asked, who would begin the answer anew.
//!
//! By default the circuit hears of the head alone, and a provider that answers 200 and then streams an `error`
//! event is a fast success: the next call goes there too. With `FailoverBuilder::observe_body` (feature `http`) the
//! body settles the attempt, as it does [on the layer](crate::TenantCircuitBreakerLayer):
//!
//! | what a stream does | its caller | its provider's circuit | the next call |
//! |---|---|---|---|
//! | breaks, or the judge calls it a failure | gets it as it is | a failure | goes to the next once that opened it |
//! | is dropped by the caller | | cancelled | as before |
//! | goes on | reads | in the air: a probe keeps its place | goes to the next where no place is left |
//!
//! A last resort's answer, and a failed response where nobody is left, have a body of the same type, which no
//! circuit waits for.
//!
//! # Who served
//!
//! [`Served`] has the response, and [`ServedBy`] tells the dependency. For HTTP stacks, which want a plain
//! response, `Served::into_response` leaves it in the response's extensions.
//!
//! # When nobody is left
//!
//! | | with a [last resort](FailoverBuilder::last_resort) | without |
//! |---|---|---|
//! | every circuit rejected the call | it answers | [`NoneAdmitted`], which names the circuit closest to recovery |
//! | the last attempt failed, and a copy is there | it answers | the failed response, or the error |
//! | the last attempt failed, and there is no copy | the failed response, or the error | the same |
//!
//! A [last resort that keeps](FailoverBuilder::last_resort_keeping) what it needs of each request answers the
//! third too.
//!
//! # What it does not do
//!
//! It asks nobody twice, waits for nobody to recover, and sends nothing to two providers at the same time. A
//! retry belongs inside of a provider, where all of its tries are one outcome. The requests are the same for
//! all: what has to differ (host, credentials, the model's name) each provider's own stack changes, with tower's
//! `map_request`.

mod attempt;
mod builder;
mod error;
mod future;
mod last_resort;
#[cfg(feature = "http")]
mod observe;
mod resend;
mod served;
mod service;
mod walk;

pub use self::builder::FailoverBuilder;
pub use self::error::{FailoverError, NoneAdmitted};
pub use self::future::ResponseFuture;
pub use self::last_resort::{AnswerLast, AnswerLastKeeping, LastResort, NoLastResort, Unserved};
pub use self::resend::{EveryRequest, Idempotence, IfIdempotent, NoRequest, Resend};
pub use self::served::{Served, ServedBy};
pub use self::service::Failover;
