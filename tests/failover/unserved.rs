//! Calls that nobody serves and nothing answers: the errors, and requests without a tenant.

use std::error::Error;
use std::time::Duration;

use tower::{BoxError, Service};
use tower_tenant_breaker::{
    CircuitOpen, Failover, FailoverError, InvalidTenant, MAX_TENANT_BYTES, MissingTenant,
    NoneAdmitted, OnMissingTenant, Reason,
};

use crate::job::{OPEN, OutOfPaper, registry};
use crate::stage::{
    Failing, Garbling, Model, Sender, judge, list, nobodys, read, three, told, two,
};

fn open_for(model: &Model, seconds: u64) {
    let circuit = model.dependency.circuit("acme");
    circuit.open_for(Duration::from_secs(seconds)).unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_error_names_every_rejection_and_the_one_closest_to_recovery() {
    let (a, b, c) = three();
    open_for(&a, 30);
    open_for(&b, 7);
    c.dependency.force_open("maintenance");
    let mut models = list(&[&a, &b, &c]).build().unwrap();
    let error = models.call(read("acme")).await.unwrap_err();

    let none: &NoneAdmitted = error.downcast_ref().unwrap();
    let of: Vec<_> = none
        .rejections()
        .iter()
        .map(|open| open.dependency())
        .collect();
    assert_eq!(of, ["model-a", "model-b", "model-c"]);
    assert_eq!(none.rejections()[2].reason(), Reason::Forced);
    assert_eq!(none.closest().dependency(), "model-b");
    assert_eq!(none.retry_after(), Some(Duration::from_secs(7)));
    assert_eq!(none.to_string(), "no provider out of 3 admitted the call");
    let source: &CircuitOpen = none.source().unwrap().downcast_ref().unwrap();
    assert_eq!(source.dependency(), "model-b");
    assert_eq!(CircuitOpen::find(&*error).unwrap().dependency(), "model-b");
}

#[tokio::test(start_paused = true)]
async fn who_never_counts_is_closest_only_among_their_like_and_of_equals_the_first_is() {
    let closest = async |waits: [Option<u64>; 3]| {
        let (a, b, c) = three();
        let all = [&a, &b, &c];
        for (model, wait) in all.into_iter().zip(waits) {
            match wait {
                Some(seconds) => open_for(model, seconds),
                None => model.dependency.force_open("for good"),
            }
        }
        let error = list(&all)
            .build()
            .unwrap()
            .call(read("acme"))
            .await
            .unwrap_err();
        let none: &NoneAdmitted = error.downcast_ref().unwrap();
        none.closest().dependency().to_owned()
    };
    assert_eq!(closest([Some(5), Some(6), Some(7)]).await, "model-a");
    assert_eq!(closest([None, Some(60), None]).await, "model-b");
    assert_eq!(closest([None, Some(60), Some(59)]).await, "model-c");
    assert_eq!(closest([Some(9), Some(9), None]).await, "model-a");
    assert_eq!(closest([None, None, None]).await, "model-a");
}

#[tokio::test(start_paused = true)]
async fn where_some_failed_and_the_rest_rejected_the_last_failure_is_the_answer() {
    let (a, b, c) = three();
    b.is(Failing);
    a.open();
    c.open();
    let mut models = list(&[&a, &b, &c]).build().unwrap();
    let error = models.call(read("acme")).await.unwrap_err();
    assert!(error.is::<OutOfPaper>(), "{error}");

    b.is(Garbling);
    let served = models.call(read("acme")).await.unwrap();
    assert_eq!(
        told(served),
        ("garbled by model-b".into(), "model-b".into())
    );
}

#[tokio::test(start_paused = true)]
async fn where_all_failed_the_last_failure_is_the_answer() {
    let (a, b) = two();
    a.is(Garbling);
    b.is(Failing);
    let mut models = list(&[&a, &b]).build().unwrap();
    let error = models.call(read("acme")).await.unwrap_err();
    assert!(error.is::<OutOfPaper>(), "{error}");

    a.is(Failing);
    b.is(Garbling);
    let served = models.call(read("globex")).await.unwrap();
    assert_eq!(told(served).1, "model-b");
}

// ===== requests without a tenant =====

#[tokio::test(start_paused = true)]
async fn a_call_without_a_tenant_runs_unguarded_and_moves_on_all_the_same() {
    let (a, b) = two();
    a.is(Failing);
    let mut models = list(&[&a, &b]).build().unwrap();
    for prompt in [nobodys(), read(""), read(&"x".repeat(MAX_TENANT_BYTES + 1))] {
        let served = models.call(prompt).await.unwrap();
        assert_eq!(told(served).1, "model-b");
    }
    assert_eq!(a.dependency.snapshot().missing_tenant, 3);
    assert!(a.dependency.is_empty() && b.dependency.is_empty());

    a.dependency.force_open("maintenance");
    b.dependency.force_open("maintenance");
    let error: BoxError = models.call(nobodys()).await.unwrap_err();
    assert!(error.is::<NoneAdmitted>(), "{error}");
}

#[tokio::test(start_paused = true)]
async fn calls_without_a_tenant_can_be_rejected_before_anybody_is_asked() {
    let (a, b) = two();
    let reject = OnMissingTenant::Reject;
    let mut models = list(&[&a, &b]).on_missing_tenant(reject).build().unwrap();
    let error = models.call(nobodys()).await.unwrap_err();
    assert!(error.is::<MissingTenant>(), "{error}");
    let error = models.call(read("")).await.unwrap_err();
    assert!(error.is::<InvalidTenant>(), "{error}");
    assert_eq!((a.received(), b.received()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn calls_without_a_tenant_can_share_a_circuit_of_each_provider() {
    let (a, b) = two();
    a.is(Failing);
    let share = OnMissingTenant::ShareCircuit;
    let mut models = list(&[&a, &b]).on_missing_tenant(share).build().unwrap();
    for _ in 0..5 {
        let served = models.call(nobodys()).await.unwrap();
        assert_eq!(told(served).1, "model-b");
    }
    assert_eq!(a.received(), 2, "open after two strikes");
    tokio::time::advance(OPEN).await;
    models.call(nobodys()).await.unwrap();
    assert_eq!(a.received(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_longest_tenant_is_a_tenant_like_any_other() {
    let (a, b) = two();
    a.is(Failing);
    let tenant = "x".repeat(MAX_TENANT_BYTES);
    let mut models = list(&[&a, &b]).build().unwrap();
    for _ in 0..5 {
        models.call(read(&tenant)).await.unwrap();
    }
    assert_eq!(a.dependency.open_circuits(), [tenant]);
}

// ===== lists that are none =====

#[test]
fn a_list_without_a_provider_cannot_be_built() {
    let error = list(&[]).build().unwrap_err();
    assert_eq!(error, FailoverError::NoProvider);
    assert_eq!(error.to_string(), "a failover needs at least one provider");
}

#[test]
fn a_dependency_belongs_to_one_provider() {
    let (a, b) = two();
    let error = list(&[&a, &b, &a]).build().unwrap_err();
    let repeated = FailoverError::RepeatedDependency("model-a".into());
    assert_eq!(error, repeated);
    assert_eq!(
        error.to_string(),
        "dependency \"model-a\" belongs to two providers"
    );

    // By its name, which is what an answer tells.
    let namesake = Model::of(&registry(), "model-a");
    let list = Failover::builder(Sender)
        .provider(a.dependency.clone(), a.clone())
        .provider(namesake.dependency.clone(), namesake)
        .classify(judge);
    assert_eq!(list.build().unwrap_err(), repeated);
}
