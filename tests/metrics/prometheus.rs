//! What a Prometheus scrapes, by metrics-exporter-prometheus.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::thread;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_util::MetricKindMask;
use tokio::time::advance;

use super::*;

/// As the docs say that it be built.
fn prometheus() -> PrometheusBuilder {
    let duration = Matcher::Full("circuit_breaker.open.duration".into());
    PrometheusBuilder::new()
        .with_recommended_naming(true)
        .set_buckets_for_metric(duration, &[1.0, 60.0, 3600.0])
        .unwrap()
}

fn exporter(
    registry: &CircuitBreakerRegistry,
    prometheus: PrometheusBuilder,
) -> (MetricsExporter, PrometheusHandle) {
    let recorder = Arc::new(prometheus.build_recorder());
    let handle = recorder.handle();
    let exporter = MetricsExporter::builder(registry).tenants(3);
    (exporter.recorder(recorder).build().unwrap(), handle)
}

/// Has every metric told, that of latencies too, which begin with a busy circuit.
fn busy(search: &Dependency) {
    for _ in 0..110 {
        record(search, "acme", Outcome::Success);
    }
    fail(search, "acme");
}

#[test]
fn the_names_and_types_are_those_of_the_list() {
    let registry = registry();
    let search = declare(&registry, "search");
    let (exporter, handle) = exporter(&registry, prometheus());
    busy(&search);
    exporter.refresh();
    let text = handle.render();
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let listed = include_str!("../prometheus_names.txt").lines();
    assert_eq!(types.collect::<BTreeSet<_>>(), listed.collect(), "{text}");
}

#[test]
fn every_sample_has_a_name_of_the_list() {
    let registry = registry();
    let search = declare(&registry, "search");
    let (exporter, handle) = exporter(&registry, prometheus());
    busy(&search);
    search.circuit("acme").reset();
    exporter.refresh();
    let text = handle.render();
    let names = include_str!("../prometheus_names.txt").lines();
    let names: BTreeSet<_> = names.filter_map(|line| line.split(' ').next()).collect();
    let samples = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    for sample in samples {
        let (name, _) = sample.split_once('{').unwrap();
        let parts = ["_bucket", "_sum", "_count"];
        let of = parts.iter().find_map(|part| name.strip_suffix(part));
        assert!(names.contains(of.unwrap_or(name)), "{sample}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_closing_is_in_its_bucket_and_buckets_begin_at_zero() {
    let registry = registry();
    let search = declare(&registry, "search");
    let (_exporter, handle) = exporter(&registry, prometheus());
    let bucket = |le: &str, count: u64| {
        let name = "circuit_breaker_open_duration_seconds_bucket";
        format!("{name}{{dependency=\"search\",le=\"{le}\"}} {count}\n")
    };
    let text = handle.render();
    assert!(text.contains(&bucket("60", 0)), "{text}");
    fail(&search, "acme");
    advance(PERIOD).await;
    record(&search, "acme", Outcome::Success);
    let text = handle.render();
    for (le, count) in [("1", 0), ("60", 1), ("3600", 1), ("+Inf", 1)] {
        assert!(text.contains(&bucket(le, count)), "{text}");
    }
}

#[test]
fn an_id_that_looks_like_samples_stays_one_label() {
    let registry = registry();
    let search = declare(&registry, "search");
    let (exporter, handle) = exporter(&registry, prometheus());
    let hostile = [
        "a\"} 1\nagent_tool_call_blocked_total{dependency=\"search\"} 9",
        "b\\",
        "c\r\u{1f600}\\\"",
    ];
    for tenant in hostile {
        fail(&search, tenant);
    }
    exporter.refresh();
    let text = handle.render();
    let escaped = r#"circuit_breaker_tenant_open{dependency="search",tenant_id="a\"} 1\nagent_tool_call_blocked_total{dependency=\"search\"} 9"} 1"#;
    assert!(text.lines().any(|line| line == escaped), "{text}");
    let rejected: Vec<_> = text
        .lines()
        .filter(|line| line.starts_with("agent_tool_call_blocked_total"))
        .collect();
    assert_eq!(
        rejected,
        [r#"agent_tool_call_blocked_total{dependency="search"} 0"#]
    );
    let of_tenants = text
        .lines()
        .filter(|line| line.starts_with("circuit_breaker_tenant_open{"));
    for line in of_tenants {
        let value = line.split_once(",tenant_id=\"").unwrap().1;
        let value = value.strip_suffix("\"} 1").unwrap();
        assert!(is_escaped(value), "{line}");
    }
}

/// Whether no quote ends the label before its end.
fn is_escaped(value: &str) -> bool {
    let mut chars = value.chars();
    while let Some(char) = chars.next() {
        match char {
            '"' => return false,
            '\\' if !matches!(chars.next(), Some('\\' | '"' | 'n')) => return false,
            _ => {}
        }
    }
    true
}

#[test]
fn the_idle_timeout_takes_series_away_that_fell_to_zero_and_no_others() {
    let registry = registry();
    let search = declare(&registry, "search");
    let timeout = Duration::from_millis(1);
    let prometheus = prometheus().idle_timeout(MetricKindMask::ALL, Some(timeout));
    let (exporter, handle) = exporter(&registry, prometheus);
    fail(&search, "acme");
    fail(&search, "umbrella");
    exporter.refresh();
    let of = |tenant: &str| {
        format!("circuit_breaker_tenant_open{{dependency=\"search\",tenant_id=\"{tenant}\"}}")
    };
    let text = handle.render();
    assert!(text.contains(&format!("{} 1\n", of("acme"))), "{text}");
    search.circuit("acme").reset();
    exporter.refresh();
    let text = handle.render();
    assert!(text.contains(&format!("{} 0\n", of("acme"))), "{text}");
    // By the clock of the exporter, which no test can pause: it takes more than one look, and far fewer than these.
    let is_gone = (0..10_000).any(|_| {
        exporter.refresh();
        let text = handle.render();
        assert!(text.contains(&format!("{} 1\n", of("umbrella"))), "{text}");
        assert!(text.contains("circuit_breaker_calls_total{"), "{text}");
        thread::yield_now();
        !text.contains(&of("acme"))
    });
    assert!(is_gone);
    fail(&search, "acme");
    exporter.refresh();
    let text = handle.render();
    assert!(
        text.contains(&format!("{} 1\n", of("acme"))),
        "it comes back: {text}"
    );
}
