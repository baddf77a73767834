//! Laws 1 and 4: what trips a closed circuit, and what leaves no trace.

use std::time::Duration;

use tokio::time::advance;
use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitSnapshot, CircuitState, Dependency, LatencyRule, OpenPeriod,
    Outcome, Policy, PolicyBuilder, Reason,
};

const SLOT: Duration = Duration::from_secs(1);

/// A policy without a rule, whose window has slots of a second.
fn no_rules() -> PolicyBuilder {
    Policy::builder()
        .window(10 * SLOT)
        .without_failure_rate()
        .without_consecutive_failures()
        .without_latency()
        .open_for(OpenPeriod::fixed(Duration::from_secs(30)).jitter(0.0))
}

fn count_and_rate(failures: u32, rate: f64, min_calls: u32) -> PolicyBuilder {
    no_rules()
        .failure_threshold(failures)
        .failure_rate(rate)
        .min_calls(min_calls)
}

fn dependency(policy: PolicyBuilder) -> Dependency {
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    registry
        .dependency_with("search", policy.build().unwrap())
        .unwrap()
}

fn record(search: &Dependency, times: usize, outcome: Outcome) {
    for _ in 0..times {
        search.acquire("acme").unwrap().record(outcome);
    }
}

/// Records an outcome after so long a call.
async fn record_after(search: &Dependency, latency: Duration, outcome: Outcome) {
    let permit = search.acquire("acme").unwrap();
    advance(latency).await;
    permit.record(outcome);
}

fn snapshot(search: &Dependency) -> CircuitSnapshot {
    search.circuit("acme").snapshot().unwrap()
}

fn is_open(search: &Dependency) -> bool {
    search.state("acme") == CircuitState::Open
}

/// The reason of the trip, which a rejection must name too.
fn tripped_by(search: &Dependency) -> Reason {
    assert!(is_open(search));
    let reason = snapshot(search).last_trip.unwrap().reason;
    let rejection = search.acquire("acme").unwrap_err();
    assert_eq!(rejection.circuit_open().unwrap().reason(), reason);
    reason
}

// ===== count and rate =====

#[tokio::test(start_paused = true)]
async fn count_without_rate_does_not_trip() {
    let search = dependency(count_and_rate(5, 0.5, 1));
    record(&search, 6, Outcome::Success);
    record(&search, 5, Outcome::failure());
    assert!(!is_open(&search), "5 failures are not half of 11 calls");
    record(&search, 1, Outcome::failure());
    assert_eq!(tripped_by(&search), Reason::FailureRate);
    let figures = snapshot(&search).last_trip.unwrap().figures;
    assert_eq!((figures.calls, figures.failures), (12, 6));
    assert_eq!(
        figures.failure_rate(),
        0.5,
        "the rate trips where it is reached"
    );
}

#[tokio::test(start_paused = true)]
async fn rate_without_count_does_not_trip() {
    let search = dependency(count_and_rate(5, 0.5, 1));
    record(&search, 4, Outcome::failure());
    assert!(!is_open(&search));
    record(&search, 1, Outcome::failure());
    assert_eq!(tripped_by(&search), Reason::FailureRate);
}

#[tokio::test(start_paused = true)]
async fn count_and_rate_are_not_asked_before_their_min_calls() {
    let search = dependency(count_and_rate(1, 0.1, 10));
    record(&search, 9, Outcome::failure());
    assert!(!is_open(&search));
    record(&search, 1, Outcome::failure());
    assert_eq!(tripped_by(&search), Reason::FailureRate);
}

#[tokio::test(start_paused = true)]
async fn the_min_calls_of_one_rule_do_not_hold_back_another() {
    let search = dependency(count_and_rate(1, 0.1, 100).consecutive_failures(3));
    record(&search, 3, Outcome::failure());
    assert_eq!(tripped_by(&search), Reason::ConsecutiveFailures);

    let slow = LatencyRule::p50(Duration::from_millis(100)).min_calls(3);
    let search = dependency(count_and_rate(1, 0.1, 100).latency(slow));
    for _ in 0..3 {
        assert!(!is_open(&search));
        record_after(&search, Duration::from_millis(200), Outcome::Success).await;
    }
    assert_eq!(tripped_by(&search), Reason::Latency { rule: 0 });
}

