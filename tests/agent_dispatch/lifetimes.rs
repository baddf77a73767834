//! Nothing outlives those who hold it.

use tokio::task::yield_now;

use super::*;

/// Dropped with the tools, or with what they hold.
fn witnessed(registry: &CircuitBreakerRegistry) -> (Tools, std::sync::Weak<()>) {
    let held = Arc::new(());
    let witness = Arc::downgrade(&held);
    let tools = declare(registry)
        .tool(Tool::new("search").substitutes(["web"]))
        .tool(Tool::new("web").substitutes(["search"]))
        .on_error(move |_| _ = &held)
        .build();
    (tools.unwrap(), witness)
}

#[tokio::test(start_paused = true)]
async fn tools_end_with_their_last_dispatcher_signal_and_error() {
    let (tools, witness) = witnessed(&registry());
    let dispatcher = tools.dispatcher(Shop::default().service());
    drop(tools);
    let signal = signal(&dispatcher, call("search", Work::Fail)).await;
    let unknown = ask(&dispatcher, call("fly", Work::Fail)).await.unwrap_err();
    drop(dispatcher);
    assert_eq!(signal.alternatives().collect::<Vec<_>>(), ["web"]);
    drop(signal);
    assert!(witness.upgrade().is_some());
    drop(unknown);
    assert!(witness.upgrade().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_registry_holds_no_tools_and_tools_hold_no_registry_up() {
    struct Observing(#[allow(dead_code, reason = "dropped with the registry")] Arc<()>);
    impl tower_tenant_breaker::Observer for Observing {
        fn on_event(&self, _: &tower_tenant_breaker::Event<'_>) {}
    }
    let held = Arc::new(());
    let of_registry = Arc::downgrade(&held);
    let registry = CircuitBreakerRegistry::builder();
    let registry = registry.observer(Observing(held)).build().unwrap();
    let (tools, of_tools) = witnessed(&registry);
    let dispatcher = tools.dispatcher(Shop::default().service());
    let hangs = tokio::spawn(dispatcher.clone().oneshot(call("search", Work::Hang)));
    yield_now().await;
    drop(tools);
    drop(dispatcher);
    drop(registry);
    // A call in the air holds what it needs.
    assert!(of_tools.upgrade().is_some() && of_registry.upgrade().is_some());
    hangs.abort();
    drop(hangs.await);
    assert!(of_tools.upgrade().is_none());
    assert!(of_registry.upgrade().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_done_holds_nothing() {
    let (tools, witness) = witnessed(&registry());
    let mut dispatcher = tools.dispatcher(Shop::default().service());
    let mut answered = Box::pin(dispatcher.call(call("search", Work::Answer)));
    assert!(answered.as_mut().await.unwrap().output().is_some());
    drop((tools, dispatcher));
    assert!(witness.upgrade().is_none());
    drop(answered);
}
