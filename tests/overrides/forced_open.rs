//! ForcedOpen: who is rejected, until when, and what they are told.

use super::*;

#[tokio::test(start_paused = true)]
async fn forced_open_rejects_every_call_at_every_level_until_it_is_cleared() {
    for level in LEVELS {
        let levels = Levels::new();
        let search = &levels.search;
        drop(acquire(search));
        levels.set(level, Override::ForcedOpen);
        for _ in 0..3 {
            let open = rejected(search);
            assert_eq!(open.reason(), Reason::Forced, "{level:?}");
            assert_eq!(open.retry_after(), None, "{level:?}");
            assert_eq!(open.note(), None);
            assert!(!search.circuit("acme").would_admit());
            // No probe either, however long it lasts.
            advance(100 * PERIOD).await;
        }
        levels.clear(level);
        assert!(search.circuit("acme").would_admit());
        assert!(search.acquire("acme").is_ok(), "{level:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn forced_open_with_an_end_says_what_is_left_of_it_and_ends() {
    for level in LEVELS {
        let levels = Levels::new();
        let search = &levels.search;
        drop(acquire(search));
        levels.set_for(level, Override::ForcedOpen, 3 * PERIOD);
        assert_eq!(rejected(search).retry_after(), Some(3 * PERIOD));
        advance(3 * PERIOD - NANO).await;
        assert_eq!(rejected(search).retry_after(), Some(NANO), "{level:?}");
        advance(NANO).await;
        assert!(search.acquire("acme").is_ok(), "{level:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn force_open_carries_its_reason_to_those_it_rejects() {
    for level in LEVELS {
        for warm in [false, true] {
            let levels = Levels::new();
            if warm {
                drop(acquire(&levels.search));
            }
            levels.force_open(level, "unpaid");
            let open = rejected(&levels.search);
            assert_eq!(open.note(), Some("unpaid"), "{level:?}");
            assert_eq!(open.reason(), Reason::Forced);
            assert_eq!(open.tenant(), Some("acme"));
            assert_eq!(open.dependency(), "search");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn force_open_for_carries_its_reason_and_what_is_left_of_it_and_ends() {
    for level in LEVELS {
        for warm in [false, true] {
            let levels = Levels::new();
            if warm {
                drop(acquire(&levels.search));
            }
            levels.force_open_for(level, "unpaid", 3 * PERIOD);
            advance(PERIOD).await;
            let open = rejected(&levels.search);
            let told = (open.reason(), open.note(), open.retry_after());
            let expected = (Reason::Forced, Some("unpaid"), Some(2 * PERIOD));
            assert_eq!(told, expected, "{level:?}");
            advance(2 * PERIOD).await;
            assert!(levels.search.acquire("acme").is_ok(), "{level:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn force_open_for_a_time_beyond_all_time_has_no_end() {
    for level in LEVELS {
        let levels = Levels::new();
        levels.force_open_for(level, "unpaid", Duration::MAX);
        assert_eq!(rejected(&levels.search).retry_after(), None, "{level:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_ends_while_forced_open_or_in_a_dry_run_is_recorded() {
    for level in LEVELS {
        for kind in [Override::ForcedOpen, Override::DryRun] {
            let levels = Levels::new();
            let earlier = acquire(&levels.search);
            levels.set(level, kind);
            earlier.record(Outcome::failure());
            let seen = (levels.search.state("acme"), kind, level);
            assert_eq!(seen.0, CircuitState::Open, "{seen:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_rejection_by_an_override_is_told_as_one() {
    for warm in [false, true] {
        let (registry, told) = observed();
        let search = declare(&registry, policy());
        if warm {
            drop(acquire(&search));
        }
        search.set(Override::ForcedOpen);
        assert!(is_forced(&search));
        let forced = Some(Reason::Forced);
        let expected = (EventKind::Rejection, Origin::Override, forced, false);
        assert_eq!(*told.lock().unwrap(), [expected]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_forced_circuit_is_counted_as_forced_until_it_ends() {
    let search = dependency();
    search.circuit("acme").set_for(Override::ForcedOpen, PERIOD);
    search.circuit("globex").set(Override::ForcedOpen);
    search.circuit("initech").set(Override::DryRun);
    assert_eq!(search.snapshot().forced_circuits, 2);
    advance(PERIOD).await;
    assert_eq!(search.snapshot().forced_circuits, 1);
    search.circuit("globex").clear();
    assert_eq!(search.snapshot().forced_circuits, 0);
}
