//! The lifetime figures of a circuit and of a dependency, also while calls go on.

mod acme;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed, Ordering::SeqCst};
use std::time::Duration;

use tokio::time::advance;
use tower_tenant_breaker::{CircuitState, Dependency, Outcome, Override, Permit, Policy, Totals};

use acme::{PERIOD, SECOND, WINDOW, acquire, circuit, dependency, policy, record, registry, trip};

/// Longer than the threshold of the latency rule, which never trips.
const SLOW: Duration = Duration::from_secs(2);

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
    let snapshot = registry.snapshot().dependencies.pop().unwrap();
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
                let now = registry.snapshot().dependencies.pop().unwrap().totals;
                assert!(now.calls >= before.calls && now.calls <= THREADS * CALLS);
                assert!(now.failures >= before.failures);
                assert!(now.throttled >= before.throttled);
                before = now;
                for circuit in search.circuit_snapshots() {
                    assert_eq!(circuit.state, CircuitState::Closed);
                    assert!(circuit.window.failures <= THREADS * CALLS);
                }
                assert!(registry.tenant("tenant 1").snapshot().circuits.len() <= 1);
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

#[test]
fn no_call_is_left_out_or_counted_twice_while_newcomers_come() {
    let registry = registry();
    let search = registry
        .dependency_with("search", Policy::default())
        .unwrap();
    let (begun, ended) = (AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..30_000 {
                begun.fetch_add(1, SeqCst);
                let permit = search.acquire(&format!("tenant {number}")).unwrap();
                permit.record(Outcome::Success);
                ended.fetch_add(1, SeqCst);
            }
        });
        let mut is_over = false;
        while !is_over {
            let least = ended.load(SeqCst);
            is_over = least == 30_000;
            let calls = search.snapshot().totals.calls;
            let most = begun.load(SeqCst);
            assert!((least..=most).contains(&calls), "{least} {calls} {most}");
        }
    });
}