#[tokio::test(start_paused = true)]
async fn failures_that_have_left_the_window_do_not_count_towards_the_threshold() {
    // tower-resilience: its count window never slides.
    let search = dependency(count_and_rate(3, 0.1, 1));
    for _ in 0..20 {
        record(&search, 2, Outcome::failure());
        advance(10 * SLOT).await;
    }
    assert!(!is_open(&search));
    record(&search, 3, Outcome::failure());
    assert!(is_open(&search));
}

// ===== only a bad outcome trips, and then every rule is asked =====

#[tokio::test(start_paused = true)]
async fn a_fast_success_never_trips_though_the_rule_holds() {
    let search = dependency(count_and_rate(5, 0.5, 6));
    record(&search, 5, Outcome::failure());
    record(&search, 1, Outcome::Success);
    let window = snapshot(&search).window;
    assert_eq!((window.calls, window.failures), (6, 5), "the rule holds");
    assert!(!is_open(&search), "and nobody asked it");
    record(&search, 1, Outcome::failure());
    assert_eq!(tripped_by(&search), Reason::FailureRate);
}

#[tokio::test(start_paused = true)]
async fn a_slow_success_has_every_rule_asked() {
    let out_of_reach = LatencyRule::p50(Duration::from_millis(100)).min_calls(1_000);
    let search = dependency(count_and_rate(5, 0.5, 6).latency(out_of_reach));
    record(&search, 5, Outcome::failure());
    record_after(&search, Duration::from_millis(200), Outcome::Success).await;
    assert_eq!(tripped_by(&search), Reason::FailureRate);
    let figures = snapshot(&search).last_trip.unwrap().figures;
    assert_eq!(figures.calls, 6, "the call that tripped is counted first");
    assert_eq!(figures.slow[0], 1);
}

#[tokio::test(start_paused = true)]
async fn a_throttled_call_has_every_rule_asked() {
    let search = dependency(count_and_rate(5, 0.5, 6));
    record(&search, 5, Outcome::failure());
    assert!(!is_open(&search));
    record(&search, 1, Outcome::throttled());
    assert_eq!(tripped_by(&search), Reason::FailureRate);
}

// ===== each rule alone, and off =====

#[tokio::test(start_paused = true)]
async fn a_policy_without_a_rule_never_trips() {
    let search = dependency(no_rules());
    let hanging: Vec<_> = (0..100).map(|_| search.acquire("acme").unwrap()).collect();
    advance(Duration::from_secs(600)).await;
    for permit in hanging {
        permit.record(Outcome::failure());
    }
    record(&search, 100, Outcome::throttled());
    assert!(!is_open(&search));
    let window = snapshot(&search).window;
    assert_eq!(
        (window.calls, window.failures),
        (200, 200),
        "all are counted"
    );
}

#[tokio::test(start_paused = true)]
async fn each_rule_trips_alone() {
    let slow = Duration::from_millis(200);
    let consecutive = dependency(no_rules().consecutive_failures(5));
    let rate = dependency(count_and_rate(5, 0.5, 5));
    let latency = dependency(
        no_rules()
            .latency(LatencyRule::p99(Duration::from_secs(5)).min_calls(5))
            .latency(LatencyRule::p50(Duration::from_millis(100)).min_calls(5)),
    );
    for (search, reason) in [
        (consecutive, Reason::ConsecutiveFailures),
        (rate, Reason::FailureRate),
        (latency, Reason::Latency { rule: 1 }),
    ] {
        for _ in 0..5 {
            assert!(!is_open(&search), "{reason}");
            record_after(&search, slow, Outcome::failure()).await;
        }
        assert_eq!(tripped_by(&search), reason);
    }
}

#[tokio::test(start_paused = true)]
async fn where_several_rules_fire_consecutive_comes_before_rate_and_rate_before_latency() {
    let p50 = |threshold| LatencyRule::p50(Duration::from_millis(threshold)).min_calls(5);
    let rate = |policy: PolicyBuilder| policy.failure_threshold(5).failure_rate(0.5).min_calls(5);
    let latency = |policy: PolicyBuilder| policy.latency(p50(100)).latency(p50(50));
    for (policy, reason) in [
        (
            latency(rate(no_rules().consecutive_failures(5))),
            Reason::ConsecutiveFailures,
        ),
        (
            latency(no_rules().consecutive_failures(5)),
            Reason::ConsecutiveFailures,
        ),
        (latency(rate(no_rules())), Reason::FailureRate),
        (latency(no_rules()), Reason::Latency { rule: 0 }),
    ] {
        let search = dependency(policy);
        for _ in 0..5 {
            assert!(!is_open(&search), "{reason}");
            record_after(&search, Duration::from_millis(200), Outcome::failure()).await;
        }
        assert_eq!(tripped_by(&search), reason);
    }
}

