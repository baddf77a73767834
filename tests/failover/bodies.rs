//! Bodies that settle the attempts: what a stream that breaks does to its provider, and to who is asked next.

use std::collections::VecDeque;
use std::future::{Ready, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body::Body;
use tokio::time::advance;
use tokio_test::{assert_ready, assert_ready_ok, task};
use tower::{BoxError, Service};
use tower_tenant_breaker::failover::Unserved;
use tower_tenant_breaker::http::HeaderTenant;
use tower_tenant_breaker::http::body::{DefaultBodyJudge, JudgeBody, SettleAt, SseJudge};
use tower_tenant_breaker::{
    CircuitState, Dependency, EveryRequest, Failover, FailoverBuilder, LatencyRule, Served, Totals,
};

use crate::job::{OPEN, registry, two_strikes};
use crate::script::{Break, Data, End, Script, Step, Wait, poll, polls, script};

/// A model that answers with the bodies that it was given, one after the other, and then says that it is down.
#[derive(Clone)]
struct Streamer {
    dependency: Dependency,
    answers: Arc<Mutex<VecDeque<&'static [Step]>>>,
}

impl Streamer {
    fn of(dependency: Dependency) -> Self {
        Self {
            dependency,
            answers: Arc::default(),
        }
    }

    fn streams(&self, times: usize, steps: &'static [Step]) {
        let answers = std::iter::repeat_n(steps, times);
        self.answers.lock().unwrap().extend(answers);
    }

    fn state(&self) -> CircuitState {
        self.dependency.state("acme")
    }

    fn totals(&self) -> Totals {
        self.dependency.snapshot().totals
    }

    /// How many calls were settled, and how many of those failed, and how many were cancelled.
    fn counted(&self) -> (u64, u64, u64) {
        let totals = self.totals();
        (totals.calls, totals.failures, totals.cancelled)
    }
}

impl Service<Request<()>> for Streamer {
    type Response = Response<Script>;
    type Error = BoxError;
    type Future = Ready<Result<Response<Script>, BoxError>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _request: Request<()>) -> Self::Future {
        let answer = self.answers.lock().unwrap().pop_front();
        let head = Response::builder().header("content-type", "text/event-stream");
        let (status, steps) = answer.map_or((503, SORRY), |steps| (200, steps));
        ready(Ok(head.status(status).body(script(steps)).unwrap()))
    }
}

const SORRY: &[Step] = &[Data("sorry"), End];
const WELL: &[Step] = &[Data("data: a haiku\n\n"), End];
const BREAKS: &[Step] = &[Data("data: a hai"), Break];
const SAYS_ERROR: &[Step] = &[
    Data("event: delta\ndata: a hai\n\n"),
    Data("event: error\ndata: {\"type\": \"overloaded_error\"}\n\n"),
    End,
];

fn two() -> (Streamer, Streamer) {
    let registry = registry();
    let of = |name| Streamer::of(registry.dependency(name).unwrap());
    (of("model-a"), of("model-b"))
}

fn list(models: &[&Streamer]) -> FailoverBuilder<Streamer, HeaderTenant> {
    let mut list = Failover::builder(HeaderTenant::new("x-tenant-id"));
    for model in models {
        list = list.provider(model.dependency.clone(), (*model).clone());
    }
    list
}

fn request(method: Method) -> Request<()> {
    let request = Request::builder()
        .method(method)
        .header("x-tenant-id", "acme");
    request.body(()).unwrap()
}

/// Posts, and gives the body and who served it.
fn post<M, B>(models: &mut M) -> (B, String)
where
    M: Service<Request<()>, Response = Served<Response<B>>, Error = BoxError>,
{
    send(models, Method::POST)
}

fn send<M, B>(models: &mut M, method: Method) -> (B, String)
where
    M: Service<Request<()>, Response = Served<Response<B>>, Error = BoxError>,
{
    let served = assert_ready_ok!(task::spawn(models.call(request(method))).poll());
    let (response, by) = served.into_parts();
    (response.into_body(), by.to_string())
}

fn data<B>(body: &mut B) -> Bytes
where
    B: Body<Data = Bytes, Error: std::fmt::Debug> + Unpin,
{
    let frame = assert_ready!(poll(body)).unwrap().unwrap();
    frame.into_data().unwrap()
}

