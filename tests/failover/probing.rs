//! Who finds out whether a provider is back: rather a request that may be sent again.

use std::time::Duration;

use tokio::time::advance;
use tower::Service;
use tower_tenant_breaker::{CircuitState, Reason};

use crate::job::OPEN;
use crate::stage::{Broken, Failing, Hanging, list, read, three, told, two, write};

const NANO: Duration = Duration::from_nanos(1);

#[tokio::test(start_paused = true)]
async fn a_request_that_must_not_be_sent_twice_prefers_a_closed_circuit_to_being_a_probe() {
    let (a, b) = two();
    a.open();
    advance(OPEN).await;
    let mut models = list(&[&a, &b]).build().unwrap();

    let served = models.call(write("acme")).await.unwrap();
    assert_eq!(told(served).1, "model-b");
    assert_eq!((a.received(), a.state()), (0, CircuitState::Open));
    let served = models.call(read("acme")).await.unwrap();
    assert_eq!(told(served).1, "model-a", "this one may probe");
    let served = models.call(write("acme")).await.unwrap();
    assert_eq!(told(served).1, "model-a", "and that was the proof");
}

#[tokio::test(start_paused = true)]
async fn it_probes_where_nobody_else_admits_it() {
    let (a, b) = two();
    a.open();
    advance(OPEN / 2).await;
    b.open();
    advance(OPEN / 2).await;
    let mut models = list(&[&a, &b]).build().unwrap();
    let served = models.call(write("acme")).await.unwrap();
    assert_eq!(told(served).1, "model-a");
    assert_eq!(a.state(), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn of_several_that_wait_for_a_probe_the_first_gets_it() {
    let (a, b, c) = three();
    for model in [&a, &b, &c] {
        model.open();
    }
    advance(OPEN).await;
    b.is(Hanging);
    let mut models = list(&[&a, &b, &c]).build().unwrap();
    let served = models.call(write("acme")).await.unwrap();
    assert_eq!(told(served).1, "model-a");

    // The first is full now, and the second gets it.
    a.open();
    advance(OPEN).await;
    a.is(Hanging);
    let _first = tokio::spawn(models.call(write("acme")));
    let _second = tokio::spawn(models.call(write("acme")));
    tokio::task::yield_now().await;
    tokio::task::yield_now().await;
    assert_eq!((a.received(), b.received()), (2, 1));
    let served = models.call(write("acme")).await.unwrap();
    assert_eq!(told(served).1, "model-c");
}

#[tokio::test(start_paused = true)]
async fn the_last_one_is_not_barred_in_favour_of_nobody() {
    let (a, b) = two();
    b.open();
    advance(OPEN).await;
    a.open();
    let mut models = list(&[&a, &b]).build().unwrap();
    let served = models.call(write("acme")).await.unwrap();
    assert_eq!(told(served).1, "model-b");
    assert_eq!(b.dependency.snapshot().totals.rejected, 0, "asked once");
}

#[tokio::test(start_paused = true)]
async fn a_list_of_one_bars_nobody() {
    let (a, _) = two();
    a.open();
    advance(OPEN).await;
    let mut models = list(&[&a]).build().unwrap();
    let served = models.call(write("acme")).await.unwrap();
    assert_eq!(told(served).1, "model-a");
    assert_eq!(a.dependency.snapshot().totals.rejected, 0);
}

#[tokio::test(start_paused = true)]
async fn one_that_was_barred_is_asked_once_more_where_the_one_after_it_breaks() {
    let (a, b) = two();
    a.open();
    advance(OPEN).await;
    b.is(Broken);
    let mut models = list(&[&a, &b]).build().unwrap();
    let served = models.call(write("acme")).await.unwrap();
    assert_eq!(told(served).1, "model-a");
    assert_eq!(b.dependency.snapshot().totals.failures, 1);
}

#[tokio::test(start_paused = true)]
async fn one_that_was_barred_and_breaks_as_it_is_asked_once_more_is_not_asked_again() {
    let (a, b) = two();
    a.open();
    advance(OPEN).await;
    a.is(Broken);
    b.dependency.force_open("maintenance");
    let mut models = list(&[&a, &b]).build().unwrap();
    models.call(write("acme")).await.unwrap_err();
    let totals = a.dependency.snapshot().totals;
    assert_eq!((totals.failures, totals.rejected), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_rejection_says_what_was_true_when_the_provider_was_asked_last() {
    let (a, b) = two();
    a.open();
    advance(OPEN).await;
    a.is(Hanging);
    b.dependency.force_open("maintenance");
    let mut models = list(&[&a, &b]).build().unwrap();
    let _probe = tokio::spawn(models.call(write("acme")));
    tokio::task::yield_now().await;

    let error = models.call(write("acme")).await.unwrap_err();
    let none: &tower_tenant_breaker::NoneAdmitted = error.downcast_ref().unwrap();
    assert_eq!(none.rejections()[0].reason(), Reason::HalfOpenFull);
}

#[tokio::test(start_paused = true)]
async fn a_tenant_that_only_writes_gets_its_first_provider_back_in_the_end() {
    let (a, b) = two();
    a.is(Failing);
    let mut models = list(&[&a, &b]).build().unwrap();
    for _ in 0..2 {
        models.call(write("acme")).await.unwrap_err();
    }
    a.is(crate::stage::Well);
    advance(OPEN + 3 * OPEN - NANO).await;
    let served = models.call(write("acme")).await.unwrap();
    assert_eq!(told(served).1, "model-b");
    advance(NANO).await;
    let served = models.call(write("acme")).await.unwrap();
    assert_eq!(told(served).1, "model-a");
    assert_eq!(a.state(), CircuitState::Closed);
}
