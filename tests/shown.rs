//! What is seen of a value in a log: the name of its type and what it says of itself, and nothing of what is somebody
//! else's. Those that the tests of their modules look at are not here again.

#![cfg(feature = "full")]

mod listen;

use std::convert::Infallible;
use std::error::Error;
use std::fmt::{Debug, Display};
use std::future::{Ready, ready};
use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, request::Parts};
use http_body_util::{BodyExt, Empty, Full};
use listen::listen;
use metrics::NoopRecorder;
use tonic::Code;
use tower::retry::Policy;
use tower::{BoxError, Layer, Service, ServiceExt, service_fn};
use tower_tenant_breaker::agent::{SignalReason, Tool, ToolCall, Toolbox, Tools};
use tower_tenant_breaker::failover::Unserved;
use tower_tenant_breaker::grpc::{GrpcClassify, StatusError, status_error};
use tower_tenant_breaker::http::body::{JudgeBody, JudgeData, SettleAt, SseEvent, SseJudge};
use tower_tenant_breaker::metrics::MetricsExporter;
use tower_tenant_breaker::retry::RespectCircuit;
use tower_tenant_breaker::status::StatusService;
use tower_tenant_breaker::{
    ByHandError, CallError, CircuitBreakerRegistry, CircuitOpen, CircuitState, DeclareError,
    DefaultClassify, Dependency, ErrIsFailure, EventKind, EveryRequest, ExtensionTenant, Failover,
    FixedTenant, NoSuggestion, OnMissingTenant, Origin, Outcome, Override, OverrideLevel,
    ProberError, Reason, RecoveryProber, RecvError, Rejection, TaskTenant, Tenant,
    TenantCircuitBreakerLayer, TenantCircuitBreakerMiddleware, Turn, TurnLayer, dependency_fn,
    tenant_fn,
};

const OPEN: &str = r#"circuit of "search" is open: forced"#;

/// The value shows these in this order, whatever is between them, and the first of them first.
#[track_caller]
fn shows(value: &impl Debug, parts: &[&str]) {
    let shown = format!("{value:?}");
    assert!(shown.starts_with(parts[0]), "{shown}");
    let mut rest = &*shown;
    for part in parts {
        let after = rest.split_once(part).map(|(_, after)| after);
        rest = after.unwrap_or_else(|| panic!("no {part} in {shown}"));
    }
}

/// This is all that the value shows.
#[track_caller]
fn shows_all(value: &impl Debug, whole: &str) {
    assert_eq!(format!("{value:?}"), whole);
}

#[track_caller]
fn says(value: &impl Display, words: &str) {
    assert_eq!(value.to_string(), words);
}

fn registry() -> CircuitBreakerRegistry {
    CircuitBreakerRegistry::builder().build().unwrap()
}

fn search() -> Dependency {
    registry().dependency("search").unwrap()
}

fn rejection() -> Rejection {
    let search = search();
    search.force_open_for("unpaid", Duration::from_secs(1));
    search.acquire("acme").unwrap_err()
}

fn open() -> CircuitOpen {
    rejection().circuit_open().unwrap().clone()
}

async fn echo(text: String) -> Result<String, Infallible> {
    Ok(text)
}

// ===== core =====

