//! A probe that panics is a failed probe, and the prober lives on.

use super::*;

/// Panics for the tenant `acme`, in the closure or in its future, and asks the upstream for others.
fn panicking(search: &Dependency, upstream: &Upstream, in_the_future: bool) -> RecoveryProber {
    let upstream = upstream.clone();
    let probe = move |target: ProbeTarget| {
        let answer = upstream.ask(&target);
        let panics = target.tenant() == Some("acme");
        assert!(in_the_future || !panics, "on purpose");
        async move {
            assert!(!panics, "on purpose");
            answer.await
        }
    };
    prober(search).spawn(probe).unwrap()
}

#[tokio::test(start_paused = true)]
async fn it_is_a_failure_and_others_are_probed_as_before() {
    for in_the_future in [false, true] {
        let search = declare(policy());
        let upstream = Upstream::up();
        let prober = panicking(&search, &upstream, in_the_future);
        want(&search, "acme", 5);
        pass(PERIOD + HALF).await;
        let figures = search.circuit("acme").snapshot().unwrap();
        assert_eq!(figures.totals.probe_failures, 1, "{in_the_future}");
        assert_eq!(figures.retry_after, Some(PERIOD - HALF));

        want(&search, "globex", 1);
        pass(PERIOD + SECOND).await;
        assert_eq!(search.state("globex"), CircuitState::Closed);
        assert!(!prober.is_stopped());
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_circuit_is_probed_again() {
    let search = declare(policy());
    let _prober = panicking(&search, &Upstream::up(), true);
    want(&search, "acme", 1);
    for failures in 1..5 {
        pass(PERIOD + SECOND).await;
        let totals = search.snapshot().totals;
        assert_eq!((totals.probes, totals.probe_failures), (failures, failures));
        let _ = search.acquire_barred("acme", Probing::No);
    }
}

#[tokio::test(start_paused = true)]
async fn it_is_said_once() {
    watch_the_log();
    let search = declare(policy());
    let _prober = panicking(&search, &Upstream::up(), false);
    want(&search, "acme", 1);
    for _ in 0..3 {
        pass(PERIOD + SECOND).await;
        reject(&search, "acme", 1);
    }
    assert_eq!(search.snapshot().totals.probe_failures, 3);
    assert_eq!(ERRORS.get(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_future_that_panics_when_it_is_dropped_has_had_its_outcome() {
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            panic!("on purpose");
        }
    }

    let search = declare(policy().success_threshold(1));
    let prober = prober(&search)
        .spawn(|_| async {
            // Dropped with the future, which is dropped once the outcome is recorded or the time is over.
            let _late = Panics;
            pending().await
        })
        .unwrap();
    want(&search, "acme", 1);
    pass(PERIOD + 11 * SECOND).await;
    assert_eq!(search.snapshot().totals.probe_failures, 1);
    assert!(!prober.is_stopped());
}

/// What somebody panics with, and what panics again when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("the bomb");
    }
}

#[tokio::test(start_paused = true)]
async fn what_it_panics_with_does_not_end_the_prober_when_it_is_dropped_either() {
    let search = declare(policy());
    let prober = prober(&search)
        .spawn(async |_| -> Outcome { std::panic::panic_any(Bomb) })
        .unwrap();
    for _ in 0..2 {
        want(&search, "acme", 1);
        pass(10 * PERIOD).await;
    }
    assert!(!prober.is_stopped());
    assert!(search.snapshot().totals.probe_failures >= 2);
}
