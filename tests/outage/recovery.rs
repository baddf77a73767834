//! How circuits come back after an outage, and by hand.

use super::*;

fn deadlines(search: &Dependency, tenants: Range<usize>) -> Vec<Duration> {
    let left = |tenant| {
        search
            .circuit(&name(tenant))
            .snapshot()
            .unwrap()
            .retry_after
            .unwrap()
    };
    tenants.map(left).collect()
}

#[tokio::test(start_paused = true)]
async fn at_the_end_open_circuits_may_be_probed_though_their_own_periods_are_not_over() {
    let long = OpenPeriod::fixed(100 * SECOND).jitter(0.0);
    let search = in_outage(policy().open_for(long));
    advance(PERIOD).await;
    record(&search, 5..6, Outcome::failure());
    advance(2 * PERIOD).await;
    heal(&search, 5);
    for tenant in 0..3 {
        assert!(acquire(&search, tenant).unwrap().is_probe());
        assert_eq!(search.state(&name(tenant)), CircuitState::HalfOpen);
    }
}

#[tokio::test(start_paused = true)]
async fn they_are_spread_over_a_short_time() {
    let long = OpenPeriod::fixed(100 * SECOND).jitter(0.0);
    let spread = policy()
        .open_for(long)
        .outage(outage().recovery_spread(10 * SECOND));
    let search = with_tenants(spread, 0..100);
    trip(&search, 0..20);
    search.begin_recovery();
    let left = deadlines(&search, 0..20);
    assert!(left.iter().all(|left| *left <= 10 * SECOND), "{left:?}");
    assert!(left.iter().any(|left| *left < 5 * SECOND), "{left:?}");
    assert!(left.iter().any(|left| *left > 5 * SECOND), "{left:?}");
    // Drawn once: it does not come nearer by being asked for.
    assert_eq!(left, deadlines(&search, 0..20));
}

#[tokio::test(start_paused = true)]
async fn without_a_policy_they_are_spread_over_three_seconds() {
    let long = OpenPeriod::fixed(100 * SECOND).jitter(0.0);
    let search = with_tenants(policy().open_for(long).without_outage(), 0..40);
    trip(&search, 0..40);
    search.begin_recovery();
    let left = deadlines(&search, 0..40);
    assert!(left.iter().all(|left| *left <= 3 * SECOND), "{left:?}");
    assert!(left.iter().any(|left| *left > SECOND), "{left:?}");
}

#[tokio::test(start_paused = true)]
async fn a_recovery_shortens_no_hint() {
    let search = with_tenants(policy(), 0..10);
    let hint = Outcome::failure().with_retry_after(100 * SECOND);
    record(&search, 0..1, hint);
    record(&search, 0..1, Outcome::failure());
    trip(&search, 1..2);
    search.begin_recovery();
    assert_eq!(deadlines(&search, 0..2), [100 * SECOND, Duration::ZERO]);
}

#[tokio::test(start_paused = true)]
async fn nor_does_it_lengthen_a_period() {
    let spread = policy().outage(outage().recovery_spread(100 * SECOND));
    let search = with_tenants(spread, 0..40);
    trip(&search, 0..3);
    search.begin_recovery();
    assert!(deadlines(&search, 0..3).iter().all(|left| *left <= PERIOD));
}

#[tokio::test(start_paused = true)]
async fn those_whose_periods_are_over_are_spread_as_well() {
    let search = with_tenants(policy().without_outage(), 0..40);
    trip(&search, 0..40);
    advance(2 * PERIOD).await;
    assert_eq!(deadlines(&search, 0..40), [Duration::ZERO; 40]);
    search.begin_recovery();
    let left = deadlines(&search, 0..40);
    assert!(left.iter().all(|left| *left <= 3 * SECOND), "{left:?}");
    assert!(left.iter().any(|left| *left > SECOND), "{left:?}");
    advance(3 * SECOND).await;
    assert_eq!(deadlines(&search, 0..40), [Duration::ZERO; 40]);
}

#[tokio::test(start_paused = true)]
async fn a_circuit_that_opens_later_waits_for_its_whole_period() {
    let search = with_tenants(policy(), 0..20);
    search.begin_recovery();
    trip(&search, 0..1);
    assert_eq!(deadlines(&search, 0..1), [PERIOD]);
    assert_eq!(refused(&search, 0).retry_after(), Some(PERIOD));
}

#[tokio::test(start_paused = true)]
async fn growth_goes_on_after_a_recovery() {
    let search = with_tenants(policy(), 0..20);
    trip(&search, 0..1);
    search.begin_recovery();
    record(&search, 0..1, Outcome::failure());
    assert_eq!(deadlines(&search, 0..1), [2 * PERIOD]);
}

