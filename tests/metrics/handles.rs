//! Handles: made once for a series, and again for what a recorder forgot.

use metrics::{Unit, with_local_recorder};
use metrics_util::debugging::DebuggingRecorder;
use tokio::time::advance;
use tower_tenant_breaker::Overflow;

use super::*;

const MINUTE: Duration = Duration::from_secs(60);
const SUCCESSES: &str = "circuit_breaker.calls{dependency=search,outcome=success}";

#[tokio::test(start_paused = true)]
async fn a_handle_is_made_once_and_not_at_each_refresh() {
    let registry = registry();
    let search = declare(&registry, "search");
    let told = Told::of(MetricsExporter::builder(&registry).tenants(3));
    fail(&search, "acme");
    told.now();
    let made = told.shelf.made();
    for _ in 0..100 {
        told.now();
    }
    assert_eq!(told.shelf.made(), made);
    declare(&registry, "mail");
    told.now();
    assert!(told.shelf.made() > made, "a new dependency has new ones");
}

#[tokio::test(start_paused = true)]
async fn series_that_a_recorder_forgot_come_back_within_a_minute() {
    let registry = registry();
    let search = declare(&registry, "search");
    let told = Told::of(MetricsExporter::builder(&registry).tenants(3));
    record(&search, "well", Outcome::Success);
    fail(&search, "acme");
    let before = told.now();
    told.shelf.forget();
    advance(MINUTE - SECOND).await;
    assert_eq!(told.now().0.len(), 0);
    advance(SECOND).await;
    let after = told.now();
    assert!(after.0.keys().eq(before.0.keys()), "{after:#?}");
    assert_eq!(after.of(SUCCESSES), 1.0);
    let acme = "circuit_breaker.tenant.open{dependency=search,tenant.id=acme}";
    assert_eq!(after.of(acme), 1.0);
}

#[tokio::test(start_paused = true)]
async fn a_closing_is_told_though_the_recorder_forgot_its_histogram() {
    let registry = registry();
    let search = declare(&registry, "search");
    let told = Told::of(MetricsExporter::builder(&registry));
    fail(&search, "acme");
    told.shelf.forget();
    advance(PERIOD).await;
    record(&search, "acme", Outcome::Success);
    let durations = "circuit_breaker.open.duration{dependency=search}";
    assert_eq!(
        told.last().of(durations),
        10.0,
        "at once, without a refresh"
    );
}

#[tokio::test(start_paused = true)]
async fn a_circuit_that_several_tenants_share_is_in_no_open_duration() {
    let registry = CircuitBreakerRegistry::builder().max_tenants(1);
    let registry = registry.build().unwrap();
    let policy = policy().overflow(Overflow::Shared).build().unwrap();
    let search = registry.dependency_with("search", policy).unwrap();
    let told = Told::of(MetricsExporter::builder(&registry));
    let _resident = search.acquire("resident").unwrap();
    fail(&search, "acme");
    search.acquire("globex").unwrap_err();
    advance(PERIOD).await;
    record(&search, "acme", Outcome::Success);
    let now = told.now();
    let recovered = "agent.circuit_breaker.recovery{dependency=search}";
    assert_eq!(now.of(recovered), 1.0);
    let durations = "circuit_breaker.open.duration{dependency=search}";
    assert_eq!(now.of(durations), 0.0);
}

#[tokio::test(start_paused = true)]
async fn closings_are_told_once_whatever_clones_there_are_and_not_after_the_last_is_gone() {
    let registry = registry();
    let search = declare(&registry, "search");
    let Told { exporter, shelf } = Told::of(MetricsExporter::builder(&registry));
    let flap = async || {
        fail(&search, "acme");
        advance(PERIOD).await;
        record(&search, "acme", Outcome::Success);
        shelf.figures()["circuit_breaker.open.duration{dependency=search}"]
    };
    let clone = exporter.clone();
    assert_eq!(flap().await, 10.0);
    drop(exporter);
    assert_eq!(flap().await, 20.0);
    drop(clone);
    assert_eq!(flap().await, 20.0);
}

#[tokio::test(start_paused = true)]
async fn the_recorder_in_force_is_told_where_none_was_given() {
    let registry = registry();
    let search = declare(&registry, "search");
    record(&search, "acme", Outcome::Success);
    let shelf = Shelf::default();
    let exporter = with_local_recorder(&shelf, || MetricsExporter::builder(&registry).build());
    let exporter = exporter.unwrap();
    assert_eq!(shelf.figures()[SUCCESSES], 1.0);
    record(&search, "acme", Outcome::Success);
    exporter.refresh();
    assert_eq!(
        shelf.figures()[SUCCESSES],
        2.0,
        "by the handles that were made"
    );
}

#[tokio::test(start_paused = true)]
async fn a_recorder_that_comes_late_is_told_within_a_minute() {
    let registry = registry();
    let search = declare(&registry, "search");
    record(&search, "acme", Outcome::Success);
    let exporter = MetricsExporter::builder(&registry).build().unwrap();
    let recorder = DebuggingRecorder::new();
    advance(MINUTE).await;
    with_local_recorder(&recorder, || exporter.refresh());
    let series = recorder.snapshotter().snapshot().into_vec();
    let described = |name: &str| {
        let of = series.iter().find(|(key, ..)| key.key().name() == name);
        let (_, unit, description, _) = of.unwrap_or_else(|| panic!("{name}"));
        assert!(description.is_some(), "{name}");
        *unit
    };
    assert_eq!(described("circuit_breaker.calls"), None);
    assert_eq!(
        described("circuit_breaker.open.oldest"),
        Some(Unit::Seconds)
    );
    assert_eq!(
        described("circuit_breaker.open.duration"),
        Some(Unit::Seconds)
    );
    assert_eq!(described("circuit_breaker.memory"), Some(Unit::Bytes));
}

#[test]
fn every_metric_is_described() {
    let registry = registry();
    declare(&registry, "search");
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let exporter = MetricsExporter::builder(&registry).recorder(recorder);
    let _exporter = exporter.build().unwrap();
    let series = snapshotter.snapshot().into_vec();
    assert!(!series.is_empty());
    for (key, _, description, _) in series {
        let description = description.unwrap_or_else(|| panic!("{key:?}"));
        assert!(!description.is_empty(), "{key:?}");
    }
}

#[test]
fn too_many_tenants_are_an_error_that_says_how_many_there_may_be() {
    let registry = registry();
    let build = |tenants| MetricsExporter::builder(&registry).tenants(tenants).build();
    assert!(build(1_000).is_ok());
    let error = build(1_001).unwrap_err().to_string();
    assert_eq!(error, "tenants is 1001, but must be from 0 to 1000");
}
