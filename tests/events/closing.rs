//! The end of a registry is the end of its subscriptions, and not the other way round.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use tower_tenant_breaker::Rejection;

use super::*;

#[tokio::test(start_paused = true)]
async fn once_the_registry_is_gone_what_was_told_is_received_and_then_the_end() {
    let (registry, search, mut events) = subscribed();
    trip(&search);
    drop((registry, search));
    assert_eq!(events.recv().await.unwrap().kind.as_str(), "transition");
    assert_eq!(events.recv().await.unwrap_err(), RecvError::Closed);
    assert_eq!(events.try_recv().unwrap_err(), RecvError::Closed);
    assert_eq!(events.recv().await.unwrap_err(), RecvError::Closed);
}

#[tokio::test(start_paused = true)]
async fn one_that_waits_is_told_of_the_end() {
    let (registry, search, mut events) = subscribed();
    let waiting = tokio::spawn(async move { events.recv().await });
    tokio::task::yield_now().await;
    drop((registry, search));
    assert_eq!(waiting.await.unwrap().unwrap_err(), RecvError::Closed);
}

#[test]
fn whoever_may_still_tell_of_something_keeps_a_subscription_open() {
    type Hold = fn(&CircuitBreakerRegistry, &Dependency) -> Box<dyn std::any::Any>;
    let handles: [Hold; 6] = [
        |registry, _| Box::new(registry.clone()),
        |_, search| Box::new(search.clone()),
        |_, search| Box::new(search.circuit("acme")),
        |registry, _| Box::new(registry.tenant("acme")),
        |_, search| Box::new(search.acquire("globex").unwrap()),
        |_, search| match search.acquire("acme") {
            Err(Rejection::Open(open)) => Box::new(open),
            other => panic!("{other:?}"),
        },
    ];
    for (n, handle) in handles.into_iter().enumerate() {
        let (registry, search, mut events) = subscribed();
        trip(&search);
        let handle = handle(&registry, &search);
        drop((registry, search));
        take(&mut events);
        assert!(events.try_recv().unwrap().is_none(), "handle {n}");
        drop(handle);
        assert_eq!(events.try_recv().unwrap_err(), RecvError::Closed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_permit_that_outlives_the_registry_tells_of_its_end() {
    let (registry, search, mut events) = subscribed();
    record(&search, Outcome::failure());
    let permit = search.acquire("acme").unwrap();
    drop((registry, search));
    assert!(events.try_recv().unwrap().is_none());
    permit.record(Outcome::failure());
    assert_eq!(kinds_until_closed(&mut events), ["transition"]);
}

fn kinds_until_closed(events: &mut Events) -> Vec<&'static str> {
    let told = std::iter::from_fn(|| match events.try_recv() {
        Ok(Some(event)) => Some(event.kind.as_str()),
        Err(RecvError::Closed) => None,
        other => panic!("{other:?}"),
    });
    told.collect()
}

#[tokio::test(start_paused = true)]
async fn a_waker_that_panics_does_not_keep_a_registry_from_going() {
    let (registry, search, mut events) = subscribed();
    let mut waiting = pin!(events.recv());
    let waker = Waker::from(Arc::new(Broken));
    let mut cx = Context::from_waker(&waker);
    assert!(waiting.as_mut().poll(&mut cx).is_pending());
    drop((registry, search));
    let Poll::Ready(end) = waiting.poll(&mut cx) else {
        panic!("the end was not told");
    };
    assert_eq!(end.unwrap_err(), RecvError::Closed);
}

#[test]
fn a_subscription_does_not_keep_the_registry() {
    let told = Arc::new(());
    let kept = Arc::downgrade(&told);
    let builder = CircuitBreakerRegistry::builder();
    let (registry, search) = declare(builder.observer(move |_: &Event<'_>| _ = &told));
    let events = registry.subscribe();
    drop((registry, search));
    assert!(kept.upgrade().is_none());
    // And goes after it without a word.
    drop(events);
}
