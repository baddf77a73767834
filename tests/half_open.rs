//! Law 9: probes, their places, their leases, and what their outcomes lead to.

use std::mem;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use tokio::time::advance;
use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitState, Dependency, LatencyRule, OpenPeriod, Outcome, Permit,
    Policy, PolicyBuilder, Reason, Rejection,
};

const PERIOD: Duration = Duration::from_secs(10);
const NANO: Duration = Duration::from_nanos(1);

/// One failure opens, for ten seconds.
fn policy() -> PolicyBuilder {
    Policy::builder()
        .consecutive_failures(1)
        .open_for(OpenPeriod::fixed(PERIOD).jitter(0.0))
}

fn dependency(policy: PolicyBuilder) -> Dependency {
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    let policy = policy.build().unwrap();
    registry.dependency_with("search", policy).unwrap()
}

/// A dependency with a circuit whose open period is just over.
async fn ready_to_probe(policy: PolicyBuilder) -> Dependency {
    let search = dependency(policy);
    acquire(&search).record(Outcome::failure());
    assert_eq!(search.state("acme"), CircuitState::Open);
    advance(PERIOD).await;
    search
}

fn acquire(search: &Dependency) -> Permit {
    search.acquire("acme").unwrap()
}

fn reason(rejected: Result<Permit, Rejection>) -> Reason {
    let rejection = rejected.unwrap_err();
    rejection.circuit_open().unwrap().reason()
}

/// Whether all places are taken. Where one is not, this does not take it either.
fn is_full(search: &Dependency) -> bool {
    if search.circuit("acme").would_admit() {
        return false;
    }
    assert_eq!(reason(search.acquire("acme")), Reason::HalfOpenFull);
    true
}

/// Why the circuit is open, as its rejections say.
fn opened_by(search: &Dependency) -> Reason {
    assert_eq!(search.state("acme"), CircuitState::Open);
    reason(search.acquire("acme"))
}

#[tokio::test(start_paused = true)]
async fn at_most_half_open_max_calls_probes_are_in_flight() {
    let search = ready_to_probe(policy().half_open_max_calls(3)).await;
    let mut probes: Vec<_> = (0..3).map(|_| acquire(&search)).collect();
    assert!(probes.iter().all(Permit::is_probe));
    assert_eq!(search.state("acme"), CircuitState::HalfOpen);

    let rejection = search.acquire("acme").unwrap_err();
    let open = rejection.circuit_open().unwrap();
    assert_eq!(open.reason(), Reason::HalfOpenFull);
    assert_eq!(open.retry_after(), Some(Duration::ZERO));
    assert!(!search.circuit("acme").would_admit());

    probes.pop().unwrap().record(Outcome::Ignored);
    assert!(search.circuit("acme").would_admit());
    probes.push(acquire(&search));
    assert!(is_full(&search));
    assert_eq!(search.snapshot().totals.probes, 4);
}

#[tokio::test(start_paused = true)]
async fn of_a_thousand_callers_at_the_deadline_only_the_places_are_admitted() {
    let search = ready_to_probe(policy().half_open_max_calls(3)).await;
    let admitted: Vec<_> = (0..1_000)
        .filter_map(|_| search.acquire("acme").ok())
        .collect();
    assert_eq!(admitted.len(), 3);
}

