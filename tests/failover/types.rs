//! What the types promise without being run.

use std::error::Error;
use std::future::Ready;

use static_assertions::{assert_impl_all, assert_not_impl_any};
use tower::buffer::Buffer;
use tower::util::BoxCloneSyncService;
use tower::{BoxError, Service, ServiceExt, service_fn};
use tower_tenant_breaker::failover::{NoLastResort, ResponseFuture};
use tower_tenant_breaker::{
    ErrIsFailure, EveryRequest, Failover, FailoverError, IfIdempotent, NoneAdmitted, Served,
    ServedBy, Unserved,
};

use crate::job::registry;
use crate::stage::{Prompt, Sender, list, read, told, two};

type Inner = tower::util::ServiceFn<fn(Prompt) -> Ready<Result<String, BoxError>>>;
type Models = Failover<Inner, Sender, ErrIsFailure>;
type Answering = ResponseFuture<Inner, Prompt, Sender, ErrIsFailure, IfIdempotent, NoLastResort>;

assert_impl_all!(Models: Clone, Send, Sync, Unpin, Service<Prompt>);
assert_impl_all!(Answering: Send, Sync);
assert_impl_all!(NoneAdmitted: Clone, Send, Sync, Error, Into<BoxError>);
assert_impl_all!(FailoverError: Clone, Send, Sync, Error);
assert_impl_all!(Served<String>: Clone, Send, Sync);
assert_impl_all!(ServedBy: Clone, Send, Sync);
assert_impl_all!(Unserved<String>: Send, Sync);
// All clones share the services.
assert_not_impl_any!(Failover<std::cell::Cell<u8>, Sender>: Send, Sync);
// And nothing of the list has to be `Clone` for the whole to be so.
assert_impl_all!(Failover<std::sync::Mutex<u8>, std::sync::Mutex<u8>>: Clone, Send, Sync);

#[tokio::test(start_paused = true)]
async fn a_failover_can_be_boxed_buffered_and_called_from_other_threads() {
    let (a, b) = two();
    let models = list(&[&a, &b]).build().unwrap();
    let boxed: BoxCloneSyncService<Prompt, Served<String>, BoxError> =
        BoxCloneSyncService::new(models.clone());
    let served = tokio::spawn(boxed.oneshot(read("acme"))).await.unwrap();
    assert_eq!(told(served.unwrap()).1, "model-a");
    let served = Buffer::new(models, 4).oneshot(read("acme")).await;
    assert_eq!(told(served.unwrap()).1, "model-a");
}

#[tokio::test(start_paused = true)]
async fn services_of_different_types_go_into_one_list_in_boxes() {
    type Boxed = BoxCloneSyncService<Prompt, String, BoxError>;
    let registry = registry();
    let down = service_fn(|_: Prompt| async { Err::<String, _>(BoxError::from("down")) });
    let up = service_fn(|_: Prompt| async { Ok::<_, std::io::Error>("up".to_owned()) });
    let mut models = Failover::builder(Sender)
        .provider(registry.dependency("a").unwrap(), Boxed::new(down))
        .provider(
            registry.dependency("b").unwrap(),
            Boxed::new(up.map_err(BoxError::from)),
        )
        .classify(ErrIsFailure)
        .resend(EveryRequest)
        .build()
        .unwrap();
    let served = models.call(read("acme")).await.unwrap();
    assert_eq!(told(served), ("up".into(), "b".into()));
}

#[tokio::test(start_paused = true)]
async fn a_failover_can_be_a_provider_of_another() {
    let (a, b) = two();
    let regions = list(&[&a, &b])
        .build()
        .unwrap()
        .map_response(Served::into_inner);
    let mut models = Failover::builder(Sender)
        .provider(registry().dependency("all regions").unwrap(), regions)
        .classify(ErrIsFailure)
        .build()
        .unwrap();
    let served = models.call(read("acme")).await.unwrap();
    assert_eq!(told(served), ("model-a".into(), "all regions".into()));
    a.open();
    b.open();
    // What is rejected further in is no failure further out, and still names its circuit.
    let error = models.call(read("acme")).await.unwrap_err();
    assert!(error.is::<NoneAdmitted>(), "{error}");
}

#[test]
fn what_is_shown_has_the_names_and_no_circuits() {
    let (a, b) = two();
    let list = list(&[&a, &b]);
    let shown = "{ providers: [\"model-a\", \"model-b\"], on_missing_tenant: RunUnguarded, .. }";
    assert_eq!(format!("{list:?}"), format!("FailoverBuilder {shown}"));
    let mut models = list.build().unwrap();
    assert_eq!(format!("{models:?}"), format!("Failover {shown}"));
    let served = tokio_test::block_on(models.call(read("acme"))).unwrap();
    assert_eq!(
        format!("{:?}", served.by()),
        "ServedBy { index: 0, dependency: \"model-a\" }"
    );
    assert_eq!(served.map(|answer| answer.len()).into_inner(), 7);
}
