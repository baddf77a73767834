//! Law 5: how long a dependency asks to be left alone. The parsing of its answers is the http module's.

use std::time::Duration;

use tokio::time::advance;
use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitState, Dependency, OpenPeriod, Outcome, Override, Permit,
    Policy, PolicyBuilder, Reason,
};

const NANO: Duration = Duration::from_nanos(1);
const PERIOD: u64 = 30;

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// A policy that trips at two failures in a row, and opens for 30 seconds each time.
fn two_in_a_row() -> PolicyBuilder {
    Policy::builder()
        .window(secs(60))
        .without_failure_rate()
        .without_latency()
        .consecutive_failures(2)
        .open_for(OpenPeriod::fixed(secs(PERIOD)).jitter(0.0))
        .success_threshold(1)
}

fn dependency(policy: PolicyBuilder) -> Dependency {
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    registry
        .dependency_with("search", policy.build().unwrap())
        .unwrap()
}

fn failed(hint: Duration) -> Outcome {
    Outcome::failure().with_retry_after(hint)
}

fn throttled(hint: Duration) -> Outcome {
    Outcome::throttled().with_retry_after(hint)
}

fn admit(search: &Dependency) -> Permit {
    search.acquire("acme").unwrap()
}

fn record(search: &Dependency, outcome: Outcome) {
    admit(search).record(outcome);
}

fn trip(search: &Dependency) {
    record(search, Outcome::failure());
    record(search, Outcome::failure());
    assert_eq!(search.state("acme"), CircuitState::Open);
}

/// What is left of the open period, as a rejection tells it.
fn left(search: &Dependency) -> Duration {
    let rejection = search.acquire("acme").unwrap_err();
    rejection.circuit_open().unwrap().retry_after().unwrap()
}

/// Waits for the deadline, and sees that it is one: rejected just before, a probe at it.
async fn probe_after(search: &Dependency, period: Duration) -> Permit {
    assert_eq!(left(search), period);
    advance(period - NANO).await;
    assert_eq!(left(search), NANO);
    advance(NANO).await;
    let probe = admit(search);
    assert!(probe.is_probe());
    probe
}

#[tokio::test(start_paused = true)]
async fn a_circuit_that_opens_stays_open_until_the_latest_hint_of_its_closed_generation() {
    for hinted in [failed(secs(100)), throttled(secs(100))] {
        let search = dependency(two_in_a_row());
        record(&search, hinted);
        record(&search, throttled(secs(40)));
        advance(secs(10)).await;
        record(&search, throttled(secs(50)));
        trip_after(&search, hinted);
        // An instant, not a duration: 10 of the 100 seconds are over.
        let _probe = probe_after(&search, secs(90)).await;
    }
}

