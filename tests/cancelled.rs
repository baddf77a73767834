//! Law 12: calls whose permit is dropped unrecorded.

use std::future;
use std::panic::{self, AssertUnwindSafe};
use std::time::Duration;

use tokio::time::{advance, timeout};
use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitSnapshot, CircuitState, Dependency, Event, LatencyRule,
    OpenPeriod, Outcome, Permit, Policy, PolicyBuilder, Reason,
};

const WINDOW: Duration = Duration::from_secs(60);
const SLOT: Duration = Duration::from_secs(6);
const NANO: Duration = Duration::from_nanos(1);

/// No rule, and five cancelled calls in a row count: to see what is counted.
fn no_rule() -> PolicyBuilder {
    Policy::builder()
        .window(WINDOW)
        .without_failure_rate()
        .without_consecutive_failures()
        .without_latency()
        .abandoned_run(5)
        .open_for(OpenPeriod::fixed(Duration::from_secs(10)).jitter(0.0))
}

/// A latency rule that needs so many calls that it never fires.
fn threshold(seconds: u64) -> LatencyRule {
    LatencyRule::p99(Duration::from_secs(seconds)).min_calls(65_535)
}

fn dependency(policy: PolicyBuilder) -> Dependency {
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    let policy = policy.build().unwrap();
    registry.dependency_with("search", policy).unwrap()
}

fn acquire(search: &Dependency) -> Permit {
    search.acquire("acme").unwrap()
}

fn cancel(search: &Dependency, times: usize) {
    for _ in 0..times {
        drop(acquire(search));
    }
}

/// A call that is cancelled when it is this old.
async fn cancel_at(search: &Dependency, age: Duration) {
    let permit = acquire(search);
    advance(age).await;
    drop(permit);
}

fn snapshot(search: &Dependency) -> CircuitSnapshot {
    search.circuit("acme").snapshot().unwrap()
}

