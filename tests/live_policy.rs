//! Policies that change while calls go on.

use std::time::Duration;

use tokio::time::{Instant, advance};
use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitSnapshot, CircuitState, Dependency, LatencyRule, OpenPeriod,
    Outcome, Override, Policy, PolicyBuilder, Reason,
};

const WINDOW: Duration = Duration::from_secs(10);
const PERIOD: Duration = Duration::from_secs(4);

/// Five failures in a row open for four seconds, one success closes.
fn policy() -> PolicyBuilder {
    Policy::builder()
        .window(WINDOW)
        .without_failure_rate()
        .consecutive_failures(5)
        .latency(LatencyRule::p50(Duration::from_secs(1)).min_calls(1_000))
        .open_for(OpenPeriod::exponential(PERIOD, 100 * PERIOD).jitter(0.0))
        .success_threshold(1)
}

fn dependency() -> Dependency {
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    registry
        .dependency_with("search", policy().build().unwrap())
        .unwrap()
}

fn set(search: &Dependency, policy: PolicyBuilder) {
    search.set_policy(policy.build().unwrap());
}

fn record(search: &Dependency, outcome: Outcome) {
    search.acquire("acme").unwrap().record(outcome);
}

fn fail(search: &Dependency, times: usize) {
    for _ in 0..times {
        record(search, Outcome::failure());
    }
}

fn circuit(search: &Dependency) -> CircuitSnapshot {
    search.circuit("acme").snapshot().unwrap()
}

fn left(search: &Dependency) -> Option<Duration> {
    circuit(search).retry_after
}

