//! The task that refreshes.

use tokio::time::{advance, sleep, timeout};

use super::*;

const INTERVAL: Duration = Duration::from_secs(10);
const SUCCESSES: &str = "circuit_breaker.calls{dependency=search,outcome=success}";
const OPEN: &str = "circuit_breaker.circuits{dependency=search,state=open}";

#[tokio::test(start_paused = true)]
async fn it_refreshes_at_once_and_at_the_interval() {
    let registry = registry();
    let search = declare(&registry, "search");
    let Told { exporter, shelf } = Told::of(MetricsExporter::builder(&registry));
    let successes = || shelf.figures()[SUCCESSES];
    record(&search, "acme", Outcome::Success);
    let task = tokio::spawn(exporter.run(INTERVAL));
    tokio::task::yield_now().await;
    assert_eq!(successes(), 1.0);
    record(&search, "acme", Outcome::Success);
    sleep(INTERVAL - SECOND).await;
    assert_eq!(successes(), 1.0);
    sleep(2 * SECOND).await;
    assert_eq!(successes(), 2.0);
    task.abort();
}

#[tokio::test(start_paused = true)]
async fn it_ends_when_the_registry_is_gone_and_leaves_no_level_behind() {
    let registry = registry();
    let search = declare(&registry, "search");
    record(&search, "well", Outcome::Success);
    fail(&search, "acme");
    let builder = MetricsExporter::builder(&registry).tenants(1);
    let Told { exporter, shelf } = Told::of(builder);
    let task = tokio::spawn(exporter.clone().run(INTERVAL));
    sleep(3 * INTERVAL).await;
    assert!(!task.is_finished());
    assert_eq!(shelf.figures()[OPEN], 1.0);
    drop((registry, search));
    timeout(2 * INTERVAL, task).await.unwrap().unwrap();
    let figures = shelf.figures();
    assert_eq!(figures[OPEN], 0.0);
    assert_eq!(
        figures["circuit_breaker.tenant.open{dependency=search,tenant.id=acme}"],
        0.0
    );
    assert_eq!(figures[SUCCESSES], 1.0, "a count stays");
    assert!(!exporter.refresh());
}

#[tokio::test(start_paused = true)]
async fn neither_it_nor_the_exporter_keeps_the_registry_alive() {
    let (gone, is_gone) = tokio::sync::oneshot::channel::<()>();
    let registry = CircuitBreakerRegistry::builder()
        .observer(move |_: &tower_tenant_breaker::Event<'_>| {
            let _ = &gone;
        })
        .build()
        .unwrap();
    let exporter = MetricsExporter::builder(&registry).recorder(Shelf::default());
    let exporter = exporter.build().unwrap();
    let _task = tokio::spawn(exporter.clone().run(INTERVAL));
    tokio::task::yield_now().await;
    drop(registry);
    // Its observer goes with it, and the sender with that.
    timeout(SECOND, is_gone).await.unwrap().unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn one_that_was_dropped_can_be_run_again() {
    let registry = registry();
    let search = declare(&registry, "search");
    let Told { exporter, shelf } = Told::of(MetricsExporter::builder(&registry));
    for calls in 1..=3 {
        let task = tokio::spawn(exporter.clone().run(INTERVAL));
        record(&search, "acme", Outcome::Success);
        tokio::task::yield_now().await;
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        assert_eq!(shelf.figures()[SUCCESSES], f64::from(calls));
    }
}

#[tokio::test(start_paused = true)]
async fn an_interval_of_nothing_is_one_of_ten_milliseconds_and_a_huge_one_is_fine() {
    let registry = registry();
    declare(&registry, "search");
    let Told { exporter, shelf } = Told::of(MetricsExporter::builder(&registry));
    let before = shelf.told(SUCCESSES);
    let often = tokio::spawn(exporter.clone().run(Duration::ZERO));
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(shelf.told(SUCCESSES), before + 1);
    for (millis, told) in [(9, before + 1), (1, before + 2)] {
        advance(Duration::from_millis(millis)).await;
        tokio::task::yield_now().await;
        assert_eq!(shelf.told(SUCCESSES), told);
    }
    often.abort();
    let seldom = tokio::spawn(exporter.run(Duration::MAX));
    tokio::task::yield_now().await;
    assert!(!seldom.is_finished());
    seldom.abort();
}
