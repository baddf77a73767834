//! Calls that end in another generation than they began in.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_call_that_fails_late_has_failed_its_tenant_all_the_same() {
    let registry = registry(impact());
    let search = declare(&registry, "search", strict());
    let acquire = || search.acquire("acme").unwrap();
    let [failing, throttled, good, abandoned, ignored] = std::array::from_fn(|_| acquire());
    fail(&search, "acme", 3);
    failing.record(Outcome::failure());
    throttled.record(Outcome::throttled());
    good.record(Outcome::Success);
    drop(abandoned);
    ignored.record(Outcome::Ignored);
    assert_eq!(search.snapshot().totals.late, 5);
    assert_eq!(figures(counts(&registry)), [8, 5, 0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_ends_late_may_be_slow() {
    let registry = registry(impact());
    let rule = tower_tenant_breaker::LatencyRule::p95(SECOND).min_calls(1_000);
    let search = declare(&registry, "search", strict().latency(rule));
    let acquire = || search.acquire("acme").unwrap();
    let [good, abandoned, ignored] = std::array::from_fn(|_| acquire());
    fail(&search, "acme", 3);
    pass(2 * SECOND).await;
    good.record(Outcome::Success);
    drop(abandoned);
    ignored.record(Outcome::Ignored);
    assert_eq!(figures(counts(&registry)), [6, 3, 2, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_ends_in_a_later_hour_belongs_to_that() {
    let registry = registry(impact());
    let search = declare(&registry, "search", strict());
    let straggler = search.acquire("acme").unwrap();
    fail(&search, "acme", 3);
    pass(HOUR).await;
    straggler.record(Outcome::failure());
    let acme = |hour, calls, failed| (hour, "acme".to_owned(), calls, failed);
    assert_eq!(listed(&registry), [acme(12, 3, 3), acme(13, 1, 1)]);
}
