//! Tenants that somebody makes up.

use super::*;

#[tokio::test(start_paused = true)]
async fn tenants_that_only_ever_failed_make_no_outage() {
    let search = with_tenants(policy(), 0..10);
    trip(&search, 1_000..2_000);
    assert!(search.outage().is_none());
    succeed(&search, 0..10);
}

#[tokio::test(start_paused = true)]
async fn nor_do_they_hide_one() {
    let search = with_tenants(policy(), 0..10);
    trip(&search, 1_000..2_000);
    trip(&search, 0..3);
    let seen = search.outage().unwrap();
    assert_eq!((seen.down, seen.active), (3, 10));
}

#[tokio::test(start_paused = true)]
async fn they_count_where_newcomers_do() {
    let search = with_tenants(policy().outage(outage().newcomers(true)), 0..10);
    trip(&search, 1_000..1_003);
    let seen = search.outage().unwrap();
    assert_eq!((seen.down, seen.active), (3, 13));
}
