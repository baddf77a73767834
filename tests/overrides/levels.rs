//! Four levels, of which the nearest wins, and what lies beneath.

use super::*;

#[tokio::test(start_paused = true)]
async fn an_override_holds_for_what_its_level_covers_and_for_nothing_else() {
    for level in LEVELS {
        let levels = Levels::new();
        let other = levels.registry.dependency("mail").unwrap();
        levels.set(level, Override::ForcedOpen);
        let admits = [
            levels.search.acquire("acme").is_ok(),
            levels.search.acquire("globex").is_ok(),
            other.acquire("acme").is_ok(),
            other.acquire("globex").is_ok(),
        ];
        let expected = match level {
            Circuit => [false, true, true, true],
            OfDependency => [false, false, true, true],
            Tenant => [false, true, false, true],
            Registry => [false; 4],
        };
        assert_eq!(admits, expected, "{level:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_nearest_override_wins() {
    for (at, near) in LEVELS.into_iter().enumerate() {
        for far in &LEVELS[at + 1..] {
            for near_kind in KINDS {
                for far_kind in KINDS {
                    for warm in [false, true] {
                        let levels = Levels::new();
                        if warm {
                            drop(acquire(&levels.search));
                        }
                        levels.set(near, near_kind);
                        levels.set(*far, far_kind);
                        let kill = matches!(far, Registry) && far_kind == Override::Disabled;
                        let winner = if kill { far_kind } else { near_kind };
                        let seen = levels.search.effective_state("acme");
                        let case = (near, near_kind, far, far_kind, warm);
                        assert_eq!(seen, effective(winner, CircuitState::Closed), "{case:?}");
                        let forced = winner == Override::ForcedOpen;
                        assert_eq!(is_forced(&levels.search), forced, "{case:?}");
                    }
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_kill_switch_beats_everything_and_is_undone_by_clear() {
    let levels = Levels::new();
    let search = &levels.search;
    fail(search);
    for level in [Circuit, OfDependency, Tenant] {
        levels.set(level, Override::ForcedOpen);
    }
    levels.registry.set(Override::Disabled);
    assert_eq!(search.effective_state("acme"), EffectiveState::Disabled);
    for _ in 0..10 {
        fail(search);
        search.acquire("globex").unwrap().record(Outcome::failure());
    }
    // A dependency that is yet to come is covered too.
    let later = levels.registry.dependency("mail").unwrap();
    assert_eq!(later.effective_state("acme"), EffectiveState::Disabled);
    later.set(Override::ForcedOpen);
    assert!(later.acquire("acme").is_ok());

    levels.registry.clear();
    assert!(is_forced(search));
    assert!(is_forced(&later));
}

#[tokio::test(start_paused = true)]
async fn when_an_override_ends_or_is_cleared_what_lies_beneath_holds() {
    let levels = Levels::new();
    let search = &levels.search;
    fail(search);
    levels.force_open(Registry, "registry");
    levels.force_open(Tenant, "tenant");
    levels.set_for(OfDependency, Override::Disabled, 2 * PERIOD);
    levels.set_for(Circuit, Override::ForcedOpen, PERIOD);
    assert!(is_forced(search));
    advance(PERIOD).await;
    assert_eq!(search.effective_state("acme"), EffectiveState::Disabled);
    assert!(search.acquire("acme").is_ok());
    advance(PERIOD).await;
    assert_eq!(rejected(search).note(), Some("tenant"));
    levels.clear(Tenant);
    assert_eq!(rejected(search).note(), Some("registry"));
    levels.clear(Registry);
    let automatic = EffectiveState::Automatic(CircuitState::Open);
    assert_eq!(search.effective_state("acme"), automatic);
    // The automatic machine goes on where it was: its period is over.
    assert!(acquire(search).is_probe());
}

#[tokio::test(start_paused = true)]
async fn an_override_set_again_takes_the_place_of_the_one_before() {
    for level in LEVELS {
        let levels = Levels::new();
        levels.force_open(level, "first");
        levels.set_for(level, Override::ForcedOpen, PERIOD);
        assert_eq!(rejected(&levels.search).note(), None);
        levels.set(level, Override::Disabled);
        assert!(levels.search.acquire("acme").is_ok(), "{level:?}");
        advance(2 * PERIOD).await;
        let seen = levels.search.effective_state("acme");
        assert_eq!(seen, EffectiveState::Disabled, "{level:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_override_changes_neither_state_nor_generation_and_earlier_permits_stay_current() {
    for level in LEVELS {
        for kind in KINDS {
            let levels = Levels::new();
            let search = &levels.search;
            let earlier = acquire(search);
            let before = snapshot(search);
            levels.set(level, kind);
            let during = snapshot(search);
            assert_eq!(during.state, CircuitState::Closed);
            assert_eq!(search.state("acme"), CircuitState::Closed);
            assert_eq!(during.generation, before.generation);
            assert_eq!(
                during.effective_state,
                effective(kind, CircuitState::Closed)
            );
            levels.clear(level);
            assert_eq!(snapshot(search).generation, before.generation);
            earlier.record(Outcome::failure());
            assert_eq!(snapshot(search).totals.late, 0);
            assert_eq!(search.state("acme"), CircuitState::Open);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn reset_lifts_no_override() {
    for level in LEVELS {
        for kind in KINDS {
            let levels = Levels::new();
            let search = &levels.search;
            fail(search);
            levels.set(level, kind);
            search.circuit("acme").reset();
            search.reset();
            levels.registry.reset();
            assert_eq!(search.state("acme"), CircuitState::Closed);
            let seen = search.effective_state("acme");
            assert_eq!(seen, effective(kind, CircuitState::Closed), "{level:?}");
            assert_eq!(is_forced(search), kind == Override::ForcedOpen);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_change_of_state_lifts_an_override() {
    let search = dependency();
    let acme = search.circuit("acme");
    acme.open().unwrap();
    acme.set(Override::ForcedOpen);
    acme.half_open().unwrap();
    assert!(is_forced(&search));
    acme.open_for(PERIOD).unwrap();
    advance(2 * PERIOD).await;
    assert!(is_forced(&search));
    acme.reset();
    assert!(is_forced(&search));
}

#[tokio::test(start_paused = true)]
async fn any_override_beats_the_automatic_machine() {
    for level in LEVELS {
        let levels = Levels::new();
        let search = &levels.search;
        levels.set(level, Override::ForcedOpen);
        assert_eq!(search.state("acme"), CircuitState::Closed);
        assert!(is_forced(search));
        levels.clear(level);
        fail(search);
        levels.set(level, Override::Disabled);
        assert_eq!(search.state("acme"), CircuitState::Open);
        assert!(search.acquire("acme").is_ok());
        assert!(search.circuit("acme").would_admit());
    }
}
