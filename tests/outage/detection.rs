use super::*;
use tower_tenant_breaker::LatencyRule;

#[tokio::test(start_paused = true)]
async fn enough_tenants_that_are_down_open_the_dependency_for_those_that_are_not() {
    let search = with_tenants(policy(), 0..10);
    trip(&search, 0..2);
    assert!(search.outage().is_none());
    succeed(&search, 5..6);
    trip(&search, 2..3);

    let seen = search.outage().unwrap();
    assert_eq!((seen.down, seen.active), (3, 10));
    assert_eq!(seen.state, CircuitState::Open);
    for tenant in 0..10 {
        let open = refused(&search, tenant);
        assert_eq!(open.reason(), Reason::Outage);
        assert_eq!(open.retry_after(), Some(PERIOD));
    }
    // The circuits of those that did not pay are as they were.
    assert_eq!(search.state(&name(5)), CircuitState::Closed);
    let totals = search.circuit(&name(5)).snapshot().unwrap().totals;
    assert_eq!((totals.calls, totals.rejected), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn the_share_counts_the_active_tenants_and_is_met_exactly() {
    let search = with_tenants(policy(), 0..20);
    trip(&search, 0..3);
    assert!(search.outage().is_none(), "3 of 20 are less than a fifth");
    trip(&search, 3..4);
    let seen = search.outage().unwrap();
    assert_eq!((seen.down, seen.active), (4, 20));
}

#[tokio::test(start_paused = true)]
async fn the_default_asks_for_ten_tenants_and_a_fifth() {
    let search = with_tenants(policy().outage(OutagePolicy::default()), 0..40);
    trip(&search, 0..9);
    assert!(search.outage().is_none());
    trip(&search, 9..10);
    assert!(search.outage().is_some());

    let large = with_tenants(policy().outage(OutagePolicy::default()), 0..55);
    trip(&large, 0..10);
    assert!(large.outage().is_none());
    trip(&large, 10..11);
    assert!(large.outage().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_policy_without_outages_never_declares_one() {
    let search = with_tenants(policy().without_outage(), 0..10);
    trip(&search, 0..10);
    assert!(search.outage().is_none());
    assert_eq!(reason(&search, 0), Reason::ConsecutiveFailures);
}

#[tokio::test(start_paused = true)]
async fn one_tenant_never_makes_an_outage_whatever_its_traffic() {
    let search = with_tenants(policy().outage(outage().min_share(0.01)), 0..4);
    for _ in 0..100 {
        trip(&search, 0..1);
        search.circuit(&name(0)).reset();
        advance(SECOND / 2).await;
    }
    trip(&search, 0..2);
    assert!(search.outage().is_none(), "two tenants are not three");
}

#[tokio::test(start_paused = true)]
async fn one_of_a_thousand_that_is_down_at_a_hundred_times_the_traffic_of_the_others_is_no_outage()
{
    let search = with_tenants(policy().outage(OutagePolicy::default()), 0..1_000);
    let mut failed = 0;
    for second in 0..120 {
        for tenant in (0..1_000).filter(|tenant| tenant % 10 == second % 10) {
            // Each calls once in ten seconds, and the sick one a hundred times.
            for _ in 0..if tenant == 0 { 100 } else { 1 } {
                let Ok(permit) = acquire(&search, tenant) else {
                    continue;
                };
                failed += u32::from(tenant == 0);
                permit.record(match tenant {
                    0 => Outcome::failure(),
                    _ => Outcome::Success,
                });
            }
        }
        advance(SECOND).await;
        assert!(search.outage().is_none());
    }
    assert_eq!(search.snapshot().open, 1);
    assert!(failed > 2);
}

#[tokio::test(start_paused = true)]
async fn the_state_in_which_newcomers_begin_does_not_matter() {
    for state in [CircuitState::HalfOpen, CircuitState::Open] {
        let search = declare(policy().initial_state(state));
        for tenant in 0..10 {
            assert!(acquire(&search, tenant).is_err() == (state == CircuitState::Open));
        }
        advance(PERIOD).await;
        succeed(&search, 0..10);
        succeed(&search, 0..10);
        trip(&search, 0..3);
        let seen = search.outage().unwrap();
        assert_eq!((seen.state, seen.down), (CircuitState::Open, 3));
        assert_eq!(refused(&search, 5).retry_after(), Some(PERIOD));
    }
}

#[tokio::test(start_paused = true)]
async fn slowness_counts_as_down() {
    let slow = policy()
        .without_consecutive_failures()
        .latency(LatencyRule::p50(SECOND).min_calls(3));
    let search = with_tenants(slow, 0..5);
    for tenant in 0..3 {
        let calls: Vec<_> = (0..2).map(|_| acquire(&search, tenant).unwrap()).collect();
        advance(2 * SECOND).await;
        for call in calls {
            call.record(Outcome::Success);
        }
    }
    assert!(search.outage().is_some());
}

#[tokio::test(start_paused = true)]
async fn throttling_does_not_count() {
    let by_rate = policy().failure_threshold(2).failure_rate(0.5).min_calls(2);
    let search = with_tenants(by_rate, 0..10);
    for tenant in 0..10 {
        record(&search, tenant..tenant + 1, Outcome::throttled());
        record(&search, tenant..tenant + 1, Outcome::throttled());
        assert_eq!(search.state(&name(tenant)), CircuitState::Open);
    }
    assert!(search.outage().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_rate_counts_where_its_failures_alone_are_enough() {
    let by_rate = policy()
        .without_consecutive_failures()
        .failure_threshold(2)
        .failure_rate(0.25)
        .min_calls(4);
    let search = with_tenants(by_rate, 0..10);
    for tenant in 0..3 {
        record(&search, tenant..tenant + 1, Outcome::failure());
        record(&search, tenant..tenant + 1, Outcome::failure());
        // The one that trips is throttled; two of four failed all the same.
        record(&search, tenant..tenant + 1, Outcome::throttled());
        assert_eq!(search.state(&name(tenant)), CircuitState::Open);
    }
    assert!(search.outage().is_some());
}

#[tokio::test(start_paused = true)]
async fn hints_of_throttled_calls_and_what_is_opened_by_hand_do_not_count() {
    let search = with_tenants(policy().trip_on_hint(true), 0..10);
    for tenant in 0..5 {
        let hint = Outcome::throttled().with_retry_after(SECOND);
        record(&search, tenant..tenant + 1, hint);
        assert_eq!(search.state(&name(tenant)), CircuitState::Open);
    }
    for tenant in 5..10 {
        search.circuit(&name(tenant)).open().unwrap();
    }
    assert!(search.outage().is_none());
}

#[tokio::test(start_paused = true)]
async fn hints_of_failures_that_open_at_once_count() {
    let search = with_tenants(policy().trip_on_hint(true), 0..10);
    let hint = Outcome::failure().with_retry_after(SECOND);
    record(&search, 0..2, hint);
    assert!(search.outage().is_none());
    record(&search, 2..3, hint);
    assert_eq!(search.outage().unwrap().down, 3);
    let trip = search.circuit(&name(0)).snapshot().unwrap().last_trip;
    assert_eq!(trip.unwrap().reason, Reason::Hint);
}

#[tokio::test(start_paused = true)]
async fn the_hint_of_a_failure_counts_also_where_a_rate_of_throttled_calls_is_named() {
    let by_rate = policy()
        .without_consecutive_failures()
        .failure_threshold(3)
        .failure_rate(0.5)
        .min_calls(3)
        .trip_on_hint(true);
    let search = with_tenants(by_rate, 0..10);
    for tenant in 0..3 {
        let tenant = tenant..tenant + 1;
        record(&search, tenant.clone(), Outcome::throttled());
        record(&search, tenant.clone(), Outcome::throttled());
        let hint = Outcome::failure().with_retry_after(SECOND);
        record(&search, tenant.clone(), hint);
        let trip = search.circuit(&name(tenant.start)).snapshot().unwrap();
        assert_eq!(trip.last_trip.unwrap().reason, Reason::FailureRate);
    }
    assert!(search.outage().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_failed_probe_counts_with_a_hint_too() {
    let search = with_tenants(policy(), 0..10);
    for tenant in 0..3 {
        search.circuit(&name(tenant)).open().unwrap();
    }
    advance(PERIOD).await;
    let hint = Outcome::failure().with_retry_after(SECOND);
    record(&search, 0..2, hint);
    assert!(search.outage().is_none());
    record(&search, 2..3, hint);
    assert_eq!(search.outage().unwrap().down, 3);
}

#[tokio::test(start_paused = true)]
async fn a_throttled_probe_takes_its_tenant_out_of_those_that_are_down() {
    let search = with_tenants(policy(), 0..10);
    trip(&search, 0..2);
    advance(PERIOD).await;
    record(&search, 0..1, Outcome::throttled());
    assert_eq!(search.state(&name(0)), CircuitState::Open);
    trip(&search, 2..3);
    assert!(search.outage().is_none());
    trip(&search, 3..4);
    assert!(search.outage().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_circuit_that_has_closed_again_does_not_count() {
    let search = with_tenants(policy(), 0..10);
    trip(&search, 0..2);
    search.circuit(&name(0)).reset();
    advance(PERIOD).await;
    succeed(&search, 1..2);
    succeed(&search, 1..2);
    assert_eq!(search.state(&name(1)), CircuitState::Closed);
    trip(&search, 2..4);
    assert!(search.outage().is_none());
    trip(&search, 4..5);
    assert_eq!(search.outage().unwrap().down, 3);
}

#[tokio::test(start_paused = true)]
async fn the_circuit_that_calls_without_a_tenant_share_is_no_tenant() {
    use tower_tenant_breaker::Probing;
    let two = outage().min_tenants(2).newcomers(true);
    let search = with_tenants(policy().outage(two), 0..4);
    for outcome in [Outcome::Success, Outcome::failure(), Outcome::failure()] {
        search.acquire_shared(Probing::Yes).unwrap().record(outcome);
    }
    assert!(search.acquire_shared(Probing::Yes).is_err());
    trip(&search, 0..1);
    assert!(search.outage().is_none());
}

#[tokio::test(start_paused = true)]
async fn who_is_rejected_in_an_outage_is_told_the_generation_of_its_own_circuit() {
    let search = in_outage(policy());
    assert_eq!(refused(&search, 0).generation(), 1);
    assert_eq!(refused(&search, 5).generation(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_circuit_that_opens_for_a_limit_declares_no_outage_of_those_that_are_down() {
    let policy = policy().outage(outage().min_tenants(2).min_share(0.5));
    let search = with_tenants(policy.trip_on_hint(true), 0..10);
    advance(5 * SECOND).await;
    trip(&search, 0..2);
    // The others have not called for a window: two that are down are now two of three.
    advance(5 * SECOND).await;
    let limit = Outcome::throttled().with_retry_after(SECOND);
    acquire(&search, 5).unwrap().record(limit);
    assert_eq!(search.state(&name(5)), CircuitState::Open);
    assert!(search.outage().is_none());
    succeed(&search, 6..8);
    trip(&search, 6..7);
    assert!(search.outage().is_some());
}
