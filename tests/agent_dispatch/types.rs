//! In which stacks and tasks a dispatcher can be used.

use tower::buffer::Buffer;
use tower::util::{BoxCloneService, BoxCloneSyncService};
use tower::{ServiceBuilder, service_fn};

use super::*;

async fn run(call: Call) -> Result<&'static str, BoxError> {
    work(call.input).await
}

#[tokio::test(start_paused = true)]
async fn in_a_spawned_task() {
    let tools = tools(["search"]);
    let (by_fn, by_closure) = (
        tools.dispatcher(service_fn(run)),
        tools.dispatcher(Shop::default().service()),
    );
    let judge: fn(Result<&&'static str, &BoxError>) -> tower_tenant_breaker::Outcome =
        |_| tower_tenant_breaker::Outcome::Success;
    let judged = tools.dispatcher_with(service_fn(run), judge);
    let one = tokio::spawn(async move { by_fn.oneshot(call("search", Work::Answer)).await });
    let two = tokio::spawn(async move { by_closure.oneshot(call("search", Work::Answer)).await });
    let three = tokio::spawn(async move {
        let mut judged = judged;
        judged
            .ready()
            .await?
            .call(call("search", Work::Answer))
            .await
    });
    for answered in [one, two, three] {
        assert_eq!(answered.await.unwrap().unwrap().output(), Some("done"));
    }
}

#[tokio::test(start_paused = true)]
async fn boxed() {
    let tools = tools(["search"]);
    type Boxed = BoxCloneSyncService<Call, ToolReply<&'static str>, DispatchError>;
    let boxed: Boxed = BoxCloneSyncService::new(tools.dispatcher(service_fn(run)));
    let answered = tokio::spawn(async move { boxed.oneshot(call("search", Work::Answer)).await });
    assert_eq!(answered.await.unwrap().unwrap().output(), Some("done"));

    // A box inside, whose error is a `BoxError`, which bounds on errors would not let into a spawned task.
    let inner = BoxCloneSyncService::<Call, &'static str, BoxError>::new(service_fn(run));
    let dispatcher = tools.dispatcher(inner);
    let answered =
        tokio::spawn(async move { dispatcher.oneshot(call("search", Work::Answer)).await });
    assert_eq!(answered.await.unwrap().unwrap().output(), Some("done"));
}

#[tokio::test(start_paused = true)]
async fn around_a_service_that_is_not_sync() {
    let tools = tools(["search"]);
    let dispatcher = tools.dispatcher(BoxCloneService::new(service_fn(run)));
    let reply = dispatcher.oneshot(call("search", Work::Answer)).await;
    assert_eq!(reply.unwrap().output(), Some("done"));
}

#[tokio::test(start_paused = true)]
async fn behind_a_buffer_and_around_one() {
    let tools = tools(["search"]);
    let outside = Buffer::new(tools.dispatcher(Shop::default().service()), 4);
    let error = outside
        .clone()
        .oneshot(call("fly", Work::Answer))
        .await
        .unwrap_err();
    assert!(error.downcast_ref::<DispatchError>().is_some());
    // An error is that call's own, and the buffer goes on.
    let reply = outside.oneshot(call("search", Work::Answer)).await.unwrap();
    assert_eq!(reply.output(), Some("done"));

    let inside = tools.dispatcher(Buffer::new(Shop::default().service(), 4));
    let reply = tokio::spawn(async move { inside.oneshot(call("search", Work::Answer)).await });
    assert_eq!(reply.await.unwrap().unwrap().output(), Some("done"));
}

#[tokio::test(start_paused = true)]
async fn among_layers_on_both_sides() {
    let tools = tools(["search"]);
    let stack = ServiceBuilder::new()
        .map_request(|(tool, work): (String, Work)| call(&tool, work))
        .map_response(ToolReply::<String>::output)
        .layer_fn(|service| tools.dispatcher(service))
        .concurrency_limit(2)
        .map_response(|length: usize| length.to_string())
        .service(service_fn(async |call: Call| {
            Ok::<_, BoxError>(call.tool.len())
        }));
    let asked = ("search".to_owned(), Work::Answer);
    let answered = tokio::spawn(async move { stack.oneshot(asked).await });
    assert_eq!(answered.await.unwrap().unwrap().as_deref(), Some("6"));
}

#[tokio::test(start_paused = true)]
async fn a_dispatcher_and_its_calls_are_shown_without_what_they_call() {
    let dispatcher = tools(["search"]).dispatcher(service_fn(run));
    let shown = format!("{dispatcher:?}");
    assert!(shown.starts_with("Dispatcher { tools: "), "{shown}");
    let mut dispatcher = dispatcher;
    let calling = dispatcher.call(call("search", Work::Answer));
    assert_eq!(format!("{calling:?}"), "DispatchFuture { .. }");
    assert_eq!(calling.await.unwrap().output(), Some("done"));
}
