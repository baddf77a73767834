use std::sync::Arc;

use opentelemetry::metrics::MeterProvider;
use tower_tenant_breaker::otel::OtelMetrics;
use tower_tenant_breaker::{CircuitBreakerRegistry, Event, Outcome, Policy};

use crate::{Observed, call, observe, open, policy, recover, registry, search};

const OPENED: &str = "agent.circuit_breaker.open";
const DURATION: &str = "circuit_breaker.open.duration";

#[tokio::test(start_paused = true)]
async fn what_is_known_of_a_dependency_begins_at_zero() {
    let (observed, _search) = search(policy());
    let seen = observed.reader.collect();
    let counters: Vec<_> = seen.0.iter().filter(|series| series.is_counter).collect();
    let names: std::collections::BTreeSet<_> =
        counters.iter().map(|series| &*series.name).collect();
    assert_eq!(names.len(), 7, "{names:?}");
    assert!(counters.iter().all(|series| series.value == 0.0));
    for gauge in ["open.oldest", "outage", "memory", "tenant.left_out"] {
        let name = format!("circuit_breaker.{gauge}");
        assert_eq!(seen.of_search(&name, &[]), Some(0.0), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_dependency_that_comes_later_is_in_the_next_collection() {
    let (observed, _search) = search(policy());
    observed.reader.collect();
    let index = observed.registry.dependency("index").unwrap();
    let seen = observed.reader.collect();
    assert_eq!(seen.value(OPENED, &[("dependency", "index")]), Some(0.0));
    open(&index, "acme");
    for _ in 0..3 {
        call(&index, "acme", Outcome::failure());
    }
    let seen = observed.reader.collect();
    assert_eq!(seen.value(OPENED, &[("dependency", "index")]), Some(1.0));
    assert_eq!(seen.of_search(OPENED, &[]), Some(0.0));
}

#[tokio::test(start_paused = true)]
async fn the_instruments_do_not_keep_the_registry_alive() {
    let witness = Arc::new(());
    let alive = Arc::downgrade(&witness);
    let registry = CircuitBreakerRegistry::builder().observer(move |_: &Event<'_>| {
        let _ = &witness;
    });
    let observed = observe(registry.build().unwrap(), 20);
    let policy = policy().build().unwrap();
    let search = observed.registry.dependency_with("search", policy);
    let search = search.unwrap();
    open(&search, "acme");
    assert!(observed.reader.collect().0.len() > 20);
    let Observed {
        registry,
        provider: _provider,
        reader,
        metrics: _metrics,
    } = observed;
    drop((registry, search));
    assert!(alive.upgrade().is_none(), "all of it is freed");
    assert_eq!(reader.collect().0.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn once_the_metrics_are_dropped_nothing_is_observed_any_more() {
    let (observed, search) = search(policy());
    open(&search, "acme");
    assert!(observed.reader.collect().0.len() > 20);
    drop(observed.metrics);
    recover(&search, "acme").await;
    let seen = observed.reader.collect();
    assert_eq!(seen.0.len(), 0, "no closing either: {seen:?}");
}

#[tokio::test(start_paused = true)]
async fn what_was_dropped_can_be_registered_again_with_the_same_meter() {
    let (observed, search) = search(policy());
    observed.reader.collect();
    drop(observed.metrics);
    let meter = observed.provider.meter("test");
    let _again = OtelMetrics::builder(&observed.registry)
        .register(&meter)
        .unwrap();
    open(&search, "acme");
    recover(&search, "acme").await;
    let seen = observed.reader.collect();
    assert_eq!(seen.of_search(OPENED, &[]), Some(1.0));
    assert_eq!(seen.of_search(DURATION, &[]), Some(4.0), "taken in once");
}

#[tokio::test(start_paused = true)]
async fn registered_twice_with_one_meter_counts_are_the_same_and_closings_twice_in_the_histogram() {
    let (observed, search) = search(policy());
    let meter = observed.provider.meter("test");
    let _twice = OtelMetrics::builder(&observed.registry)
        .register(&meter)
        .unwrap();
    open(&search, "acme");
    recover(&search, "acme").await;
    let seen = observed.reader.collect();
    assert_eq!(seen.of_search(OPENED, &[]), Some(1.0));
    let of = [("dependency", "search")];
    let durations = seen.series(DURATION, &of).unwrap();
    assert_eq!(durations.counts.iter().sum::<u64>(), 2);
}

#[tokio::test(start_paused = true)]
async fn more_tenants_than_an_sdk_has_room_for_are_refused_by_name_value_and_bound() {
    let observed = observe(registry(), 1_000);
    let meter = observed.provider.meter("test");
    let builder = OtelMetrics::builder(&observed.registry);
    let error = builder.tenants(1_001).register(&meter).unwrap_err();
    assert_eq!((error.field(), error.value()), ("tenants", "1001"));
    assert_eq!(
        error.to_string(),
        "tenants is 1001, but must be from 0 to 1000"
    );
}

#[tokio::test(start_paused = true)]
async fn a_meter_that_does_nothing_is_no_harm() {
    let registry = registry();
    let search = registry
        .dependency_with("search", Policy::default())
        .unwrap();
    let meter = opentelemetry::global::meter("nobody has set up a provider");
    let metrics = OtelMetrics::builder(&registry).register(&meter).unwrap();
    open(&search, "acme");
    drop(metrics);
}
