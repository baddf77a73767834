use tower_tenant_breaker::impact::ImpactReport;
use tower_tenant_breaker::{CircuitBreakerRegistry, LatencyRule, Outcome, Override};

use super::*;

fn assert_empty(report: &ImpactReport) {
    assert!(report.rows().is_empty() && report.hours().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_was_not_asked_keeps_no_ledger() {
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    let search = declare(&registry, "search", strict());
    fail(&search, "acme", 3);
    reject(&search, "acme", 1);
    let report = registry.impact();
    assert_empty(&report);
    assert!(!report.is_kept());
}

#[tokio::test(start_paused = true)]
async fn tenants_whose_calls_are_good_have_no_row() {
    let (registry, search) = search();
    for _ in 0..100 {
        succeed(&search, "acme", 10);
        pass(SLOT).await;
    }
    let report = registry.impact();
    assert_empty(&report);
    assert!(report.is_kept());
}

#[tokio::test(start_paused = true)]
async fn failed_and_throttled_calls_are_failed_and_ignored_ones_are_nothing() {
    let (registry, search) = search();
    fail(&search, "acme", 2);
    record(&search, "acme", Outcome::throttled(), 3);
    record(&search, "acme", Outcome::Ignored, 7);
    assert_eq!(figures(counts(&registry)), [5, 5, 0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn the_good_calls_of_the_hour_are_counted_with_the_bad_ones() {
    let (registry, search) = search();
    succeed(&search, "acme", 40);
    fail(&search, "acme", 1);
    succeed(&search, "acme", 30);
    assert_eq!(figures(counts(&registry)), [71, 1, 0, 0, 0]);
    // Those that left the window long before the first bad call, too.
    pass(5 * WINDOW).await;
    succeed(&search, "globex", 100);
    for _ in 0..50 {
        pass(SLOT).await;
        succeed(&search, "globex", 10);
    }
    fail(&search, "globex", 1);
    let report = registry.impact();
    let globex = &report.rows()[1];
    assert_eq!(figures(globex.counts), [601, 1, 0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn reading_changes_nothing() {
    let (registry, search) = search();
    succeed(&search, "acme", 5);
    fail(&search, "acme", 1);
    for _ in 0..3 {
        assert_eq!(figures(counts(&registry)), [6, 1, 0, 0, 0]);
    }
    succeed(&search, "acme", 5);
    assert_eq!(figures(counts(&registry)), [11, 1, 0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn slow_calls_are_slow_whatever_comes_of_them() {
    let registry = registry(impact());
    let rule = LatencyRule::p95(SECOND).min_calls(1_000);
    let search = declare(&registry, "search", patient().latency(rule));
    let slowly = async |outcome| {
        let permit = search.acquire("acme").unwrap();
        pass(2 * SECOND).await;
        match outcome {
            Some(outcome) => permit.record(outcome),
            None => drop(permit),
        }
    };
    slowly(Some(Outcome::Success)).await;
    assert_eq!(figures(counts(&registry)), [1, 0, 1, 0, 0]);
    slowly(Some(Outcome::failure())).await;
    assert_eq!(figures(counts(&registry)), [2, 1, 2, 0, 0]);
    // Abandoned, and ignored.
    slowly(None).await;
    assert_eq!(figures(counts(&registry)), [3, 1, 3, 0, 0]);
    slowly(Some(Outcome::Ignored)).await;
    assert_eq!(figures(counts(&registry)), [3, 1, 3, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn abandoned_calls_are_failed_once_they_count_as_failures() {
    let registry = registry(impact());
    let search = declare(&registry, "search", patient().abandoned_run(4));
    let abandon = || drop(search.acquire("acme").unwrap());
    (0..3).for_each(|_| abandon());
    assert_empty(&registry.impact());
    abandon();
    assert_eq!(figures(counts(&registry)), [4, 4, 0, 0, 0]);
    abandon();
    assert_eq!(figures(counts(&registry)), [5, 5, 0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn abandoned_calls_for_whose_row_there_was_no_room_are_among_the_calls_of_a_later_one() {
    let registry = registry(impact().max_rows(1));
    let search = declare(&registry, "search", patient().abandoned_run(2));
    fail(&search, "newcomer", 1);
    (0..2).for_each(|_| drop(search.acquire("acme").unwrap()));
    assert_eq!(only(&registry.impact()).tenant.as_deref(), Some("newcomer"));
    succeed(&search, "acme", 1);
    fail(&search, "acme", 1);
    assert_eq!(only(&registry.impact()).tenant.as_deref(), Some("acme"));
    assert_eq!(figures(counts(&registry)), [4, 1, 0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn rejected_calls_are_rejected_and_not_among_the_calls() {
    let registry = registry(impact());
    let search = declare(&registry, "search", strict());
    fail(&search, "acme", 3);
    reject(&search, "acme", 8);
    assert_eq!(figures(counts(&registry)), [3, 3, 0, 8, 0]);
}

#[tokio::test(start_paused = true)]
async fn probes_are_calls_and_may_fail() {
    let registry = registry(impact());
    let search = declare(&registry, "search", strict().success_threshold(1));
    fail(&search, "acme", 3);
    pass(HOUR / 10).await;
    fail(&search, "acme", 1);
    pass(HOUR / 10).await;
    succeed(&search, "acme", 2);
    assert_eq!(figures(counts(&registry)), [6, 4, 0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_recorded_or_not_carried_out_is_not_counted() {
    let registry = registry(impact());
    let search = declare(&registry, "search", strict());
    fail(&search, "acme", 3);
    search.set(Override::DryRun);
    succeed(&search, "acme", 5);
    assert_eq!(search.snapshot().totals.would_reject, 5);
    search.set(Override::Disabled);
    fail(&search, "acme", 5);
    assert_eq!(figures(counts(&registry)), [3, 3, 0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn each_dependency_has_a_row_and_a_tenant_the_sum() {
    let registry = registry(impact());
    let search = declare(&registry, "search", patient());
    let models = declare(&registry, "models", patient());
    let mail = declare(&registry, "mail", patient());
    succeed(&search, "acme", 2);
    fail(&search, "acme", 1);
    fail(&models, "acme", 4);
    fail(&models, "globex", 1);
    succeed(&mail, "acme", 100);

    let report = registry.impact();
    let row = |row: &ImpactRow| {
        let tenant = row.tenant.clone().unwrap();
        (tenant, row.dependency.clone(), row.counts.failed)
    };
    let rows: Vec<_> = report.rows().iter().map(row).collect();
    let named = |tenant: &str, dependency: &str, failed| (tenant.into(), dependency.into(), failed);
    assert_eq!(
        rows,
        [
            named("acme", "models", 4),
            named("acme", "search", 1),
            named("globex", "models", 1)
        ]
    );
    // Not with the calls to a dependency that served them well.
    let sums = report.per_tenant();
    assert_eq!(sums.len(), 2);
    assert_eq!(sums[0].tenant.as_deref(), Some("acme"));
    assert_eq!(figures(sums[0].counts), [7, 5, 0, 0, 0]);
    assert_eq!(figures(sums[1].counts), [1, 1, 0, 0, 0]);
}
