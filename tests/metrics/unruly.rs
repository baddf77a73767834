//! A recorder that panics.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::time::{advance, sleep, timeout};

use super::*;

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
