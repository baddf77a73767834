//! `SpawnReady`: further in, it drives what it is around to readiness; further out it has nothing to drive,
//! since the breaker is always ready. It is no `Clone`, so it is behind a `Buffer`.

use std::sync::Arc;
use std::task::Poll;

use static_assertions::assert_not_impl_any;
use tokio_test::{assert_pending, task};
use tower::spawn_ready::{SpawnReady, SpawnReadyLayer};
use tower::{Layer, Service, ServiceBuilder, ServiceExt};

use crate::diary::Diary;
use crate::job::{Job, Succeed, job, printer};
use crate::{Limited, in_time, layer, limited, once, settle};

assert_not_impl_any!(SpawnReady<Limited>: Clone);

mod inside {
    use super::*;

    promises! {
        all but one_tenants_pending_inner_holds_up_nobody: |printer, inner| ServiceBuilder::new()
            .layer(layer(printer))
            .buffer(1)
            .layer(SpawnReadyLayer::new())
            .service(inner)
    }
}

mod outside {
    use super::*;

    promises! {
        all: |printer, inner| ServiceBuilder::new()
            .buffer(1)
            .layer(SpawnReadyLayer::new())
            .layer(layer(printer))
            .service(inner)
    }
}

// ===== further in =====

// tower's own, and harmless as long as nobody else wants the place: the next call has it.
#[tokio::test(start_paused = true)]
async fn the_reservation_for_a_call_that_left_while_it_waited_further_in_is_the_next_calls() {
    let printer = printer();
    let (places, inner) = limited(1);
    let mut service = ServiceBuilder::new()
        .layer(layer(&printer))
        .buffer(8)
        .layer(SpawnReadyLayer::new())
        .service(inner);
    let taken = Arc::clone(&places).acquire_owned().await;
    let mut waiting = task::spawn(service.call(job("acme", Succeed)));
    assert_pending!(waiting.poll());
    settle().await;
    assert_pending!(waiting.poll());
    drop((waiting, taken));
    settle().await;
    assert_eq!(places.available_permits(), 0);
    once(&service, job("globex", Succeed)).await.unwrap();
    assert_eq!(places.available_permits(), 1);
}

// ===== further out =====

#[tokio::test(start_paused = true)]
async fn further_out_it_drives_nothing_to_readiness() {
    let diary = Diary::default();
    diary.expect([Poll::Pending; 10]);
    let mut service = SpawnReady::new(layer(&printer()).layer(diary.first()));
    for _ in 0..3 {
        let ready = ServiceExt::<Job>::ready(&mut service);
        assert!(in_time(ready).await.is_ok());
        settle().await;
    }
    assert!(diary.read().is_empty());
}
