use std::collections::BTreeSet;
use std::time::Duration;

use opentelemetry::metrics::MeterProvider;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use prometheus::{Encoder, Registry, TextEncoder};
use tokio::time::advance;
use tower_tenant_breaker::Outcome;
use tower_tenant_breaker::otel::OtelMetrics;

use crate::{call, open, policy, recover, registry};

/// The names and types that a Prometheus is told, one a line; those of the `metrics` exporter are the same.
const NAMES: &str = include_str!("../prometheus_names.txt");

/// What is scraped of a registry of which every metric has a value.
async fn scrape(tenant: &str) -> String {
    let names = Registry::new();
    let exporter = opentelemetry_prometheus::exporter().with_registry(names.clone());
    let provider = SdkMeterProvider::builder()
        .with_reader(exporter.build().unwrap())
        .build();
    let registry = registry();
    let metrics = OtelMetrics::builder(&registry);
    let _metrics = metrics.register(&provider.meter("gateway")).unwrap();
    let policy = policy().window(Duration::from_secs(600)).build().unwrap();
    let search = registry.dependency_with("search", policy).unwrap();
    for _ in 0..200 {
        let permit = search.acquire("acme").unwrap();
        advance(Duration::from_millis(10)).await;
        permit.record(Outcome::Success);
    }
    open(&search, "globex");
    recover(&search, "globex").await;
    open(&search, tenant);
    call(&search, "acme", Outcome::Success);
    let mut text = Vec::new();
    TextEncoder::new()
        .encode(&names.gather(), &mut text)
        .unwrap();
    String::from_utf8(text).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_prometheus_is_told_these_names_and_types_and_no_others() {
    let text = scrape("initech").await;
    let types = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .filter(|named| !named.starts_with("target_info "));
    let told: BTreeSet<_> = types.collect();
    assert_eq!(told, NAMES.lines().collect());
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    let twice = [
        "_total_total",
        "_seconds_seconds",
        "_bytes_bytes",
        "_ratio_ratio",
    ];
    for sample in samples {
        assert!(
            !twice.iter().any(|twice| sample.contains(twice)),
            "{sample}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_attributes_of_a_tenant_are_its_dependency_and_its_id_escaped() {
    let text = scrape("a\"} 1\nevil 2\\").await;
    let line = text
        .lines()
        .find(|line| line.starts_with("circuit_breaker_tenant_open{"))
        .unwrap();
    assert!(line.contains(r#"dependency="search""#), "{line}");
    assert!(line.contains(r#"tenant_id="a\"} 1\nevil 2\\""#), "{line}");
    assert!(!text.lines().any(|line| line.starts_with("evil")));
}
