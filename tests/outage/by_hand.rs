//! What people do about an outage.

use super::*;

#[tokio::test(start_paused = true)]
async fn begin_recovery_ends_it() {
    let search = in_outage(policy());
    search.begin_recovery();
    assert!(search.outage().is_none());
    succeed(&search, 5..6);
    assert!(acquire(&search, 0).unwrap().is_probe());
}

#[tokio::test(start_paused = true)]
async fn reset_ends_it_and_closes_every_circuit() {
    let search = in_outage(policy());
    search.reset();
    assert!(search.outage().is_none());
    succeed(&search, 0..10);
    assert!(!acquire(&search, 0).unwrap().is_probe());
}

#[tokio::test(start_paused = true)]
async fn begin_recovery_lifts_no_override() {
    let search = in_outage(policy());
    search.force_open("maintenance");
    search.begin_recovery();
    assert_eq!(refused(&search, 5).note(), Some("maintenance"));
    search.clear();
    succeed(&search, 5..6);
}

#[tokio::test(start_paused = true)]
async fn a_policy_without_outages_ends_the_one_that_lasts() {
    let search = in_outage(policy());
    search.set_policy(policy().without_outage().build().unwrap());
    assert!(search.outage().is_none());
    succeed(&search, 5..6);
    // Those that are open recover as after any outage.
    assert_eq!(reason(&search, 0), Reason::ConsecutiveFailures);
    advance(3 * SECOND).await;
    assert!(acquire(&search, 0).unwrap().is_probe());
    trip(&search, 3..10);
    assert!(search.outage().is_none());
}

#[tokio::test(start_paused = true)]
async fn nor_does_it_come_back_with_a_policy_that_has_them() {
    for is_called in [true, false] {
        let search = in_outage(policy());
        search.set_policy(policy().without_outage().build().unwrap());
        if is_called {
            succeed(&search, 5..7);
        }
        search.set_policy(policy().build().unwrap());
        assert!(search.outage().is_none());
        succeed(&search, 5..7);
    }
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_is_new_decides_over_the_next_period_of_an_outage() {
    let search = in_outage(policy());
    let long = OpenPeriod::fixed(100 * SECOND).jitter(0.0);
    search.set_policy(
        policy()
            .outage(outage().open_for(long))
            .success_threshold(1)
            .build()
            .unwrap(),
    );
    assert_eq!(refused(&search, 5).retry_after(), Some(PERIOD));
    advance(PERIOD).await;
    record(&search, 5..6, Outcome::failure());
    assert_eq!(refused(&search, 5).retry_after(), Some(100 * SECOND));
    advance(100 * SECOND).await;
    succeed(&search, 5..6);
    assert!(search.outage().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_window_of_another_length_counts_tenants_anew_and_says_nothing_before_it_has_passed() {
    let search = with_tenants(policy(), 0..10);
    trip(&search, 0..2);
    search.set_policy(policy().window(2 * WINDOW).build().unwrap());
    trip(&search, 5..7);
    assert!(search.outage().is_none());
    advance(2 * WINDOW - NANO).await;
    succeed(&search, 7..9);
    trip(&search, 9..10);
    assert!(search.outage().is_none(), "the window has not passed");
    advance(NANO).await;
    trip(&search, 7..9);
    let seen = search.outage().unwrap();
    assert_eq!((seen.down, seen.active), (3, 3));
}

#[tokio::test(start_paused = true)]
async fn another_threshold_leaves_the_tenants_that_are_counted() {
    let search = with_tenants(policy().outage(outage().min_share(0.5)), 0..10);
    trip(&search, 0..4);
    search.set_policy(
        policy()
            .consecutive_failures(1)
            .outage(outage().min_share(0.5))
            .build()
            .unwrap(),
    );
    record(&search, 5..6, Outcome::failure());
    let seen = search.outage().unwrap();
    assert_eq!((seen.down, seen.active), (5, 10));
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_asks_for_outages_first_says_nothing_before_a_window_has_passed() {
    let search = with_tenants(policy().without_outage(), 0..10);
    search.set_policy(policy().build().unwrap());
    trip(&search, 0..4);
    assert!(search.outage().is_none());
}
