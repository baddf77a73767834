//! A recorder that panics.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use tokio::time::{advance, sleep, timeout};
use tower_tenant_breaker::{Event, Observer};
use tracing::Subscriber;
use tracing_subscriber::layer::{self, Layer, SubscriberExt};

use super::*;
use crate::listen::listen;

const SUCCESSES: &str = "circuit_breaker.calls{dependency=search,outcome=success}";
const INTERVAL: Duration = Duration::from_secs(10);

#[tokio::test(start_paused = true)]
async fn it_breaks_no_call_also_not_one_that_closes_a_circuit() {
    let registry = registry();
    let search = declare(&registry, "search");
    let told = Told::of(MetricsExporter::builder(&registry));
    told.shelf.panic(true);
    fail(&search, "acme");
    advance(PERIOD).await;
    record(&search, "acme", Outcome::Success);
    record(&search, "acme", Outcome::Success);
    told.shelf.panic(false);
    assert_eq!(told.now().of(SUCCESSES), 2.0);
    fail(&search, "acme");
    advance(PERIOD).await;
    record(&search, "acme", Outcome::Success);
    let durations = "circuit_breaker.open.duration{dependency=search}";
    assert_eq!(told.last().of(durations), 10.0, "later closings are told");
}

#[tokio::test(start_paused = true)]
async fn it_ends_no_task_and_is_told_again() {
    let registry = registry();
    let search = declare(&registry, "search");
    let Told { exporter, shelf } = Told::of(MetricsExporter::builder(&registry));
    let task = tokio::spawn(exporter.run(INTERVAL));
    sleep(INTERVAL).await;
    shelf.panic(true);
    record(&search, "acme", Outcome::Success);
    sleep(3 * INTERVAL).await;
    assert_eq!(shelf.figures()[SUCCESSES], 0.0);
    shelf.panic(false);
    sleep(2 * INTERVAL).await;
    assert_eq!(shelf.figures()[SUCCESSES], 1.0);
    shelf.panic(true);
    drop((registry, search));
    timeout(2 * INTERVAL, task).await.unwrap().unwrap();
}

/// Counts what is logged of it.
struct Logged(Arc<AtomicUsize>);

impl<S: Subscriber> Layer<S> for Logged {
    fn enabled(&self, metadata: &tracing::Metadata<'_>, _: layer::Context<'_, S>) -> bool {
        metadata
            .target()
            .starts_with("tower_tenant_breaker::metrics")
    }

    fn on_event(&self, _: &tracing::Event<'_>, _: layer::Context<'_, S>) {
        self.0.fetch_add(1, Relaxed);
    }
}

#[tokio::test(start_paused = true)]
async fn it_is_said_once_however_often_it_panics() {
    let logged = Arc::new(AtomicUsize::new(0));
    let _guard = listen(tracing_subscriber::registry().with(Logged(Arc::clone(&logged))));
    let registry = registry();
    let _search = declare(&registry, "search");
    let Told { exporter, shelf } = Told::of(MetricsExporter::builder(&registry));
    shelf.panic(true);
    let task = tokio::spawn(exporter.run(INTERVAL));
    sleep(5 * INTERVAL).await;
    assert_eq!(logged.load(Relaxed), 1);
    task.abort();
}

#[tokio::test(start_paused = true)]
async fn a_refresh_passes_the_panic_on_and_the_next_tells_everything() {
    let registry = registry();
    let search = declare(&registry, "search");
    let told = Told::of(MetricsExporter::builder(&registry).tenants(1));
    fail(&search, "acme");
    told.shelf.panic(true);
    catch_unwind(AssertUnwindSafe(|| told.exporter.refresh())).unwrap_err();
    told.shelf.panic(false);
    let acme = "circuit_breaker.tenant.open{dependency=search,tenant.id=acme}";
    assert_eq!(told.now().of(acme), 1.0);
}

/// An observer that refreshes when it goes.
struct LastWord(Arc<Mutex<Option<MetricsExporter>>>);

impl Observer for LastWord {
    fn on_event(&self, _: &Event<'_>) {}
}

impl Drop for LastWord {
    fn drop(&mut self) {
        if let Some(exporter) = self.0.lock().unwrap().take() {
            exporter.refresh();
        }
    }
}

/// A recorder that lets go of the registry when it is asked for a handle.
struct LetsGo(Mutex<Option<CircuitBreakerRegistry>>);

impl Recorder for LetsGo {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
        drop(self.0.lock().unwrap().take());
        Counter::noop()
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

#[test]
fn a_registry_whose_last_handle_goes_in_a_refresh_goes_after_it() {
    let place = Arc::default();
    let observer = LastWord(Arc::clone(&place));
    let registry = CircuitBreakerRegistry::builder().observer(observer);
    let registry = registry.build().unwrap();
    let recorder = Arc::new(LetsGo(Mutex::default()));
    let exporter = MetricsExporter::builder(&registry).recorder(Arc::clone(&recorder));
    let exporter = exporter.build().unwrap();
    registry.dependency("search").unwrap();
    *place.lock().unwrap() = Some(exporter.clone());
    *recorder.0.lock().unwrap() = Some(registry);
    // On a thread of its own, so that one that waits for itself is seen.
    let (done, is_done) = mpsc::channel();
    thread::spawn(move || done.send(exporter.refresh()));
    let refreshed = is_done.recv_timeout(Duration::from_secs(60));
    assert_eq!(refreshed, Ok(true));
    assert!(place.lock().unwrap().is_none(), "the observer has gone");
}
