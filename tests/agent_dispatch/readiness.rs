//! What the service behind sees of calls: nothing of those that are rejected.

use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

use tokio::task::yield_now;
use tower_tenant_breaker::CircuitState;

use super::*;

type Readiness = Poll<Result<(), BoxError>>;

/// What was done to a service and its clones.
#[derive(Clone, Default)]
struct Diary {
    lines: Arc<Mutex<Vec<&'static str>>>,
    says: Arc<Mutex<Vec<Readiness>>>,
    waker: Arc<Mutex<Option<Waker>>>,
}

impl Diary {
    fn write(&self, line: &'static str) {
        self.lines.lock().unwrap().push(line);
    }

    fn read(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.lines.lock().unwrap())
    }

    fn says(&self, readiness: Readiness) {
        self.says.lock().unwrap().push(readiness);
    }
}

impl Service<Call> for Diary {
    type Response = &'static str;
    type Error = BoxError;
    type Future = std::future::Ready<Result<&'static str, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Readiness {
        self.write("asked");
        *self.waker.lock().unwrap() = Some(cx.waker().clone());
        self.says
            .lock()
            .unwrap()
            .pop()
            .unwrap_or(Poll::Ready(Ok(())))
    }

    fn call(&mut self, _call: Call) -> Self::Future {
        self.write("called");
        std::future::ready(Ok("done"))
    }
}

#[tokio::test(start_paused = true)]
async fn a_dispatcher_is_always_ready_and_does_not_ask_the_service() {
    let (tools, diary) = (tools(["search"]), Diary::default());
    diary.says(Poll::Ready(Err("gone".into())));
    let mut dispatcher = tools.dispatcher(diary.clone());
    let mut cx = Context::from_waker(Waker::noop());
    assert!(matches!(
        Service::<Call>::poll_ready(&mut dispatcher, &mut cx),
        Poll::Ready(Ok(()))
    ));
    assert!(diary.read().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_rejected_or_refused_touches_nothing_of_it() {
    let (tools, diary) = (tools(["search"]), Diary::default());
    let dispatcher = tools.dispatcher(diary.clone());
    trip(tool(&tools, "search"));
    signal(&dispatcher, call("search", Work::Answer)).await;
    assert!(ask(&dispatcher, call("fly", Work::Answer)).await.is_err());
    assert!(
        ask(&dispatcher, ToolCall::new("", "search", Work::Answer))
            .await
            .is_err()
    );
    assert!(diary.read().is_empty());

    tool(&tools, "search").circuit("acme").reset();
    assert!(ask(&dispatcher, call("search", Work::Answer)).await.is_ok());
    assert_eq!(diary.read(), ["asked", "called"]);
}

#[tokio::test(start_paused = true)]
async fn a_readiness_of_error_is_that_calls_failure() {
    let (tools, diary) = (tools(["search"]), Diary::default());
    let dispatcher = tools.dispatcher(diary.clone());
    for _ in 0..2 {
        diary.says(Poll::Ready(Err("gone".into())));
        let reason = reason(&dispatcher, call("search", Work::Answer)).await;
        assert_eq!(reason, SignalReason::ToolCallFailed);
    }
    assert_eq!(diary.read(), ["asked", "asked"]);
    assert_eq!(tool(&tools, "search").state("acme"), CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_waits_holds_up_its_own_call_alone() {
    let (tools, diary) = (tools(["search"]), Diary::default());
    let dispatcher = tools.dispatcher(diary.clone());
    diary.says(Poll::Pending);
    let waits = tokio::spawn(dispatcher.clone().oneshot(call("search", Work::Answer)));
    diary.says(Poll::Pending);
    yield_now().await;
    assert!(!waits.is_finished());
    let other = ToolCall::new("globex", "search", Work::Answer);
    assert!(ask(&dispatcher, other).await.unwrap().output().is_some());
    diary.waker.lock().unwrap().take().unwrap().wake();
    waits.abort();
    drop(waits.await);
    let search = tool(&tools, "search").circuit("acme").snapshot().unwrap();
    assert_eq!((search.totals.failures, search.totals.cancelled), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn the_timeout_begins_when_the_service_is_ready() {
    let tools = declare(&registry()).timeout(OPEN).tool(Tool::new("search"));
    let tools = tools.build().unwrap();
    let service = tower::ServiceBuilder::new()
        .concurrency_limit(1)
        .service(Shop::default().service());
    let dispatcher = tools.dispatcher(service);
    let take = || call("search", Work::Take(OPEN * 3 / 4));
    let (one, two) = tokio::join!(ask(&dispatcher, take()), ask(&dispatcher, take()));
    assert_eq!(one.unwrap().output(), Some("done"));
    assert_eq!(two.unwrap().output(), Some("done"));
}
