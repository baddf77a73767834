//! What people read of circuits and dependencies, also while calls go on.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use tokio::time::{Instant, advance};
use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitSnapshot, CircuitState, Dependency, EffectiveState, LatencyRule,
    OpenPeriod, Outcome, Override, Permit, Policy, PolicyBuilder, Probing, Reason, Totals,
};

const SECOND: Duration = Duration::from_secs(1);
const WINDOW: Duration = Duration::from_secs(10);
const PERIOD: Duration = Duration::from_secs(4);
/// Longer than the threshold of the latency rule, which never trips.
const SLOW: Duration = Duration::from_secs(2);

fn policy() -> PolicyBuilder {
    Policy::builder()
        .window(WINDOW)
        .without_failure_rate()
        .consecutive_failures(3)
        .latency(LatencyRule::p95(SECOND).min_calls(60_000))
        .open_for(OpenPeriod::fixed(PERIOD).jitter(0.0))
        .half_open_max_calls(2)
        .success_threshold(2)
        .abandoned_run(3)
}

fn registry() -> CircuitBreakerRegistry {
    CircuitBreakerRegistry::builder().build().unwrap()
}

fn dependency() -> Dependency {
    let policy = policy().build().unwrap();
    registry().dependency_with("search", policy).unwrap()
}

fn acquire(dependency: &Dependency) -> Permit {
    dependency.acquire("acme").unwrap()
}

fn record(dependency: &Dependency, outcome: Outcome) {
    acquire(dependency).record(outcome);
}

fn trip(dependency: &Dependency) {
    for _ in 0..3 {
        record(dependency, Outcome::failure());
    }
    assert_eq!(dependency.state("acme"), CircuitState::Open);
}

fn circuit(dependency: &Dependency) -> CircuitSnapshot {
    dependency.circuit("acme").snapshot().unwrap()
}

/// The totals of the circuit, which are those of its dependency as long as it is the only one.
fn totals(dependency: &Dependency) -> Totals {
    let totals = circuit(dependency).totals;
    assert_eq!(dependency.snapshot().totals, totals);
    totals
}

#[tokio::test(start_paused = true)]
async fn calls_are_those_that_were_counted_also_when_they_have_left_the_window() {
    let search = dependency();
    for outcome in [Outcome::Success, Outcome::failure(), Outcome::throttled()] {
        record(&search, outcome);
    }
    record(&search, Outcome::Ignored);
    drop(acquire(&search));
    assert_eq!(totals(&search).calls, 3);
    advance(100 * WINDOW).await;
    assert_eq!(totals(&search).calls, 3);
    record(&search, Outcome::Success);
    assert_eq!(totals(&search).calls, 4);
    assert_eq!(circuit(&search).window.calls, 1);
}

