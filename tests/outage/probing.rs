//! While an outage lasts, the dependency is probed by a few calls in all.

use super::*;

#[tokio::test(start_paused = true)]
async fn at_the_deadline_and_not_before_a_few_calls_of_all_tenants_probe() {
    let search = in_outage(policy());
    advance(PERIOD - NANO).await;
    assert_eq!(refused(&search, 5).retry_after(), Some(NANO));
    advance(NANO).await;

    let probes: Vec<_> = (0..10)
        .filter_map(|tenant| acquire(&search, tenant).ok())
        .collect();
    assert_eq!(
        probes.len(),
        2,
        "half_open_max_calls in all, not per tenant"
    );
    assert!(probes.iter().all(Permit::is_probe));
    assert_eq!(search.outage().unwrap().state, CircuitState::HalfOpen);
    let open = refused(&search, 9);
    assert_eq!(open.reason(), Reason::Outage);
    assert_eq!(open.retry_after(), Some(Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn its_periods_are_not_those_of_a_circuit() {
    let long = OpenPeriod::fixed(100 * SECOND).jitter(0.0);
    let search = in_outage(policy().open_for(long));
    advance(PERIOD - NANO).await;
    assert_eq!(reason(&search, 5), Reason::Outage);
    advance(NANO).await;
    assert!(acquire(&search, 5).unwrap().is_probe());
}

#[tokio::test(start_paused = true)]
async fn one_failure_opens_it_for_all_again_for_longer() {
    let search = in_outage(policy());
    for doubled in [2, 4, 8, 10, 10] {
        let left = refused(&search, 5).retry_after().unwrap();
        advance(left).await;
        succeed(&search, 5..6);
        record(&search, 6..7, Outcome::failure());
        assert_eq!(search.outage().unwrap().state, CircuitState::Open);
        assert_eq!(refused(&search, 5).retry_after(), Some(doubled * PERIOD));
    }
    // The probes' outcomes are the outage's: the tenants' circuits have counted none.
    let figures = search.circuit(&name(6)).snapshot().unwrap();
    assert_eq!(
        (figures.state, figures.totals.failures),
        (CircuitState::Closed, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn enough_successes_end_it() {
    let search = in_outage(policy());
    advance(PERIOD).await;
    succeed(&search, 5..6);
    assert!(search.outage().is_some());
    succeed(&search, 6..7);
    assert!(search.outage().is_none());
    succeed(&search, 3..10);
    assert_eq!(search.circuit(&name(5)).ramp(), None);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_hangs_gives_its_place_back_at_the_end_of_its_lease() {
    let search = in_outage(policy().probe_lease(SECOND));
    advance(PERIOD).await;
    let hanging = [acquire(&search, 5).unwrap(), acquire(&search, 6).unwrap()];
    assert!(acquire(&search, 7).is_err());
    advance(SECOND).await;
    heal(&search, 7);
    drop(hanging);
}

#[tokio::test(start_paused = true)]
async fn also_where_a_tenant_may_have_fewer_calls_in_the_air_than_there_are_places() {
    let search = in_outage(policy().max_in_flight(1).probe_lease(SECOND));
    advance(PERIOD).await;
    let hanging = [acquire(&search, 5).unwrap(), acquire(&search, 6).unwrap()];
    assert!(acquire(&search, 7).is_err());
    advance(SECOND).await;
    heal(&search, 7);
    drop(hanging);
}

#[tokio::test(start_paused = true)]
async fn the_places_of_a_circuit_of_its_own_are_not_asked() {
    let search = with_tenants(policy(), 0..10);
    trip(&search, 0..1);
    advance(PERIOD).await;
    let _own = [acquire(&search, 0).unwrap(), acquire(&search, 0).unwrap()];
    assert!(!search.circuit(&name(0)).would_admit());
    trip(&search, 1..3);
    advance(PERIOD).await;
    assert!(search.circuit(&name(0)).would_admit());
    heal(&search, 0);
}

#[tokio::test(start_paused = true)]
async fn cancelled_and_ignored_probes_decide_nothing() {
    let search = in_outage(policy());
    advance(PERIOD).await;
    drop(acquire(&search, 5).unwrap());
    record(&search, 5..6, Outcome::Ignored);
    assert_eq!(search.outage().unwrap().state, CircuitState::HalfOpen);
    heal(&search, 7);
}

#[tokio::test(start_paused = true)]
async fn a_hint_of_a_failed_probe_lengthens_the_period_that_it_leads_to() {
    let search = in_outage(policy());
    advance(PERIOD).await;
    record(
        &search,
        5..6,
        Outcome::failure().with_retry_after(100 * SECOND),
    );
    assert_eq!(refused(&search, 7).retry_after(), Some(100 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn a_tenant_that_is_to_be_left_alone_does_not_probe_for_others() {
    let search = with_tenants(policy(), 0..10);
    record(
        &search,
        0..1,
        Outcome::failure().with_retry_after(50 * SECOND),
    );
    trip(&search, 1..3);
    record(&search, 0..1, Outcome::failure());
    assert!(search.outage().is_some());
    advance(PERIOD).await;
    let open = refused(&search, 0);
    assert_eq!(open.reason(), Reason::Outage);
    assert_eq!(open.retry_after(), Some(50 * SECOND - PERIOD));
    heal(&search, 5);
}

#[tokio::test(start_paused = true)]
async fn an_open_circuit_whose_tenant_has_just_probed_for_all_is_not_forgotten() {
    let registry = CircuitBreakerRegistry::builder().max_tenants(3).build();
    let policy = policy().build().unwrap();
    let search = registry.unwrap().dependency_with("search", policy).unwrap();
    succeed(&search, 0..3);
    trip(&search, 0..3);
    advance(100 * WINDOW).await;
    heal(&search, 0);
    // Newcomers take the places of those that nobody asked for.
    succeed(&search, 10..13);
    assert_eq!(search.state(&name(0)), CircuitState::Open);
    let seen = search.snapshot();
    assert_eq!((seen.forgotten, seen.overflowed), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn what_began_before_the_outage_is_counted_by_its_own_circuit() {
    let search = with_tenants(policy(), 0..10);
    let call = acquire(&search, 5).unwrap();
    trip(&search, 0..3);
    call.record(Outcome::failure());
    let figures = search.circuit(&name(5)).snapshot().unwrap();
    assert_eq!((figures.window.failures, figures.totals.late), (1, 0));
    assert!(search.outage().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_saturated_tenant_stays_so() {
    let search = with_tenants(policy().max_in_flight(1), 0..10);
    let _held = acquire(&search, 5).unwrap();
    trip(&search, 0..3);
    advance(PERIOD).await;
    assert_eq!(reason(&search, 5), Reason::Saturated);
    heal(&search, 6);
}

#[tokio::test(start_paused = true)]
async fn totals_count_its_probes_and_no_gauge_counts_it_as_a_circuit() {
    let search = in_outage(policy());
    assert_eq!(search.snapshot().open, 3);
    advance(PERIOD).await;
    heal(&search, 5);
    let seen = search.snapshot();
    assert_eq!((seen.totals.probes, seen.totals.probe_successes), (2, 2));
    assert_eq!((seen.open, seen.half_open, seen.circuits), (3, 0, 10));
    assert_eq!(search.circuit_snapshots().len(), 10);
}