// ===== the consecutive run =====

#[tokio::test(start_paused = true)]
async fn a_run_is_longer_than_the_window_while_the_circuit_is_in_use() {
    let search = dependency(no_rules().consecutive_failures(5));
    for run in 0..5 {
        assert_eq!(
            snapshot_run(&search),
            run,
            "the first failures have left the window, not the run"
        );
        advance(9 * SLOT).await;
        record(&search, 1, Outcome::failure());
    }
    assert_eq!(tripped_by(&search), Reason::ConsecutiveFailures);
    let figures = snapshot(&search).last_trip.unwrap().figures;
    assert_eq!((figures.consecutive_failures, figures.failures), (5, 2));
}

fn snapshot_run(search: &Dependency) -> u32 {
    let snapshot = search.circuit("acme").snapshot();
    snapshot.map_or(0, |snapshot| snapshot.window.consecutive_failures)
}

#[tokio::test(start_paused = true)]
async fn a_success_ends_the_run_and_so_does_a_slow_one() {
    let out_of_reach = LatencyRule::p50(Duration::from_millis(100)).min_calls(1_000);
    for latency in [Duration::ZERO, Duration::from_millis(200)] {
        let policy = no_rules().consecutive_failures(5);
        let search = dependency(policy.latency(out_of_reach));
        record(&search, 4, Outcome::failure());
        record_after(&search, latency, Outcome::Success).await;
        assert_eq!(snapshot(&search).window.consecutive_failures, 0);
        record(&search, 4, Outcome::failure());
        assert!(!is_open(&search), "after a success of {latency:?}");
        record(&search, 1, Outcome::failure());
        assert!(is_open(&search));
    }
}

#[tokio::test(start_paused = true)]
async fn throttled_and_ignored_calls_leave_the_run_as_it_is() {
    for between in [Outcome::throttled(), Outcome::Ignored] {
        let search = dependency(no_rules().consecutive_failures(3));
        record(&search, 2, Outcome::failure());
        record(&search, 5, between);
        assert!(!is_open(&search), "{between:?} does not lengthen it");
        assert_eq!(snapshot(&search).window.consecutive_failures, 2);
        record(&search, 1, Outcome::failure());
        assert_eq!(tripped_by(&search), Reason::ConsecutiveFailures);
    }
}

#[tokio::test(start_paused = true)]
async fn a_window_without_a_counted_call_ends_the_run() {
    let search = dependency(no_rules().consecutive_failures(3));
    record(&search, 2, Outcome::failure());
    advance(10 * SLOT).await;
    assert_eq!(snapshot(&search).window.consecutive_failures, 0);
    record(&search, 2, Outcome::failure());
    assert!(!is_open(&search));
    record(&search, 1, Outcome::failure());
    assert!(is_open(&search));
}

