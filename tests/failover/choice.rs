//! Who serves: the order of the list, the circuits, and what an attempt ended with.

use std::time::Duration;

use tokio::time::advance;
use tokio_test::{assert_pending, assert_ready, task};
use tower::timeout::Timeout;
use tower::{Layer, Service, service_fn};
use tower_tenant_breaker::{
    CircuitState, ErrIsFailure, Failover, LatencyRule, Override, Served, TenantCircuitBreakerLayer,
};

use crate::job::{OPEN, registry, two_strikes};
use crate::stage::{
    Failing, Garbling, Hanging, Model, Prompt, Refusing, Sender, Shedding, Shrugging, Slow,
    Throttling, Well, judge, list, read, three, told, two,
};

#[tokio::test(start_paused = true)]
async fn the_first_serves_as_long_as_it_is_well() {
    let (a, b) = two();
    let mut models = list(&[&a, &b]).build().unwrap();
    for _ in 0..5 {
        let served = models.call(read("acme")).await.unwrap();
        assert_eq!(served.by().index(), Some(0));
        assert!(!served.by().is_last_resort());
        assert_eq!(told(served), ("model-a".into(), "model-a".into()));
    }
    assert_eq!((a.received(), b.received()), (5, 0));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_fails_moves_on_and_the_answer_tells_who_served() {
    for health in [Failing, Garbling, Throttling] {
        let (a, b) = two();
        a.is(health);
        let mut models = list(&[&a, &b]).build().unwrap();
        let served = models.call(read("acme")).await.unwrap();
        assert_eq!(served.by().dependency().unwrap().name(), "model-b");
        assert_eq!(served.by().index(), Some(1));
        assert_eq!(served.get_ref(), "model-b", "{health:?}");
        assert_eq!((a.received(), b.received()), (1, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn the_list_is_asked_in_its_order() {
    let (a, b, c) = three();
    a.is(Failing);
    b.is(Garbling);
    let mut models = list(&[&a, &b, &c]).build().unwrap();
    let names: Vec<_> = models.dependencies().map(|one| one.name()).collect();
    assert_eq!(names, ["model-a", "model-b", "model-c"]);

    let served = models.call(read("acme")).await.unwrap();
    assert_eq!(told(served).1, "model-c");
    b.is(Well);
    let served = models.call(read("acme")).await.unwrap();
    assert_eq!(told(served).1, "model-b");
    assert_eq!((a.received(), b.received(), c.received()), (2, 2, 1));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_nobody_is_blamed_for_is_served() {
    let (a, b) = two();
    let mut models = list(&[&a, &b]).build().unwrap();
    a.is(Shrugging);
    let served = models.call(read("acme")).await.unwrap();
    assert_eq!(told(served).0, "no idea, says model-a");

    a.is(Refusing);
    let error = models.call(read("acme")).await.unwrap_err();
    assert_eq!(error.to_string(), "model-a does not do that");
    assert_eq!(b.received(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_slow_answer_is_served_and_counts_against_its_circuit() {
    let policy = two_strikes().latency(LatencyRule::p95(Duration::from_secs(10)).min_calls(1));
    let registry = registry();
    let dependency = registry.dependency_with("slow", policy.build().unwrap());
    let (a, b) = (
        Model::guarding(dependency.unwrap()),
        Model::of(&registry, "model-b"),
    );
    a.is(Slow);
    let mut models = list(&[&a, &b]).build().unwrap();

    let served = models.call(read("acme")).await.unwrap();
    assert_eq!(told(served).1, "slow");
    assert_eq!(a.state(), CircuitState::Open);
    let served = models.call(read("acme")).await.unwrap();
    assert_eq!(told(served).1, "model-b");
}

#[tokio::test(start_paused = true)]
async fn a_provider_whose_circuit_is_open_is_not_asked() {
    let (a, b) = two();
    a.is(Failing);
    let mut models = list(&[&a, &b]).build().unwrap();
    for _ in 0..5 {
        let served = models.call(read("acme")).await.unwrap();
        assert_eq!(told(served).1, "model-b");
    }
    assert_eq!((a.received(), b.received()), (2, 5), "two strikes");
    assert_eq!(a.dependency.snapshot().totals.rejected, 3);
}

#[tokio::test(start_paused = true)]
async fn an_outage_for_one_tenant_moves_no_other() {
    let (a, b) = two();
    a.is_for("acme", Failing);
    let mut models = list(&[&a, &b]).build().unwrap();
    for _ in 0..5 {
        let served = models.call(read("acme")).await.unwrap();
        assert_eq!(told(served).1, "model-b");
        let served = models.call(read("globex")).await.unwrap();
        assert_eq!(told(served).1, "model-a");
    }
    assert_eq!(a.state(), CircuitState::Open);
    assert_eq!(a.dependency.state("globex"), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn calls_return_to_the_first_when_it_has_recovered() {
    let (a, b) = two();
    a.is(Failing);
    let mut models = list(&[&a, &b]).build().unwrap();
    for _ in 0..3 {
        models.call(read("acme")).await.unwrap();
    }
    assert_eq!(a.state(), CircuitState::Open);

    advance(OPEN).await;
    let served = models.call(read("acme")).await.unwrap();
    assert_eq!(told(served).1, "model-b", "the probe failed, and moved on");
    assert_eq!(a.received(), 3);

    a.is(Well);
    let served = models.call(read("acme")).await.unwrap();
    assert_eq!(told(served).1, "model-b", "open again");
    advance(OPEN).await;
    for _ in 0..3 {
        let served = models.call(read("acme")).await.unwrap();
        assert_eq!(told(served).1, "model-a");
    }
    assert_eq!(a.state(), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn while_a_probe_is_in_the_air_the_other_calls_go_to_the_next() {
    let (a, b) = two();
    a.open();
    advance(OPEN).await;
    a.is(Hanging);
    let mut models = list(&[&a, &b]).build().unwrap();
    let mut probe = task::spawn(models.call(read("acme")));
    assert_pending!(probe.poll());
    assert_eq!(a.state(), CircuitState::HalfOpen);
    for _ in 0..3 {
        let mut call = task::spawn(models.call(read("acme")));
        let served = assert_ready!(call.poll()).unwrap();
        assert_eq!(told(served).1, "model-b");
    }
    assert_eq!(a.received(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_load_that_was_shed_further_in_moves_on_and_its_circuit_ignores_it() {
    let (a, b) = two();
    a.is(Shedding);
    let mut models = list(&[&a, &b]).build().unwrap();
    for _ in 0..5 {
        let served = models.call(read("acme")).await.unwrap();
        assert_eq!(told(served).1, "model-b");
    }
    assert_eq!(a.dependency.snapshot().totals.ignored, 5);
    assert_eq!(a.state(), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_provider_with_a_breaker_of_its_own_moves_on_where_that_rejects() {
    let (a, b) = two();
    let inner = registry().dependency("region").unwrap();
    inner.force_open("moved");
    let guarded = |model: &Model, inner| {
        let layer = TenantCircuitBreakerLayer::new(inner, Sender).classify(judge);
        layer.layer(model.clone())
    };
    let spare = registry().dependency("other region").unwrap();
    let mut models = Failover::builder(Sender)
        .provider(a.dependency.clone(), guarded(&a, inner))
        .provider(b.dependency.clone(), guarded(&b, spare))
        .classify(ErrIsFailure)
        .build()
        .unwrap();

    let served = models.call(read("acme")).await.unwrap();
    assert_eq!(told(served).1, "model-b");
    assert_eq!(a.dependency.snapshot().totals.ignored, 1);
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_hangs_is_left_when_the_timeout_inside_of_it_strikes() {
    let (a, b) = two();
    a.is(Hanging);
    let patient = |model: &Model| Timeout::new(model.clone(), Duration::from_secs(5));
    let mut models = Failover::builder(Sender)
        .provider(a.dependency.clone(), patient(&a))
        .provider(b.dependency.clone(), patient(&b))
        .classify(ErrIsFailure)
        .build()
        .unwrap();
    for _ in 0..3 {
        let served = models.call(read("acme")).await.unwrap();
        assert_eq!(told(served).1, "model-b");
    }
    assert_eq!(a.state(), CircuitState::Open);
    assert_eq!(a.received(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_is_over_the_bound_of_calls_in_the_air_goes_to_the_next() {
    let policy = two_strikes().max_in_flight(1).build().unwrap();
    let registry = registry();
    let a = Model::guarding(registry.dependency_with("bounded", policy).unwrap());
    let b = Model::of(&registry, "model-b");
    a.is(Slow);
    let mut models = list(&[&a, &b]).build().unwrap();
    let first = tokio::spawn(models.call(read("acme")));
    tokio::task::yield_now().await;
    let served = models.call(read("acme")).await.unwrap();
    assert_eq!(told(served).1, "model-b");
    assert_eq!(told(first.await.unwrap().unwrap()).1, "bounded");
}

#[tokio::test(start_paused = true)]
async fn overrides_choose_too() {
    let (a, b) = two();
    let mut models = list(&[&a, &b]).build().unwrap();
    a.dependency.force_open("contract ended");
    let served = models.call(read("acme")).await.unwrap();
    assert_eq!(told(served).1, "model-b");
    a.dependency.circuit("acme").set(Override::Disabled);
    let served = models.call(read("acme")).await.unwrap();
    assert_eq!(told(served).1, "model-a", "the nearer override holds");
}

#[tokio::test(start_paused = true)]
async fn services_of_one_opaque_type_need_no_box() {
    let (a, b) = two();
    // Each provider's own host, credentials or model, without a closure whose type is its own.
    fn host(
        name: &'static str,
    ) -> impl Service<Prompt, Response = String, Error = std::io::Error, Future: Send> + Clone {
        service_fn(move |_: Prompt| async move { Ok(format!("{name}.example")) })
    }
    let mut models = Failover::builder(Sender)
        .provider(a.dependency.clone(), host("a"))
        .provider(b.dependency.clone(), host("b"))
        .classify(ErrIsFailure)
        .build()
        .unwrap();
    a.open();
    let served: Served<String> = models.call(read("acme")).await.unwrap();
    assert_eq!(served.into_inner(), "b.example");
}
