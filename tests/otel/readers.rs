use std::collections::BTreeMap;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use opentelemetry::metrics::MeterProvider;
use opentelemetry_sdk::metrics::{
    Aggregation, InMemoryMetricExporter, Instrument, PeriodicReader, SdkMeterProvider, Stream,
    Temporality,
};
use tower_tenant_breaker::otel::OtelMetrics;
use tower_tenant_breaker::{CircuitBreakerRegistry, Outcome};

use crate::collected::{Collected, Reader};
use crate::{call, open, policy, registry};

const CALLS: &str = "circuit_breaker.calls";
const SUCCESS: [(&str, &str); 1] = [("outcome", "success")];

fn search(registry: &CircuitBreakerRegistry) -> tower_tenant_breaker::Dependency {
    let policy = policy().build().unwrap();
    registry.dependency_with("search", policy).unwrap()
}

#[tokio::test(start_paused = true)]
async fn each_collection_is_told_what_holds_then_though_no_time_has_passed() {
    let registry = registry();
    let readers = [Temporality::Cumulative; 2].map(Reader::new);
    let [first, second] = &readers;
    let provider = SdkMeterProvider::builder()
        .with_reader(first.clone())
        .with_reader(second.clone())
        .build();
    let metrics = OtelMetrics::builder(&registry);
    let _metrics = metrics.register(&provider.meter("test")).unwrap();
    let search = search(&registry);
    for calls in 1..=5 {
        call(&search, "acme", Outcome::Success);
        for reader in [first, second, first] {
            let seen = reader.collect();
            assert_eq!(seen.of_search(CALLS, &SUCCESS), Some(f64::from(calls)));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_reader_of_differences_is_told_what_was_added() {
    let registry = registry();
    let reader = Reader::new(Temporality::Delta);
    let provider = crate::provider(&reader);
    let metrics = OtelMetrics::builder(&registry);
    let _metrics = metrics.register(&provider.meter("test")).unwrap();
    let search = search(&registry);
    let mut added = Vec::new();
    for calls in [0, 3, 0, 2] {
        for _ in 0..calls {
            call(&search, "acme", Outcome::Success);
        }
        let seen = reader.collect();
        added.push(seen.of_search(CALLS, &SUCCESS).unwrap_or_default());
        let circuits = seen.of_search("circuit_breaker.circuits", &[("state", "open")]);
        assert_eq!(circuits, Some(0.0), "levels are told each time");
    }
    assert_eq!(added, [0.0, 3.0, 0.0, 2.0]);
}

#[tokio::test(start_paused = true)]
async fn what_a_view_drops_or_renames_leaves_the_rest_as_it_is() {
    let registry = registry();
    let reader = Reader::new(Temporality::Cumulative);
    let view = |instrument: &Instrument| match instrument.name() {
        // The first and the last that a collection asks for.
        "agent.circuit_breaker.open" | "circuit_breaker.tenant.left_out" => {
            let stream = Stream::builder().with_aggregation(Aggregation::Drop);
            Some(stream.build().unwrap())
        }
        CALLS => Some(Stream::builder().with_name("calls").build().unwrap()),
        _ => None,
    };
    let provider = SdkMeterProvider::builder()
        .with_reader(reader.clone())
        .with_view(view)
        .build();
    let metrics = OtelMetrics::builder(&registry);
    let _metrics = metrics.register(&provider.meter("test")).unwrap();
    let search = search(&registry);
    for calls in 1..=3 {
        call(&search, "acme", Outcome::Success);
        let seen = reader.collect();
        assert_eq!(seen.of_search("calls", &SUCCESS), Some(f64::from(calls)));
        assert_eq!(seen.of("agent.circuit_breaker.open").count(), 0);
        assert_eq!(seen.of("agent.circuit_breaker.recovery").count(), 1);
    }
}

#[test]
fn readers_that_collect_at_once_are_each_told_all_of_it() {
    let registry = registry();
    let readers = [Temporality::Cumulative; 3].map(Reader::new);
    let mut provider = SdkMeterProvider::builder();
    for reader in &readers {
        provider = provider.with_reader(reader.clone());
    }
    let provider = provider.build();
    let metrics = OtelMetrics::builder(&registry);
    let _metrics = metrics.register(&provider.meter("test")).unwrap();
    let search = search(&registry);
    open(&search, "acme");
    let all: BTreeMap<_, _> = values(&readers[0].collect());
    let barrier = Arc::new(Barrier::new(readers.len()));
    thread::scope(|scope| {
        for reader in &readers {
            let (barrier, all) = (Arc::clone(&barrier), &all);
            scope.spawn(move || {
                for _ in 0..100 {
                    barrier.wait();
                    assert_eq!(&values(&reader.collect()), all);
                }
            });
        }
    });
}

/// All that does not change by itself.
fn values(seen: &Collected) -> BTreeMap<String, u64> {
    let still = seen
        .0
        .iter()
        .filter(|series| series.name != "circuit_breaker.open.oldest");
    let named = still.map(|series| {
        let of = format!("{} {:?}", series.name, series.attributes);
        (of, series.value.to_bits())
    });
    named.collect()
}

#[tokio::test]
async fn an_exporter_that_is_flushed_has_all_of_it() {
    let exporter = InMemoryMetricExporter::default();
    let reader = PeriodicReader::builder(exporter.clone()).with_interval(Duration::from_secs(3600));
    let provider = SdkMeterProvider::builder()
        .with_reader(reader.build())
        .build();
    let registry = registry();
    let metrics = OtelMetrics::builder(&registry);
    let _metrics = metrics.register(&provider.meter("gateway")).unwrap();
    let search = search(&registry);
    open(&search, "acme");
    provider.force_flush().unwrap();
    search.circuit("acme").reset();
    provider.force_flush().unwrap();
    let flushed = exporter.get_finished_metrics().unwrap();
    let [first, second] = &*flushed else {
        panic!("flushed twice")
    };
    let [first, second] = [first, second].map(Collected::new);
    let open = "circuit_breaker.tenant.open";
    assert_eq!(first.of_search(open, &[("tenant.id", "acme")]), Some(1.0));
    assert_eq!(second.of(open).count(), 0);
    assert_eq!(second.of("circuit_breaker.open.duration").count(), 1);
    assert_eq!(first.names().len(), 14, "no quantiles, and nothing closed");
}
