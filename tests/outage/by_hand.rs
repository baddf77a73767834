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
    let search = in_outage(policy());
    search.set_policy(policy().without_outage().build().unwrap());
    succeed(&search, 5..7);
    search.set_policy(policy().build().unwrap());
    assert!(search.outage().is_none());
    succeed(&search, 5..7);
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
async fn a_policy_that_counts_otherwise_counts_tenants_anew() {
    let search = with_tenants(policy(), 0..10);
    trip(&search, 0..2);
    search.set_policy(policy().window(2 * WINDOW).build().unwrap());
    trip(&search, 5..6);
    assert!(search.outage().is_none());
    assert!(acquire(&search, 0).is_err());
    assert!(acquire(&search, 1).is_err());
    trip(&search, 6..7);
    // The two whose calls are rejected count again.
    assert_eq!(search.outage().unwrap().down, 4);
}