#[tokio::test(start_paused = true)]
async fn a_throttled_call_keeps_the_circuit_in_use_and_an_ignored_one_does_not() {
    for (between, trips) in [(Outcome::throttled(), true), (Outcome::Ignored, false)] {
        let search = dependency(no_rules().consecutive_failures(3));
        record(&search, 2, Outcome::failure());
        advance(9 * SLOT).await;
        record(&search, 1, between);
        advance(9 * SLOT).await;
        record(&search, 1, Outcome::failure());
        assert_eq!(is_open(&search), trips, "{between:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_does_not_outlive_a_throttled_call_after_an_idle_window() {
    let search = dependency(no_rules().consecutive_failures(3));
    record(&search, 2, Outcome::failure());
    advance(10 * SLOT).await;
    record(&search, 1, Outcome::throttled());
    record(&search, 1, Outcome::failure());
    assert_eq!(snapshot(&search).window.consecutive_failures, 1);
    assert!(!is_open(&search));
}

#[tokio::test(start_paused = true)]
async fn a_run_does_not_outlive_its_generation_and_the_next_one_has_its_own() {
    let search = dependency(no_rules().consecutive_failures(3).success_threshold(1));
    let acme = search.circuit("acme");
    let by_a_probe = || {
        acme.open().unwrap();
        acme.half_open().unwrap();
        record(&search, 1, Outcome::Success);
    };
    let by_hand = || acme.reset();
    for recover in [&by_a_probe as &dyn Fn(), &by_hand] {
        record(&search, 2, Outcome::failure());
        recover();
        assert_eq!(search.state("acme"), CircuitState::Closed);
        record(&search, 2, Outcome::failure());
        assert!(!is_open(&search), "2 in a row, not 4");
        record(&search, 1, Outcome::failure());
        assert_eq!(tripped_by(&search), Reason::ConsecutiveFailures);
        acme.reset();
    }
}

// ===== law 4 =====

#[tokio::test(start_paused = true)]
async fn an_ignored_call_leaves_no_trace_but_a_lifetime_count_though_it_is_slow() {
    let search = dependency(
        count_and_rate(1, 0.1, 1)
            .consecutive_failures(3)
            .latency(LatencyRule::p50(Duration::from_millis(100)).min_calls(1))
            .trip_on_hint(true),
    );
    record(&search, 1, Outcome::Success);
    let before = snapshot(&search);
    record(&search, 10, Outcome::Ignored);
    record_after(&search, Duration::from_millis(200), Outcome::Ignored).await;
    let hinted = Outcome::Ignored.with_retry_after(Duration::from_secs(60));
    record(&search, 1, hinted);

    let after = snapshot(&search);
    assert_eq!(after.totals.ignored, 12);
    assert_eq!(after.window, before.window);
    assert_eq!(after.state, CircuitState::Closed);
    assert_eq!(after.generation, before.generation);
    assert_eq!(after.last_success, before.last_success);
    assert_eq!(after.last_failure, None);
    let mut counted = after.totals;
    counted.ignored = 0;
    assert_eq!(counted, before.totals, "in no other count");
}

#[tokio::test(start_paused = true)]
async fn an_ignored_call_is_no_call_of_the_rate() {
    let search = dependency(count_and_rate(1, 0.5, 2));
    record(&search, 1, Outcome::failure());
    record(&search, 100, Outcome::Ignored);
    record(&search, 1, Outcome::failure());
    assert_eq!(
        tripped_by(&search),
        Reason::FailureRate,
        "2 of 2, not of 102"
    );
}

#[tokio::test(start_paused = true)]
async fn throttled_calls_count_with_the_failures_for_count_and_rate() {
    let search = dependency(count_and_rate(5, 0.5, 5));
    record(&search, 2, Outcome::failure());
    record(&search, 2, Outcome::throttled());
    assert_eq!(snapshot(&search).window.failures, 4);
    record(&search, 1, Outcome::throttled());
    assert_eq!(tripped_by(&search), Reason::FailureRate);
    let totals = snapshot(&search).totals;
    assert_eq!((totals.failures, totals.throttled), (2, 3));
}

#[tokio::test(start_paused = true)]
async fn throttled_calls_alone_never_make_a_run() {
    let search = dependency(no_rules().consecutive_failures(1));
    record(&search, 100, Outcome::throttled());
    assert_eq!(snapshot(&search).window.consecutive_failures, 0);
    assert!(!is_open(&search));
}

#[tokio::test(start_paused = true)]
async fn a_count_trips_without_a_rate_and_a_rate_without_a_count() {
    let count = dependency(no_rules().failure_threshold(3).min_calls(1));
    record(&count, 97, Outcome::Success);
    record(&count, 2, Outcome::failure());
    assert!(!is_open(&count));
    record(&count, 1, Outcome::failure());
    assert_eq!(tripped_by(&count), Reason::FailureRate);

    let rate = dependency(no_rules().failure_rate(0.5).min_calls(2));
    record(&rate, 1, Outcome::Success);
    assert!(!is_open(&rate));
    record(&rate, 1, Outcome::failure());
    assert_eq!(tripped_by(&rate), Reason::FailureRate);
}

#[tokio::test(start_paused = true)]
async fn slow_cancelled_calls_are_use_of_a_circuit_and_so_a_run_goes_on_over_them() {
    let policy = no_rules().consecutive_failures(2).abandoned_run(0);
    let search = dependency(policy.latency(LatencyRule::p95(SLOT)));
    record(&search, 1, Outcome::failure());
    for _ in 0..4 {
        record_after(&search, 5 * SLOT, Outcome::Cancelled).await;
    }
    assert!(!is_open(&search));
    record(&search, 1, Outcome::failure());
    assert_eq!(tripped_by(&search), Reason::ConsecutiveFailures);
}
