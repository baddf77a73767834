//! After closing, a growing share of the calls.

use std::time::Duration;

use tokio::time::advance;
use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitState, Dependency, OpenPeriod, Outcome, Override, Policy,
    PolicyBuilder, Reason, Rejection,
};

const PERIOD: Duration = Duration::from_secs(4);
const RAMP: Duration = Duration::from_secs(100);
const NANO: Duration = Duration::from_nanos(1);

/// Five failures in a row open for four seconds; two successes close, with a tenth of the calls at first.
fn policy() -> PolicyBuilder {
    Policy::builder()
        .without_failure_rate()
        .consecutive_failures(5)
        .open_for(OpenPeriod::exponential(PERIOD, 10 * PERIOD).jitter(0.0))
        .success_threshold(2)
        .ramp(0.1, RAMP)
}

fn declare(policy: PolicyBuilder) -> Dependency {
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    registry
        .dependency_with("search", policy.build().unwrap())
        .unwrap()
}

fn record(search: &Dependency, outcome: Outcome) {
    search.acquire("acme").unwrap().record(outcome);
}

async fn closed_again(policy: PolicyBuilder) -> Dependency {
    closed_by(policy, 2).await
}

async fn closed_by(policy: PolicyBuilder, successes: u32) -> Dependency {
    let search = declare(policy.success_threshold(successes));
    for _ in 0..5 {
        record(&search, Outcome::failure());
    }
    advance(PERIOD).await;
    for _ in 0..successes {
        record(&search, Outcome::Success);
    }
    assert_eq!(search.state("acme"), CircuitState::Closed);
    search
}

/// Ends the next call that is admitted.
fn record_next(search: &Dependency, outcome: Outcome) {
    let next = (0..100).find_map(|_| search.acquire("acme").ok());
    next.unwrap().record(outcome);
}

/// Which of so many calls, that all succeed, are admitted.
fn admitted(search: &Dependency, calls: usize) -> Vec<usize> {
    let admits = |_: &usize| match search.acquire("acme") {
        Ok(permit) => {
            permit.record(Outcome::Success);
            true
        }
        Err(_) => false,
    };
    (0..calls).filter(admits).collect()
}

fn ramp(search: &Dependency) -> Option<f64> {
    let ramp = search.circuit("acme").ramp();
    assert_eq!(search.circuit("acme").snapshot().unwrap().ramp, ramp);
    ramp
}

#[tokio::test(start_paused = true)]
async fn the_share_grows_evenly_from_its_start_to_all() {
    let search = closed_again(policy()).await;
    for (seconds, share) in [(0, 0.1), (25, 0.325), (25, 0.55), (25, 0.775)] {
        advance(Duration::from_secs(seconds)).await;
        let told = ramp(&search).unwrap();
        assert!((told - share).abs() < 1e-6, "{told} is not {share}");
    }
    advance(25 * Duration::from_secs(1) - NANO).await;
    assert!(ramp(&search).is_some());
    advance(NANO).await;
    assert_eq!(ramp(&search), None);
    assert_eq!(admitted(&search, 100).len(), 100);
}

#[tokio::test(start_paused = true)]
async fn calls_are_spaced_evenly_beginning_with_the_first() {
    let search = closed_again(policy()).await;
    assert_eq!(admitted(&search, 31), [0, 10, 20, 30]);
    advance(RAMP / 9 * 4).await;
    let half = admitted(&search, 100);
    assert_eq!(half.len(), 50);
    assert!(half.windows(2).all(|pair| pair[1] - pair[0] == 2));
}

#[tokio::test(start_paused = true)]
async fn the_others_are_told_that_it_recovers() {
    let search = closed_again(policy()).await;
    record(&search, Outcome::Success);
    let Err(Rejection::Open(open)) = search.acquire("acme") else {
        panic!("a second call in a row was admitted");
    };
    assert_eq!(open.reason(), Reason::Recovering);
    assert_eq!(open.retry_after(), Some(Duration::ZERO));
    assert_eq!(search.state("acme"), CircuitState::Closed);
    assert_eq!(
        search.circuit("acme").snapshot().unwrap().totals.rejected,
        1
    );
}

