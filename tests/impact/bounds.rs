use tower_tenant_breaker::impact::ImpactHour;

use super::*;

/// Of a known tenant: one call succeeded, and one failed.
fn trouble(search: &Dependency, tenants: std::ops::Range<u32>) {
    for tenant in tenants {
        let tenant = format!("tenant {tenant}");
        succeed(search, &tenant, 1);
        fail(search, &tenant, 1);
    }
}

fn hours(registry: &CircuitBreakerRegistry) -> Vec<(usize, u64, u64)> {
    let report = registry.impact();
    let of = |hour: &ImpactHour| (hour.rows, hour.unlisted, hour.dropped);
    report.hours().iter().map(of).collect()
}

#[test]
fn a_policy_out_of_its_bounds_is_refused_by_name() {
    let error = |policy: ImpactPolicy| builder(policy).build().err().map(|error| error.to_string());
    let policy = ImpactPolicy::default();
    for (out, says) in [
        (
            policy.hours(0),
            "impact hours is 0, but must be from 1 to 720",
        ),
        (
            policy.hours(721),
            "impact hours is 721, but must be from 1 to 720",
        ),
        (
            policy.max_rows(0),
            "impact max_rows is 0, but must be from 1 to 1000000",
        ),
        (
            policy.max_rows(1_000_001),
            "impact max_rows is 1000001, but must be from 1 to 1000000",
        ),
        (
            policy.max_turns(1_025),
            "impact max_turns is 1025, but must be up to 1024",
        ),
    ] {
        assert_eq!(error(out).as_deref(), Some(says));
    }
    let before_1970 = policy.wall_clock(UNIX_EPOCH - SECOND);
    assert!(
        error(before_1970)
            .unwrap()
            .starts_with("impact wall_clock is ")
    );
    let in_10000 = policy.wall_clock(UNIX_EPOCH + Duration::from_secs(253_402_300_800));
    assert!(error(in_10000).is_some());
    for within in [
        policy.hours(1).max_rows(1).max_turns(0),
        policy.hours(720).max_rows(1_000_000).max_turns(1_024),
        policy.wall_clock(UNIX_EPOCH),
        policy.wall_clock(UNIX_EPOCH + Duration::from_secs(253_402_300_799)),
    ] {
        assert_eq!(error(within), None);
    }
}

#[tokio::test(start_paused = true)]
async fn an_hour_that_has_all_the_room_gets_no_more_and_says_so() {
    let registry = registry(impact().max_rows(10));
    let search = declare(&registry, "search", patient());
    trouble(&search, 0..10);
    assert_eq!(hours(&registry), [(10, 0, 0)]);
    trouble(&search, 10..17);
    assert_eq!(hours(&registry), [(10, 7, 0)]);
    // Who has a row keeps it.
    trouble(&search, 0..10);
    assert_eq!(hours(&registry), [(10, 7, 0)]);
    assert!(listed(&registry).iter().all(|row| (row.2, row.3) == (4, 2)));
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_an_hour_costs_other_hours_nothing() {
    let registry = registry(impact().max_rows(12));
    let search = declare(&registry, "search", patient());
    trouble(&search, 0..3);
    pass(HOUR).await;
    trouble(&search, 0..100);
    assert_eq!(hours(&registry), [(3, 0, 0), (9, 91, 0)]);
    pass(HOUR).await;
    // The hours after it get their share, of its room.
    trouble(&search, 0..100);
    assert_eq!(hours(&registry), [(3, 0, 0), (5, 91, 4), (4, 96, 0)]);
}

#[tokio::test(start_paused = true)]
async fn the_row_that_goes_is_one_with_few_bad_calls() {
    let registry = registry(impact().max_rows(4));
    let search = declare(&registry, "search", patient());
    trouble(&search, 0..4);
    for tenant in [0, 1, 3] {
        fail(&search, &format!("tenant {tenant}"), 5);
    }
    pass(HOUR).await;
    trouble(&search, 7..8);
    let rows = listed(&registry).into_iter();
    let rows: Vec<_> = rows.map(|row| (row.0, row.1)).collect();
    let row = |hour, tenant: &str| (hour, tenant.to_owned());
    assert_eq!(
        rows,
        [
            row(12, "tenant 0"),
            row(12, "tenant 1"),
            row(12, "tenant 3"),
            row(13, "tenant 7")
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn the_bound_holds_over_all_parts() {
    let registry = registry(impact().max_rows(1_000));
    let search = declare(&registry, "search", patient());
    trouble(&search, 0..3_000);
    let [(rows, unlisted, 0)] = hours(&registry)[..] else {
        panic!("one hour")
    };
    // The rows are in three parts; which tenants are in which is up to a random key.
    assert!(rows <= 1_000, "{rows}");
    assert_eq!(rows as u64 + unlisted, 3_000);
    assert!(rows > 900, "{rows}");
}
