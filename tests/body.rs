//! What comes after a good head: when it settles a call, and what it makes of it.
#![cfg(feature = "http")]

mod job;
mod script;

use std::future::ready;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::Body;
use job::{OPEN, open, two_strikes};
use script::{Break, Data, End, Panic, Script, Step, Trailers, Wait, poll, polls, script};
use tokio::time::advance;
use tokio_test::{assert_pending, assert_ready, assert_ready_ok, task};
use tower::{BoxError, Layer, Service, service_fn};
use tower_tenant_breaker::http::HeaderTenant;
use tower_tenant_breaker::http::body::{
    DefaultBodyJudge, JudgeBody, JudgeData, ObservedBody, SettleAt, SseEvent, SseJudge,
};
use tower_tenant_breaker::{
    CallError, Cause, CircuitBreakerRegistry, CircuitOpen, CircuitState, Dependency, LatencyRule,
    Outcome, Policy, PolicyBuilder, TenantCircuitBreakerLayer, Totals,
};

const SECOND: Duration = Duration::from_secs(1);

fn models(policy: PolicyBuilder) -> Dependency {
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    let policy = policy.build().unwrap();
    registry.dependency_with("models", policy).unwrap()
}

fn layer(models: &Dependency) -> TenantCircuitBreakerLayer<Dependency, HeaderTenant> {
    TenantCircuitBreakerLayer::new(models.clone(), HeaderTenant::new("x-tenant-id"))
}

fn request() -> Request<()> {
    let request = Request::get("/").header("x-tenant-id", "acme");
    request.body(()).unwrap()
}

/// A good answer with this body and these headers.
fn answer(steps: &[Step], headers: &[(&'static str, &'static str)]) -> Response<Script> {
    let mut response = Response::new(script(steps));
    for (name, value) in headers {
        response.headers_mut().insert(*name, value.parse().unwrap());
    }
    response
}

/// The body of a call that gets this answer.
fn observed<J>(
    models: &Dependency,
    point: SettleAt,
    judge: J,
    request: Request<()>,
    answer: Response<Script>,
) -> ObservedBody<Script, J>
where
    J: JudgeBody<Bytes, script::Broken> + Clone,
{
    let mut answer = Some(answer);
    let inner = service_fn(move |_: Request<()>| ready(answer.take().ok_or("asked twice")));
    // A service that is called once need not be cloned in truth.
    let inner = Once(Some(inner));
    let mut service = layer(models).observe_body_with(point, judge).layer(inner);
    assert_ready_ok!(task::spawn(service.call(request)).poll()).into_body()
}

/// Hands its service to whoever calls first; clones are empty.
struct Once<S>(Option<S>);

impl<S> Clone for Once<S> {
    fn clone(&self) -> Self {
        Self(None)
    }
}

impl<S: Service<Request<()>>> Service<Request<()>> for Once<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut std::task::Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.as_mut().unwrap().poll_ready(cx)
    }

    fn call(&mut self, request: Request<()>) -> S::Future {
        self.0.as_mut().unwrap().call(request)
    }
}

fn to_end(models: &Dependency, steps: &[Step]) -> ObservedBody<Script, DefaultBodyJudge> {
    let judge = DefaultBodyJudge::new();
    observed(models, SettleAt::End, judge, request(), answer(steps, &[]))
}

fn to_first_data(models: &Dependency, steps: &[Step]) -> ObservedBody<Script, DefaultBodyJudge> {
    let judge = DefaultBodyJudge::new();
    observed(
        models,
        SettleAt::FirstData,
        judge,
        request(),
        answer(steps, &[]),
    )
}

fn totals(models: &Dependency) -> Totals {
    models.snapshot().totals
}

fn successes(models: &Dependency) -> u64 {
    let totals = totals(models);
    totals.calls - totals.failures - totals.throttled
}

fn two_strikes_of_p95(threshold: Duration) -> PolicyBuilder {
    two_strikes().latency(LatencyRule::p95(threshold).min_calls(1000))
}

// ===== when a call is settled =====