// ===== streams that break =====

#[tokio::test(start_paused = true)]
async fn streams_that_break_open_their_circuit_and_the_next_call_goes_to_the_next() {
    let (a, b) = two();
    a.streams(9, BREAKS);
    b.streams(1, WELL);
    let mut models = list(&[&a, &b]).observe_body(SettleAt::End).build().unwrap();
    for broken in 1..=2 {
        let (mut body, by) = post(&mut models);
        assert_eq!(by, "model-a");
        assert_eq!(data(&mut body), "data: a hai");
        let error = assert_ready!(poll(&mut body)).unwrap().unwrap_err();
        assert_eq!(
            error.to_string(),
            "connection reset",
            "as the model gave it"
        );
        assert_eq!(a.counted(), (broken, broken, 0));
        assert_eq!(b.counted(), (0, 0, 0), "a stream that has begun stays");
    }
    assert_eq!(a.state(), CircuitState::Open);
    let (mut body, by) = post(&mut models);
    polls(&mut body, 2);
    assert_eq!(by, "model-b");
    assert_eq!((a.counted(), b.counted()), ((2, 2, 0), (1, 0, 0)));
}

#[tokio::test(start_paused = true)]
async fn streams_that_say_error_after_a_good_head_open_their_circuit_too() {
    let (a, b) = two();
    a.streams(9, SAYS_ERROR);
    b.streams(1, WELL);
    let mut models = list(&[&a, &b])
        .observe_body_with(SettleAt::End, SseJudge::new())
        .build()
        .unwrap();
    for _ in 0..2 {
        let (mut body, by) = post(&mut models);
        assert_eq!(by, "model-a");
        assert_eq!(data(&mut body), "event: delta\ndata: a hai\n\n");
        assert!(data(&mut body).starts_with(b"event: error"));
        assert!(assert_ready!(poll(&mut body)).is_none());
    }
    assert_eq!((a.state(), a.counted()), (CircuitState::Open, (2, 2, 0)));
    let (_, by) = post(&mut models);
    assert_eq!(by, "model-b");
}

#[tokio::test(start_paused = true)]
async fn by_default_the_head_settles_an_attempt_and_its_body_is_left_alone() {
    let (a, b) = two();
    a.streams(3, BREAKS);
    let mut models = list(&[&a, &b]).build().unwrap();
    for _ in 0..3 {
        let (mut body, by): (Script, _) = post(&mut models);
        polls(&mut body, 2);
        assert_eq!(by, "model-a");
    }
    assert_eq!(a.counted(), (3, 0, 0));
}

// ===== which attempt a body settles, and when =====

#[tokio::test(start_paused = true)]
async fn the_standbys_body_settles_the_standbys_attempt() {
    let (a, b) = two();
    b.streams(1, BREAKS);
    let mut models = list(&[&a, &b])
        .resend(EveryRequest)
        .observe_body(SettleAt::End)
        .build()
        .unwrap();
    let (mut body, by) = post(&mut models);
    assert_eq!(by, "model-b");
    assert_eq!(a.counted(), (1, 1, 0), "its head was bad, and settled it");
    assert_eq!(b.counted(), (0, 0, 0));
    polls(&mut body, 2);
    assert_eq!((a.counted(), b.counted()), ((1, 1, 0), (1, 1, 0)));
}

