//! A guide: which layer goes where, whole stacks of a server and of a client, one that is operated, and agents.
//!
//! A breaker is worth what its neighbours leave of it. One layer on the wrong side of it hides a hanging dependency,
//! or has a rejection beat a healthy answer. This page says where each belongs; the table at the end says of each
//! neighbour of tower what happens on either side, with the tests that hold it.
//!
//! - [The order of layers](#the-order-of-layers)
//! - [A server](#a-server), [a client](#a-client)
//! - [Retries and budgets](#retries-and-budgets)
//! - [Back-pressure](#back-pressure)
//! - [What to leave](#what-to-leave)
//! - [Bodies and streams](#bodies-and-streams)
//! - [gRPC](#grpc), [reqwest](#reqwest), [async-openai](#async-openai)
//! - [Fallback or failover](#fallback-or-failover)
//! - [Agents](agents), a chapter of its own: tools, MCP, language models, and what is not for a breaker
//! - [Operations](#operations): outages, probers, changes, impact
//! - [Operating it](operating), a chapter of its own: what to watch, alerts, tuning, the live page
//! - [The table](#in-which-order-the-breaker-and-its-neighbours) of the breaker and each of its neighbours
//!
//! # The order of layers
//!
//! From the outside in, as a `ServiceBuilder` lists them:
//!
//! ```text
//! trace                        sees every call, rejected ones too
//! authentication               before anything that believes in a tenant
//! deadline of the whole call   what a caller will wait for in all
//!   breaker                    rejects without touching what is below
//!     load shed                sheds what the limit has no place for; the circuit ignores that
//!       concurrency limit      bounds what the dependency has to bear
//!         retry                of what may be repeated; all attempts are one outcome
//!           timeout            of one attempt: this is how a hanging dependency is found out
//!             the service
//! ```
//!
//! Two rules carry most of it. **A timeout stands inside the breaker**, so that its `Elapsed` is a failure. One that
//! stands outside as well is fine: what it cuts off is cancelled to the circuit, slow if it lasted longer than a
//! latency threshold, and a failure once five in a row were cut off, so that even an outer timeout alone cannot hide
//! a dependency that hangs. **What queues, sheds or limits stands inside, too**: the breaker is always ready, so that
//! what stands outside of it sees no back-pressure.
//!
//! # A server
//!
//! An axum application that protects its database from its own routes. Rejections and timeouts are answered, a stream
//! that breaks is a failure, and no more than 64 calls are at work at a time.
//!
//! ```
//! use std::time::Duration;
//!
//! use axum::Router;
//! use axum::body::Body;
//! use axum::http::{Request, StatusCode};
//! use axum::routing::get;
//! use tower::limit::GlobalConcurrencyLimitLayer;
//! use tower::{BoxError, ServiceBuilder, ServiceExt};
//! use tower_http::trace::TraceLayer;
//! use tower_tenant_breaker::http::body::SettleAt;
//! use tower_tenant_breaker::http::{HeaderTenant, error_response, problem_response};
//! use tower_tenant_breaker::{CircuitBreakerRegistry, Dependency, Policy, TenantCircuitBreakerLayer};
//!
//! fn app(database: Dependency) -> Router {
//!     // Set by the proxy in front, which has authenticated the caller.
//!     let breaker = TenantCircuitBreakerLayer::new(database, HeaderTenant::new("x-tenant-id"))
//!         .observe_body(SettleAt::End)
//!         .respond_with(problem_response::<Body>)
//!         .respond_to_error(error_response::<Body>);
//!     let stack = ServiceBuilder::new()
//!         .layer(TraceLayer::new_for_http())
//!         .layer(breaker)
//!         .load_shed()
//!         // Global: axum applies a layer once for each route, and they share the database.
//!         .layer(GlobalConcurrencyLimitLayer::new(64))
//!         .timeout(Duration::from_secs(5));
//!     Router::new()
//!         .route("/orders", get(async || "all of them"))
//!         .route("/report", get(async || StatusCode::INTERNAL_SERVER_ERROR))
//!         .layer(stack)
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<(), BoxError> {
//!     let registry = CircuitBreakerRegistry::builder().max_tenants(100_000).build()?;
//!     // No tenant has more than 16 calls in the air, waiting ones included.
//!     let policy = Policy::builder().max_in_flight(16).build()?;
//!     let app = app(registry.dependency_with("database", policy)?);
//!
//!     // In place of `axum::serve(listener, app)`: five failures of one tenant, then one more call of it,
//!     // and one of another.
//!     let ask = async |tenant: &str, path: &str| {
//!         let request = Request::get(path).header("x-tenant-id", tenant).body(Body::empty())?;
//!         Ok::<_, BoxError>(app.clone().oneshot(request).await?.status().as_u16())
//!     };
//!     for _ in 0..5 {
//!         assert_eq!(ask("acme", "/report").await?, 500);
//!     }
//!     assert_eq!(ask("acme", "/orders").await?, 503);
//!     assert_eq!(ask("globex", "/orders").await?, 200);
//!     Ok(())
//! }
//! ```
//!
//! # A client
//!
//! A client of somebody else's service, with a retry inside the breaker and a deadline around all of it. It is called
//! by a clone for each request, as `oneshot` does: a clone that is kept idle may keep a place in a queue that it does
//! not use.
//!
//! ```
//! use std::future::{Ready, ready};
//! use std::time::Duration;
//!
//! use axum::Router;
//! use axum::http::{Request, Response, StatusCode};
//! use axum::routing::get;
//! use hyper::body::Incoming;
//! use hyper_util::client::legacy::Client;
//! use hyper_util::rt::TokioExecutor;
//! use tokio::net::TcpListener;
//! use tower::retry::Policy as RetryPolicy;
//! use tower::{BoxError, ServiceBuilder, ServiceExt};
//! use tower_tenant_breaker::{CircuitBreakerRegistry, CircuitOpen, Policy, TaskTenant, TenantCircuitBreakerLayer};
//!
//! /// Once more, where the answer is no good: for requests that may be sent twice.
//! #[derive(Clone)]
//! struct OnceMore(usize);
//!
//! impl<Res, E> RetryPolicy<Request<String>, Response<Res>, E> for OnceMore {
//!     type Future = Ready<()>;
//!
//!     fn retry(&mut self, _: &mut Request<String>, result: &mut Result<Response<Res>, E>) -> Option<Ready<()>> {
//!         let is_good = result.as_ref().is_ok_and(|response| !response.status().is_server_error());
//!         self.0 = self.0.checked_sub(usize::from(!is_good))?;
//!         (!is_good).then(|| ready(()))
//!     }
//!
//!     fn clone_request(&mut self, request: &Request<String>) -> Option<Request<String>> {
//!         request.method().is_idempotent().then(|| request.clone())
//!     }
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<(), BoxError> {
//!     let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
//!     let upstream = format!("http://{}/hits", listener.local_addr()?);
//!     let broken = Router::new().route("/hits", get(async || StatusCode::BAD_GATEWAY));
//!     tokio::spawn(async move { axum::serve(listener, broken).await });
//!
//!     let registry = CircuitBreakerRegistry::builder().build()?;
//!     let search = registry.dependency_with("search", Policy::default())?;
//!     let client = Client::builder(TokioExecutor::new()).build_http::<String>();
//!     let client = ServiceBuilder::new()
//!         .timeout(Duration::from_secs(10)) // of a whole call, its retries included
//!         .layer(TenantCircuitBreakerLayer::new(search.clone(), TaskTenant))
//!         .retry(OnceMore(1))
//!         .timeout(Duration::from_secs(3)) // of one attempt
//!         .service(client);
//!     let ask = async || -> Result<Response<Incoming>, BoxError> {
//!         let request = Request::get(&upstream).body(String::new())?;
//!         client.clone().oneshot(request).await
//!     };
//!
//!     TaskTenant::scope("acme", async {
//!         for _ in 0..5 {
//!             assert_eq!(ask().await?.status(), 502);
//!         }
//!         let error = ask().await.expect_err("the circuit is open");
//!         let open = CircuitOpen::find(&*error).expect("and says so");
//!         println!("{open}, come back in {:?}", open.retry_after());
//!         Ok::<_, BoxError>(())
//!     })
//!     .await?;
//!     assert_eq!(search.snapshot().totals.calls, 5, "of ten attempts");
//!     Ok(())
//! }
//! ```
//!
//! # Retries and budgets
//!
//! A retry repairs one call at the price of more load. A budget bounds the share of that load over all calls; a
//! breaker ends all load of one tenant to one dependency, first attempts too. So they stack, and do not stand in for
//! each other: [`retry`](crate::retry) has the whole argument.
//!
//! Put the retry **inside** unless each attempt is to count. Inside, a call is one outcome: the circuit opens when
//! retries no longer help. Outside, each attempt is an outcome, and a rejection must not be retried, or it drains the
//! budget: [`RespectCircuit`](crate::retry::RespectCircuit) around your policy sees to that, and can wait for the
//! circuit instead.
//!
//! With reqwest-middleware and async-openai it goes **outside** all the same. Inside, reqwest-retry's transparent
//! error hides from the circuit what failed, but for the feature `reqwest-retry`. Outside, a circuit that opens ends
//! the retries of a call at once, and costs nothing: to both a rejection is fatal, and they need no `RespectCircuit`.
//! The thresholds then count attempts, and not calls.
//!
//! # Back-pressure
//!
//! The breaker is always ready ([`poll_ready`](tower::Service::poll_ready) cannot know whose call comes next), and an
//! admitted call waits for the inner service within itself. Therefore:
//!
//! - `LoadShed`, `ConcurrencyLimit` and `RateLimit` belong inside. Outside, load shed never sheds, since what it asks
//!   is always ready.
//! - Calls that wait for the inner are bounded by [`max_in_flight`](crate::PolicyBuilder::max_in_flight), for each
//!   tenant, and by a load shed inside, for all.
//! - `Overloaded` from a load shed inside says nothing about the dependency, and is ignored by the circuit.
//! - Without a load shed over it, a limit is waited for within the call: the wait is latency, and callers who leave
//!   the queue count towards [`abandoned_run`](crate::PolicyBuilder::abandoned_run), though another tenant holds the
//!   places. So shed, and keep `max_in_flight` below the limit. A timeout inside does not bound that wait; one
//!   outside does.
//! - Call a clone for each request (`oneshot`, as axum does). A clone of a `ConcurrencyLimit` that was told to wait,
//!   and is then kept idle, keeps its place in the semaphore's queue: the next permit goes to it, and all others
//!   starve. That is tower's own trap, with a breaker and without.
//! - An inner that is not `Clone` goes behind tower's `Buffer`.
//!
//! ## A pool that all tenants share
//!
//! A circuit opens by calls that are over. One that hangs is over when it times out: until then, and again with each round
//! of probes, every tenant whose dependency hangs holds places in the pool of connections, or of a limit, that it shares
//! with the others. Where they hold all of them, the others wait; and to their circuits that is a slow dependency, so
//! they open as well. In front of a shared pool, a policy wants `max_in_flight`, of at most
//!
//! > (places - what the others need) / tenants that may hang at once
//!
//! where the others need as many places as they make calls a second, times the seconds that one takes. `benches/blast.sh`
//! measures it: 200 tenants, 2,000 calls a second of 5 ms, 144 places, a timeout of 2 s. While 50 tenants hang,
//! all calls of the others are served with `max_in_flight(2)`, and some two thirds of them without it. A bound costs two things: a
//! tenant that has more calls at a time is rejected, well or not; and where a circuit has counted few calls and opens by failures
//! in a row, of calls that hang two at a time the third is over after two timeouts.
//!
//! # What to leave
//!
//! | stack | what happens | instead |
//! |---|---|---|
//! | hedge around the breaker | a rejection is the first answer, and beats a healthy primary; with one place for probes the circuit never closes | hedge inside, where only calls are hedged that were admitted; or let its policy ask `dependency.circuit(tenant).would_admit()` |
//! | the same dependency twice in one stack, on a route and on its router | each call counts twice, and with one place for probes the circuit never closes | once |
//! | an answering breaker inside another | its 503 is a failure further out | answers on the outermost alone |
//! | `TaskTenant` behind a buffer | the buffer's worker calls, and no tenant is found | read the tenant from the request, or the buffer inside |
//! | retry around it, with a policy that retries every error | rejections are retried, and drain the budget | [`RespectCircuit`](crate::retry::RespectCircuit), or retry inside |
//! | balance over endpoints that each have a breaker | an endpoint that rejects at once has the least load, and draws the traffic | one breaker around the balance, or [`Failover`](crate::Failover) |
//! | load shed or concurrency limit around it | they see no back-pressure | inside, and `max_in_flight` |
//! | a timeout around it alone | a hanging call is cancelled, and found out only by the fifth in a row | a timeout inside as well |
//! | a breaker for each endpoint of a service whose tenants differ | one tenant's outage is everybody's | one dependency, a circuit per tenant |
//!
//! # Bodies and streams
//!
//! By default a response's head settles its call. Where the body matters, say
//! [`observe_body`](crate::TenantCircuitBreakerLayer::observe_body):
//! [`FirstData`](crate::http::body::SettleAt::FirstData) for the time to the first token, and for streams that people
//! stop reading when they have seen enough; [`End`](crate::http::body::SettleAt::End) where a stream that breaks is a
//! failure. Under `End` a stream that its reader drops is a cancelled call, and five in a row count as failures; and
//! the latency is that of the whole stream, so that its policy wants a latency rule to match, or none.
//! [`SseJudge`](crate::http::body::SseJudge) reads server-sent events, for providers that answer 200 and stream an
//! `error`. [`http::body`](crate::http::body) has the rest.
//!
//! # gRPC
//!
//! Say [`classify_grpc`](crate::TenantCircuitBreakerLayer::classify_grpc): a status comes in the trailers.
//! [`grpc`](crate::grpc) shows a server and a client, and what becomes of `CANCELLED`.
//!
//! # reqwest
//!
//! Three ways, all in [`reqwest`](crate::reqwest):
//! [`TenantCircuitBreakerMiddleware`](crate::TenantCircuitBreakerMiddleware) among a client's middlewares, with
//! reqwest-retry outside of it ([why](#retries-and-budgets)); the layer of this page around `reqwest::Client` or
//! `ClientWithMiddleware`, which are tower services; and [`Dependency::call_with`](crate::Dependency::call_with)
//! [`ReqwestErrors`](crate::reqwest::ReqwestErrors) around a future that reads the body too. The first two observe
//! bodies where they are told to. Not in `connector_layer`, which sees connections and not calls.
//!
//! # async-openai
//!
//! Its client takes a tower stack, with its retry [outside](#retries-and-budgets) of the breaker. The requests in it
//! are opaque, so the tenant is the running task's; and the error's variant for boxes is transparent, so it has to be
//! matched for what is in it to be found.
//!
#![cfg_attr(not(doctest), doc = "```rust")]
// Compiled and tested by `examples/openai`, so that the tests of this crate need no SDK.
#![cfg_attr(not(doctest), doc = include_str!("guide/openai.rs"))]
#![cfg_attr(not(doctest), doc = "```")]
//!
//! # Fallback or failover
//!
//! A [`fallback`](crate::TenantCircuitBreakerLayer::fallback) answers in the dependency's stead: from a cache, with
//! less, with an apology. No circuit hears of how that ends. [`Failover`](crate::Failover) has several providers of
//! the same, each with circuits of its own: the first that admits the call serves it, and the next where it fails, if
//! the request may be sent twice. When none admits it, a last resort answers, or the error names the circuit that is
//! closest to recovery. [`failover`](crate::failover) has the rest.
//!
//! # Operations
//!
//! A ledger whose writes never probe: a prober reads in their stead, an outage opens it for all, the vendor's status page
//! forces it open, and whoever alerts hears of each change. What it did to tenants is kept by the turn.
//!
//! ```
//! use std::time::Duration;
//!
//! use http::{Request, Response};
//! use tower::{BoxError, ServiceBuilder, ServiceExt};
//! use tower_tenant_breaker::http::HeaderTurn;
//! use tower_tenant_breaker::impact::{ImpactPolicy, TurnLayer};
//! use tower_tenant_breaker::{
//!     CircuitBreakerRegistry, Dependency, HeaderTenant, OutagePolicy, Outcome, Policy, ProbeTarget, RecoveryProber,
//!     RecvError, TenantCircuitBreakerLayer,
//! };
//!
//! async fn transfer(_: Request<String>) -> Result<Response<String>, BoxError> {
//!     Ok(Response::new("done".to_owned())) // .. writes ..
//! }
//!
//! async fn is_there(_tenant: Option<&str>) -> bool {
//!     true // .. reads something without side effects ..
//! }
//!
//! /// The hook of the vendor's status page.
//! fn on_status(ledger: &Dependency, note: Option<&str>) {
//!     match note {
//!         Some(note) => ledger.force_open(note),
//!         None => {
//!             ledger.begin_recovery();
//!             ledger.clear();
//!         }
//!     }
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<(), BoxError> {
//!     let registry = CircuitBreakerRegistry::builder().impact(ImpactPolicy::default()).build()?;
//!     let policy = Policy::builder().outage(OutagePolicy::default()).ramp(0.1, Duration::from_secs(30));
//!     let ledger = registry.dependency_with("ledger", policy.build()?)?;
//!
//!     let prober = RecoveryProber::builder(&ledger).spawn(async |probe: ProbeTarget| {
//!         if is_there(probe.tenant()).await { Outcome::Success } else { Outcome::failure() }
//!     })?;
//!     let mut changes = registry.subscribe_to_changes();
//!     tokio::spawn(async move {
//!         loop {
//!             match changes.recv().await {
//!                 Ok(change) => println!("{} of {:?}: {:?}", change.kind, change.dependency, change.note),
//!                 Err(RecvError::Lagged(lost)) => println!("{lost} changes were lost"),
//!                 Err(_) => break,
//!             }
//!         }
//!     });
//!
//!     let breaker = TenantCircuitBreakerLayer::new(ledger.clone(), HeaderTenant::new("x-tenant-id"))
//!         .probe_if(|_: &Request<String>| false);
//!     let service = ServiceBuilder::new()
//!         .layer(TurnLayer::new(HeaderTurn::new("x-turn-id")))
//!         .layer(breaker)
//!         .service_fn(transfer);
//!
//!     on_status(&ledger, Some("the vendor says that it is down"));
//!     let request = Request::post("/").header("x-tenant-id", "acme").header("x-turn-id", "17");
//!     service.clone().oneshot(request.body(String::new())?).await.unwrap_err();
//!     on_status(&ledger, None);
//!     for tenant in registry.impact().per_tenant() {
//!         println!("{:?} was rejected {} times", tenant.tenant, tenant.counts.rejected);
//!     }
//!     prober.stop().await;
//!     Ok(())
//! }
//! ```
//!
#![doc = include_str!("../tests/COMPOSITION.md")]

pub mod agents;
pub mod operating;
