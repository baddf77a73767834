//! Who is told of the errors of tools.

use std::sync::Mutex;

use super::*;

type Told = Arc<Mutex<Vec<String>>>;

fn telling(told: &Told) -> Tools {
    let told = Arc::clone(told);
    declare(&registry())
        .tool(Tool::new("search").timeout(OPEN))
        .on_error(move |failed| {
            let id = failed.call_id.unwrap_or("no id");
            let line = format!("{} {} {id}: {}", failed.tenant, failed.tool, failed.error);
            told.lock().unwrap().push(line);
        })
        .build()
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn each_error_is_told_once_with_whose_call_it_was() {
    let told = Told::default();
    let dispatcher = telling(&told).dispatcher(Shop::default().service());
    signal(&dispatcher, call("search", Work::Fail)).await;
    signal(&dispatcher, call("search", Work::Shed).call_id("call_1")).await;
    let lines = [
        "acme search no id: the secret of the upstream",
        "acme search call_1: service overloaded",
    ];
    assert_eq!(*told.lock().unwrap(), lines);
}

#[tokio::test(start_paused = true)]
async fn outputs_timeouts_rejections_and_refusals_are_no_errors() {
    let told = Told::default();
    let tools = telling(&told);
    let dispatcher = tools.dispatcher(Shop::default().service());
    assert!(ask(&dispatcher, call("search", Work::Answer)).await.is_ok());
    signal(&dispatcher, call("search", Work::Hang)).await;
    assert!(ask(&dispatcher, call("fly", Work::Fail)).await.is_err());
    tool(&tools, "search").force_open("maintenance");
    signal(&dispatcher, call("search", Work::Fail)).await;
    assert!(told.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_who_is_told_neither_ends_the_turn_nor_is_the_tools() {
    let tools = declare(&registry())
        .tool(Tool::new("search"))
        .on_error(|_| panic!("the log is full"))
        .build()
        .unwrap();
    let dispatcher = tools.dispatcher(Shop::default().service());
    let reason = reason(&dispatcher, call("search", Work::Fail)).await;
    assert_eq!(reason, SignalReason::ToolCallFailed);
    let search = tool(&tools, "search").circuit("acme").snapshot().unwrap();
    assert_eq!((search.totals.calls, search.totals.failures), (1, 1));
}