/// Trips with the failures that are left to two in a row.
fn trip_after(search: &Dependency, first: Outcome) {
    if !matches!(first, Outcome::Failure { .. }) {
        record(search, Outcome::failure());
    }
    record(search, Outcome::failure());
    assert_eq!(search.state("acme"), CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn a_hint_on_the_call_that_trips_counts() {
    let search = dependency(two_in_a_row());
    record(&search, Outcome::failure());
    record(&search, failed(secs(45)));
    let _probe = probe_after(&search, secs(45)).await;
}

#[tokio::test(start_paused = true)]
async fn a_hint_never_shortens_an_open_period() {
    let search = dependency(two_in_a_row());
    record(&search, failed(secs(5)));
    record(&search, failed(secs(29)));
    assert_eq!(left(&search), secs(PERIOD));
}

#[tokio::test(start_paused = true)]
async fn a_hint_that_is_over_when_the_circuit_opens_changes_nothing() {
    let search = dependency(two_in_a_row());
    record(&search, throttled(secs(40)));
    advance(secs(40)).await;
    trip(&search);
    assert_eq!(left(&search), secs(PERIOD));
}

#[tokio::test(start_paused = true)]
async fn a_hint_outlives_the_window_and_a_success() {
    let search = dependency(two_in_a_row());
    record(&search, throttled(secs(600)));
    record(&search, Outcome::Success);
    advance(secs(300)).await;
    trip(&search);
    assert_eq!(left(&search), secs(300));
}

#[tokio::test(start_paused = true)]
async fn a_hint_does_not_outlive_its_closed_generation() {
    let search = dependency(two_in_a_row());
    record(&search, throttled(secs(600)));
    search.circuit("acme").reset();
    trip(&search);
    assert_eq!(left(&search), secs(PERIOD));

    let search = dependency(two_in_a_row());
    record(&search, throttled(secs(600)));
    trip(&search);
    let acme = search.circuit("acme");
    acme.half_open().unwrap();
    record(&search, Outcome::Success);
    assert_eq!(acme.state(), CircuitState::Closed);
    trip(&search);
    assert_eq!(left(&search), secs(PERIOD));
}

#[tokio::test(start_paused = true)]
async fn hints_are_capped_by_the_policy_from_receipt_on() {
    let search = dependency(two_in_a_row().hint_cap(secs(60)));
    record(&search, throttled(secs(100_000)));
    advance(secs(20)).await;
    trip(&search);
    assert_eq!(left(&search), secs(40), "60 seconds from when it came");

    let search = dependency(two_in_a_row().hint_cap(secs(60)));
    record(&search, throttled(Duration::MAX));
    trip(&search);
    assert_eq!(left(&search), secs(60));
}

#[tokio::test(start_paused = true)]
async fn hints_are_capped_at_an_hour_by_default_and_a_cap_of_zero_ignores_them() {
    let search = dependency(two_in_a_row());
    record(&search, throttled(secs(100_000)));
    trip(&search);
    assert_eq!(left(&search), secs(3_600));

    let search = dependency(two_in_a_row().hint_cap(Duration::ZERO).trip_on_hint(true));
    record(&search, throttled(secs(600)));
    assert_eq!(search.state("acme"), CircuitState::Closed);
    trip(&search);
    assert_eq!(left(&search), secs(PERIOD));
}

#[tokio::test(start_paused = true)]
async fn a_hint_of_zero_says_nothing() {
    let search = dependency(two_in_a_row().trip_on_hint(true));
    record(&search, failed(Duration::ZERO));
    record(&search, throttled(Duration::ZERO));
    assert_eq!(search.state("acme"), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn successes_and_ignored_calls_carry_no_hint() {
    for outcome in [Outcome::Success, Outcome::Ignored] {
        assert_eq!(outcome.with_retry_after(secs(60)).retry_after(), None);
    }
}

// ===== trip_on_hint =====

#[tokio::test(start_paused = true)]
async fn a_hint_alone_does_not_trip_by_default() {
    let search = dependency(two_in_a_row());
    record(&search, throttled(secs(60)));
    record(&search, failed(secs(60)));
    assert_eq!(search.state("acme"), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn with_trip_on_hint_a_hint_opens_at_once_and_is_named() {
    for (hinted, period) in [
        (failed(secs(60)), 60),
        (throttled(secs(60)), 60),
        (failed(secs(5)), PERIOD),
        (throttled(secs(5)), 5),
    ] {
        let search = dependency(two_in_a_row().trip_on_hint(true));
        record(&search, hinted);
        assert_eq!(search.state("acme"), CircuitState::Open);
        assert_eq!(left(&search), secs(period));
        let acme = search.circuit("acme").snapshot().unwrap();
        assert_eq!(acme.last_trip.unwrap().reason, Reason::Hint);
        let rejection = search.acquire("acme").unwrap_err();
        assert_eq!(rejection.circuit_open().unwrap().reason(), Reason::Hint);
    }
}

#[tokio::test(start_paused = true)]
async fn with_trip_on_hint_a_limit_is_left_as_soon_as_it_ends_however_often_it_is_met() {
    let grows = OpenPeriod::exponential(secs(PERIOD), secs(8 * PERIOD)).jitter(0.0);
    let search = dependency(two_in_a_row().open_for(grows).trip_on_hint(true));
    for _ in 0..20 {
        // By the closed circuit the first time, by its probe the others.
        record(&search, throttled(secs(1)));
        assert_eq!(left(&search), secs(1));
        advance(secs(1)).await;
    }
    // What it met before makes no later period grow.
    record(&search, failed(secs(1)));
    assert_eq!(left(&search), secs(PERIOD));
}

#[tokio::test(start_paused = true)]
async fn without_trip_on_hint_a_throttled_probe_opens_for_a_whole_period() {
    let search = dependency(two_in_a_row());
    search.circuit("acme").open_for(secs(1)).unwrap();
    advance(secs(1)).await;
    record(&search, throttled(secs(5)));
    assert!(left(&search) >= secs(PERIOD));
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_fires_too_is_named_before_the_hint() {
    let search = dependency(two_in_a_row().consecutive_failures(1).trip_on_hint(true));
    record(&search, failed(secs(60)));
    let acme = search.circuit("acme").snapshot().unwrap();
    assert_eq!(acme.last_trip.unwrap().reason, Reason::ConsecutiveFailures);
}

// ===== probes =====

#[tokio::test(start_paused = true)]
async fn the_hint_of_a_failed_probe_counts_for_the_period_it_leads_to() {
    for hint in [failed(secs(75)), throttled(secs(75))] {
        let search = dependency(two_in_a_row());
        trip(&search);
        probe_after(&search, secs(PERIOD)).await.record(hint);
        probe_after(&search, secs(75))
            .await
            .record(Outcome::failure());
        assert_eq!(left(&search), secs(PERIOD), "for that period alone");
    }
}

#[tokio::test(start_paused = true)]
async fn the_hint_of_a_failed_probe_is_capped_and_never_shortens() {
    let search = dependency(two_in_a_row().hint_cap(secs(60)));
    trip(&search);
    let probe = probe_after(&search, secs(PERIOD)).await;
    probe.record(failed(secs(600)));
    let probe = probe_after(&search, secs(60)).await;
    probe.record(failed(secs(1)));
    assert_eq!(left(&search), secs(PERIOD));
}

// ===== stragglers =====

#[tokio::test(start_paused = true)]
async fn a_stragglers_hint_moves_the_deadline_of_the_open_period_in_which_it_arrives() {
    for hint in [failed(secs(100)), throttled(secs(100))] {
        let search = dependency(two_in_a_row());
        let straggler = admit(&search);
        trip(&search);
        advance(secs(10)).await;
        straggler.record(hint);
        let acme = search.circuit("acme").snapshot().unwrap();
        assert_eq!((acme.totals.late, acme.totals.opened), (1, 1));
        assert_eq!(acme.retry_after, Some(secs(100)));
        let _probe = probe_after(&search, secs(100)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_stragglers_hint_only_lengthens_and_is_capped() {
    let search = dependency(two_in_a_row().hint_cap(secs(60)));
    let stragglers = [admit(&search), admit(&search)];
    trip(&search);
    let [short, long] = stragglers;
    short.record(failed(secs(29)));
    assert_eq!(left(&search), secs(PERIOD));
    advance(secs(5)).await;
    long.record(failed(secs(600)));
    assert_eq!(left(&search), secs(60));
}

#[tokio::test(start_paused = true)]
async fn a_stragglers_hint_moves_a_deadline_that_is_over_as_long_as_no_probe_has_begun() {
    let search = dependency(two_in_a_row());
    let straggler = admit(&search);
    trip(&search);
    advance(secs(PERIOD + 10)).await;
    assert!(search.circuit("acme").would_admit());
    straggler.record(throttled(secs(20)));
    let _probe = probe_after(&search, secs(20)).await;
}

#[tokio::test(start_paused = true)]
async fn once_a_probe_has_begun_a_stragglers_hint_is_dropped() {
    let search = dependency(two_in_a_row());
    let straggler = admit(&search);
    trip(&search);
    let probe = probe_after(&search, secs(PERIOD)).await;
    straggler.record(throttled(secs(600)));
    assert_eq!(search.state("acme"), CircuitState::HalfOpen);
    assert!(admit(&search).is_probe());
    probe.record(Outcome::failure());
    assert_eq!(
        left(&search),
        secs(PERIOD),
        "nor does the next period have it"
    );
}

#[tokio::test(start_paused = true)]
async fn a_stragglers_hint_that_arrives_when_closed_again_is_dropped() {
    let search = dependency(two_in_a_row().trip_on_hint(true));
    let straggler = admit(&search);
    trip(&search);
    probe_after(&search, secs(PERIOD))
        .await
        .record(Outcome::Success);
    straggler.record(throttled(secs(600)));
    assert_eq!(search.state("acme"), CircuitState::Closed);
    trip(&search);
    assert_eq!(left(&search), secs(PERIOD));
}

#[tokio::test(start_paused = true)]
async fn a_stragglers_hint_moves_a_later_open_period_than_the_first_too() {
    let search = dependency(two_in_a_row());
    let straggler = admit(&search);
    trip(&search);
    let probe = probe_after(&search, secs(PERIOD)).await;
    probe.record(Outcome::failure());
    straggler.record(failed(secs(90)));
    let _probe = probe_after(&search, secs(90)).await;
}

#[tokio::test(start_paused = true)]
async fn a_hint_that_arrives_while_disabled_is_not_recorded() {
    let search = dependency(two_in_a_row());
    let straggler = admit(&search);
    trip(&search);
    search.set(Override::Disabled);
    straggler.record(failed(secs(600)));
    search.clear();
    assert_eq!(left(&search), secs(PERIOD));
}

// ===== by hand =====

#[tokio::test(start_paused = true)]
async fn a_circuit_opened_by_hand_stays_open_until_the_latest_hint_too() {
    let search = dependency(two_in_a_row());
    let acme = search.circuit("acme");
    record(&search, throttled(secs(100)));
    acme.open().unwrap();
    assert_eq!(left(&search), secs(100));

    acme.reset();
    record(&search, throttled(secs(100)));
    acme.open_for(secs(10)).unwrap();
    let _probe = probe_after(&search, secs(100)).await;
}

#[tokio::test(start_paused = true)]
async fn an_open_circuit_opened_again_by_hand_has_the_period_that_it_was_given() {
    let search = dependency(two_in_a_row());
    record(&search, throttled(secs(100)));
    trip(&search);
    assert_eq!(left(&search), secs(100));
    search.circuit("acme").open_for(secs(10)).unwrap();
    assert_eq!(
        left(&search),
        secs(10),
        "no closed generation came before it"
    );
}