/// Calls, failures, and slow calls of the first rule in the window.
fn window(search: &Dependency) -> (u64, u64, u64) {
    let window = snapshot(search).window;
    (window.calls, window.failures, window.slow[0])
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_call_is_neutral_by_itself() {
    let search = dependency(Policy::builder());
    acquire(&search).record(Outcome::failure());
    cancel(&search, 4);
    let snapshot = snapshot(&search);
    assert_eq!(snapshot.state, CircuitState::Closed);
    assert_eq!((snapshot.window.calls, snapshot.window.failures), (1, 1));
    assert_eq!(snapshot.window.consecutive_failures, 1);
    assert_eq!(snapshot.totals.cancelled, 4);
    assert_eq!(snapshot.totals.calls, 1);
    assert_eq!(snapshot.totals.failures, 1);
}

#[tokio::test(start_paused = true)]
async fn cancelled_past_a_threshold_it_is_a_call_and_slow_for_the_rules_whose_it_passed() {
    let policy = no_rule().latency(threshold(4)).latency(threshold(2));
    let search = dependency(policy);
    let [four, two] = [0, 1].map(|rule| search.policy().latency_threshold(rule).unwrap());

    cancel_at(&search, two).await;
    assert_eq!(snapshot(&search).window.calls, 0);
    cancel_at(&search, two + NANO).await;
    let figures = snapshot(&search).window;
    assert_eq!((figures.calls, figures.slow), (1, [0, 1, 0, 0]));
    cancel_at(&search, four).await;
    let figures = snapshot(&search).window;
    assert_eq!((figures.calls, figures.slow), (2, [0, 2, 0, 0]));
    cancel_at(&search, four + NANO).await;
    let figures = snapshot(&search).window;
    assert_eq!((figures.calls, figures.slow), (3, [1, 3, 0, 0]));
    assert_eq!(figures.failures, 0);
    assert_eq!(snapshot(&search).totals.slow, 3);
}

#[tokio::test(start_paused = true)]
async fn slow_cancelled_calls_trip_a_latency_rule_alone() {
    let rule = LatencyRule::p50(Duration::from_secs(1)).min_calls(3);
    let search = dependency(no_rule().latency(rule).abandoned_run(0));
    for _ in 0..2 {
        cancel_at(&search, Duration::from_secs(2)).await;
        assert_eq!(search.state("acme"), CircuitState::Closed);
    }
    cancel_at(&search, Duration::from_secs(2)).await;
    assert_eq!(search.state("acme"), CircuitState::Open);
    let trip = snapshot(&search).last_trip.unwrap();
    assert_eq!(trip.reason, Reason::Latency { rule: 0 });
    assert_eq!((trip.figures.calls, trip.figures.failures), (3, 0));
}

#[tokio::test(start_paused = true)]
async fn abandoned_run_of_them_in_a_row_all_count_as_failures() {
    let search = dependency(no_rule());
    cancel(&search, 4);
    assert_eq!(window(&search), (0, 0, 0));
    cancel(&search, 1);
    assert_eq!(window(&search), (5, 5, 0));
    assert_eq!(snapshot(&search).window.consecutive_failures, 5);
    assert_eq!(snapshot(&search).totals.failures, 5);
    assert_eq!(snapshot(&search).totals.cancelled, 5);
}

#[tokio::test(start_paused = true)]
async fn each_further_one_counts_at_once() {
    let search = dependency(no_rule());
    cancel(&search, 5);
    for further in 6..600 {
        cancel(&search, 1);
        assert_eq!(window(&search), (further, further, 0));
        let run = snapshot(&search).window.consecutive_failures;
        assert_eq!(u64::from(run), further);
    }
}

#[tokio::test(start_paused = true)]
async fn they_count_in_the_slot_of_the_last_one() {
    let search = dependency(no_rule());
    cancel(&search, 4);
    advance(9 * SLOT).await;
    cancel(&search, 1);
    advance(WINDOW - NANO).await;
    assert_eq!(window(&search), (5, 5, 0));
    advance(NANO).await;
    assert_eq!(window(&search), (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn one_already_counted_as_slow_only_gains_the_failure() {
    let search = dependency(no_rule().latency(threshold(1)));
    let slow = Duration::from_secs(2);
    cancel_at(&search, slow).await;
    cancel(&search, 1);
    cancel_at(&search, slow).await;
    cancel(&search, 1);
    assert_eq!(window(&search), (2, 0, 2));
    cancel(&search, 1);
    assert_eq!(window(&search), (5, 5, 2));
    cancel_at(&search, slow).await;
    assert_eq!(window(&search), (6, 6, 3));
    cancel(&search, 1);
    assert_eq!(window(&search), (7, 7, 3));
}

#[tokio::test(start_paused = true)]
async fn a_run_of_slow_ones_counts_each_as_one_call() {
    let search = dependency(no_rule().latency(threshold(1)));
    for _ in 0..5 {
        cancel_at(&search, Duration::from_secs(2)).await;
    }
    assert_eq!(window(&search), (5, 5, 5));
    cancel_at(&search, Duration::from_secs(2)).await;
    assert_eq!(window(&search), (6, 6, 6));
}

#[tokio::test(start_paused = true)]
async fn a_rate_never_exceeds_one_where_the_slow_calls_left_the_window_before_the_failures() {
    let search = dependency(no_rule().latency(threshold(1)));
    // Counted as slow calls in the first slot ..
    for _ in 0..2 {
        cancel_at(&search, Duration::from_secs(2)).await;
    }
    cancel(&search, 2);
    advance(9 * SLOT - Duration::from_secs(4)).await;
    // .. and as failures in the last, which outlives it.
    cancel(&search, 1);
    advance(SLOT).await;
    let figures = snapshot(&search).window;
    assert_eq!((figures.calls, figures.failures), (3, 5));
    assert_eq!(figures.failure_rate(), 1.0);
}

#[tokio::test(start_paused = true)]
async fn the_rule_of_consecutive_failures_is_asked_then() {
    let search = dependency(no_rule().consecutive_failures(7));
    acquire(&search).record(Outcome::failure());
    acquire(&search).record(Outcome::failure());
    cancel(&search, 4);
    assert_eq!(search.state("acme"), CircuitState::Closed);
    cancel(&search, 1);
    assert_eq!(search.state("acme"), CircuitState::Open);
    let trip = snapshot(&search).last_trip.unwrap();
    assert_eq!(trip.reason, Reason::ConsecutiveFailures);
    assert_eq!(trip.figures.consecutive_failures, 7);
}

#[tokio::test(start_paused = true)]
async fn the_rule_of_count_and_rate_is_asked_then() {
    let search = dependency(no_rule().failure_threshold(6).failure_rate(0.75));
    acquire(&search).record(Outcome::Success);
    acquire(&search).record(Outcome::Success);
    cancel(&search, 5);
    assert_eq!(search.state("acme"), CircuitState::Closed);
    cancel(&search, 1);
    assert_eq!(search.state("acme"), CircuitState::Open);
    let trip = snapshot(&search).last_trip.unwrap();
    assert_eq!(trip.reason, Reason::FailureRate);
    assert_eq!((trip.figures.calls, trip.figures.failures), (8, 6));
}

#[tokio::test(start_paused = true)]
async fn any_success_failure_or_throttled_outcome_ends_the_run_and_ignored_does_not() {
    for (outcome, ends) in [
        (Outcome::Success, true),
        (Outcome::failure(), true),
        (Outcome::throttled(), true),
        (Outcome::Ignored, false),
    ] {
        let search = dependency(no_rule());
        cancel(&search, 4);
        acquire(&search).record(outcome);
        let (calls, failures, _) = window(&search);
        cancel(&search, 1);
        let added = if ends { 0 } else { 5 };
        assert_eq!(window(&search), (calls + added, failures + added, 0));
        cancel(&search, 4);
        let added = if ends { 5 } else { 9 };
        assert_eq!(window(&search), (calls + added, failures + added, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_success_ends_the_run_too() {
    let search = dependency(no_rule().latency(threshold(1)));
    cancel(&search, 4);
    let slow = acquire(&search);
    advance(Duration::from_secs(2)).await;
    slow.record(Outcome::Success);
    cancel(&search, 4);
    assert_eq!(window(&search), (1, 0, 1));
}

#[tokio::test(start_paused = true)]
async fn one_idle_window_ends_the_run() {
    let search = dependency(no_rule());
    cancel(&search, 4);
    advance(WINDOW).await;
    cancel(&search, 4);
    assert_eq!(window(&search), (0, 0, 0));
    // Just under a window is none.
    advance(WINDOW - NANO).await;
    cancel(&search, 1);
    assert_eq!(window(&search), (5, 5, 0));
}

#[tokio::test(start_paused = true)]
async fn a_new_generation_ends_the_run() {
    let search = dependency(no_rule());
    cancel(&search, 4);
    search.circuit("acme").reset();
    cancel(&search, 4);
    assert_eq!(window(&search), (0, 0, 0));
    cancel(&search, 1);
    assert_eq!(window(&search), (5, 5, 0));

    let search = dependency(no_rule().success_threshold(1));
    cancel(&search, 4);
    search.circuit("acme").open().unwrap();
    search.circuit("acme").half_open().unwrap();
    acquire(&search).record(Outcome::Success);
    assert_eq!(search.state("acme"), CircuitState::Closed);
    cancel(&search, 4);
    assert_eq!(window(&search), (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn abandoned_run_is_five_by_default_and_zero_switches_it_off() {
    let search = dependency(Policy::builder());
    cancel(&search, 4);
    assert_eq!(search.state("acme"), CircuitState::Closed);
    cancel(&search, 1);
    assert_eq!(search.state("acme"), CircuitState::Open);

    let search = dependency(Policy::builder().abandoned_run(0));
    cancel(&search, 1_000);
    assert_eq!(search.state("acme"), CircuitState::Closed);
    assert_eq!(window(&search), (0, 0, 0));
    assert_eq!(snapshot(&search).totals.cancelled, 1_000);
}

#[tokio::test(start_paused = true)]
async fn an_outer_timeout_shorter_than_every_threshold_cannot_hide_a_hanging_dependency() {
    let search = dependency(Policy::builder().latency(threshold(30)));
    for _ in 0..5 {
        let call = async {
            let _permit = acquire(&search);
            future::pending::<()>().await;
        };
        assert!(timeout(Duration::from_secs(1), call).await.is_err());
    }
    assert_eq!(search.state("acme"), CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn clients_that_leave_cannot_hide_a_hanging_dependency() {
    let search = dependency(Policy::builder());
    for _ in 0..5 {
        let permit = acquire(&search);
        let call = tokio::spawn(async move {
            let _permit = permit;
            future::pending::<()>().await;
        });
        call.abort();
        assert!(call.await.unwrap_err().is_cancelled());
    }
    assert_eq!(search.state("acme"), CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn a_permit_dropped_by_the_caller_s_own_panic_is_a_cancelled_call() {
    let search = dependency(no_rule().consecutive_failures(1));
    let caller = panic::catch_unwind(AssertUnwindSafe(|| {
        let _permit = acquire(&search);
        panic!("the caller's own");
    }));
    assert!(caller.is_err());
    assert_eq!(search.state("acme"), CircuitState::Closed);
    assert_eq!(snapshot(&search).totals.cancelled, 1);
    assert_eq!(snapshot(&search).totals.failures, 0);
}

#[tokio::test(start_paused = true)]
async fn an_observer_that_panics_does_not_panic_in_the_drop_of_a_permit() {
    let registry = CircuitBreakerRegistry::builder()
        .observer(|_: &Event<'_>| panic!("the observer's own"))
        .build()
        .unwrap();
    let policy = Policy::builder().abandoned_run(1).consecutive_failures(1);
    let policy = policy.build().unwrap();
    let search = registry.dependency_with("search", policy).unwrap();
    drop(acquire(&search));
    assert_eq!(search.state("acme"), CircuitState::Open);

    // During another panic, one more would abort the process.
    search.reset();
    let caller = panic::catch_unwind(AssertUnwindSafe(|| {
        let _permit = acquire(&search);
        panic!("the caller's own");
    }));
    assert!(caller.is_err());
    assert_eq!(search.state("acme"), CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn a_call_recorded_as_cancelled_is_what_a_dropped_permit_is() {
    let (dropped, recorded) = (
        dependency(no_rule().latency(threshold(2))),
        dependency(no_rule().latency(threshold(2))),
    );
    for age in [0, 1, 3, 0, 0, 0] {
        let permits = [acquire(&dropped), acquire(&recorded)];
        advance(Duration::from_secs(age)).await;
        let [gone, told] = permits;
        drop(gone);
        told.record(Outcome::Cancelled);
        assert_eq!(window(&recorded), window(&dropped));
    }
    assert_eq!(window(&recorded), (6, 6, 1), "a run of them was abandoned");
    assert_eq!(snapshot(&recorded).totals.cancelled, 6);
}
