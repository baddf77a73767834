//! When the task begins, and when everything is free again.

use futures_util::FutureExt;
use tokio::runtime::Handle;
use tower_tenant_breaker::RecvError;

use super::*;

#[tokio::test(start_paused = true)]
async fn dropping_the_service_and_its_bodies_frees_the_registry() {
    let registry = registry();
    let mut changes = registry.subscribe_to_changes();
    let status = StatusService::new(registry);
    let mut reader = Reader::greeted(&status).await;
    let clone = status.clone();
    drop(status);
    reader.wait_for("overview").await;
    drop(clone);
    reader.wait_for("overview").await;
    assert!(matches!(changes.try_recv(), Ok(None)), "a body holds it");
    drop(reader);
    let closed = timeout(SECOND, changes.recv()).await.unwrap();
    assert_eq!(closed.unwrap_err(), RecvError::Closed);
}

#[tokio::test(start_paused = true)]
async fn the_task_ends_at_once_with_the_last_handle_though_the_registry_lives_on() {
    let (status, search) = search();
    let reader = Reader::greeted(&status).await;
    let tasks = || Handle::current().metrics().num_alive_tasks();
    drop(status);
    settle().await;
    assert_eq!(tasks(), 1);
    drop(reader);
    settle().await;
    assert_eq!(tasks(), 0, "and not at its next sample");
    assert!(search.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_was_dropped_holds_nothing_though_its_body_is_still_there() {
    let registry = registry();
    let mut changes = registry.subscribe_to_changes();
    let status = StatusService::new(registry);
    let idle = Reader::greeted(&status).await;
    sleep(60 * SECOND).await;
    assert_eq!(status.readers(), 0);
    drop(status);
    let closed = timeout(SECOND, changes.recv()).await.unwrap();
    assert_eq!(closed.unwrap_err(), RecvError::Closed);
    drop(idle);
}

#[test]
fn without_a_runtime_it_answers_and_its_task_begins_with_the_first_request_in_one() {
    let (status, search) = search();
    trip(&search, "acme");
    let page = get(&status, "/").now_or_never().unwrap();
    assert_eq!(page.status(), 200);
    let circuits = get_json(&status, "/circuits?dependency=search");
    let (_, circuits) = circuits.now_or_never().unwrap();
    assert_eq!(circuits["circuits"][0]["state"], "open");
    // One that has joined before there is a task is greeted by the first sample.
    let early = get(&status, "/events").now_or_never().unwrap();
    let mut early = Reader {
        body: early.into_body(),
        text: String::new(),
    };
    for _ in 0..2 {
        // Another runtime each time: the task of the one before is gone with it.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let mut reader = Reader::greeted(&status).await;
            assert_eq!(overview(&mut reader).await["open"], 1);
            assert_eq!(
                early.wait_for("overview").await["dependencies"][0]["open"],
                1
            );
        });
    }
}