#[test]
fn of_a_thousand_callers_on_many_threads_only_the_places_are_admitted() {
    let search = dependency(
        policy()
            .initial_state(CircuitState::HalfOpen)
            .half_open_max_calls(3),
    );
    let start = Barrier::new(8);
    let admitted: Vec<Permit> = thread::scope(|scope| {
        let callers: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    (0..125)
                        .filter_map(|_| search.acquire("acme").ok())
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        callers
            .into_iter()
            .flat_map(|caller| caller.join().unwrap())
            .collect()
    });
    assert_eq!(admitted.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn at_the_end_of_its_lease_a_probe_s_place_is_free_once() {
    let lease = Duration::from_secs(5);
    let search = ready_to_probe(policy().half_open_max_calls(1).probe_lease(lease)).await;
    let first = acquire(&search);
    advance(lease - NANO).await;
    assert!(is_full(&search));
    advance(NANO).await;
    let second = acquire(&search);
    assert!(is_full(&search));

    // The place is the second one's now, and the first has none to give back.
    first.record(Outcome::Ignored);
    assert!(is_full(&search));
    second.record(Outcome::Ignored);
    assert!(acquire(&search).is_probe());
}

#[tokio::test(start_paused = true)]
async fn each_probe_has_a_lease_of_its_own() {
    let search = ready_to_probe(policy().half_open_max_calls(2)).await;
    let _first = acquire(&search);
    advance(Duration::from_secs(20)).await;
    let _second = acquire(&search);
    advance(Duration::from_secs(40)).await;
    let _third = acquire(&search);
    assert!(is_full(&search));
    advance(Duration::from_secs(20)).await;
    let _fourth = acquire(&search);
    assert!(is_full(&search));
}

#[tokio::test(start_paused = true)]
async fn a_success_after_the_lease_still_counts() {
    let lease = Duration::from_secs(5);
    let policy = policy().half_open_max_calls(1).without_latency();
    let search = ready_to_probe(policy.probe_lease(lease).success_threshold(2)).await;
    let overdue = acquire(&search);
    advance(lease).await;
    let second = acquire(&search);
    overdue.record(Outcome::Success);
    assert_eq!(search.state("acme"), CircuitState::HalfOpen);
    second.record(Outcome::Success);
    assert_eq!(search.state("acme"), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_failure_after_the_lease_still_counts() {
    let lease = Duration::from_secs(5);
    let search = ready_to_probe(policy().half_open_max_calls(1).probe_lease(lease)).await;
    let overdue = acquire(&search);
    advance(lease).await;
    overdue.record(Outcome::failure());
    assert_eq!(opened_by(&search), Reason::ProbeFailed);
}

#[tokio::test(start_paused = true)]
async fn a_lease_lasts_a_minute_by_default() {
    let policy = policy().half_open_max_calls(1);
    let search = ready_to_probe(policy.latency(LatencyRule::p95(Duration::from_secs(3)))).await;
    let _probe = acquire(&search);
    advance(Duration::from_secs(60) - NANO).await;
    assert!(is_full(&search));
    advance(NANO).await;
    assert!(acquire(&search).is_probe());
}

#[tokio::test(start_paused = true)]
async fn a_lease_lasts_twice_the_largest_threshold_where_that_is_longer() {
    let policy = policy()
        .half_open_max_calls(1)
        .latency(LatencyRule::p50(Duration::from_secs(40)))
        .latency(LatencyRule::p95(Duration::from_secs(50)))
        .latency(LatencyRule::p99(Duration::from_secs(30)));
    let search = ready_to_probe(policy).await;
    let largest = search.policy().latency_threshold(1).unwrap();
    let _probe = acquire(&search);
    advance(2 * largest - NANO).await;
    assert!(is_full(&search));
    advance(NANO).await;
    assert!(acquire(&search).is_probe());
}

#[tokio::test(start_paused = true)]
async fn probes_that_never_come_back_wedge_nothing() {
    let search = ready_to_probe(policy().half_open_max_calls(3).success_threshold(2)).await;
    for _ in 0..3 {
        mem::forget(acquire(&search));
    }
    assert!(is_full(&search));
    advance(Duration::from_secs(60)).await;
    for _ in 0..2 {
        acquire(&search).record(Outcome::Success);
    }
    assert_eq!(search.state("acme"), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn success_threshold_successes_close() {
    for enough in [1, 2, 3, 255] {
        let search = ready_to_probe(policy().success_threshold(enough)).await;
        for _ in 1..enough {
            acquire(&search).record(Outcome::Success);
            assert_eq!(search.state("acme"), CircuitState::HalfOpen);
        }
        acquire(&search).record(Outcome::Success);
        assert_eq!(search.state("acme"), CircuitState::Closed);
        assert!(!acquire(&search).is_probe());
        assert_eq!(search.snapshot().totals.probe_successes, u64::from(enough));
    }
}

#[tokio::test(start_paused = true)]
async fn successes_of_an_earlier_half_open_stretch_do_not_count() {
    let search = ready_to_probe(policy().success_threshold(2)).await;
    acquire(&search).record(Outcome::Success);
    acquire(&search).record(Outcome::failure());
    advance(PERIOD).await;
    acquire(&search).record(Outcome::Success);
    assert_eq!(search.state("acme"), CircuitState::HalfOpen);
}

#[tokio::test(start_paused = true)]
async fn one_failed_probe_opens_again_whatever_succeeded_before() {
    let search = ready_to_probe(policy().success_threshold(3)).await;
    acquire(&search).record(Outcome::Success);
    acquire(&search).record(Outcome::Success);
    acquire(&search).record(Outcome::failure());
    assert_eq!(opened_by(&search), Reason::ProbeFailed);
    assert!(!search.circuit("acme").would_admit());
    assert_eq!(search.snapshot().totals.probe_failures, 1);
}

#[tokio::test(start_paused = true)]
async fn a_throttled_probe_opens_again() {
    let search = ready_to_probe(policy()).await;
    acquire(&search).record(Outcome::throttled());
    assert_eq!(opened_by(&search), Reason::ProbeThrottled);
}

#[tokio::test(start_paused = true)]
async fn a_probe_is_slow_over_the_largest_threshold_and_not_before() {
    let policy = policy()
        .latency(LatencyRule::p50(Duration::from_secs(1)))
        .latency(LatencyRule::p95(Duration::from_secs(4)))
        .success_threshold(2);
    let search = ready_to_probe(policy).await;
    let largest = search.policy().latency_threshold(1).unwrap();
    let (fine, slow) = (acquire(&search), acquire(&search));
    advance(largest).await;
    fine.record(Outcome::Success);
    assert_eq!(search.state("acme"), CircuitState::HalfOpen);
    assert_eq!(search.snapshot().totals.probe_successes, 1);
    advance(NANO).await;
    slow.record(Outcome::Success);
    assert_eq!(opened_by(&search), Reason::ProbeSlow);
}

#[tokio::test(start_paused = true)]
async fn without_a_latency_rule_no_probe_is_slow() {
    let search = ready_to_probe(policy().without_latency().success_threshold(1)).await;
    let probe = acquire(&search);
    advance(Duration::from_secs(1_000)).await;
    probe.record(Outcome::Success);
    assert_eq!(search.state("acme"), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn an_ignored_probe_returns_its_place_and_keeps_the_state() {
    let policy = policy().half_open_max_calls(1).success_threshold(2);
    let search = ready_to_probe(policy).await;
    acquire(&search).record(Outcome::Success);
    let generation = search.circuit("acme").snapshot().unwrap().generation;
    for _ in 0..100 {
        let probe = acquire(&search);
        // Slow ones too.
        advance(Duration::from_secs(4)).await;
        probe.record(Outcome::Ignored);
    }
    let snapshot = search.circuit("acme").snapshot().unwrap();
    assert_eq!(snapshot.state, CircuitState::HalfOpen);
    assert_eq!(snapshot.generation, generation);
    // Neither did they count as successes, nor did they take away the one that there was.
    acquire(&search).record(Outcome::Success);
    assert_eq!(search.state("acme"), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_probe_neither_closes_nor_keeps_its_place() {
    let policy = policy().half_open_max_calls(1).success_threshold(1);
    let search = ready_to_probe(policy).await;
    for _ in 0..4 {
        drop(acquire(&search));
        assert_eq!(search.state("acme"), CircuitState::HalfOpen);
        assert!(!is_full(&search));
    }
}

#[tokio::test(start_paused = true)]
async fn the_next_caller_probes_in_the_place_of_a_cancelled_probe_at_once() {
    let policy = policy().half_open_max_calls(1).success_threshold(1);
    let search = ready_to_probe(policy).await;
    drop(acquire(&search));
    let next = acquire(&search);
    assert!(next.is_probe());
    next.record(Outcome::Success);
    assert_eq!(search.state("acme"), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_probe_cancelled_past_the_largest_threshold_is_a_slow_probe() {
    let policy = policy()
        .latency(LatencyRule::p50(Duration::from_secs(1)))
        .latency(LatencyRule::p95(Duration::from_secs(4)));
    let search = ready_to_probe(policy).await;
    let largest = search.policy().latency_threshold(1).unwrap();
    let (in_time, too_late) = (acquire(&search), acquire(&search));
    advance(largest).await;
    drop(in_time);
    assert_eq!(search.state("acme"), CircuitState::HalfOpen);
    advance(NANO).await;
    drop(too_late);
    assert_eq!(opened_by(&search), Reason::ProbeSlow);
}

#[tokio::test(start_paused = true)]
async fn abandoned_run_cancelled_probes_in_a_row_open_again() {
    for enough in [1, 3, 5] {
        let search = ready_to_probe(policy().abandoned_run(enough)).await;
        for _ in 1..enough {
            drop(acquire(&search));
            assert_eq!(search.state("acme"), CircuitState::HalfOpen);
        }
        drop(acquire(&search));
        assert_eq!(opened_by(&search), Reason::ProbesAbandoned);
    }
}

#[tokio::test(start_paused = true)]
async fn the_run_of_cancelled_probes_is_ended_by_a_success_and_not_by_an_ignored_probe() {
    let search = ready_to_probe(policy().abandoned_run(3).success_threshold(9)).await;
    let cancel = || drop(acquire(&search));
    cancel();
    cancel();
    acquire(&search).record(Outcome::Success);
    cancel();
    cancel();
    assert_eq!(search.state("acme"), CircuitState::HalfOpen);
    acquire(&search).record(Outcome::Ignored);
    cancel();
    assert_eq!(opened_by(&search), Reason::ProbesAbandoned);
}

#[tokio::test(start_paused = true)]
async fn the_run_of_cancelled_probes_is_ended_by_an_idle_window() {
    let window = Duration::from_secs(60);
    let search = ready_to_probe(policy().window(window).abandoned_run(2)).await;
    drop(acquire(&search));
    advance(window).await;
    drop(acquire(&search));
    assert_eq!(search.state("acme"), CircuitState::HalfOpen);
    advance(window - Duration::from_secs(6)).await;
    drop(acquire(&search));
    assert_eq!(opened_by(&search), Reason::ProbesAbandoned);
}

#[tokio::test(start_paused = true)]
async fn the_run_of_cancelled_probes_is_ended_by_a_new_generation() {
    let search = ready_to_probe(policy().abandoned_run(2)).await;
    drop(acquire(&search));
    acquire(&search).record(Outcome::failure());
    advance(PERIOD).await;
    drop(acquire(&search));
    assert_eq!(search.state("acme"), CircuitState::HalfOpen);
}

#[tokio::test(start_paused = true)]
async fn with_abandoned_run_off_cancelled_probes_never_open() {
    let search = ready_to_probe(policy().abandoned_run(0)).await;
    for _ in 0..1_000 {
        drop(acquire(&search));
    }
    assert_eq!(search.state("acme"), CircuitState::HalfOpen);
}

#[tokio::test(start_paused = true)]
async fn a_half_open_circuit_that_was_probed_lately_is_not_forgotten() {
    let registry = CircuitBreakerRegistry::builder().max_tenants(1);
    let policy = policy().window(Duration::from_secs(60)).build().unwrap();
    let registry = registry.build().unwrap();
    let search = registry.dependency_with("search", policy).unwrap();
    search.circuit("acme").open().unwrap();
    for _ in 0..10 {
        advance(Duration::from_secs(60)).await;
        acquire(&search).record(Outcome::Ignored);
        drop(search.acquire("globex").unwrap());
        assert_eq!(search.state("acme"), CircuitState::HalfOpen);
    }
    // A window and an open period after the last attempt it may go.
    advance(Duration::from_secs(60) + PERIOD).await;
    drop(search.acquire("globex").unwrap());
    assert_eq!(search.state("acme"), CircuitState::Closed);
    assert_eq!(search.snapshot().forgotten, 1);
}
