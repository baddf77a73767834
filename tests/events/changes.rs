//! Who subscribes to changes hears of them however many calls there are, and of no call.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use tower_tenant_breaker::OutagePolicy;

use super::*;

fn subscribed_to_changes() -> (CircuitBreakerRegistry, Dependency, Events) {
    let (registry, search) = declare(CircuitBreakerRegistry::builder());
    let changes = registry.subscribe_to_changes();
    (registry, search, changes)
}

fn reject(search: &Dependency, times: usize) {
    for _ in 0..times {
        search.acquire("acme").unwrap_err();
    }
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_rejections_lose_no_change() {
    let (registry, search, mut changes) = subscribed_to_changes();
    let mut events = registry.subscribe();
    trip(&search);
    reject(&search, 10_000);
    search.force_open("maintenance");
    reject(&search, 10_000);
    assert_eq!(kinds(&mut changes), ["transition", "override"]);
    // Who subscribed to everything has lost both.
    let RecvError::Lagged(lost) = events.try_recv().unwrap_err() else {
        panic!("all 20,000 found a place")
    };
    assert_eq!(lost, 20_002 - 1_024);
    assert!(kinds(&mut events).iter().all(|kind| *kind == "rejection"));
}

#[tokio::test(start_paused = true)]
async fn each_change_is_received_as_a_subscriber_to_everything_receives_it() {
    let (registry, search, mut changes) = subscribed_to_changes();
    let mut events = registry.subscribe();
    trip(&search);
    registry.set_for(Override::DryRun, PERIOD);
    advance(PERIOD).await;
    record(&search, Outcome::Success);
    search.force_open("maintenance");
    let all = |events: &mut Events| {
        let told = take(events).into_iter();
        let told = told.filter(|event| event.kind.as_str() != "probe");
        let told = told.map(|event| format!("{:?}", event.as_event()));
        told.collect::<Vec<_>>()
    };
    let changes = all(&mut changes);
    assert_eq!(changes.len(), 4);
    assert_eq!(changes, all(&mut events));
}

#[tokio::test(start_paused = true)]
async fn nothing_that_comes_with_each_call_is_a_change_though_others_hear_of_it() {
    let heard: Arc<Mutex<Vec<_>>> = Arc::default();
    let told = Arc::clone(&heard);
    let builder = CircuitBreakerRegistry::builder().observer(move |event: &Event<'_>| {
        told.lock().unwrap().push(event.kind.as_str());
    });
    let (registry, search) = declare(builder);
    let mut changes = registry.subscribe_to_changes();
    trip(&search);
    reject(&search, 1);
    advance(PERIOD).await;
    record(&search, Outcome::Success);
    record(&search, Outcome::Success);
    assert_eq!(
        *heard.lock().unwrap(),
        [
            "transition",
            "rejection",
            "transition",
            "probe",
            "probe",
            "transition"
        ]
    );
    assert_eq!(kinds(&mut changes), ["transition"; 3]);
}

#[tokio::test(start_paused = true)]
async fn nor_is_what_comes_with_each_newcomer_but_a_circuit_that_was_lost_is() {
    let (registry, search) = declare(CircuitBreakerRegistry::builder().max_tenants(1));
    let [mut changes, mut events] = [registry.subscribe_to_changes(), registry.subscribe()];
    trip(&search);
    // No room.
    drop(search.acquire("globex").unwrap());
    assert_eq!(kinds(&mut events), ["transition", "overflow"]);
    assert_eq!(kinds(&mut changes), ["transition"]);
    advance(PERIOD + WINDOW + PERIOD).await;
    for n in 0..3 {
        let permit = search.acquire(&format!("minted {n}")).unwrap();
        permit.record(Outcome::Ignored);
    }
    assert_eq!(kinds(&mut events), ["forgotten", "evicted", "evicted"]);
    let event = one(&mut changes);
    assert_eq!(event.kind, EventKind::Forgotten);
    assert_eq!(event.tenant.as_deref(), Some("acme"));
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_a_change_and_its_rejections_are_not() {
    let (registry, _) = declare(CircuitBreakerRegistry::builder());
    let policy = policy().outage(OutagePolicy::default().min_tenants(2).min_share(0.2));
    let mail = registry
        .dependency_with("mail", policy.build().unwrap())
        .unwrap();
    let mut changes = registry.subscribe_to_changes();
    for tenant in ["acme", "globex"] {
        for outcome in [Outcome::Success, Outcome::failure(), Outcome::failure()] {
            mail.acquire(tenant).unwrap().record(outcome);
        }
    }
    assert!(mail.outage().is_some());
    for tenant in ["acme", "newcomer"] {
        mail.acquire(tenant).unwrap_err();
    }
    let expected = ["transition", "transition", "outage"];
    assert_eq!(kinds(&mut changes), expected);
}

#[tokio::test(start_paused = true)]
async fn one_that_falls_behind_is_told_how_many_changes_were_lost() {
    let builder = CircuitBreakerRegistry::builder().event_capacity(4);
    let (registry, search) = declare(builder);
    let mut changes = registry.subscribe_to_changes();
    for _ in 0..10 {
        search.circuit("acme").open().unwrap();
        reject(&search, 10);
    }
    assert_eq!(changes.recv().await.unwrap_err(), RecvError::Lagged(6));
    assert_eq!(generations(&take(&mut changes)), [7, 8, 9, 10]);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_registry_is_received_after_all_changes() {
    let (registry, search, mut changes) = subscribed_to_changes();
    trip(&search);
    let waiting = registry.subscribe_to_changes();
    let waiting = tokio::spawn(async move { { waiting }.recv().await });
    tokio::task::yield_now().await;
    drop((registry, search));
    assert_eq!(waiting.await.unwrap().unwrap_err(), RecvError::Closed);
    assert_eq!(changes.recv().await.unwrap().kind.as_str(), "transition");
    assert_eq!(changes.recv().await.unwrap_err(), RecvError::Closed);
    assert_eq!(changes.try_recv().unwrap_err(), RecvError::Closed);
}

#[test]
fn it_keeps_no_registry_and_a_waker_that_panics_keeps_none_from_going() {
    let told = Arc::new(());
    let kept = Arc::downgrade(&told);
    let builder = CircuitBreakerRegistry::builder();
    let (registry, search) = declare(builder.observer(move |_: &Event<'_>| _ = &told));
    let mut changes = registry.subscribe_to_changes();
    let mut waiting = pin!(changes.recv());
    let waker = Waker::from(Arc::new(Broken));
    let mut cx = Context::from_waker(&waker);
    assert!(waiting.as_mut().poll(&mut cx).is_pending());
    drop((registry, search));
    assert!(kept.upgrade().is_none());
    let Poll::Ready(end) = waiting.poll(&mut cx) else {
        panic!("the end was not told");
    };
    assert_eq!(end.unwrap_err(), RecvError::Closed);
}

#[test]
fn a_subscription_of_either_kind_that_goes_leaves_the_other_as_it_is() {
    let (registry, search, mut changes) = subscribed_to_changes();
    drop(registry.subscribe());
    search.circuit("acme").open().unwrap();
    assert_eq!(kinds(&mut changes), ["transition"]);
    let mut events = registry.subscribe();
    drop(changes);
    reject(&search, 1);
    search.circuit("acme").reset();
    assert_eq!(kinds(&mut events), ["rejection", "transition"]);
    let mut again = registry.subscribe_to_changes();
    search.circuit("acme").open().unwrap();
    assert_eq!(kinds(&mut again), ["transition"]);
}