#[tokio::test(start_paused = true)]
async fn by_default_the_head_settles_a_call_and_the_body_is_left_alone() {
    let models = models(two_strikes());
    let mut service = layer(&models).layer(service_fn(|_: Request<()>| {
        ready(Ok::<_, BoxError>(answer(&[Break], &[])))
    }));
    let response: Response<Script> = assert_ready_ok!(task::spawn(service.call(request())).poll());
    assert_eq!(successes(&models), 1);
    drop(response);
    assert_eq!((successes(&models), totals(&models).cancelled), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn the_first_data_settles_a_call_and_its_latency_is_that_to_the_first_data() {
    let models = models(two_strikes_of_p95(SECOND));
    let mut body = to_first_data(&models, &[Wait, Data(""), Data("one"), Wait, Break]);
    polls(&mut body, 2);
    assert_eq!(
        totals(&models).calls,
        0,
        "nothing was there yet, nor in the empty frame"
    );
    advance(2 * SECOND).await;
    polls(&mut body, 1);
    assert_eq!((successes(&models), totals(&models).slow), (1, 1));
    polls(&mut body, 2);
    drop(body);
    assert_eq!((totals(&models).calls, totals(&models).failures), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn the_end_settles_a_call_and_its_latency_is_that_to_the_end() {
    let models = models(two_strikes_of_p95(SECOND));
    let mut body = to_end(&models, &[Data("one"), Data("two"), End]);
    polls(&mut body, 2);
    assert_eq!(totals(&models).calls, 0);
    advance(2 * SECOND).await;
    polls(&mut body, 1);
    assert_eq!((successes(&models), totals(&models).slow), (1, 1));
    drop(body);
    assert_eq!((totals(&models).calls, totals(&models).cancelled), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_ends_before_the_first_data_is_settled_at_its_end() {
    let models = models(two_strikes());
    let mut body = to_first_data(&models, &[Data(""), End]);
    polls(&mut body, 1);
    assert_eq!(successes(&models), 0);
    polls(&mut body, 1);
    assert_eq!(successes(&models), 1);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_breaks_after_a_good_head_is_a_failure() {
    let models = models(two_strikes());
    for breaks in [&[Data("one"), Break][..], &[Break]] {
        let mut body = to_end(&models, breaks);
        polls(&mut body, breaks.len());
        drop(body);
    }
    assert_eq!(
        (totals(&models).failures, totals(&models).cancelled),
        (2, 0)
    );
    assert_eq!(models.state("acme"), CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn a_bad_head_settles_a_call_and_its_body_is_not_observed() {
    let models = models(two_strikes());
    let mut bad = answer(&[Data("sorry"), Break], &[]);
    *bad.status_mut() = http::StatusCode::SERVICE_UNAVAILABLE;
    let mut body = observed(
        &models,
        SettleAt::End,
        DefaultBodyJudge::new(),
        request(),
        bad,
    );
    assert_eq!(totals(&models).failures, 1);
    polls(&mut body, 2);
    drop(body);
    assert_eq!((totals(&models).calls, totals(&models).cancelled), (1, 0));
}

// ===== bodies that nobody polls to their end =====

#[tokio::test(start_paused = true)]
async fn a_body_that_is_over_at_its_head_is_settled_there() {
    let models = models(two_strikes());
    let over = answer(&[End], &[]).map(Script::that_knows_its_end);
    drop(observed(
        &models,
        SettleAt::End,
        DefaultBodyJudge::new(),
        request(),
        over,
    ));
    assert_eq!((successes(&models), totals(&models).cancelled), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_says_after_a_frame_that_it_is_over_is_settled_there() {
    let models = models(two_strikes());
    let over = answer(&[Data("all"), End], &[]).map(Script::that_knows_its_end);
    let mut body = observed(
        &models,
        SettleAt::End,
        DefaultBodyJudge::new(),
        request(),
        over,
    );
    assert_eq!(successes(&models), 0);
    polls(&mut body, 1);
    assert_eq!(successes(&models), 1);
    drop(body);
    assert_eq!(totals(&models).cancelled, 0);
}

#[tokio::test(start_paused = true)]
async fn a_body_as_long_as_its_head_promised_is_over() {
    let models = models(two_strikes());
    let all = answer(
        &[Data("hello"), Data("world"), End],
        &[("content-length", "10")],
    );
    let mut body = observed(
        &models,
        SettleAt::End,
        DefaultBodyJudge::new(),
        request(),
        all,
    );
    polls(&mut body, 1);
    assert_eq!(successes(&models), 0);
    polls(&mut body, 1);
    assert_eq!(successes(&models), 1);

    let none = answer(&[End], &[("content-length", "0")]);
    drop(observed(
        &models,
        SettleAt::End,
        DefaultBodyJudge::new(),
        request(),
        none,
    ));
    assert_eq!((successes(&models), totals(&models).cancelled), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_body_as_long_as_its_size_hint_promised_is_over() {
    let models = models(two_strikes());
    // A script's hint is 77 bytes.
    const LONG: &str =
        "a line of seven words, which has just as many as a script promises, so it is.";
    let mut body = to_end(&models, &[Data(LONG), End]);
    polls(&mut body, 1);
    assert_eq!((LONG.len(), successes(&models)), (77, 1));
    drop(body);
    assert_eq!(totals(&models).cancelled, 0);
}

#[tokio::test(start_paused = true)]
async fn a_body_is_over_after_its_trailers() {
    let models = models(two_strikes());
    let mut body = to_end(
        &models,
        &[Data("one"), Trailers(&[("server-timing", "db")]), End],
    );
    polls(&mut body, 1);
    assert_eq!(successes(&models), 0);
    polls(&mut body, 1);
    drop(body);
    assert_eq!((successes(&models), totals(&models).cancelled), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_can_have_no_body_is_over_at_its_head() {
    for (method, status, is_over) in [
        ("GET", 200, false),
        ("GET", 204, true),
        ("GET", 304, true),
        ("GET", 101, true),
        ("CONNECT", 200, true),
        ("HEAD", 200, true),
    ] {
        let models = models(two_strikes());
        let mut asked = request();
        *asked.method_mut() = method.parse().unwrap();
        let mut answer = answer(&[Data("more")], &[]);
        *answer.status_mut() = http::StatusCode::from_u16(status).unwrap();
        drop(observed(
            &models,
            SettleAt::End,
            DefaultBodyJudge::new(),
            asked,
            answer,
        ));
        let counted = (successes(&models), totals(&models).cancelled);
        assert_eq!(
            counted,
            if is_over { (1, 0) } else { (0, 1) },
            "{method}, {status}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_answer_to_a_head_request_has_no_body_to_wait_for() {
    let models = models(two_strikes());
    let mut head = request();
    *head.method_mut() = http::Method::HEAD;
    let promise = answer(&[Data("hello"), End], &[("content-length", "5")]);
    drop(observed(
        &models,
        SettleAt::End,
        DefaultBodyJudge::new(),
        head,
        promise,
    ));
    assert_eq!((successes(&models), totals(&models).cancelled), (1, 0));
}

// ===== clients that leave, and places =====

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_in_the_middle_of_a_body_has_cancelled_the_call() {
    let models = models(two_strikes());
    let mut body = to_end(&models, &[Data("one")]);
    polls(&mut body, 2);
    drop(body);
    assert_eq!((totals(&models).calls, totals(&models).cancelled), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn clients_that_leave_hanging_bodies_one_after_the_other_open_the_circuit() {
    let models = models(two_strikes().abandoned_run(5));
    for _ in 0..5 {
        drop(to_first_data(&models, &[Wait]));
    }
    assert_eq!(models.state("acme"), CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn a_probe_keeps_its_place_until_its_body_settles_it() {
    let models = models(two_strikes());
    open(&models, "acme");
    advance(OPEN).await;
    let mut body = to_end(&models, &[Data("one"), End]);
    polls(&mut body, 1);
    assert!(models.acquire("acme").is_err(), "the only place is taken");
    polls(&mut body, 1);
    assert_eq!(models.state("acme"), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_probe_whose_body_is_dropped_gives_its_place_back() {
    let models = models(two_strikes());
    open(&models, "acme");
    advance(OPEN).await;
    drop(to_end(&models, &[Data("one")]));
    assert_eq!(models.state("acme"), CircuitState::HalfOpen);
    assert!(models.circuit("acme").would_admit());
}

#[tokio::test(start_paused = true)]
async fn a_probe_whose_body_never_ends_keeps_its_place_no_longer_than_its_lease() {
    let models = models(two_strikes().probe_lease(5 * SECOND));
    open(&models, "acme");
    advance(OPEN).await;
    let mut body = to_end(&models, &[Data("one"), Data("two"), End]);
    polls(&mut body, 1);
    advance(5 * SECOND - Duration::from_nanos(1)).await;
    assert!(!models.circuit("acme").would_admit());
    advance(Duration::from_nanos(1)).await;
    assert!(models.circuit("acme").would_admit());
    polls(&mut body, 2);
    assert_eq!(
        models.state("acme"),
        CircuitState::Closed,
        "late, it still counts"
    );
}

#[tokio::test(start_paused = true)]
async fn a_body_that_ends_after_the_circuit_opened_is_a_straggler() {
    let models = models(two_strikes());
    let mut body = to_end(&models, &[Data("one"), Break]);
    open(&models, "acme");
    polls(&mut body, 2);
    assert_eq!((totals(&models).late, totals(&models).failures), (1, 2));
}

// ===== what passes through =====

#[tokio::test(start_paused = true)]
async fn data_trailers_errors_and_the_size_hint_pass_as_they_are() {
    let models = models(two_strikes());
    let mut body = to_end(
        &models,
        &[Data("one"), Wait, Trailers(&[("x-sum", "7")]), Break],
    );
    assert_eq!(body.size_hint().exact(), Some(77));
    assert!(!body.is_end_stream());
    let data = assert_ready!(poll(&mut body)).unwrap().unwrap();
    assert_eq!(data.into_data().unwrap(), "one");
    assert_pending!(poll(&mut body));
    let trailers = assert_ready!(poll(&mut body)).unwrap().unwrap();
    assert_eq!(trailers.into_trailers().unwrap()["x-sum"], "7");
    assert!(assert_ready!(poll(&mut body)).unwrap().is_err());
}

#[tokio::test(start_paused = true)]
async fn the_answers_of_a_rejection_and_of_a_fallback_pass_unobserved() {
    let models = models(two_strikes());
    open(&models, "acme");
    let inner = || service_fn(|_: Request<()>| ready(Ok::<_, BoxError>(answer(&[], &[]))));
    let mut rejecting = layer(&models)
        .respond_with(|_: &CircuitOpen| answer(&[Data("not now"), End], &[]))
        .observe_body(SettleAt::End)
        .layer(inner());
    let mut falling_back = layer(&models)
        .fallback(|_: Request<()>, _: CircuitOpen| ready(Ok(answer(&[Data("not now"), End], &[]))))
        .observe_body(SettleAt::End)
        .layer(inner());
    for call in [
        assert_ready_ok!(task::spawn(rejecting.call(request())).poll()),
        assert_ready_ok!(task::spawn(falling_back.call(request())).poll()),
    ] {
        let mut body = call.into_body();
        let data = assert_ready!(poll(&mut body)).unwrap().unwrap();
        assert_eq!(data.into_data().unwrap(), "not now");
        drop(body);
    }
    assert_eq!((totals(&models).late, totals(&models).cancelled), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_fallback_on_failure_gets_the_answer_with_the_body_that_it_had() {
    let models = models(two_strikes());
    let bad = |_: Request<()>| {
        let mut bad = answer(&[Data("sorry"), End], &[]);
        *bad.status_mut() = http::StatusCode::BAD_GATEWAY;
        ready(Ok::<_, BoxError>(bad))
    };
    let mut service = layer(&models)
        .fallback_keeping(
            |_: &Request<()>| (),
            |(), cause: Cause<Response<Script>>| ready(cause.into_result()),
        )
        .observe_body(SettleAt::End)
        .layer(service_fn(bad));
    let response = assert_ready_ok!(task::spawn(service.call(request())).poll());
    assert_eq!(response.status(), 502);
    assert_eq!(totals(&models).failures, 1);
}

// ===== judges =====

#[tokio::test(start_paused = true)]
async fn a_verdict_on_a_frame_settles_the_call_and_the_rest_is_not_asked_about() {
    let models = models(two_strikes());
    let judge = JudgeData::new(|data: &Bytes| match &data[..] {
        b"busy" => Some(Outcome::throttled()),
        b"fine" => None,
        _ => panic!("asked once too often"),
    });
    let steps = &[Data("fine"), Data("busy"), Data("more"), Break];
    let mut body = observed(&models, SettleAt::End, judge, request(), answer(steps, &[]));
    polls(&mut body, 2);
    assert_eq!(totals(&models).throttled, 1);
    polls(&mut body, 2);
    assert_eq!(
        (totals(&models).throttled, totals(&models).failures),
        (1, 0)
    );
}

const EVENTS: (&str, &str) = ("content-type", "text/event-stream; charset=utf-8");

fn streamed<J>(models: &Dependency, judge: J, steps: &[Step], kind: (&'static str, &'static str))
where
    J: JudgeBody<Bytes, script::Broken> + Clone,
{
    let answer = answer(steps, &[kind]);
    let mut body = observed(models, SettleAt::End, judge, request(), answer);
    polls(&mut body, steps.len());
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_events_that_carries_an_error_is_a_failure_though_its_head_said_200() {
    let models = models(two_strikes());
    let split = &[
        Data("event: del"),
        Data("ta\ndata: 1\n\nevent: er"),
        Data("ror\ndata: {}\n\n"),
        End,
    ];
    streamed(&models, SseJudge::new(), split, EVENTS);
    streamed(
        &models,
        SseJudge::new(),
        &[Data("event: error\ndata: cut o"), End],
        EVENTS,
    );
    assert_eq!((totals(&models).calls, totals(&models).failures), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_no_further_than_done_has_not_left() {
    let models = models(two_strikes());
    for end in ["data: [DONE]\n\n", "event: message_stop\ndata: {}\n\n"] {
        let begun = &[Data("data: {}\n\n"), Data(end)];
        let answer = answer(begun, &[EVENTS]);
        let mut body = observed(&models, SettleAt::End, SseJudge::new(), request(), answer);
        polls(&mut body, 2);
    }
    assert_eq!((successes(&models), totals(&models).cancelled), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_events_without_an_error_is_a_success_and_so_is_what_is_no_stream_of_events() {
    let models = models(two_strikes());
    streamed(
        &models,
        SseJudge::new(),
        &[Data("data: error\n\ndata: [DONE]\n\n"), End],
        EVENTS,
    );
    let json = ("content-type", "application/json");
    streamed(
        &models,
        SseJudge::new(),
        &[Data("event: error\n\n"), End],
        json,
    );
    assert_eq!((successes(&models), totals(&models).failures), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_hook_of_ones_own_judges_the_events() {
    let models = models(two_strikes());
    let judge = SseJudge::of_events(|event: &SseEvent<'_>| {
        assert_eq!(event.name(), "message");
        event
            .data()
            .starts_with(b"{\"error\"")
            .then(Outcome::throttled)
    });
    streamed(
        &models,
        judge,
        &[Data("data: {\"error\": {}}\n\n"), Break],
        EVENTS,
    );
    assert_eq!(
        (totals(&models).throttled, totals(&models).failures),
        (1, 0)
    );
}

const GRPC: (&str, &str) = ("content-type", "application/grpc");

#[tokio::test(start_paused = true)]
async fn a_grpc_call_is_what_its_trailers_say() {
    for (trailers, failures, throttled) in [
        (&[("grpc-status", "0")][..], 0, 0),
        (&[("grpc-status", "5")], 0, 0),
        (&[("grpc-status", "14")], 1, 0),
        (&[("grpc-status", "8")], 0, 1),
        (&[("grpc-status", "soon")], 1, 0),
        (&[("x-sum", "7")], 1, 0),
    ] {
        let models = models(two_strikes());
        let steps = &[Data("message"), Trailers(trailers), End];
        streamed(&models, DefaultBodyJudge::new(), steps, GRPC);
        let totals = totals(&models);
        assert_eq!(
            (totals.calls, totals.failures, totals.throttled),
            (1, failures, throttled),
            "{trailers:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_grpc_call_that_ends_without_a_status_is_a_failure() {
    let models = models(two_strikes());
    streamed(
        &models,
        DefaultBodyJudge::new(),
        &[Data("message"), End],
        GRPC,
    );
    assert_eq!(totals(&models).failures, 1);
    let said = answer(&[End], &[GRPC, ("grpc-status", "0")]);
    polls(
        &mut observed(
            &models,
            SettleAt::End,
            DefaultBodyJudge::new(),
            request(),
            said,
        ),
        1,
    );
    assert_eq!((totals(&models).calls, totals(&models).failures), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn the_trailers_of_what_is_not_grpc_are_no_status() {
    let models = models(two_strikes());
    let steps = &[Data("all"), Trailers(&[("grpc-status", "14")]), End];
    let mut body = to_end(&models, steps);
    polls(&mut body, 3);
    assert_eq!((successes(&models), totals(&models).failures), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_pushback_in_the_trailers_lengthens_the_open_period() {
    let models = models(two_strikes());
    let trailers = Trailers(&[("grpc-status", "14"), ("grpc-retry-pushback-ms", "60000")]);
    for _ in 0..2 {
        streamed(
            &models,
            DefaultBodyJudge::new(),
            &[trailers.clone(), End],
            GRPC,
        );
    }
    let Err(rejection) = models.acquire("acme") else {
        panic!("the circuit is open");
    };
    let left = rejection.circuit_open().unwrap().retry_after().unwrap();
    assert!(left > OPEN, "{left:?}");
}

// ===== panics =====

#[tokio::test(start_paused = true)]
async fn a_panic_of_the_body_is_a_failure_and_one_of_the_judge_is_ours() {
    #[derive(Clone)]
    struct Clumsy;
    impl<D, E> JudgeBody<D, E> for Clumsy {
        fn head(&mut self, _head: &http::response::Parts) {}
        fn trailers(&mut self, _trailers: &HeaderMap) -> Option<Outcome> {
            panic!("a judge that cannot count")
        }
    }

    let models = models(two_strikes());
    let mut body = to_end(&models, &[Panic]);
    let panicked = catch_unwind(AssertUnwindSafe(move || polls(&mut body, 1)));
    assert!(panicked.is_err());
    assert_eq!((totals(&models).failures, totals(&models).ignored), (1, 0));

    let steps = &[Trailers(&[]), End];
    let mut body = observed(
        &models,
        SettleAt::End,
        Clumsy,
        request(),
        answer(steps, &[]),
    );
    let panicked = catch_unwind(AssertUnwindSafe(move || polls(&mut body, 1)));
    assert!(panicked.is_err());
    assert_eq!((totals(&models).failures, totals(&models).ignored), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_panic_over_whether_the_body_is_over_is_a_failure_too() {
    let models = models(two_strikes());
    let mut body = to_end(&models, &[Data("one"), Panic]);
    let panicked = catch_unwind(AssertUnwindSafe(move || polls(&mut body, 1)));
    assert!(panicked.is_err());
    assert_eq!(
        (totals(&models).failures, totals(&models).cancelled),
        (1, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn a_judge_that_panicked_is_asked_no_more() {
    let models = models(two_strikes());
    let asked = std::cell::Cell::new(0);
    let judge = JudgeData::new(|_: &Bytes| -> Option<Outcome> {
        asked.set(asked.get() + 1);
        panic!("a judge that cannot read")
    });
    let answer = answer(&[Data("one"), Data("two"), End], &[]);
    let mut body = observed(&models, SettleAt::End, judge, request(), answer);
    let panicked = catch_unwind(AssertUnwindSafe(|| polls(&mut body, 1)));
    assert!(panicked.is_err());
    polls(&mut body, 2);
    assert_eq!(
        (asked.get(), totals(&models).calls, totals(&models).ignored),
        (1, 0, 1)
    );
}

// ===== what it does to a service =====

#[tokio::test(start_paused = true)]
async fn the_latency_of_an_observed_call_counts_for_the_rules() {
    let policy = Policy::builder()
        .without_failure_rate()
        .without_consecutive_failures()
        .latency(LatencyRule::p95(SECOND).min_calls(2));
    let models = models(policy);
    for _ in 0..2 {
        let mut body = to_end(&models, &[Data("one"), End]);
        polls(&mut body, 1);
        advance(2 * SECOND).await;
        polls(&mut body, 1);
    }
    assert_eq!(models.state("acme"), CircuitState::Open);
    let call = models.call("acme", async { Ok::<_, BoxError>(()) }).await;
    assert!(matches!(call, Err(CallError::Rejected(_))));
}
