//! Who is active: distinct tenants of the window, by the slot of their last activity.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_tenant_counts_once_in_whichever_slots_it_calls() {
    let search = with_tenants(policy(), 0..15);
    for _ in 0..9 {
        advance(SECOND).await;
        succeed(&search, 0..15);
    }
    trip(&search, 0..3);
    assert_eq!(search.outage().unwrap().active, 15);
}

#[tokio::test(start_paused = true)]
async fn a_tenant_is_active_until_its_last_call_has_left_the_window() {
    // 20 tenants; after the window, the 4 that still call are all that are active.
    let search = with_tenants(policy(), 0..20);
    advance(WINDOW - NANO).await;
    succeed(&search, 0..4);
    trip(&search, 0..3);
    assert!(search.outage().is_none(), "3 of 20");

    let search = with_tenants(policy(), 0..20);
    advance(WINDOW).await;
    succeed(&search, 0..4);
    trip(&search, 0..3);
    let seen = search.outage().unwrap();
    assert_eq!((seen.down, seen.active), (3, 4));
}

#[tokio::test(start_paused = true)]
async fn after_a_gap_of_any_length_nobody_is_left_over() {
    for slots in [(1_u64 << 12), (1 << 16) + 1, 1 << 18] {
        let search = with_tenants(policy(), 0..20);
        trip(&search, 0..2);
        advance(SECOND * u32::try_from(slots).unwrap()).await;
        succeed(&search, 10..14);
        trip(&search, 10..13);
        let seen = search.outage().unwrap();
        assert_eq!((seen.down, seen.active), (3, 4), "{slots} slots");
    }
}

#[tokio::test(start_paused = true)]
async fn nor_after_one_after_which_the_counts_look_alike() {
    let alike = [20_480_u64, 2 * 20_480, 327_680, 1 << 33];
    // In the very slot that looks alike, and where that one is within the window.
    for slots in alike.into_iter().flat_map(|slots| [slots, slots + 3]) {
        let search = with_tenants(policy(), 0..20);
        trip(&search, 0..2);
        let mut left = slots;
        while left > 0 {
            let step = u32::try_from(left).unwrap_or(u32::MAX);
            advance(SECOND * step).await;
            left -= u64::from(step);
        }
        succeed(&search, 10..14);
        trip(&search, 10..13);
        let seen = search.outage().unwrap();
        assert_eq!((seen.down, seen.active), (3, 4), "{slots} slots");
    }
}

#[tokio::test(start_paused = true)]
async fn a_circuit_that_is_reset_long_after_its_last_call_takes_out_nobody_else() {
    let long = OpenPeriod::fixed(100 * WINDOW).jitter(0.0);
    let search = with_tenants(policy().open_for(long), 0..20);
    trip(&search, 0..1);
    // In the slots of the next window, at the same place.
    advance(WINDOW).await;
    succeed(&search, 1..20);
    trip(&search, 1..3);
    search.circuit(&name(0)).reset();
    trip(&search, 3..4);
    let seen = search.outage();
    assert!(seen.is_none(), "3 of 19 are less than a fifth: {seen:?}");
    trip(&search, 4..5);
    let seen = search.outage().unwrap();
    assert_eq!((seen.down, seen.active), (4, 19));
}

#[tokio::test(start_paused = true)]
async fn a_tenant_whose_calls_are_rejected_stays_active_and_down() {
    let long = OpenPeriod::fixed(10 * WINDOW).jitter(0.0);
    let search = with_tenants(policy().open_for(long), 0..10);
    trip(&search, 0..2);
    for _ in 0..30 {
        advance(SECOND).await;
        assert!(acquire(&search, 0).is_err());
        assert!(acquire(&search, 1).is_err());
        succeed(&search, 3..10);
    }
    trip(&search, 3..4);
    let seen = search.outage().unwrap();
    assert_eq!((seen.down, seen.active), (3, 9));
}

#[tokio::test(start_paused = true)]
async fn one_that_nobody_asks_for_any_more_is_neither() {
    let long = OpenPeriod::fixed(10 * WINDOW).jitter(0.0);
    let search = with_tenants(policy().open_for(long), 0..10);
    trip(&search, 0..2);
    advance(WINDOW).await;
    succeed(&search, 3..10);
    trip(&search, 3..5);
    assert!(search.outage().is_none());
    trip(&search, 5..6);
    let seen = search.outage().unwrap();
    assert_eq!((seen.down, seen.active), (3, 7));
}

#[tokio::test(start_paused = true)]
async fn an_evicted_circuit_takes_itself_out() {
    let registry = CircuitBreakerRegistry::builder().max_tenants(6).build();
    // An outage policy that looks back further than the circuits' own memory: a tenant's own policy.
    let policy = policy().window(10 * WINDOW).build().unwrap();
    let search = registry
        .unwrap()
        .dependency_with("search", policy.clone())
        .unwrap();
    let short = super::policy().window(SECOND).build().unwrap();
    for tenant in 0..6 {
        search
            .circuit(&name(tenant))
            .set_policy(short.clone())
            .unwrap();
        succeed(&search, tenant..tenant + 1);
    }
    advance(2 * SECOND).await;
    // Each newcomer takes the place of one that is as good as new.
    succeed(&search, 10..16);
    assert_eq!(search.len(), 6);
    trip(&search, 10..13);
    let seen = search.outage().unwrap();
    assert_eq!((seen.down, seen.active), (3, 6));
}

#[tokio::test(start_paused = true)]
async fn a_policy_of_its_own_does_not_hide_a_tenant() {
    let search = with_tenants(policy(), 0..10);
    let own = policy()
        .window(60 * WINDOW)
        .consecutive_failures(5)
        .build()
        .unwrap();
    search.circuit(&name(9)).set_policy(own).unwrap();
    for _ in 0..20 {
        advance(SECOND).await;
        succeed(&search, 0..10);
    }
    trip(&search, 0..2);
    record(&search, 9..10, Outcome::failure());
    assert!(search.outage().is_none());
    for _ in 0..4 {
        record(&search, 9..10, Outcome::failure());
    }
    let seen = search.outage().unwrap();
    assert_eq!((seen.down, seen.active), (3, 10));
}

#[tokio::test(start_paused = true)]
async fn nor_does_it_where_all_its_calls_succeed() {
    let search = with_tenants(policy(), 0..16);
    let own = policy().window(60 * WINDOW).build().unwrap();
    search.circuit(&name(15)).set_policy(own).unwrap();
    for _ in 0..20 {
        advance(SECOND).await;
        succeed(&search, 0..16);
    }
    trip(&search, 0..3);
    assert!(search.outage().is_none(), "3 of 16");
    trip(&search, 3..4);
    let seen = search.outage().unwrap();
    assert_eq!((seen.down, seen.active), (4, 16));
}

#[tokio::test(start_paused = true)]
async fn those_whose_calls_are_rejected_count_in_a_window_that_has_become_shorter() {
    let day = Duration::from_secs(24 * 60 * 60);
    let long = OpenPeriod::fixed(day).jitter(0.0);
    let search = with_tenants(policy().open_for(long).window(day), 0..10);
    trip(&search, 0..2);
    assert!(acquire(&search, 0).is_err() && acquire(&search, 1).is_err());
    search.set_policy(policy().open_for(long).build().unwrap());
    advance(WINDOW).await;
    succeed(&search, 2..10);
    assert!(acquire(&search, 0).is_err() && acquire(&search, 1).is_err());
    trip(&search, 5..6);
    let seen = search.outage().unwrap();
    assert_eq!((seen.down, seen.active), (3, 10));
}