#[test]
fn a_breaker_shows_its_names_and_nothing_of_its_closures() {
    let owner = tenant_fn(|_: &String| Ok("acme".into()));
    let layer = TenantCircuitBreakerLayer::new(search(), owner)
        .classify(ErrIsFailure)
        .on_missing_tenant(OnMissingTenant::Reject);
    let name = "TenantCircuitBreakerLayer { dependency: ";
    let parts = [name, r#""search""#, "on_missing_tenant: Reject, .. }"];
    shows(&layer, &parts);
    let mut breaker = layer.layer(service_fn(echo));
    let inner = "TenantCircuitBreaker { inner: ServiceFn";
    shows(&breaker, &[inner, "settings: ", name]);
    shows_all(&breaker.call("s3cret".into()), "ResponseFuture { .. }");
    let by_name = dependency_fn(registry(), |name: &String| name.as_str().into());
    let name = "DependencyFn { registry: CircuitBreakerRegistry { ";
    shows(&by_name, &[name, ", .. }"]);
}

#[test]
fn a_registry_shows_its_bounds_and_what_it_has() {
    let builder = CircuitBreakerRegistry::builder()
        .max_tenants(77)
        .event_capacity(64);
    let name = "RegistryBuilder { max_tenants: 77, ";
    shows(&builder, &[name, "event_capacity: 64", ", .. }"]);
    let registry = builder.build().unwrap();
    let search = registry.dependency("search").unwrap();
    let events = registry.subscribe();
    search.force_open("unpaid");
    shows_all(&events, "Events { topic: Everything, waiting: 1, .. }");
    let shared = "Shared { audience: Audience { observer: false, subscribers: 1, ";
    shows(&registry, &["CircuitBreakerRegistry { ", shared]);
    let circuits = "circuits: Circuits { len: 0, max: 77, shards: ";
    shows(&search, &["Dependency { ", shared, circuits]);
}

#[test]
fn a_permit_and_a_rejection_show_whose_they_are() {
    let permit = search().acquire("acme").unwrap();
    let circuit = r#"Permit { circuit: Some(Circuit { dependency: "search", "#;
    let of_acme = [circuit, r#""acme""#, "is_probe: false, .. }"];
    shows(&permit, &of_acme);
    let of_acme = ["CircuitOpen { ", r#""acme""#, "reason: Forced"];
    shows(&open(), &of_acme);
    // Its words are shown to callers, and to those of others.
    says(&open(), OPEN);
}

#[test]
fn a_tenant_shows_its_id_and_a_scope_does_not() {
    let tenant = Tenant::from("acme");
    shows_all(&tenant, r#"Tenant("acme")"#);
    assert_eq!(format!("{tenant}, {tenant:>6}"), "acme,   acme");
    let scope = TaskTenant::scope("acme", ready(()));
    shows_all(&scope, "TenantScope { .. }");
}

#[test]
fn what_has_a_name_says_it() {
    says(&CircuitState::HalfOpen, "half_open");
    says(&Override::DryRun, "dry_run");
    says(&Reason::Forced, "forced");
    says(&EventKind::Rejection, "rejection");
    says(&OverrideLevel::Registry, "registry");
    says(&Origin::ByHand, "by_hand");
    says(&SignalReason::ToolCallFailed, "tool_call_failed");
}

#[test]
fn an_error_says_what_happened() {
    says(&rejection(), "the circuit rejected the call");
    let refused = search().acquire("").unwrap_err();
    says(&refused, "the call has no valid tenant");
    let Rejection::InvalidTenant(invalid) = refused else {
        panic!("an id without a byte is none");
    };
    let words = "the tenant's id has 0 bytes, but must have from 1 to 256";
    says(&invalid, words);
    let rejected = CallError::<Infallible>::Rejected(rejection());
    says(&rejected, "the call was not admitted");
    says(&CallError::Inner("down"), "the call failed");
    let closed = search().circuit("acme").half_open().unwrap_err();
    says(&closed, "a closed circuit cannot go half-open");
    let words = "there is no room for the tenant's circuit";
    says(&ByHandError::NoRoom, words);
    let words = r#"dependency "search" was declared with another policy"#;
    says(&DeclareError::OtherPolicy("search".into()), words);
    says(&RecvError::Lagged(3), "3 events were lost");
    says(&RecvError::Closed, "the registry is gone");
    says(&NoSuggestion::OutOfBounds, "beyond what a policy takes");
}

#[tokio::test(start_paused = true)]
async fn a_wait_before_a_retry_shows_for_what_it_waits() {
    struct Again;
    impl Policy<(), (), BoxError> for Again {
        type Future = Ready<()>;
        fn retry(&mut self, (): &mut (), _: &mut Result<(), BoxError>) -> Option<Ready<()>> {
            Some(ready(()))
        }
        fn clone_request(&mut self, (): &()) -> Option<()> {
            Some(())
        }
    }
    let patient = RespectCircuit::new(Again).wait_up_to(Duration::from_secs(2));
    let mut patient = patient.unwrap();
    let mut wait = |error: BoxError| patient.retry(&mut (), &mut Err(error)).unwrap();
    shows_all(&wait("down".into()), "Wait::Policy");
    shows_all(&wait(open().into()), "Wait::Circuit");
}

#[test]
fn an_exporter_shows_whom_it_tells() {
    let builder = || MetricsExporter::builder(&registry()).tenants(3);
    let name = "MetricsExporter { tenants: 3, ";
    let in_force = builder().build().unwrap();
    shows(&in_force, &[name, "recorder: InForce, .. }"]);
    let given = builder().recorder(NoopRecorder).build().unwrap();
    shows(&given, &[name, "recorder: Given, .. }"]);
}

// ===== http and grpc =====

#[test]
fn what_judges_and_extracts_over_http_shows_what_it_was_told() {
    let asked = DefaultClassify.ask_first(|_: Result<&Response<()>, &BoxError>| None);
    shows_all(&asked, "AskFirst { otherwise: DefaultClassify, .. }");
    let extension = ExtensionTenant::<String>::new();
    shows_all(&extension, "ExtensionTenant<alloc::string::String>");
    let judge = JudgeData::new(|data: &Bytes| data.is_empty().then(Outcome::failure));
    shows_all(&judge, "JudgeData");
}

#[test]
fn an_event_shows_its_name_and_not_its_data() {
    let seen = Mutex::new(String::new());
    let mut judge = SseJudge::of_events(|event: &SseEvent<'_>| {
        *seen.lock().unwrap() = format!("{event:?}");
        None
    });
    shows_all(&judge, "SseJudge");
    let head = Response::builder().header("content-type", "text/event-stream");
    let (head, ()) = head.body(()).unwrap().into_parts();
    JudgeBody::<Bytes, Infallible>::head(&mut judge, &head);
    let data = Bytes::from_static(b"event: error\ndata: s3cret\n\n");
    assert_eq!(JudgeBody::<_, Infallible>::data(&mut judge, &data), None);
    assert_eq!(*seen.lock().unwrap(), r#"SseEvent { name: "error", .. }"#);
}

#[tokio::test(start_paused = true)]
async fn an_observed_body_shows_whether_its_call_is_settled() {
    let breaker = TenantCircuitBreakerLayer::new(search(), FixedTenant::new("acme"))
        .observe_body(SettleAt::End)
        .layer(service_fn(async |_: Request<()>| {
            let body = Full::new(Bytes::from_static(b"s3cret"));
            Ok::<_, Infallible>(Response::new(body))
        }));
    let answer = breaker.oneshot(Request::new(())).await.unwrap();
    let mut body = answer.into_body();
    shows_all(&body, "ObservedBody { is_settled: false, .. }");
    body.frame().await.unwrap().unwrap();
    shows_all(&body, "ObservedBody { is_settled: true, .. }");
}

#[test]
fn what_grpc_is_told_shows_the_code_and_not_the_tenant() {
    let classify = GrpcClassify::new().failure_on(Code::NotFound);
    shows_all(&classify, "{NotFound: Failure}");
    let error = status_error(open().into());
    let error: &StatusError = error.downcast_ref().unwrap();
    shows_all(error, "StatusError { code: Unavailable, .. }");
    says(error, "the call was not made, or not answered in time");
    // With the `Debug` of this, tonic displays a status.
    let source = error.status().source().unwrap();
    assert_eq!(format!("{source:?}, {source}"), format!("{OPEN}, {OPEN}"));
}

// ===== agent =====

#[test]
fn tools_show_their_names_and_calls_no_input() {
    let builder = Tools::builder(&registry()).tool(Tool::new("search"));
    let name = r#"ToolsBuilder { tools: [Tool { name: "search""#;
    shows(&builder, &[name, "policy: None, timeout: 60s, .. }"]);
    let tools = builder.build().unwrap();
    shows_all(&tools, r#"Tools(["search"])"#);
    let call = ToolCall::new("acme", "search", "s3cret").turn_id("17");
    let whole =
        r#"ToolCall { tenant: "acme", tool: "search", call_id: None, turn_id: Some("17"), .. }"#;
    shows_all(&call, whole);
    let signal = tools.failed("acme", "search").unwrap();
    let whole = r#"DegradationSignal { tool_name: "search", reason: ToolCallFailed, retry_after: None, .. }"#;
    shows_all(&signal, whole);
    let run = service_fn(async |call: ToolCall<u8>| Ok::<_, Infallible>(call.input));
    let toolbox = Toolbox::new().tool(Tool::new("roll_dice"), run);
    let name = r#"Toolbox { tools: [Tool { name: "roll_dice""#;
    shows(&toolbox, &[name, "], .. }"]);
}

// ===== failover and prober =====

#[tokio::test(start_paused = true)]
async fn a_failover_shows_who_served() {
    let search = search();
    let mut models = Failover::builder(FixedTenant::new("acme"))
        .provider(search.clone(), service_fn(echo))
        .classify(ErrIsFailure)
        .resend(EveryRequest)
        .last_resort(async |text: String, _: Unserved<String>| Ok(text))
        .build()
        .unwrap();
    let call = models.call("s3cret".into());
    shows_all(&call, "ResponseFuture { .. }");
    says(call.await.unwrap().by(), "search");
    search.force_open("unpaid");
    let served = models.call("s3cret".into()).await.unwrap();
    shows_all(served.by(), "ServedBy(last resort)");
    says(served.by(), "last resort");
}

#[tokio::test(start_paused = true)]
async fn a_prober_shows_whom_it_asks() {
    let search = search();
    let builder = || RecoveryProber::builder(&search).concurrency(7);
    let name = r#"RecoveryProberBuilder { dependency: "search", pace: "#;
    shows(&builder(), &[name, "concurrency: 7"]);
    let prober = builder().spawn(async |_| Outcome::Success).unwrap();
    let whole = r#"RecoveryProber { dependency: "search", is_stopped: false, .. }"#;
    shows_all(&prober, whole);
    let second = builder().spawn(async |_| Outcome::Success).unwrap_err();
    says(&second, r#"the dependency "search" has a prober already"#);
    let words = "a prober needs a tokio runtime, and there is none";
    says(&ProberError::NoRuntime, words);
}

// ===== status =====

#[tokio::test(start_paused = true)]
async fn a_status_service_and_its_answers_show_what_they_are() {
    let status = StatusService::new(registry());
    let name = "StatusService { registry: CircuitBreakerRegistry { ";
    shows(&status, &[name, "readers: 0, has_actions: false }"]);
    let mut status = status.authorise(|_: &Parts| Some("alice".to_owned()));
    let mut ask = |path| status.call(Request::get(path).body(Empty::<Bytes>::new()).unwrap());
    let page = ask("/");
    shows_all(&page, "StatusFuture { .. }");
    shows_all(page.await.unwrap().body(), r#"StatusBody("Whole")"#);
    let events = ask("/events").await.unwrap();
    shows_all(events.body(), r#"StatusBody("Events")"#);
    shows(&status, &[name, "readers: 1, has_actions: true }"]);
}

// ===== reqwest =====

#[test]
fn a_middleware_shows_its_dependency_and_nothing_of_its_closures() {
    let barred = TenantCircuitBreakerMiddleware::new(search(), TaskTenant).probe_if(|_| false);
    let name = "TenantCircuitBreakerMiddleware { dependency: ";
    let end = "on_missing_tenant: RunUnguarded, .. }";
    shows(&barred, &[name, r#""search""#, end]);
}

// ===== span and impact =====

#[test]
fn a_call_with_a_span_shows_which() {
    let layer = TenantCircuitBreakerLayer::new(search(), FixedTenant::new("acme"));
    let layer = layer.classify(ErrIsFailure).span_per_call();
    let mut breaker = layer.layer(service_fn(echo));
    let _guard = listen(tracing_subscriber::registry());
    let parts = ["SpanFuture { span: CallSpan(Some(Id(", ", .. }"];
    shows(&breaker.call("s3cret".into()), &parts);
}

#[test]
fn what_runs_as_a_turn_shows_no_id() {
    let layer = TurnLayer::new(|text: &String| Some(Turn::new(text)));
    shows_all(&layer, "TurnLayer { .. }");
    let mut service = layer.layer(service_fn(echo));
    shows(&service, &["InTurn { inner: ServiceFn", ", .. }"]);
    shows_all(&service.call("17".into()), "InTurnFuture { .. }");
    shows_all(&Turn::scope("17", ready(())), "TurnScope { .. }");
}
