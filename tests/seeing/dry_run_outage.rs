//! What a dry run would have done to all tenants at once, apart from what it would have done to each.

use std::ops::Range;

use tower_tenant_breaker::{OutagePolicy, Probing, Reason, Rejection};

use super::*;

/// Three tenants that make up a fifth of the active ones are an outage.
fn with_outages() -> PolicyBuilder {
    let outage = OutagePolicy::default()
        .min_tenants(3)
        .min_share(0.2)
        .open_for(OpenPeriod::fixed(PERIOD).jitter(0.0))
        .recovery_spread(Duration::ZERO);
    policy().outage(outage)
}

fn name(tenant: usize) -> String {
    format!("tenant {tenant}")
}

/// Of ten tenants each has made a call that succeeded.
fn with_tenants(policy: PolicyBuilder) -> Dependency {
    let search = declare(policy);
    all_succeed(&search, 0..10);
    search
}

fn all_succeed(search: &Dependency, tenants: Range<usize>) {
    tenants.for_each(|tenant| succeed(search, &name(tenant)));
}

fn all_trip(search: &Dependency, tenants: Range<usize>) {
    tenants.for_each(|tenant| trip(search, &name(tenant)));
}

/// Openings of circuits, outages, rejections, and those by an outage.
fn counts(search: &Dependency) -> [u64; 4] {
    let report = search.dry_run_report(0);
    [
        report.would_open,
        report.would_declare_outage,
        report.would_reject,
        report.would_reject_by_outage,
    ]
}

fn reason(search: &Dependency, tenant: usize) -> Reason {
    match search.acquire(&name(tenant)) {
        Err(Rejection::Open(open)) => open.reason(),
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_no_opening_of_a_tenant_s_circuit_and_its_rejections_are_told_apart() {
    let search = with_tenants(with_outages());
    search.set(Override::DryRun);
    all_trip(&search, 0..2);
    all_succeed(&search, 0..1);
    assert_eq!(counts(&search), [2, 0, 1, 0]);
    all_trip(&search, 2..3);
    assert_eq!(counts(&search), [3, 1, 1, 0]);
    // Of a healthy tenant, of one whose own circuit is open too, and of one that is new.
    all_succeed(&search, 5..6);
    all_succeed(&search, 0..1);
    succeed(&search, "new");
    drop(search.acquire_shared(Probing::Yes).unwrap());
    assert_eq!(counts(&search), [3, 1, 5, 4]);
    let report = search.dry_run_report(10);
    let of = |tenant: &str| {
        let mut affected = report.most_affected.iter();
        let affected = affected.find(|affected| affected.tenant == tenant);
        affected.map(|affected| (affected.would_open, affected.would_reject))
    };
    assert_eq!(of("tenant 0"), Some((1, 2)));
    assert_eq!(of("tenant 5"), Some((0, 1)));
    assert_eq!((report.tenants, of("tenant 6")), (5, None));
}

#[tokio::test(start_paused = true)]
async fn one_that_probes_find_to_last_is_one_and_the_next_is_another() {
    let search = with_tenants(with_outages());
    search.set(Override::DryRun);
    all_trip(&search, 0..3);
    advance(PERIOD).await;
    fail(&search, "tenant 5");
    assert!(search.outage().is_some());
    assert_eq!(search.snapshot().totals.would_open, 5);
    assert_eq!(counts(&search), [3, 1, 0, 0]);
    advance(PERIOD).await;
    succeed(&search, "tenant 5");
    assert!(search.outage().is_none());
    advance(2 * WINDOW).await;
    all_succeed(&search, 0..10);
    all_trip(&search, 3..6);
    assert_eq!(counts(&search), [6, 2, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn one_that_lasts_as_the_dry_run_begins_is_not_declared_in_it_but_rejects_in_it() {
    let search = with_tenants(with_outages());
    all_trip(&search, 0..3);
    assert_eq!(reason(&search, 5), Reason::Outage);
    search.set(Override::DryRun);
    all_succeed(&search, 5..7);
    assert_eq!(counts(&search), [0, 0, 2, 2]);
    search.set_for(Override::DryRun, SECOND);
    assert_eq!(counts(&search), [0; 4]);
    all_succeed(&search, 5..6);
    assert_eq!(counts(&search), [0, 0, 1, 1]);
    advance(SECOND).await;
    // Of the whole life: those of dry runs.
    assert_eq!(reason(&search, 5), Reason::Outage);
    assert_eq!(counts(&search), [0, 0, 3, 3]);
}

#[tokio::test(start_paused = true)]
async fn the_ramp_after_an_outage_is_the_outage_s_and_that_of_a_circuit_its_own() {
    let ramp = || with_outages().ramp(0.1, 100 * WINDOW);
    let search = with_tenants(ramp());
    search.set(Override::DryRun);
    all_trip(&search, 0..3);
    advance(PERIOD).await;
    succeed(&search, "tenant 5");
    // The first of ten is admitted.
    all_succeed(&search, 5..10);
    assert_eq!(counts(&search), [3, 1, 4, 4]);

    let search = declare(ramp());
    search.set(Override::DryRun);
    trip(&search, "acme");
    advance(PERIOD).await;
    for _ in 0..6 {
        succeed(&search, "acme");
    }
    assert_eq!(counts(&search), [1, 0, 4, 0]);
}

#[tokio::test(start_paused = true)]
async fn what_is_open_when_a_dry_run_is_cleared_rejects_at_once_unless_it_is_reset() {
    let in_dry_run = || {
        let search = with_tenants(with_outages());
        search.set(Override::DryRun);
        all_trip(&search, 0..3);
        all_succeed(&search, 0..10);
        search
    };
    let search = in_dry_run();
    search.clear();
    assert_eq!(reason(&search, 5), Reason::Outage);
    assert_eq!(reason(&search, 0), Reason::Outage);

    let search = in_dry_run();
    search.reset();
    search.clear();
    all_succeed(&search, 0..10);
}
