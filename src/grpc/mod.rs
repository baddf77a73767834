//! gRPC with tonic: outcomes by status code, rejections as `UNAVAILABLE`, on servers and on clients.
//!
//! gRPC answers 200 whatever happens. How a call went comes as a status, in the head where there is no message, and
//! after the last message otherwise. So a breaker in front of gRPC has to look there:
//!
//! - [`classify_grpc`](crate::TenantCircuitBreakerLayer::classify_grpc) judges heads and trailers by
//!   [`GrpcClassify`], and settles a call at its end: unary calls and the three kinds of streams alike.
//! - [`rejection_response`] and [`error_response`] are what a server answers with.
//! - [`status_error`] is what a client's user gets: tonic makes a [`Status`](tonic::Status) of it.
//!
//! Tenants come from the metadata, which are HTTP's headers: [`HeaderTenant`](crate::HeaderTenant) and
//! [`CredentialTenant`](crate::CredentialTenant) read them on both sides, and
//! [`ExtensionTenant`](crate::ExtensionTenant) what an interceptor left. All three take a `tonic::Request` too.
//!
//! # A server
//!
//! ```no_run
//! # async fn serve(routes: tonic::service::Routes) -> Result<(), tower::BoxError> {
//! use tonic::transport::Server;
//! use tower_tenant_breaker::grpc::{GrpcClassify, error_response, rejection_response};
//! use tower_tenant_breaker::{CircuitBreakerRegistry, HeaderTenant, TenantCircuitBreakerLayer};
//!
//! let search = CircuitBreakerRegistry::builder().build()?.dependency("search")?;
//! let breaker = TenantCircuitBreakerLayer::new(search, HeaderTenant::new("x-tenant-id"))
//!     .classify_grpc(GrpcClassify::new())
//!     .respond_with(rejection_response)
//!     .respond_to_error(error_response);
//! Server::builder().layer(breaker).add_routes(routes).serve("127.0.0.1:50051".parse()?).await?;
//! # Ok(())
//! # }
//! ```
//!
//! Without the two answers a rejection is an error of the service, and tonic resets the stream.
//!
//! # A client
//!
//! ```
//! use tonic::body::Body;
//! use tonic::transport::Channel;
//! use tonic_health::pb::HealthCheckRequest;
//! use tonic_health::pb::health_client::HealthClient; // or any other that tonic generates
//! use tower::{BoxError, Service, ServiceBuilder};
//! use tower_tenant_breaker::grpc::{GrpcBodyJudge, GrpcClassify, status_error};
//! use tower_tenant_breaker::http::body::ObservedBody;
//! use tower_tenant_breaker::{CircuitOpen, Dependency, TaskTenant, TenantCircuitBreakerLayer};
//!
//! type Request = http::Request<Body>;
//! type Response = http::Response<ObservedBody<Body, GrpcBodyJudge>>;
//!
//! /// What a generated client takes in place of a `Channel`.
//! fn guarded(
//!     channel: Channel,
//!     search: Dependency,
//! ) -> impl Service<Request, Response = Response, Error = BoxError, Future: Send> + Clone + Send + 'static {
//!     let breaker = TenantCircuitBreakerLayer::new(search, TaskTenant).classify_grpc(GrpcClassify::new());
//!     ServiceBuilder::new().map_err(status_error).layer(breaker).service(channel)
//! }
//!
//! async fn ask(channel: Channel, search: Dependency) -> Result<(), tonic::Status> {
//!     let mut client = HealthClient::new(guarded(channel, search));
//!     let check = async move { client.check(HealthCheckRequest::default()).await };
//!     match TaskTenant::scope("acme", check).await {
//!         Ok(answer) => println!("{answer:?}"),
//!         Err(status) => match not_now(&status) {
//!             Some(open) => println!("not now: {open}, retry after {:?}", open.retry_after()),
//!             None => return Err(status),
//!         },
//!     }
//!     Ok(())
//! }
//!
//! /// Why the call of this status was not sent, if it was not.
//! fn not_now(status: &tonic::Status) -> Option<&CircuitOpen> {
//!     CircuitOpen::find(status) // and `status.code()` is `Unavailable`
//! }
//! # fn spawn(channel: Channel, search: Dependency) {
//! #     tokio::spawn(ask(channel, search));
//! # }
//! ```
//!
//! # A breaker on both sides
//!
//! A server's rejection is `UNAVAILABLE` on the wire, and so a failure to a breaker of its client, with the pushback
//! for its hint. That is intended: to the client, the dependency is the server and all that it needs. After a few such
//! answers the client's circuit opens until the server's has said that it will ask again, and the calls in between are
//! not even sent. A rejection that never left the client is another matter: one by a breaker further in on the same
//! side is ignored.
//!
//! # tonic-web
//!
//! `GrpcWebLayer` goes outside of the breaker, nearer the caller. So the breaker sees gRPC, with its trailers, and not
//! grpc-web, which has them in its body; and a rejection is translated as any other answer. It wants answers with
//! tonic's own body, so box them between the two:
//!
//! ```no_run
//! # use tower::layer::util::Identity as GrpcWebLayer; // in place of tonic-web's
//! # use tower_tenant_breaker::Dependency;
//! # async fn serve(routes: tonic::service::Routes, search: Dependency) -> Result<(), tower::BoxError> {
//! use tonic::body::Body;
//! use tonic::transport::Server;
//! use tower::util::MapResponseLayer;
//! # use tower_tenant_breaker::grpc::{GrpcClassify, error_response, rejection_response};
//! # use tower_tenant_breaker::{HeaderTenant, TenantCircuitBreakerLayer};
//!
//! let breaker = TenantCircuitBreakerLayer::new(search, HeaderTenant::new("x-tenant-id"))
//!     .classify_grpc(GrpcClassify::new())
//!     .respond_with(rejection_response)
//!     .respond_to_error(error_response);
//! let mut server = Server::builder()
//!     .accept_http1(true)
//!     .layer(GrpcWebLayer::new())
//!     .layer(MapResponseLayer::new(|answer: http::Response<_>| answer.map(Body::new)))
//!     .layer(breaker);
//! server.add_routes(routes).serve("127.0.0.1:50051".parse()?).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # `CANCELLED` is ambiguous
//!
//! A `CANCELLED` that arrives says that somebody gave up, and not who. It may have been a caller of the dependency's
//! own; it may have been the dependency: a tonic server whose timeout strikes answers so, and a server that hangs
//! would never be found out if that were neutral. Were each a failure, callers that change their minds would open the
//! circuit. So it is what a call is that the caller itself gave up on
//! ([`Outcome::Cancelled`](crate::Outcome::Cancelled)): neutral by itself, slow where it lasted longer than a latency
//! threshold, and a failure once [`abandoned_run`](crate::PolicyBuilder::abandoned_run) of them come in a row. A
//! service that means something else by it says so: [`GrpcClassify::success_on`].
//!
//! A timeout on this side is no `CANCELLED` to the circuit, although tonic shows it to the caller as one: a
//! [`TimeoutExpired`](tonic::TimeoutExpired) of the channel inside is an error, and a failure.
//!
//! # Streams that last
//!
//! A call is settled at its end, so its latency is that of the whole stream. A dependency whose streams last for longer
//! than the default policy's 3 s has a policy with another [latency rule](crate::LatencyRule), or
//! [none](crate::PolicyBuilder::without_latency).

mod answer;
mod classify;
mod status_error;
mod tenant;

pub use self::answer::{error_response, rejection_response};
pub use self::classify::{GrpcBodyJudge, GrpcClassify};
pub use self::status_error::{StatusError, status_error};