#[tokio::test(start_paused = true)]
async fn an_outage_that_comes_back_grows_too() {
    let search = in_outage(policy());
    advance(PERIOD).await;
    heal(&search, 5);
    trip(&search, 5..8);
    assert_eq!(refused(&search, 9).retry_after(), Some(2 * PERIOD));
}

#[tokio::test(start_paused = true)]
async fn who_was_down_before_a_recovery_is_no_part_of_the_next_outage() {
    let search = in_outage(policy());
    advance(PERIOD).await;
    heal(&search, 5);
    trip(&search, 5..7);
    assert!(search.outage().is_none(), "two have opened since");
    succeed(&search, 7..10);
    // One whose probe fails has opened since, too.
    record(&search, 0..1, Outcome::failure());
    let seen = search.outage().unwrap();
    assert_eq!((seen.down, seen.active), (3, 10));
}

#[tokio::test(start_paused = true)]
async fn after_a_recovery_by_hand_neither() {
    let search = with_tenants(policy(), 0..10);
    trip(&search, 0..2);
    search.begin_recovery();
    trip(&search, 5..7);
    assert!(search.outage().is_none(), "two have opened since");
    assert_eq!(search.circuit(&name(0)).half_open(), Ok(()));
    search.circuit(&name(0)).reset();
    trip(&search, 7..8);
    let seen = search.outage().unwrap();
    assert_eq!((seen.down, seen.active), (3, 10));
}

#[tokio::test(start_paused = true)]
async fn after_a_window_spent_closed_it_begins_anew() {
    let search = in_outage(policy());
    advance(PERIOD).await;
    heal(&search, 5);
    advance(WINDOW).await;
    succeed(&search, 3..10);
    trip(&search, 3..6);
    assert_eq!(refused(&search, 9).retry_after(), Some(PERIOD));
}

#[tokio::test(start_paused = true)]
async fn with_a_ramp_the_traffic_of_all_grows() {
    let search = in_outage(policy().ramp(0.5, 10 * SECOND));
    advance(PERIOD).await;
    succeed(&search, 5..6);
    succeed(&search, 5..6);
    assert_eq!(search.outage().unwrap().state, CircuitState::Closed);
    let admits = || match acquire(&search, 5) {
        Ok(permit) => {
            permit.record(Outcome::Success);
            true
        }
        Err(_) => false,
    };
    assert_eq!((0..101).filter(|_| admits()).count(), 51);
    assert_eq!(reason(&search, 5), Reason::Recovering);
    advance(10 * SECOND).await;
    assert!((0..100).all(|_| admits()));
    assert!(search.outage().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_circuit_with_a_ramp_of_its_own_does_not_go_through_two() {
    let search = in_outage(policy().ramp(0.1, 1_000 * SECOND));
    advance(PERIOD).await;
    succeed(&search, 5..6);
    succeed(&search, 5..6);
    assert_eq!(search.outage().unwrap().state, CircuitState::Closed);
    // Its probes are not among those calls whose share grows, either.
    succeed(&search, 0..1);
    succeed(&search, 0..1);
    assert_eq!(search.state(&name(0)), CircuitState::Closed);
    let admits = |_: &u32| match acquire(&search, 0) {
        Ok(permit) => {
            permit.record(Outcome::Success);
            true
        }
        Err(_) => false,
    };
    assert_eq!((0..1_000).filter(admits).count(), 100);
}

#[tokio::test(start_paused = true)]
async fn who_was_down_in_an_outage_that_nobody_has_seen_to_be_over_declares_none() {
    let search = with_tenants(policy(), 0..10);
    record(&search, 5..6, Outcome::failure());
    let long = acquire(&search, 5).unwrap();
    trip(&search, 0..3);
    advance(PERIOD).await;
    let probes = [acquire(&search, 6).unwrap(), acquire(&search, 7).unwrap()];
    for probe in probes {
        probe.record(Outcome::Success);
    }
    // The first that comes by is a failure that opens one circuit more.
    long.record(Outcome::failure());
    assert_eq!(search.state(&name(5)), CircuitState::Open);
    assert!(search.outage().is_none());
}

#[tokio::test(start_paused = true)]
async fn writes_wait_for_others_from_the_recovery_on() {
    let search = in_outage(policy());
    // More than three periods of a circuit, in which nobody could probe.
    advance(PERIOD).await;
    record(&search, 5..6, Outcome::failure());
    advance(2 * PERIOD).await;
    record(&search, 5..6, Outcome::failure());
    advance(4 * PERIOD).await;
    heal(&search, 5);
    let write = || search.acquire_barred(&name(0), Probing::IfNoneElse);
    assert!(write().is_err());
    advance(3 * PERIOD).await;
    assert!(write().unwrap().is_probe());
}