#[tokio::test(start_paused = true)]
async fn so_many_failures_in_a_row_as_successes_close_open_it_again_at_once() {
    let search = closed_again(policy()).await;
    record_next(&search, Outcome::failure());
    record_next(&search, Outcome::Success);
    record_next(&search, Outcome::failure());
    assert_eq!(search.state("acme"), CircuitState::Closed);
    record_next(&search, Outcome::failure());
    let rejection = search.acquire("acme").unwrap_err();
    let open = rejection.circuit_open().unwrap();
    assert_eq!(open.reason(), Reason::Relapsed);
    assert_eq!(
        open.retry_after(),
        Some(2 * PERIOD),
        "it has not been closed for a window"
    );
    assert_eq!(ramp(&search), None);
}

#[tokio::test(start_paused = true)]
async fn once_it_is_over_the_rules_alone_decide() {
    let search = closed_again(policy()).await;
    advance(RAMP).await;
    for _ in 0..4 {
        record(&search, Outcome::failure());
    }
    assert_eq!(search.state("acme"), CircuitState::Closed);
    record(&search, Outcome::failure());
    assert_eq!(search.state("acme"), CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn the_rules_decide_meanwhile_too() {
    let search = closed_by(policy(), 6).await;
    for _ in 0..5 {
        record_next(&search, Outcome::failure());
    }
    let rejection = search.acquire("acme").unwrap_err();
    assert_eq!(
        rejection.circuit_open().unwrap().reason(),
        Reason::ConsecutiveFailures
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_closed_by_hand_or_was_never_open_has_none() {
    let search = declare(policy());
    record(&search, Outcome::Success);
    assert_eq!(ramp(&search), None);
    search.circuit("acme").open().unwrap();
    search.circuit("acme").reset();
    assert_eq!(ramp(&search), None);
    assert_eq!(admitted(&search, 10).len(), 10);

    let search = closed_again(policy()).await;
    search.circuit("acme").reset();
    assert_eq!(admitted(&search, 10).len(), 10);
}

#[tokio::test(start_paused = true)]
async fn any_override_beats_it() {
    let search = closed_again(policy()).await;
    search.set(Override::Disabled);
    assert_eq!(admitted(&search, 10).len(), 10);
    search.set(Override::DryRun);
    assert_eq!(admitted(&search, 10).len(), 10);
    assert_eq!(search.snapshot().totals.would_reject, 9);
    search.force_open("no");
    assert!(admitted(&search, 10).is_empty());
    search.clear();
    assert_eq!(admitted(&search, 20).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_changes_changes_it_too() {
    let search = closed_again(policy()).await;
    advance(RAMP / 2).await;
    search.set_policy(policy().ramp(0.5, RAMP).build().unwrap());
    let told = ramp(&search).unwrap();
    assert!((told - 0.75).abs() < 1e-6, "{told}");
    search.set_policy(policy().without_ramp().build().unwrap());
    assert_eq!(ramp(&search), None);
    assert_eq!(admitted(&search, 10).len(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_circuit_whose_share_grows_makes_no_room_for_another() {
    let registry = CircuitBreakerRegistry::builder()
        .max_tenants(1)
        .build()
        .unwrap();
    let short = policy()
        .window(Duration::from_secs(1))
        .open_for(OpenPeriod::fixed(PERIOD).jitter(0.0));
    let search = registry
        .dependency_with("search", short.build().unwrap())
        .unwrap();
    for _ in 0..5 {
        record(&search, Outcome::failure());
    }
    advance(PERIOD).await;
    record(&search, Outcome::Success);
    record(&search, Outcome::Success);
    advance(RAMP / 2).await;
    drop(search.acquire("globex"));
    assert_eq!(search.snapshot().overflowed, 1);
    advance(RAMP / 2).await;
    drop(search.acquire("globex"));
    assert_eq!(search.snapshot().overflowed, 1);
}

#[test]
fn a_share_or_a_time_out_of_bounds_is_refused() {
    for (start, over, field) in [
        (0.0, RAMP, "ramp start"),
        (1.0, RAMP, "ramp start"),
        (f64::NAN, RAMP, "ramp start"),
        (0.5, Duration::ZERO, "ramp over"),
        (0.5, Duration::from_secs(86_401), "ramp over"),
    ] {
        let error = policy().ramp(start, over).build().unwrap_err();
        assert_eq!(error.field(), field);
    }
}