#[tokio::test(start_paused = true)]
async fn the_first_data_settles_an_attempt_and_its_latency_is_that_to_there() {
    let slow = LatencyRule::p95(Duration::from_secs(2)).min_calls(1000);
    let policy = two_strikes().latency(slow).build().unwrap();
    let a = registry().dependency_with("model-a", policy).unwrap();
    let a = Streamer::of(a);
    a.streams(2, &[Wait, Data("data: a hai"), Break]);
    let mut models = list(&[&a])
        .observe_body(SettleAt::FirstData)
        .build()
        .unwrap();
    for (wait, slow) in [(1, 0), (3, 1)] {
        let (mut body, _) = post(&mut models);
        polls(&mut body, 1);
        advance(Duration::from_secs(wait)).await;
        polls(&mut body, 2);
        assert_eq!(a.totals().slow, slow, "after {wait} s");
    }
    assert_eq!(a.counted(), (2, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn the_answer_to_a_head_request_has_no_body_to_wait_for_whoever_gives_it() {
    let (a, b) = two();
    b.streams(1, &[]);
    let mut models = list(&[&a, &b]).observe_body(SettleAt::End).build().unwrap();
    let (body, by) = send(&mut models, Method::HEAD);
    assert_eq!((by.as_str(), b.counted()), ("model-b", (1, 0, 0)));
    drop(body);
    assert_eq!(b.counted(), (1, 0, 0));
}

// ===== clients that leave, and probes =====

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_in_the_middle_of_a_stream_has_cancelled_that_providers_attempt() {
    let (a, b) = two();
    a.streams(1, &[Data("data: a hai"), Wait]);
    let mut models = list(&[&a, &b]).observe_body(SettleAt::End).build().unwrap();
    let (mut body, by) = post(&mut models);
    assert_eq!(by, "model-a");
    polls(&mut body, 2);
    drop(models);
    assert_eq!(a.counted(), (0, 0, 0));
    drop(body);
    assert_eq!((a.counted(), b.counted()), ((0, 0, 1), (0, 0, 0)));
}

#[tokio::test(start_paused = true)]
async fn a_probe_keeps_its_place_until_its_body_settles_it_and_the_others_go_to_the_next() {
    let (a, b) = two();
    a.streams(2, WELL);
    b.streams(9, WELL);
    a.dependency.circuit("acme").open().unwrap();
    advance(OPEN).await;
    let mut models = list(&[&a, &b])
        .resend(EveryRequest)
        .observe_body(SettleAt::End)
        .build()
        .unwrap();
    let (mut probe, by) = post(&mut models);
    assert_eq!(
        (by.as_str(), a.state()),
        ("model-a", CircuitState::HalfOpen)
    );
    polls(&mut probe, 1);
    assert_eq!(post(&mut models).1, "model-b", "the only place is taken");
    polls(&mut probe, 1);
    assert_eq!(a.state(), CircuitState::Closed);
    assert_eq!(post(&mut models).1, "model-a");
}

#[tokio::test(start_paused = true)]
async fn a_probe_whose_stream_breaks_opens_the_circuit_again() {
    let (a, b) = two();
    a.streams(1, BREAKS);
    b.streams(1, WELL);
    a.dependency.circuit("acme").open().unwrap();
    advance(OPEN).await;
    let mut models = list(&[&a, &b])
        .resend(EveryRequest)
        .observe_body(SettleAt::End)
        .build()
        .unwrap();
    let (mut probe, by) = post(&mut models);
    assert_eq!(by, "model-a");
    polls(&mut probe, 2);
    assert_eq!(a.state(), CircuitState::Open);
    assert_eq!(post(&mut models).1, "model-b");
}

// ===== what no circuit waits for =====

#[tokio::test(start_paused = true)]
async fn the_last_resorts_answers_pass_unobserved() {
    let (a, _) = two();
    let told = Arc::new(Mutex::new(Vec::new()));
    let ledger = Arc::clone(&told);
    let mut models = list(&[&a])
        .resend(EveryRequest)
        .observe_body(SettleAt::End)
        .last_resort(move |_: Request<()>, why: Unserved<Response<Script>>| {
            // The model's own response, and not one that is observed.
            let why = match why {
                Unserved::Answered(answer) => data(answer.into_inner().body_mut()),
                Unserved::Rejected(_) => "rejected".into(),
                Unserved::Failed(error) => error.to_string().into(),
            };
            ledger.lock().unwrap().push(why);
            ready(Ok(Response::new(script(BREAKS))))
        })
        .build()
        .unwrap();
    for _ in 0..3 {
        let (mut body, by) = post(&mut models);
        assert_eq!(by, "last resort");
        assert_eq!(data(&mut body), "data: a hai");
        assert!(assert_ready!(poll(&mut body)).unwrap().is_err());
        drop(post(&mut models));
    }
    let told = told.lock().unwrap();
    assert_eq!(told[..3], ["sorry", "sorry", "rejected"]);
    assert_eq!(a.counted(), (2, 2, 0), "the two that the model answered");
    assert_eq!(a.totals().late, 0);
}

#[tokio::test(start_paused = true)]
async fn a_failed_response_that_is_the_last_passes_unobserved() {
    let (a, b) = two();
    let mut models = list(&[&a, &b])
        .resend(EveryRequest)
        .observe_body(SettleAt::End)
        .build()
        .unwrap();
    let (mut body, by) = post(&mut models);
    assert_eq!(by, "model-b");
    assert_eq!(data(&mut body), "sorry");
    drop(body);
    assert_eq!((a.counted(), b.counted()), ((1, 1, 0), (1, 1, 0)));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_nobody_is_blamed_for_passes_unobserved() {
    let (a, b) = two();
    a.streams(1, BREAKS);
    let mut models = list(&[&a, &b])
        .classify(|_: Result<&Response<Script>, &BoxError>| tower_tenant_breaker::Outcome::Ignored)
        .observe_body(SettleAt::End)
        .build()
        .unwrap();
    let (mut body, by) = post(&mut models);
    polls(&mut body, 2);
    assert_eq!((by.as_str(), a.counted()), ("model-a", (0, 0, 0)));
    assert_eq!(a.totals().ignored, 1);
}

// ===== judges, and other people's requests =====

#[tokio::test(start_paused = true)]
async fn a_panic_in_a_judges_clone_is_no_failure_of_the_provider() {
    struct Torn;
    impl Clone for Torn {
        fn clone(&self) -> Self {
            panic!("a judge that cannot be copied")
        }
    }
    impl<D, E> JudgeBody<D, E> for Torn {
        fn head(&mut self, _head: &http::response::Parts) {}
    }

    let (a, b) = two();
    a.streams(1, WELL);
    let mut models = list(&[&a, &b])
        .observe_body_with(SettleAt::End, Torn)
        .build()
        .unwrap();
    let call = AssertUnwindSafe(|| task::spawn(models.call(request(Method::POST))).poll());
    assert!(catch_unwind(call).is_err());
    assert_eq!((a.counted(), a.totals().ignored), ((0, 0, 0), 1));
}

#[tokio::test(start_paused = true)]
async fn the_judge_may_be_named_before_the_providers_and_the_last_resort() {
    let (a, b) = two();
    b.streams(1, BREAKS);
    let mut models = Failover::builder(HeaderTenant::new("x-tenant-id"))
        .observe_body_with(SettleAt::End, DefaultBodyJudge::new())
        .provider(a.dependency.clone(), a.clone())
        .provider(b.dependency.clone(), b.clone())
        .resend(EveryRequest)
        .last_resort_keeping(
            |_: &Request<()>| (),
            |(), why: Unserved<Response<Script>>| ready(why.into_result().map(Served::into_inner)),
        )
        .build()
        .unwrap();
    let (mut body, by) = post(&mut models);
    polls(&mut body, 2);
    assert_eq!((by.as_str(), b.counted()), ("model-b", (1, 1, 0)));
}

#[cfg(feature = "reqwest-middleware")]
#[tokio::test(start_paused = true)]
async fn a_response_of_reqwest_remains_one_and_its_body_settles_the_attempt() {
    use tower_tenant_breaker::FixedTenant;

    let (a, _) = two();
    let ask = tower::service_fn(|_: reqwest::Request| {
        let response = Response::new(reqwest::Body::wrap(script(BREAKS)));
        ready(Ok::<_, reqwest::Error>(reqwest::Response::from(response)))
    });
    let mut models = Failover::builder(FixedTenant::new("acme"))
        .provider(a.dependency.clone(), ask)
        .resend(tower_tenant_breaker::NoRequest)
        .observe_body(SettleAt::End)
        .build()
        .unwrap();
    let url = "http://a.example/".parse().unwrap();
    let request = reqwest::Request::new(reqwest::Method::GET, url);
    let response: reqwest::Response = models.call(request).await.unwrap().into_inner();
    assert_eq!(a.counted(), (0, 0, 0));
    response.bytes().await.unwrap_err();
    assert_eq!(a.counted(), (1, 1, 0));
}
