//! What the types promise without being run: who may cross threads, and which stacks take the layer.

mod job;

use std::cell::Cell;
use std::convert::Infallible;
use std::future::Ready;

use job::{Job, Owner, Succeed, job, printer, work};
use static_assertions::{assert_impl_all, assert_not_impl_any};
use tower::util::{BoxCloneService, BoxCloneSyncService};
use tower::{BoxError, Layer, Service, ServiceBuilder, ServiceExt, service_fn};
use tower_tenant_breaker::answer::Propagate;
use tower_tenant_breaker::impact::{InTurn, InTurnFuture, TurnScope};
use tower_tenant_breaker::{
    CallError, Cause, CircuitBreakerRegistry, CircuitOpen, CircuitsPage, Dependency, DependencyFn,
    DryRunReport, ErrIsFailure, Event, EventKind, Events, ImpactPolicy, ImpactReport,
    InvalidCursor, InvalidTenant, MissingTenant, NoSuggestion, OnMissingTenant, Outcome,
    OverrideLevel, OverrideSnapshot, OwnedEvent, PageCursor, PageRequest, Permit, Policy,
    ProbeTarget, ProberError, RecoveryProber, RecoveryProberBuilder, RecvError, RegistrySnapshot,
    Rejection, ResponseFuture, Suggestion, Tenant, TenantCircuitBreaker, TenantCircuitBreakerLayer,
    TenantSnapshot, Turn, TurnLayer, UnknownDependency,
};

type Inner = tower::util::ServiceFn<fn(Job) -> Ready<Result<String, Infallible>>>;
type Breaker<S> = TenantCircuitBreaker<S, Dependency, Owner, ErrIsFailure>;
type Answering<S> = ResponseFuture<S, Job, ErrIsFailure, Propagate, Propagate>;

