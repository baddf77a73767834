//! Who subscribes receives everything from then on, whatever others do.

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll, Waker};
use std::time::SystemTime;

use super::*;

#[tokio::test(start_paused = true)]
async fn each_subscriber_receives_everything_from_its_subscription_on() {
    let (registry, search, mut first) = subscribed();
    trip(&search);
    let mut second = registry.subscribe();
    search.acquire("acme").unwrap_err();
    assert_eq!(kinds(&mut first), ["transition", "rejection"]);
    assert_eq!(kinds(&mut second), ["rejection"]);
    assert_eq!(kinds(&mut second), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn one_that_waits_is_woken_by_what_happens() {
    let (_registry, search, mut events) = subscribed();
    let waiting = tokio::spawn(async move { events.recv().await });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    trip(&search);
    let event = waiting.await.unwrap().unwrap();
    assert_eq!(event.tenant.as_deref(), Some("acme"));
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_is_given_up_loses_nothing() {
    let (_registry, search, mut events) = subscribed();
    {
        let mut waiting = pin!(events.recv());
        let mut cx = Context::from_waker(Waker::noop());
        assert!(waiting.as_mut().poll(&mut cx).is_pending());
        trip(&search);
    }
    assert_eq!(events.recv().await.unwrap().kind.as_str(), "transition");
}

#[tokio::test(start_paused = true)]
async fn a_subscription_that_is_dropped_leaves_the_others_alone_and_more_may_come() {
    let (registry, search, mut first) = subscribed();
    drop(registry.subscribe());
    trip(&search);
    assert_eq!(kinds(&mut first), ["transition"]);
    drop(first);
    search.acquire("acme").unwrap_err();
    let mut again = registry.subscribe();
    assert_eq!(kinds(&mut again), [""; 0]);
    search.acquire("acme").unwrap_err();
    assert_eq!(kinds(&mut again), ["rejection"]);
}

#[tokio::test(start_paused = true)]
async fn an_observer_that_panics_keeps_no_subscriber_from_hearing() {
    let builder = CircuitBreakerRegistry::builder();
    let (registry, search) = declare(builder.observer(|_: &Event<'_>| panic!("its own")));
    let mut events = registry.subscribe();
    trip(&search);
    assert_eq!(kinds(&mut events), ["transition"]);
}

#[tokio::test(start_paused = true)]
async fn a_subscriber_whose_waker_panics_harms_neither_the_call_nor_the_observer() {
    let heard = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&heard);
    let builder = CircuitBreakerRegistry::builder();
    let (registry, search) = declare(builder.observer(move |_: &Event<'_>| {
        count.fetch_add(1, Relaxed);
    }));
    let mut events = registry.subscribe();
    let mut waiting = pin!(events.recv());
    let waker = Waker::from(Arc::new(Broken));
    let mut cx = Context::from_waker(&waker);
    assert!(waiting.as_mut().poll(&mut cx).is_pending());
    trip(&search);
    assert_eq!(heard.load(Relaxed), 1);
    assert!(matches!(waiting.poll(&mut cx), Poll::Ready(Ok(_))));
}

#[tokio::test(start_paused = true)]
async fn what_an_observer_does_in_turn_is_received_after_what_it_was_told_of() {
    let own: Arc<Mutex<Option<Dependency>>> = Arc::default();
    let search = Arc::clone(&own);
    let builder = CircuitBreakerRegistry::builder();
    let (registry, dependency) = declare(builder.observer(move |event: &Event<'_>| {
        if event.kind.as_str() == "transition" {
            let search = search.lock().unwrap().clone();
            search.unwrap().force_open("since a circuit opened");
        }
    }));
    *own.lock().unwrap() = Some(dependency.clone());
    let mut events = registry.subscribe();
    trip(&dependency);
    assert_eq!(kinds(&mut events), ["transition", "override"]);
    *own.lock().unwrap() = None;
}

#[tokio::test(start_paused = true)]
async fn the_generations_of_a_circuit_grow_one_by_one() {
    let (_registry, search, mut events) = subscribed();
    for _ in 0..3 {
        trip(&search);
        advance(PERIOD).await;
        record(&search, Outcome::Success);
        record(&search, Outcome::Success);
    }
    let mut told = take(&mut events);
    assert!(told.is_sorted_by_key(|event| event.generation));
    told.retain(|event| event.kind.as_str() == "transition");
    assert_eq!(generations(&told), (1..=9).collect::<Vec<_>>());
}

#[test]
fn of_many_threads_every_change_of_a_circuit_is_received_once() {
    const OPENINGS: u64 = 500;
    let (registry, search) = declare(CircuitBreakerRegistry::builder().event_capacity(4_096));
    let mut events = registry.subscribe();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..OPENINGS {
                    search.circuit("acme").open().unwrap();
                }
            });
        }
    });
    let mut received = generations(&take(&mut events));
    received.sort_unstable();
    assert_eq!(received, (1..=4 * OPENINGS).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn an_event_that_is_kept_again_was_told_as_long_ago_as_it_happened() {
    let (_registry, search, mut events) = subscribed();
    search.set_for(Override::ForcedOpen, 15 * PERIOD);
    let told = one(&mut events);
    // The system's clock does not move with the paused one: the event is as old by both.
    advance(PERIOD).await;
    let before = SystemTime::now();
    let again = OwnedEvent::from(&told.as_event());
    let after = SystemTime::now();
    assert_eq!(again.at, told.at);
    assert!(again.told_at >= before - PERIOD && again.told_at <= after - PERIOD);
    // One from ahead of the clock was told just now.
    let mut ahead = told.clone();
    ahead.at += 2 * PERIOD;
    let before = SystemTime::now();
    let again = OwnedEvent::from(&ahead.as_event());
    assert!(again.told_at >= before && again.told_at <= SystemTime::now());
}
