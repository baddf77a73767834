//! A service for each tool.

use std::fmt;

use tower::util::BoxCloneSyncService;
use tower::{ServiceBuilder, service_fn};
use tower_tenant_breaker::agent::{Toolbox, ToolsError};
use tower_tenant_breaker::{CircuitState, Outcome};

use super::*;

async fn search(call: Call) -> Result<&'static str, BoxError> {
    work(call.input).await
}

/// No `BoxError`, and not what the other one says.
#[derive(Debug)]
struct NoSuchDay;

impl fmt::Display for NoSuchDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no such day")
    }
}

impl std::error::Error for NoSuchDay {}

async fn calendar(call: Call) -> Result<&'static str, NoSuchDay> {
    match call.input {
        Work::Fail => Err(NoSuchDay),
        _ => Ok("monday"),
    }
}

fn toolbox() -> Toolbox<Work, &'static str> {
    Toolbox::new()
        .tool(Tool::new("search"), service_fn(search))
        .tool(Tool::new("calendar"), service_fn(calendar))
}

#[tokio::test(start_paused = true)]
async fn each_call_is_made_by_the_service_of_its_tool() {
    let dispatcher = toolbox().dispatcher(declare(&registry())).unwrap();
    let done = ask(&dispatcher, call("search", Work::Answer))
        .await
        .unwrap();
    let monday = ask(&dispatcher, call("calendar", Work::Answer))
        .await
        .unwrap();
    assert_eq!(
        (done.output(), monday.output()),
        (Some("done"), Some("monday"))
    );
    let unknown = ask(&dispatcher, call("fly", Work::Answer))
        .await
        .unwrap_err();
    assert!(unknown.to_string().contains(r#""calendar", "search""#));
    assert!(dispatcher.tools().names().eq(["calendar", "search"]));
}

#[tokio::test(start_paused = true)]
async fn errors_reach_the_classifier_as_they_are() {
    let judge = |result: Result<&&'static str, &BoxError>| match result {
        Err(error) if error.is::<NoSuchDay>() => Outcome::Ignored,
        Err(_) => Outcome::failure(),
        Ok(_) => Outcome::Success,
    };
    let dispatcher = toolbox()
        .dispatcher_with(declare(&registry()), judge)
        .unwrap();
    for name in ["search", "calendar"] {
        for _ in 0..2 {
            signal(&dispatcher, call(name, Work::Fail)).await;
        }
    }
    let tools = dispatcher.tools();
    assert_eq!(tool(tools, "search").state("acme"), CircuitState::Open);
    assert_eq!(tool(tools, "calendar").state("acme"), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_load_shed_of_one_tool_is_ours() {
    let dispatcher = toolbox().dispatcher(declare(&registry())).unwrap();
    for _ in 0..3 {
        let reason = reason(&dispatcher, call("search", Work::Shed)).await;
        assert_eq!(reason, SignalReason::TooManyCalls);
    }
}

#[tokio::test(start_paused = true)]
async fn in_a_spawned_task_also_around_boxes_whose_error_is_a_box() {
    let boxed = BoxCloneSyncService::<Call, &'static str, BoxError>::new(service_fn(search));
    let toolbox = Toolbox::new().tool(Tool::new("search"), boxed);
    let dispatcher = toolbox.dispatcher(declare(&registry())).unwrap();
    let answered =
        tokio::spawn(async move { dispatcher.oneshot(call("search", Work::Answer)).await });
    assert_eq!(answered.await.unwrap().unwrap().output(), Some("done"));
}

#[tokio::test(start_paused = true)]
async fn the_wait_for_a_service_is_within_the_tools_timeout_and_holds_up_no_other_tool() {
    let one_at_a_time = ServiceBuilder::new()
        .concurrency_limit(1)
        .service(service_fn(search));
    let toolbox = Toolbox::new()
        .tool(Tool::new("search"), one_at_a_time)
        .tool(Tool::new("calendar"), service_fn(calendar));
    let tools = declare(&registry()).timeout(OPEN);
    let dispatcher = toolbox.dispatcher(tools).unwrap();
    let begun = Instant::now();
    let hang = || reason(&dispatcher, call("search", Work::Hang));
    let other = async {
        tokio::task::yield_now().await;
        let reply = ask(&dispatcher, call("calendar", Work::Answer)).await;
        assert_eq!(reply.unwrap().output(), Some("monday"));
        since(begun)
    };
    let (one, two, other) = tokio::join!(hang(), hang(), other);
    assert_eq!([one, two], [SignalReason::ToolCallTimeout; 2]);
    assert_eq!((since(begun), other), (OPEN, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_a_tools_service_is_its_failure() {
    let dispatcher = toolbox().dispatcher(declare(&registry())).unwrap();
    let turn = dispatcher.clone().oneshot(call("search", Work::Panic));
    assert!(tokio::spawn(turn).await.unwrap_err().is_panic());
    let search = tool(dispatcher.tools(), "search").circuit("acme");
    assert_eq!(search.snapshot().unwrap().totals.failures, 1);
}

#[tokio::test(start_paused = true)]
async fn a_tool_without_a_service_and_two_of_one_name_are_errors() {
    let tools = declare(&registry()).tool(Tool::new("fly"));
    let error = toolbox().dispatcher(tools).unwrap_err();
    assert_eq!(error, ToolsError::NoService("fly".into()));
    assert_eq!(
        error.to_string(),
        r#"there is no service for the tool "fly""#
    );
    let twice = toolbox().tool(Tool::new("search"), service_fn(calendar));
    let error = twice.dispatcher(declare(&registry())).unwrap_err();
    assert_eq!(error, ToolsError::Twice("search".into()));
}