/// Policies that count otherwise than [`policy`].
fn others() -> Vec<PolicyBuilder> {
    vec![
        policy().window(3 * WINDOW),
        policy().window(WINDOW / 3),
        policy().consecutive_failures(6),
        policy().without_consecutive_failures(),
        policy().failure_threshold(60).failure_rate(1.0),
        policy().min_calls(100),
        policy().latency(LatencyRule::p50(Duration::from_secs(2))),
        policy().histogram(Duration::from_micros(10), Duration::from_secs(300), 3),
        policy().abandoned_run(7),
    ]
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_counts_otherwise_restarts_window_and_runs() {
    for other in others() {
        let search = dependency();
        advance(25 * WINDOW).await;
        record(&search, Outcome::Success);
        fail(&search, 4);
        set(&search, other);
        let window = circuit(&search).window;
        assert_eq!(
            (window.calls, window.failures, window.consecutive_failures),
            (0, 0, 0)
        );
        fail(&search, 4);
        let window = circuit(&search).window;
        assert_eq!(
            (window.calls, window.failures, window.consecutive_failures),
            (4, 4, 4)
        );
        assert_eq!(circuit(&search).totals.calls, 9, "no outcome is lost");
    }
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_counts_alike_leaves_them() {
    let search = dependency();
    fail(&search, 4);
    set(
        &search,
        policy().open_for(OpenPeriod::fixed(9 * PERIOD).jitter(0.0)),
    );
    assert_eq!(circuit(&search).window.failures, 4);
    fail(&search, 1);
    assert_eq!(left(&search), Some(9 * PERIOD));
}

#[tokio::test(start_paused = true)]
async fn the_new_rules_decide_from_the_next_call_on() {
    let search = dependency();
    set(&search, policy().consecutive_failures(2));
    fail(&search, 2);
    assert_eq!(search.state("acme"), CircuitState::Open);
    assert_eq!(
        search.policy(),
        policy().consecutive_failures(2).build().unwrap().into()
    );
}

#[tokio::test(start_paused = true)]
async fn a_run_of_cancelled_calls_begins_anew_too() {
    let search = dependency();
    for _ in 0..4 {
        drop(search.acquire("acme").unwrap());
    }
    set(&search, policy().window(3 * WINDOW));
    for _ in 0..4 {
        drop(search.acquire("acme").unwrap());
    }
    assert_eq!(search.state("acme"), CircuitState::Closed);
    drop(search.acquire("acme").unwrap());
    assert_eq!(search.state("acme"), CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn state_deadline_growth_and_overrides_stay() {
    for other in others() {
        let search = dependency();
        fail(&search, 5);
        advance(PERIOD).await;
        fail(&search, 1);
        let before = circuit(&search);
        set(&search, other.clone());
        let after = circuit(&search);
        assert_eq!(
            (after.state, after.generation),
            (before.state, before.generation)
        );
        assert_eq!(after.retry_after, Some(2 * PERIOD));
        advance(2 * PERIOD).await;
        fail(&search, 1);
        assert_eq!(left(&search), Some(4 * PERIOD));
        search.circuit("acme").set(Override::Disabled);
        set(&search, policy());
        assert!(search.acquire("acme").is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn the_window_that_tripped_stays_readable() {
    for other in others() {
        let search = dependency();
        advance(7 * WINDOW).await;
        record(&search, Outcome::Success);
        fail(&search, 5);
        set(&search, other);
        let read = circuit(&search);
        assert_eq!((read.window.calls, read.window.failures), (6, 5));
        assert_eq!(read.last_trip.unwrap().reason, Reason::ConsecutiveFailures);
    }
}

#[tokio::test(start_paused = true)]
async fn a_permit_stays_current() {
    let search = dependency();
    let (failed, succeeded) = (
        search.acquire("acme").unwrap(),
        search.acquire("acme").unwrap(),
    );
    set(&search, policy().window(3 * WINDOW));
    failed.record(Outcome::failure());
    succeeded.record(Outcome::Success);
    let read = circuit(&search);
    assert_eq!(
        (read.window.calls, read.window.failures, read.totals.late),
        (2, 1, 0)
    );

    fail(&search, 5);
    advance(PERIOD).await;
    let probe = search.acquire("acme").unwrap();
    set(&search, policy());
    probe.record(Outcome::Success);
    assert_eq!(search.state("acme"), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn old_samples_are_gone_however_often_and_far_windows_change() {
    let search = dependency();
    advance(Duration::from_secs(86_400)).await;
    record(&search, Outcome::Success);
    for (n, window) in [1, 60_000, 10, 86_400_000, 1_000, 10]
        .into_iter()
        .cycle()
        .take(300)
        .enumerate()
    {
        let window = Duration::from_millis(10).max(Duration::from_millis(window));
        set(
            &search,
            policy()
                .window(window)
                .consecutive_failures(100 + n as u32 % 2),
        );
        assert_eq!(circuit(&search).window.calls, 0, "{window:?}");
        fail(&search, 3);
        let read = circuit(&search).window;
        assert_eq!(
            (read.calls, read.consecutive_failures),
            (3, 3),
            "{window:?}"
        );
        advance(window).await;
        assert_eq!(circuit(&search).window.calls, 0, "{window:?}");
    }
    assert_eq!(circuit(&search).totals.calls, 901);
}

#[tokio::test(start_paused = true)]
async fn the_last_success_keeps_its_instant() {
    let search = dependency();
    advance(5 * WINDOW).await;
    let at = Instant::now();
    record(&search, Outcome::Success);
    set(&search, policy().window(3 * WINDOW));
    advance(WINDOW).await;
    assert_eq!(circuit(&search).last_success, Some(at));
    let own = policy().window(WINDOW / 10).build().unwrap();
    search.circuit("acme").set_policy(own).unwrap();
    assert_eq!(circuit(&search).last_success, Some(at));
    search.circuit("acme").clear_policy();
    assert!(circuit(&search).last_success.unwrap() <= at);
}

#[tokio::test(start_paused = true)]
async fn percentiles_begin_anew_by_the_new_histogram() {
    let search = dependency();
    for _ in 0..200 {
        record(&search, Outcome::Success);
    }
    assert!(circuit(&search).latency.is_some());
    set(
        &search,
        policy().histogram(Duration::from_micros(100), Duration::from_secs(60), 1),
    );
    assert!(circuit(&search).latency.is_none());
    for _ in 0..200 {
        let call = search.acquire("acme").unwrap();
        advance(Duration::from_millis(1)).await;
        call.record(Outcome::Success);
    }
    let latency = circuit(&search).latency.unwrap();
    assert!(latency.samples <= 200);
    assert!(latency.p50 >= Duration::from_millis(1) && latency.p50 < Duration::from_micros(1_100));
}

#[tokio::test(start_paused = true)]
async fn a_bound_on_calls_in_flight_can_come_and_go() {
    let search = dependency();
    let before = search.acquire("acme").unwrap();
    set(&search, policy().max_in_flight(1));
    let counted = search.acquire("acme").unwrap();
    assert!(
        search.acquire("acme").is_err(),
        "that from before is not counted"
    );
    before.record(Outcome::Success);
    assert!(search.acquire("acme").is_err());
    set(&search, policy());
    let free = search.acquire("acme").unwrap();
    counted.record(Outcome::Success);
    set(&search, policy().max_in_flight(1));
    let counted = search.acquire("acme").unwrap();
    free.record(Outcome::Success);
    assert!(search.acquire("acme").is_err());
    counted.record(Outcome::Success);
    assert_eq!(circuit(&search).in_flight, Some(0));
    search.acquire("globex").unwrap().record(Outcome::Success);
}

#[tokio::test(start_paused = true)]
async fn a_tenant_can_have_a_policy_of_its_own() {
    let search = dependency();
    let own = policy().consecutive_failures(2).build().unwrap();
    search.circuit("acme").set_policy(own.clone()).unwrap();
    assert!(search.is_empty(), "it makes no circuit");
    fail(&search, 2);
    assert_eq!(search.state("acme"), CircuitState::Open);
    assert_eq!(*search.circuit("acme").policy(), own);
    for _ in 0..4 {
        search.acquire("globex").unwrap().record(Outcome::failure());
    }
    assert_eq!(search.state("globex"), CircuitState::Closed);
    assert_eq!(
        *search.circuit("globex").policy(),
        policy().build().unwrap()
    );
}

#[tokio::test(start_paused = true)]
async fn it_can_come_and_go_while_the_circuit_is_in_use() {
    let search = dependency();
    for _ in 0..50 {
        fail(&search, 4);
        let own = policy()
            .window(6 * WINDOW)
            .consecutive_failures(3)
            .max_in_flight(1);
        search
            .circuit("acme")
            .set_policy(own.build().unwrap())
            .unwrap();
        assert_eq!(circuit(&search).window.calls, 0);
        fail(&search, 2);
        assert_eq!(circuit(&search).window.calls, 2);
        let held = search.acquire("acme").unwrap();
        assert!(search.acquire("acme").is_err());
        search.circuit("acme").clear_policy();
        assert_eq!(circuit(&search).window.calls, 0);
        held.record(Outcome::Success);
        assert_eq!(circuit(&search).window.calls, 1);
        advance(WINDOW).await;
        assert_eq!(circuit(&search).window.calls, 0);
    }
    assert_eq!(circuit(&search).totals.calls, 50 * 7);
}

#[tokio::test(start_paused = true)]
async fn what_was_counted_before_it_is_not_read_after_it() {
    let search = dependency();
    fail(&search, 4);
    let own = policy().window(3 * WINDOW).build().unwrap();
    search.circuit("acme").set_policy(own).unwrap();
    assert_eq!(circuit(&search).window.failures, 0);
    search.circuit("acme").clear_policy();
    assert_eq!(circuit(&search).window.failures, 0);
    fail(&search, 4);
    assert_eq!(search.state("acme"), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn the_window_that_tripped_stays_readable_when_it_comes_and_goes() {
    let search = dependency();
    fail(&search, 5);
    let own = policy().window(3 * WINDOW).build().unwrap();
    search.circuit("acme").set_policy(own).unwrap();
    assert_eq!(circuit(&search).window.failures, 5);
    search.circuit("acme").clear_policy();
    assert_eq!(circuit(&search).window.failures, 5);
}

#[tokio::test(start_paused = true)]
async fn its_own_policy_outlives_that_of_the_dependency_and_its_circuit() {
    let registry = CircuitBreakerRegistry::builder()
        .max_tenants(1)
        .build()
        .unwrap();
    let search = registry
        .dependency_with("search", policy().build().unwrap())
        .unwrap();
    let own = policy().consecutive_failures(2).build().unwrap();
    search.circuit("acme").set_policy(own).unwrap();
    record(&search, Outcome::Success);
    set(&search, policy().consecutive_failures(1));
    fail(&search, 1);
    assert_eq!(search.state("acme"), CircuitState::Closed);
    record(&search, Outcome::Success);
    advance(10 * WINDOW).await;
    search.acquire("globex").unwrap().record(Outcome::Success);
    assert!(search.circuit("acme").snapshot().is_none(), "it made room");
    advance(10 * WINDOW).await;
    fail(&search, 1);
    assert_eq!(search.state("acme"), CircuitState::Closed);
    fail(&search, 1);
    assert_eq!(search.state("acme"), CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn a_newcomer_begins_as_its_policy_says() {
    let search = dependency();
    let own = policy()
        .initial_state(CircuitState::HalfOpen)
        .build()
        .unwrap();
    search.circuit("acme").set_policy(own).unwrap();
    assert_eq!(search.state("acme"), CircuitState::HalfOpen);
    assert!(search.acquire("acme").unwrap().is_probe());
    assert_eq!(search.state("globex"), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_dependency_declared_again_keeps_the_policy_that_it_has() {
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    let search = registry
        .dependency_with("search", policy().build().unwrap())
        .unwrap();
    let live = policy().consecutive_failures(2).build().unwrap();
    search.set_policy(live.clone());
    for declared in [policy().build().unwrap(), live.clone()] {
        let again = registry.dependency_with("search", declared).unwrap();
        assert_eq!(*again.policy(), live);
    }
    let third = policy().consecutive_failures(3).build().unwrap();
    assert!(registry.dependency_with("search", third).is_err());
}

#[test]
fn an_id_that_is_none_gets_no_policy() {
    let search = dependency();
    for id in ["", &"x".repeat(257)] {
        assert!(search.circuit(id).set_policy(Policy::default()).is_err());
    }
}
