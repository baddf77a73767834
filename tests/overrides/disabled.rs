//! Disabled admits all, and records nothing.

use super::*;

#[tokio::test(start_paused = true)]
async fn disabled_admits_all_and_records_nothing() {
    for level in LEVELS {
        let levels = Levels::new();
        let search = &levels.search;
        fail(search);
        let before = snapshot(search);
        levels.set(level, Override::Disabled);
        for outcome in [
            Outcome::Success,
            Outcome::failure(),
            Outcome::throttled().with_retry_after(100 * PERIOD),
            Outcome::Ignored,
        ] {
            acquire(search).record(outcome);
            drop(acquire(search));
        }
        let after = snapshot(search);
        assert_eq!(after.totals, before.totals, "{level:?}");
        assert_eq!(after.window, before.window);
        assert_eq!(after.generation, before.generation);
        assert_eq!(after.retry_after, before.retry_after);
    }
}

#[tokio::test(start_paused = true)]
async fn disabled_records_nothing_that_ends_meanwhile() {
    for level in LEVELS {
        let levels = Levels::new();
        let search = &levels.search;
        let straggler = acquire(search);
        search.circuit("acme").reset();
        let earlier = [acquire(search), acquire(search)];
        let before = snapshot(search);
        levels.set(level, Override::Disabled);
        let [failed, cancelled] = earlier;
        failed.record(Outcome::failure());
        advance(Duration::from_secs(50)).await;
        drop(cancelled);
        drop(straggler);
        levels.clear(level);
        assert_eq!(snapshot(search).totals, before.totals, "{level:?}");
        assert_eq!(search.state("acme"), CircuitState::Closed);
    }
}

#[tokio::test(start_paused = true)]
async fn disabled_frees_the_place_of_a_probe_that_ends_meanwhile() {
    for level in LEVELS {
        let levels = Levels::new();
        let search = &levels.search;
        fail(search);
        advance(PERIOD).await;
        let probe = acquire(search);
        levels.set(level, Override::Disabled);
        probe.record(Outcome::failure());
        levels.clear(level);
        assert_eq!(search.state("acme"), CircuitState::HalfOpen, "{level:?}");
        assert!(acquire(search).is_probe());
    }
}

#[tokio::test(start_paused = true)]
async fn disabled_records_nothing_that_was_admitted_meanwhile_and_ends_later() {
    for level in LEVELS {
        for warm in [false, true] {
            let levels = Levels::new();
            let search = &levels.search;
            if warm {
                drop(acquire(search));
            }
            levels.set(level, Override::Disabled);
            let meanwhile = [acquire(search), acquire(search)];
            levels.clear(level);
            drop(acquire(search));
            let before = snapshot(search);
            let [failed, cancelled] = meanwhile;
            failed.record(Outcome::failure());
            drop(cancelled);
            assert_eq!(snapshot(search).totals, before.totals, "{level:?}");
            assert_eq!(search.state("acme"), CircuitState::Closed);
        }
    }
}