#[tokio::test(start_paused = true)]
async fn failures_throttled_and_ignored_calls_are_counted_apart() {
    let search = dependency();
    record(&search, Outcome::failure());
    for _ in 0..2 {
        record(&search, Outcome::throttled());
    }
    for _ in 0..4 {
        record(&search, Outcome::Ignored);
    }
    let totals = totals(&search);
    assert_eq!(
        (totals.failures, totals.throttled, totals.ignored),
        (1, 2, 4)
    );
    let window = circuit(&search).window;
    assert_eq!(
        (window.calls, window.failures, window.consecutive_failures),
        (3, 3, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn cancelled_calls_are_counted_and_a_run_of_them_as_failures_too() {
    let search = dependency();
    for _ in 0..2 {
        drop(acquire(&search));
    }
    let before = totals(&search);
    assert_eq!((before.cancelled, before.failures, before.calls), (2, 0, 0));
    drop(acquire(&search));
    let after = totals(&search);
    assert_eq!((after.cancelled, after.failures, after.calls), (3, 3, 3));
}

#[tokio::test(start_paused = true)]
async fn slow_calls_are_counted_whatever_their_outcome_but_ignored_ones_are_not() {
    let search = dependency();
    let outcomes = [
        Outcome::Success,
        Outcome::failure(),
        Outcome::throttled(),
        Outcome::Ignored,
    ];
    for outcome in outcomes {
        let permit = acquire(&search);
        advance(SLOW).await;
        permit.record(outcome);
        record(&search, Outcome::Success);
    }
    let cancelled = acquire(&search);
    advance(SLOW).await;
    drop(cancelled);
    let totals = totals(&search);
    assert_eq!((totals.slow, totals.calls, totals.cancelled), (4, 8, 1));
}

#[tokio::test(start_paused = true)]
async fn rejected_calls_and_those_that_a_dry_run_let_through_are_counted_apart() {
    let search = dependency();
    trip(&search);
    for _ in 0..2 {
        assert!(search.acquire("acme").is_err());
    }
    search.set(Override::DryRun);
    for _ in 0..3 {
        record(&search, Outcome::failure());
    }
    let totals = totals(&search);
    assert_eq!(
        (totals.rejected, totals.would_reject, totals.failures),
        (2, 3, 3)
    );
}

#[tokio::test(start_paused = true)]
async fn rejections_without_a_circuit_are_in_the_sums_of_the_dependency() {
    let search = dependency();
    search.force_open("maintenance");
    for _ in 0..3 {
        assert!(search.acquire("acme").is_err());
    }
    assert!(search.circuit("acme").snapshot().is_none());
    assert_eq!(search.snapshot().totals.rejected, 3);
}

#[tokio::test(start_paused = true)]
async fn calls_that_end_in_another_generation_are_late_and_nothing_else() {
    let search = dependency();
    let [a, b, c, d] = [(); 4].map(|()| acquire(&search));
    trip(&search);
    let before = totals(&search);
    a.record(Outcome::Success);
    b.record(Outcome::failure());
    c.record(Outcome::throttled());
    drop(d);
    let after = totals(&search);
    assert_eq!(after.late, 4);
    assert_eq!(
        (after.calls, after.failures),
        (before.calls, before.failures)
    );
    assert_eq!(after.throttled, before.throttled);
}

#[tokio::test(start_paused = true)]
async fn probes_and_what_became_of_them_are_counted() {
    let search = dependency();
    trip(&search);
    let bad: [fn(Permit); 4] = [
        |probe| probe.record(Outcome::failure()),
        |probe| probe.record(Outcome::throttled()),
        |probe| probe.record(Outcome::Success),
        drop,
    ];
    for (n, end) in bad.into_iter().enumerate() {
        advance(PERIOD).await;
        let probe = acquire(&search);
        assert!(probe.is_probe());
        // The last two are only bad since they are slow.
        advance(if n < 2 { Duration::ZERO } else { SLOW }).await;
        end(probe);
        assert_eq!(search.state("acme"), CircuitState::Open);
        assert_eq!(totals(&search).probe_failures, n as u64 + 1);
    }
    advance(PERIOD).await;
    record(&search, Outcome::Ignored);
    record(&search, Outcome::Success);
    record(&search, Outcome::Success);
    assert_eq!(search.state("acme"), CircuitState::Closed);
    let totals = totals(&search);
    assert_eq!(
        (totals.probes, totals.probe_successes, totals.probe_failures),
        (7, 2, 4)
    );
    assert_eq!(
        (totals.failures, totals.throttled, totals.ignored),
        (4, 1, 1)
    );
    assert_eq!((totals.cancelled, totals.slow, totals.opened), (1, 2, 5));
    assert_eq!(totals.calls, 3 + 4 + 2);
}

#[tokio::test(start_paused = true)]
async fn openings_and_the_time_open_are_counted_and_half_open_time_is_not() {
    let search = dependency();
    trip(&search);
    advance(SECOND).await;
    assert_eq!(totals(&search).time_open, SECOND);
    advance(PERIOD).await;
    // Open until a probe begins, however long its period has been over.
    let probe = acquire(&search);
    advance(SECOND).await;
    probe.record(Outcome::Success);
    record(&search, Outcome::Success);
    advance(SECOND).await;
    assert_eq!(
        (totals(&search).opened, totals(&search).time_open),
        (1, SECOND + PERIOD)
    );
    search.circuit("acme").open().unwrap();
    advance(SECOND).await;
    search.circuit("acme").open().unwrap();
    advance(SECOND).await;
    search.circuit("acme").reset();
    advance(SECOND).await;
    let totals = totals(&search);
    assert_eq!((totals.opened, totals.time_open), (3, 3 * SECOND + PERIOD));
}

#[tokio::test(start_paused = true)]
async fn the_last_success_is_known_to_the_slot_and_the_last_failure_exactly() {
    let created = Instant::now();
    let search = dependency();
    record(&search, Outcome::Ignored);
    let snapshot = circuit(&search);
    assert_eq!((snapshot.last_success, snapshot.last_failure), (None, None));
    advance(Duration::from_millis(12_345)).await;
    record(&search, Outcome::Success);
    advance(Duration::from_millis(3_000)).await;
    record(&search, Outcome::failure());
    advance(100 * WINDOW).await;
    let snapshot = circuit(&search);
    assert_eq!(
        snapshot.last_success,
        Some(created + Duration::from_secs(12))
    );
    assert_eq!(
        snapshot.last_failure,
        Some(created + Duration::from_millis(15_345))
    );
    let failed_probe = created + Duration::from_millis(15_345) + 100 * WINDOW;
    search.circuit("acme").open().unwrap();
    search.circuit("acme").half_open().unwrap();
    record(&search, Outcome::failure());
    assert_eq!(circuit(&search).last_failure, Some(failed_probe));
}

#[tokio::test(start_paused = true)]
async fn the_last_trip_keeps_its_reason_and_figures_until_the_next_one() {
    let created = Instant::now();
    let search = dependency();
    record(&search, Outcome::Success);
    assert_eq!(circuit(&search).last_trip, None);
    advance(SECOND).await;
    record(&search, Outcome::throttled());
    trip(&search);
    let check = |search: &Dependency| {
        let trip = circuit(search).last_trip.unwrap();
        assert_eq!(
            (trip.at, trip.reason),
            (created + SECOND, Reason::ConsecutiveFailures)
        );
        let figures = trip.figures;
        assert_eq!(
            (
                figures.calls,
                figures.failures,
                figures.consecutive_failures
            ),
            (5, 4, 3)
        );
        assert_eq!(figures.failure_rate(), 0.8);
    };
    check(&search);
    assert_eq!(circuit(&search).window.calls, 5);
    // A failed probe and a hand open circuits too, but only a closed one trips.
    advance(PERIOD).await;
    record(&search, Outcome::failure());
    check(&search);
    search.circuit("acme").open().unwrap();
    check(&search);
    search.circuit("acme").reset();
    check(&search);
    assert_eq!(circuit(&search).window.calls, 0);
    advance(SECOND).await;
    trip(&search);
    let trip = circuit(&search).last_trip.unwrap();
    assert_eq!(
        (trip.at, trip.figures.calls),
        (created + 2 * SECOND + PERIOD, 3)
    );
}

#[tokio::test(start_paused = true)]
async fn a_circuit_shows_its_state_its_override_its_generation_and_what_is_left_of_its_period() {
    let search = dependency();
    record(&search, Outcome::Success);
    let snapshot = circuit(&search);
    assert_eq!(snapshot.tenant.as_deref(), Some("acme"));
    assert_eq!(
        (snapshot.state, snapshot.generation),
        (CircuitState::Closed, 0)
    );
    assert_eq!((snapshot.retry_after, snapshot.in_flight), (None, None));
    trip(&search);
    search.circuit("acme").set(Override::DryRun);
    advance(SECOND).await;
    let snapshot = circuit(&search);
    assert_eq!(
        (snapshot.state, snapshot.generation),
        (CircuitState::Open, 1)
    );
    assert_eq!(
        snapshot.effective_state,
        EffectiveState::DryRun(CircuitState::Open)
    );
    assert_eq!(snapshot.retry_after, Some(PERIOD - SECOND));
    search.circuit("acme").clear();
    advance(PERIOD).await;
    let snapshot = circuit(&search);
    assert_eq!(snapshot.retry_after, Some(Duration::ZERO));
    assert_eq!(
        snapshot.effective_state,
        EffectiveState::Automatic(CircuitState::Open)
    );
    drop(acquire(&search));
    let snapshot = circuit(&search);
    assert_eq!(
        (snapshot.state, snapshot.generation),
        (CircuitState::HalfOpen, 2)
    );
    assert_eq!(snapshot.retry_after, None);
}

#[tokio::test(start_paused = true)]
async fn the_calls_in_the_air_are_shown_where_the_policy_bounds_them() {
    let policy = policy().max_in_flight(5).build().unwrap();
    let search = registry().dependency_with("search", policy).unwrap();
    let permits = [acquire(&search), acquire(&search)];
    assert_eq!(circuit(&search).in_flight, Some(2));
    drop(permits);
    assert_eq!(circuit(&search).in_flight, Some(0));
}

#[tokio::test(start_paused = true)]
async fn percentiles_are_shown_for_busy_circuits_and_not_invented_for_quiet_ones() {
    let search = dependency();
    for _ in 0..99 {
        record(&search, Outcome::Success);
    }
    assert_eq!(circuit(&search).latency, None);
    for _ in 0..100 {
        let permit = acquire(&search);
        advance(Duration::from_millis(10)).await;
        permit.record(Outcome::Success);
    }
    let latency = circuit(&search).latency.unwrap();
    let ten = Duration::from_micros(9_900)..Duration::from_micros(10_200);
    assert!(latency.samples > 50 && latency.samples <= 199);
    assert!(
        ten.contains(&latency.p95) && ten.contains(&latency.max),
        "{latency:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn open_half_open_and_forced_circuits_are_counted_as_they_come_and_go() {
    let search = dependency();
    let live = || {
        let snapshot = search.snapshot();
        (snapshot.open, snapshot.half_open, snapshot.forced)
    };
    assert_eq!(live(), (0, 0, 0));
    for tenant in ["a", "b", "c"] {
        search.circuit(tenant).open().unwrap();
    }
    assert_eq!(live(), (3, 0, 0));
    search.circuit("c").half_open().unwrap();
    assert_eq!(live(), (2, 1, 0));
    search.circuit("c").open().unwrap();
    search.circuit("c").half_open().unwrap();
    assert_eq!(live(), (2, 1, 0));

    // Also for a tenant without a circuit; other overrides are none of these.
    search.circuit("a").force_open("by hand");
    search
        .circuit("stranger")
        .set_for(Override::ForcedOpen, SECOND);
    search.circuit("d").set(Override::Disabled);
    assert_eq!(live(), (2, 1, 2));
    advance(SECOND).await;
    assert_eq!(live(), (2, 1, 1));
    search.circuit("a").clear();
    assert_eq!(live(), (2, 1, 0));

    search.circuit("c").reset();
    search.circuit("a").reset();
    assert_eq!(live(), (1, 0, 0));
    search.reset();
    assert_eq!(live(), (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn circuits_that_several_share_are_counted_and_shown_without_a_tenant() {
    let search = dependency();
    for _ in 0..3 {
        let permit = search.acquire_shared(Probing::Yes).unwrap();
        permit.record(Outcome::failure());
    }
    let snapshot = search.snapshot();
    assert_eq!(
        (snapshot.circuits, snapshot.open, snapshot.totals.calls),
        (0, 1, 3)
    );
    let shown = search.circuit_snapshots();
    assert_eq!(shown.len(), 1);
    assert_eq!(
        (shown[0].tenant.as_deref(), shown[0].state),
        (None, CircuitState::Open)
    );
    assert!(search.open_circuits().is_empty());
    search.reset();
    assert_eq!(search.snapshot().open, 0);
}

#[tokio::test(start_paused = true)]
async fn the_sums_of_a_dependency_are_those_of_its_circuits() {
    let registry = registry();
    let search = registry.dependency_with("search", policy().build().unwrap());
    let search = search.unwrap();
    for n in 0..30_u64 {
        let tenant = format!("tenant {n}");
        for _ in 0..n {
            if let Ok(permit) = search.acquire(&tenant) {
                permit.record(if n % 2 == 0 {
                    Outcome::failure()
                } else {
                    Outcome::Success
                });
            }
        }
    }
    let mut sum = Totals::default();
    for circuit in search.circuit_snapshots() {
        sum += circuit.totals;
    }
    let snapshot = registry.snapshot().pop().unwrap();
    assert_eq!(snapshot.name, "search");
    assert_eq!(snapshot.totals, sum);
    assert_eq!((snapshot.circuits, sum.opened), (29, 13));
}

#[test]
fn everything_can_be_read_while_other_threads_call() {
    const CALLS: u64 = 20_000;
    const THREADS: u64 = 3;
    let registry = registry();
    let policy = Policy::builder()
        .without_failure_rate()
        .without_consecutive_failures()
        .build()
        .unwrap();
    let search = registry.dependency_with("search", policy).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let callers: Vec<_> = (0..THREADS)
            .map(|thread| {
                let search = &search;
                scope.spawn(move || {
                    for n in 0..CALLS {
                        let permit = search.acquire(&format!("tenant {}", n % 7)).unwrap();
                        permit.record(match (n + thread) % 3 {
                            0 => Outcome::failure(),
                            1 => Outcome::throttled(),
                            _ => Outcome::Success,
                        });
                    }
                })
            })
            .collect();
        scope.spawn(|| {
            let mut before = Totals::default();
            while !done.load(Relaxed) {
                let now = registry.snapshot().pop().unwrap().totals;
                assert!(now.calls >= before.calls && now.calls <= THREADS * CALLS);
                assert!(now.failures >= before.failures);
                assert!(now.throttled >= before.throttled);
                before = now;
                for circuit in search.circuit_snapshots() {
                    assert_eq!(circuit.state, CircuitState::Closed);
                    assert!(circuit.window.failures <= THREADS * CALLS);
                }
                assert!(registry.tenant("tenant 1").snapshot().len() <= 1);
                assert!(registry.open_circuits().is_empty());
            }
        });
        for caller in callers {
            caller.join().unwrap();
        }
        done.store(true, Relaxed);
    });
    let totals = search.snapshot().totals;
    assert_eq!(totals.calls, THREADS * CALLS);
    assert_eq!(totals.failures + totals.throttled, THREADS * CALLS * 2 / 3);
}
