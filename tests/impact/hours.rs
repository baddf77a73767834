use tower_tenant_breaker::LatencyRule;

use super::*;

#[tokio::test(start_paused = true)]
async fn hours_begin_with_the_full_hour_of_utc() {
    let (registry, search) = search();
    fail(&search, "acme", 1);
    pass(30 * MINUTE - Duration::from_nanos(1)).await;
    fail(&search, "acme", 1);
    pass(Duration::from_nanos(1)).await;
    fail(&search, "acme", 1);
    let acme = |hour, calls, failed| (hour, "acme".to_owned(), calls, failed);
    assert_eq!(listed(&registry), [acme(12, 2, 2), acme(13, 1, 1)]);
}

#[tokio::test(start_paused = true)]
async fn each_hour_has_its_own_calls() {
    let (registry, search) = search();
    succeed(&search, "acme", 10);
    fail(&search, "acme", 1);
    succeed(&search, "acme", 10);
    pass(HOUR).await;
    succeed(&search, "acme", 5);
    // An hour in which nothing is bad has no row, and its calls are in no other.
    pass(HOUR).await;
    succeed(&search, "acme", 3);
    fail(&search, "acme", 1);
    let acme = |hour, calls, failed| (hour, "acme".to_owned(), calls, failed);
    assert_eq!(listed(&registry), [acme(12, 21, 1), acme(14, 4, 1)]);
}

#[tokio::test(start_paused = true)]
async fn the_calls_of_an_hour_are_known_after_a_quiet_time_of_any_length() {
    let (registry, search) = search();
    fail(&search, "acme", 1);
    succeed(&search, "acme", 6);
    pass(10 * HOUR).await;
    assert_eq!(listed(&registry), [(12, "acme".to_owned(), 7, 1)]);
}

#[tokio::test(start_paused = true)]
async fn good_calls_belong_to_the_hour_before_until_the_next_slot() {
    let registry = registry(impact().wall_clock(noon() + HOUR - SLOT / 2));
    let search = declare(&registry, "search", patient());
    fail(&search, "acme", 1);
    pass(SLOT * 3 / 4).await;
    succeed(&search, "acme", 3);
    pass(SLOT / 4).await;
    succeed(&search, "acme", 2);
    fail(&search, "acme", 1);
    let acme = |hour, calls, failed| (hour, "acme".to_owned(), calls, failed);
    assert_eq!(listed(&registry), [acme(12, 4, 1), acme(13, 3, 1)]);
}

#[tokio::test(start_paused = true)]
async fn a_bad_call_begins_its_hour_within_a_slot() {
    let registry = registry(impact().wall_clock(noon() + HOUR - SLOT / 2));
    let search = declare(&registry, "search", patient());
    succeed(&search, "acme", 3);
    pass(SLOT * 3 / 4).await;
    fail(&search, "acme", 1);
    succeed(&search, "acme", 2);
    assert_eq!(listed(&registry), [(13, "acme".to_owned(), 3, 1)]);
}

#[tokio::test(start_paused = true)]
async fn old_hours_go() {
    let registry = registry(impact().hours(3));
    let search = declare(&registry, "search", patient());
    for _ in 12..=16 {
        fail(&search, "acme", 1);
        pass(HOUR).await;
    }
    // It is half past five, and nobody has called since half past four.
    let hours: Vec<_> = listed(&registry).into_iter().map(|row| row.0).collect();
    assert_eq!(hours, [15, 16]);
    fail(&search, "acme", 1);
    let hours: Vec<_> = listed(&registry).into_iter().map(|row| row.0).collect();
    assert_eq!(hours, [15, 16, 17]);
    pass(3 * HOUR).await;
    assert!(registry.impact().hours().is_empty());
}

#[tokio::test(start_paused = true)]
async fn rejected_calls_belong_to_the_hour_in_which_they_are_rejected() {
    let (registry, search) = search();
    succeed(&search, "acme", 9);
    search.circuit("acme").force_open("unpaid");
    pass(HOUR).await;
    reject(&search, "acme", 2);
    let report = registry.impact();
    assert_eq!(only(&report).hour_start, noon() + HOUR);
    assert_eq!(figures(only(&report).counts), [0, 0, 0, 2, 0]);
}

#[tokio::test(start_paused = true)]
async fn the_hours_of_a_report_are_sorted_and_say_how_many_rows_they_have() {
    let (registry, search) = search();
    for tenants in [2, 1, 3] {
        (0..tenants).for_each(|n| fail(&search, &format!("tenant {n}"), 1));
        pass(HOUR).await;
    }
    let report = registry.impact();
    let hours = report.hours().iter();
    let hours: Vec<_> = hours.map(|hour| (hour.hour_start, hour.rows)).collect();
    let at = |hours| noon() + hours * HOUR;
    assert_eq!(hours, [(at(0), 2), (at(1), 1), (at(2), 3)]);
}

#[tokio::test(start_paused = true)]
async fn of_a_run_of_abandoned_calls_those_of_an_hour_before_are_no_failures_of_this_one() {
    let registry = registry(impact().wall_clock(noon() + HOUR - 5 * SECOND));
    let latency = LatencyRule::p95(SECOND).min_calls(1_000);
    let search = declare(
        &registry,
        "search",
        patient().latency(latency).abandoned_run(5),
    );
    // So slow that each counts as a call, before the run of five makes them failures.
    let abandon = async |calls: u32| {
        let calls: Vec<_> = (0..calls)
            .map(|_| search.acquire("acme").unwrap())
            .collect();
        pass(2 * SECOND).await;
        drop(calls);
    };
    abandon(4).await;
    pass(2 * SECOND).await;
    abandon(1).await;
    let report = registry.impact();
    let rows: Vec<_> = report
        .rows()
        .iter()
        .map(|row| figures(row.counts))
        .collect();
    assert_eq!(rows, [[4, 0, 4, 0, 0], [1, 1, 1, 0, 0]]);
    // In one hour, they all are.
    succeed(&search, "acme", 1);
    abandon(5).await;
    let report = registry.impact();
    assert_eq!(figures(report.rows()[1].counts), [7, 6, 6, 0, 0]);
}