assert_impl_all!(CircuitBreakerRegistry: Clone, Send, Sync, Unpin);
assert_impl_all!(Dependency: Clone, Send, Sync, Unpin);
assert_impl_all!(Event<'_>: Copy, Send, Sync);
assert_impl_all!(EventKind: Copy, Send, Sync);
assert_impl_all!(OverrideLevel: Copy, Send, Sync);
assert_impl_all!(OwnedEvent: Clone, Send, Sync, Unpin);
assert_impl_all!(Events: Send, Sync, Unpin);
assert_impl_all!(RecvError: Copy, Send, Sync, std::error::Error);
assert_impl_all!(DependencyFn<fn(&Job)>: Clone, Send, Sync);
assert_impl_all!(Policy: Clone, Send, Sync);
assert_impl_all!(Permit: Send, Sync);
assert_not_impl_any!(Permit: Clone, Copy);
assert_impl_all!(Outcome: Copy, Send, Sync);
assert_impl_all!(Tenant<'_>: Clone, Send, Sync);
assert_impl_all!(OnMissingTenant: Copy, Send, Sync);
assert_impl_all!(Rejection: Clone, Send, Sync, std::error::Error);
assert_impl_all!(CircuitOpen: Clone, Send, Sync, std::error::Error);
assert_impl_all!(CircuitOpen: Into<BoxError>);
assert_impl_all!(MissingTenant: Copy, Send, Sync, std::error::Error);
assert_impl_all!(InvalidTenant: Copy, Send, Sync, std::error::Error);
assert_impl_all!(UnknownDependency: Clone, Send, Sync, std::error::Error);
assert_impl_all!(CallError<std::io::Error>: Send, Sync, std::error::Error);
assert_impl_all!(CallError<BoxError>: Send, Sync);
assert_impl_all!(Cause<String>: Send, Sync);
assert_impl_all!(PageRequest: Clone, Send, Sync);
assert_impl_all!(PageCursor: Clone, Send, Sync, std::str::FromStr, std::fmt::Display);
assert_impl_all!(InvalidCursor: Copy, Send, Sync, std::error::Error);
assert_impl_all!(CircuitsPage: Clone, Send, Sync);
assert_impl_all!(DryRunReport: Clone, Send, Sync);
assert_impl_all!(NoSuggestion: Copy, Send, Sync, std::error::Error);
assert_impl_all!(Suggestion: Clone, Send, Sync);
assert_impl_all!(TenantSnapshot: Clone, Send, Sync);
assert_impl_all!(OverrideSnapshot: Clone, Eq, Send, Sync);
assert_impl_all!(RegistrySnapshot: Clone, Send, Sync);
assert_impl_all!(RecoveryProber: Send, Sync, Unpin);
assert_not_impl_any!(RecoveryProber: Clone);
assert_impl_all!(RecoveryProberBuilder: Clone, Send, Sync, Unpin);
assert_impl_all!(ProbeTarget: Clone, Send, Sync, Unpin, std::hash::Hash);
assert_impl_all!(ProberError: Clone, Send, Sync, std::error::Error);

assert_impl_all!(ImpactPolicy: Copy, Send, Sync);
assert_impl_all!(ImpactReport: Clone, Default, Send, Sync);
assert_impl_all!(Turn: Copy, Eq, std::hash::Hash, Send, Sync);
assert_impl_all!(TurnLayer<fn(&Job) -> Option<Turn>>: Clone, Send, Sync);
assert_impl_all!(InTurn<Inner, fn(&Job) -> Option<Turn>>: Clone, Send, Sync, Service<Job>);
assert_impl_all!(InTurnFuture<Ready<()>>: Send, Sync, Future);
assert_impl_all!(TurnScope<Ready<()>>: Send, Sync, Future);

assert_impl_all!(TenantCircuitBreakerLayer<Dependency, Owner>: Clone, Send, Sync, Unpin);
assert_impl_all!(Breaker<Inner>: Clone, Send, Sync, Unpin, Service<Job>);
assert_impl_all!(Answering<Inner>: Send, Sync);

#[cfg(feature = "serde")]
mod files {
    use static_assertions::assert_impl_all;
    use tower_tenant_breaker::{Applied, Change, ChangedField, Policies, PoliciesError};

    assert_impl_all!(Policies: Clone, Send, Sync, serde::de::DeserializeOwned);
    assert_impl_all!(PoliciesError: Clone, Send, Sync, std::error::Error);
    assert_impl_all!(Applied: Clone, Send, Sync);
    assert_impl_all!(Change: Clone, Send, Sync);
    assert_impl_all!(ChangedField: Clone, Send, Sync);
}

#[cfg(feature = "metrics")]
mod facade {
    use static_assertions::assert_impl_all;
    use tower_tenant_breaker::metrics::{MetricsExporter, MetricsExporterBuilder};

    assert_impl_all!(MetricsExporter: Clone, Send, Sync, Unpin, std::fmt::Debug);
    assert_impl_all!(MetricsExporterBuilder: Clone, Send, Sync, Unpin, std::fmt::Debug);

    /// Its future can be spawned.
    fn spawned(exporter: MetricsExporter) -> impl Future<Output = ()> + Send + 'static {
        exporter.run(std::time::Duration::from_secs(10))
    }

    const _: fn(MetricsExporter) = |exporter| drop(spawned(exporter));
}

#[cfg(feature = "http")]
mod bodies {
    use super::*;
    use tower_tenant_breaker::http::body::{
        DefaultBodyJudge, JudgeData, ObserveBody, ObservedBody, SettleAt, SseJudge,
    };

    type Body = http_body_util::Full<bytes::Bytes>;

    assert_impl_all!(SettleAt: Copy, Send, Sync);
    assert_impl_all!(ObserveBody<DefaultBodyJudge>: Copy, Send, Sync);
    assert_impl_all!(SseJudge: Clone, Send, Sync, Unpin);
    assert_impl_all!(JudgeData<fn(&bytes::Bytes)>: Copy, Send, Sync);
    assert_impl_all!(ObservedBody<Body, DefaultBodyJudge>: Send, Sync, Unpin, http_body::Body);
    assert_not_impl_any!(ObservedBody<std::rc::Rc<u8>, DefaultBodyJudge>: Send, Sync);
    assert_not_impl_any!(ObservedBody<Body, DefaultBodyJudge>: Clone);
}

#[cfg(all(feature = "agent", feature = "http"))]
mod llm {
    use super::*;
    use tower_tenant_breaker::agent::llm::{
        HandedOnBody, LlmClassify, LlmStreamJudge, ProviderError, ProviderErrorFuture,
        ProviderErrorKind, ProviderErrorLayer, ReadProviderErrors,
    };

    type Body = http_body_util::Full<bytes::Bytes>;
    type Answer = http::Response<Body>;
    type Client = tower::util::ServiceFn<fn(()) -> Ready<Result<Answer, Infallible>>>;

    assert_impl_all!(LlmClassify: Copy, Send, Sync, Default);
    assert_impl_all!(LlmStreamJudge: Clone, Send, Sync, Unpin, Default);
    assert_impl_all!(ProviderError: Copy, Eq, std::hash::Hash, Send, Sync);
    assert_impl_all!(ProviderErrorKind: Copy, Eq, std::hash::Hash, Send, Sync);
    assert_impl_all!(ProviderErrorLayer: Copy, Send, Sync, Default);
    assert_impl_all!(ReadProviderErrors<Client>: Clone, Send, Sync, Unpin, Service<()>);
    assert_impl_all!(ProviderErrorFuture<Ready<Result<Answer, Infallible>>, Answer>: Send, Sync, Future);
    assert_impl_all!(HandedOnBody<Body>: Send, Sync, Unpin, http_body::Body);
    assert_not_impl_any!(HandedOnBody<Body>: Clone);
}

#[cfg(feature = "status")]
mod live_page {
    use super::*;
    use http::request::Parts;
    use tower_tenant_breaker::status::{Authorise, StatusBody, StatusFuture, StatusService};

    type Body = http_body_util::Full<bytes::Bytes>;

    assert_impl_all!(StatusService: Clone, Send, Sync, Unpin);
    assert_impl_all!(
        StatusService: Service<
            http::Request<Body>,
            Response = http::Response<StatusBody>,
            Error = Infallible,
            Future = StatusFuture<Body>,
        >
    );
    // Whatever the request's body is.
    assert_impl_all!(StatusService: Service<http::Request<String>>, Service<http::Request<axum::body::Body>>);
    assert_impl_all!(StatusFuture<Body>: Send, Sync, Unpin, Future);
    assert_not_impl_any!(StatusFuture<std::rc::Rc<u8>>: Send, Sync);
    assert_impl_all!(StatusBody: Send, Sync, Unpin, http_body::Body<Data = bytes::Bytes, Error = Infallible>);
    assert_impl_all!(StatusBody: From<String>, From<bytes::Bytes>);
    assert_not_impl_any!(StatusBody: Clone);
    assert_impl_all!(fn(&Parts) -> Option<String>: Authorise);
    assert_impl_all!(dyn Authorise: Send, Sync);
}

#[cfg(feature = "grpc")]
mod grpc {
    use super::*;
    use tower_tenant_breaker::grpc::{GrpcBodyJudge, GrpcClassify, StatusError};

    assert_impl_all!(GrpcClassify: Copy, Send, Sync, Default);
    assert_impl_all!(GrpcBodyJudge: Copy, Send, Sync);
    assert_impl_all!(StatusError: Send, Sync, std::error::Error);
}

#[cfg(feature = "reqwest-middleware")]
mod reqwest_types {
    use reqwest_middleware::Middleware;
    use static_assertions::{assert_impl_all, assert_not_impl_any};
    use tower_tenant_breaker::http::body::{DefaultBodyJudge, ObserveBody};
    use tower_tenant_breaker::probe::Always;
    use tower_tenant_breaker::{
        ClientRequest, DefaultClassify, Dependency, DependencyFn, HeaderTenant, HostTenant,
        TaskTenant, TenantCircuitBreakerMiddleware, Unsent,
    };

    type Breaker<D> = TenantCircuitBreakerMiddleware<D, HeaderTenant>;
    type Observing =
        TenantCircuitBreakerMiddleware<Dependency, HeaderTenant, DefaultClassify, Always, AtEnd>;
    type AtEnd = ObserveBody<DefaultBodyJudge>;
    type ByHost = DependencyFn<fn(&ClientRequest) -> std::borrow::Cow<'_, str>>;

    // `Middleware` boxes its futures as `Send`, so this says that they are.
    assert_impl_all!(Breaker<Dependency>: Middleware, Clone, Send, Sync, Unpin, std::fmt::Debug);
    assert_impl_all!(TenantCircuitBreakerMiddleware<ByHost, TaskTenant>: Middleware, Clone);
    assert_impl_all!(Observing: Middleware, Clone);
    assert_not_impl_any!(Breaker<std::rc::Rc<u8>>: Send, Sync);
    assert_not_impl_any!(Breaker<std::sync::Mutex<u8>>: Clone);
    assert_impl_all!(ClientRequest: Send);
    assert_impl_all!(HostTenant: Copy, Send, Sync);
    assert_impl_all!(Unsent: Send, Sync, std::error::Error);
}

// As the inner service, and no more.
assert_impl_all!(Breaker<Cell<u8>>: Clone, Send);
assert_not_impl_any!(Breaker<Cell<u8>>: Sync);
assert_not_impl_any!(Breaker<std::rc::Rc<u8>>: Send, Sync);
assert_not_impl_any!(Breaker<std::sync::Mutex<u8>>: Clone);

fn layer() -> TenantCircuitBreakerLayer<Dependency, Owner, ErrIsFailure> {
    TenantCircuitBreakerLayer::new(printer(), Owner).classify(ErrIsFailure)
}

#[tokio::test(start_paused = true)]
async fn the_service_can_be_boxed_and_cloned_with_sync_and_without() {
    let service = ServiceBuilder::new().layer(layer()).service_fn(work);
    let sync: BoxCloneSyncService<Job, String, BoxError> =
        BoxCloneSyncService::new(service.clone());
    let other: BoxCloneService<Job, String, BoxError> = BoxCloneService::new(service);
    assert_eq!(
        sync.clone().oneshot(job("acme", Succeed)).await.unwrap(),
        "done"
    );
    assert_eq!(
        other.clone().oneshot(job("acme", Succeed)).await.unwrap(),
        "done"
    );
}

#[tokio::test(start_paused = true)]
async fn a_boxed_service_can_be_the_inner_one() {
    let inner: BoxCloneSyncService<Job, String, BoxError> =
        BoxCloneSyncService::new(service_fn(work).map_err(BoxError::from));
    let service = layer().layer(inner);
    assert_eq!(service.oneshot(job("acme", Succeed)).await.unwrap(), "done");
}

#[tokio::test(start_paused = true)]
async fn calls_can_be_spawned_onto_other_threads() {
    let printer = printer();
    let mut service = layer().layer(service_fn(work));
    let spawned = tokio::spawn(service.call(job("acme", Succeed)));
    assert_eq!(spawned.await.unwrap().unwrap(), "done");
    let decorated =
        tokio::spawn(async move { printer.call("acme", work(job("acme", Succeed))).await });
    assert_eq!(decorated.await.unwrap().unwrap(), "done");
}

#[tokio::test(start_paused = true)]
async fn closures_in_every_place_leave_the_service_boxable() {
    let service = layer()
        .classify(|result: Result<&String, &BoxError>| match result {
            Ok(_) => Outcome::Success,
            Err(_) => Outcome::failure(),
        })
        .probe_if(|_: &Job| true)
        .fallback_on_failure(|_: Job, cause: Cause<String>| async move { cause.into_result() })
        .respond_to_error(|error| error.to_string())
        .layer(service_fn(work));
    let boxed: BoxCloneSyncService<Job, String, Infallible> = BoxCloneSyncService::new(service);
    assert_eq!(
        boxed.oneshot(job("acme", Succeed)).await,
        Ok("done".to_owned())
    );
}

#[cfg(feature = "http")]
#[tokio::test(start_paused = true)]
async fn an_axum_router_takes_the_layer_with_a_timeout_inside() {
    use axum::Router;
    use axum::body::Body;
    use axum::extract::Request;
    use axum::http::StatusCode;
    use axum::response::{IntoResponse, Response};
    use axum::routing::get;
    use tower_tenant_breaker::tenant_fn;

    let by_host =
        tenant_fn(|request: &Request| Ok(request.uri().host().unwrap_or_default().into()));
    let breaker = TenantCircuitBreakerLayer::new(printer(), by_host)
        .respond_with(|_: &CircuitOpen| StatusCode::SERVICE_UNAVAILABLE.into_response())
        .respond_to_error(|_| StatusCode::GATEWAY_TIMEOUT.into_response());
    let app: Router = Router::new()
        .route("/ok", get(|| async { "ok" }))
        .route("/bad", get(|| async { StatusCode::BAD_GATEWAY }))
        .route(
            "/hang",
            get(|| async { std::future::pending::<Response>().await }),
        )
        .layer(
            ServiceBuilder::new()
                .layer(breaker)
                .timeout(std::time::Duration::from_secs(1)),
        );
    let status = async |uri: &str| {
        let request = Request::get(uri).body(Body::empty()).unwrap();
        app.clone()
            .oneshot(request)
            .await
            .unwrap()
            .status()
            .as_u16()
    };

    assert_eq!(status("http://sick/hang").await, 504);
    assert_eq!(
        status("http://sick/bad").await,
        502,
        "one circuit for all routes"
    );
    assert_eq!(status("http://sick/ok").await, 503);
    assert_eq!(status("http://well/ok").await, 200);
}

#[cfg(feature = "agent")]
mod dispatching {
    use super::*;
    use tower_tenant_breaker::agent::{
        DegradationSignal, DispatchError, DispatchFuture, Dispatcher, SignalReason, Tool, ToolCall,
        ToolError, ToolReply, Toolbox, ToolboxError, ToolboxFuture, ToolboxService, Tools,
        ToolsBuilder, ToolsError, UnavailableTools, UnknownTool,
    };

    type Behind = tower::util::ServiceFn<fn(ToolCall<u8>) -> Ready<Result<u8, BoxError>>>;
    type Pending = DispatchFuture<Behind, u8, ErrIsFailure>;
    type Boxed = ToolboxService<u8, u8>;

    assert_impl_all!(Tools: Clone, Send, Sync, Unpin);
    assert_impl_all!(ToolsBuilder: Send);
    assert_impl_all!(ToolsError: Clone, Eq, Send, Sync, std::error::Error);
    assert_impl_all!(Tool: Clone, Send, Sync);
    assert_impl_all!(ToolCall<u8>: Clone, Eq, Send, Sync);
    assert_impl_all!(ToolReply<u8>: Clone, Send, Sync);
    assert_impl_all!(ToolError<'_>: Copy, Send, Sync);
    assert_impl_all!(DegradationSignal: Clone, Send, Sync, Unpin, serde::Serialize);
    assert_impl_all!(SignalReason: Copy, Eq, std::hash::Hash, Send, Sync);
    assert_impl_all!(UnavailableTools: Clone, Default, Eq, Send, Sync);
    assert_impl_all!(UnknownTool: Clone, Send, Sync, std::error::Error);
    assert_impl_all!(DispatchError: Clone, Send, Sync, std::error::Error, Into<BoxError>);
    assert_impl_all!(Dispatcher<Behind, u8>: Clone, Send, Sync, Unpin, Service<ToolCall<u8>>);
    assert_impl_all!(Pending: Send, Sync, Future);
    assert_impl_all!(Toolbox<u8, u8>: Default, Send, Sync);
    assert_impl_all!(ToolboxFuture<u8>: Send, Unpin, Future);
    assert_impl_all!(ToolboxError: Send, Sync, Into<BoxError>);
    assert_impl_all!(Boxed: Clone, Send, Sync, Unpin, Service<ToolCall<u8>>);
    // Neither an input nor an output that is not `Sync` keeps a dispatcher from being so.
    assert_impl_all!(ToolboxService<Cell<u8>, Cell<u8>>: Clone, Send, Sync);
}

#[cfg(feature = "agent")]
mod signals {
    use serde::Serialize;
    use static_assertions::{assert_impl_all, assert_not_impl_any};
    use tower_tenant_breaker::CircuitOpen;
    use tower_tenant_breaker::agent::{
        DegradationSignal, English, MessageTemplate, PlainName, SignalReason, TemplateError,
        UnavailableTool, UnavailableTools, Wording,
    };

    assert_impl_all!(DegradationSignal: Clone, Send, Sync, Unpin, Serialize, std::fmt::Debug);
    assert_impl_all!(DegradationSignal: From<&'static CircuitOpen>);
    // It is no error: it stands in the place of a result.
    assert_not_impl_any!(DegradationSignal: std::error::Error);
    assert_impl_all!(SignalReason: Copy, Send, Sync, Eq, std::hash::Hash, Serialize, std::fmt::Display);
    assert_impl_all!(UnavailableTool: Clone, Send, Sync, Eq, Serialize);
    assert_impl_all!(UnavailableTools: Clone, Send, Sync, Eq, Serialize, Default);
    assert_impl_all!(MessageTemplate: Clone, Send, Sync, Eq, Wording);
    assert_impl_all!(TemplateError: Clone, Send, Sync, Eq, std::error::Error);
    assert_impl_all!(English: Copy, Send, Sync, Wording);
    assert_impl_all!(PlainName<'static>: Copy, Send, Sync, std::fmt::Display);
    assert_impl_all!(dyn Wording: Send, Sync);
}
