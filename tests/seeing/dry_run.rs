//! What a dry run would have done.

use tokio::time::Instant;
use tower_tenant_breaker::{DryRunReport, MAX_PAGE};

use super::*;

fn registry() -> CircuitBreakerRegistry {
    CircuitBreakerRegistry::builder().build().unwrap()
}

fn counts(report: &DryRunReport) -> (u64, u64, u64) {
    (report.calls, report.would_open, report.would_reject)
}

fn most_affected(report: &DryRunReport) -> Vec<&str> {
    let tenants = report.most_affected.iter();
    tenants.map(|affected| affected.tenant.as_str()).collect()
}

/// Opens, and then makes so many calls that would have been rejected.
fn suffer(search: &Dependency, tenant: &str, rejected: usize) {
    trip(search, tenant);
    for _ in 0..rejected {
        succeed(search, tenant);
    }
}

#[tokio::test(start_paused = true)]
async fn it_counts_what_would_have_been_from_when_the_dry_run_began() {
    let search = declare(policy());
    for _ in 0..5 {
        succeed(&search, "acme");
    }
    advance(SECOND).await;
    search.set(Override::DryRun);
    let began = Instant::now();
    for _ in 0..4 {
        succeed(&search, "globex");
    }
    suffer(&search, "acme", 2);
    advance(SECOND).await;
    let report = search.dry_run_report(10);
    assert_eq!(report.dependency, "search");
    assert_eq!(report.since, Some(began));
    assert_eq!(report.taken_at, Instant::now());
    assert_eq!(counts(&report), (6, 1, 2));
    assert_eq!(report.share_rejected(), 0.25);
    assert_eq!(report.tenants, 1);
    let [acme] = &report.most_affected[..] else {
        panic!("{report:?}");
    };
    assert_eq!(
        (acme.tenant.as_str(), acme.calls, acme.would_open),
        ("acme", 7, 1)
    );
    assert_eq!(acme.would_reject, 2);
    assert_eq!(acme.share_rejected(), 2.0 / 9.0);
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_that_is_set_again_begins_anew() {
    let search = declare(policy());
    succeed(&search, "acme");
    search.set(Override::DryRun);
    suffer(&search, "acme", 3);
    advance(SECOND).await;
    search.set_for(Override::DryRun, PERIOD);
    let report = search.dry_run_report(10);
    assert_eq!(report.since, Some(Instant::now()));
    assert_eq!((counts(&report), report.share_rejected()), ((0, 0, 0), 0.0));
    // Single tenants are counted for as long as their circuits live.
    assert_eq!(report.most_affected[0].would_reject, 3);
}

#[tokio::test(start_paused = true)]
async fn without_a_dry_run_it_tells_of_the_whole_life() {
    let search = declare(policy());
    succeed(&search, "acme");
    search.set_for(Override::DryRun, SECOND);
    suffer(&search, "acme", 3);
    advance(SECOND).await;
    let report = search.dry_run_report(10);
    assert_eq!((report.since, counts(&report)), (None, (3, 1, 3)));
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_of_the_registry_begins_for_a_dependency_when_both_are_there() {
    let registry = registry();
    let policy = policy().build().unwrap();
    let search = registry.dependency_with("search", policy.clone()).unwrap();
    succeed(&search, "acme");
    registry.set(Override::DryRun);
    let began = Instant::now();
    suffer(&search, "acme", 1);
    advance(SECOND).await;
    let mail = registry.dependency_with("mail", policy).unwrap();
    let declared = Instant::now();
    suffer(&mail, "acme", 2);
    advance(SECOND).await;
    let report = search.dry_run_report(10);
    assert_eq!((report.since, counts(&report)), (Some(began), (2, 1, 1)));
    let report = mail.dry_run_report(10);
    assert_eq!((report.since, counts(&report)), (Some(declared), (2, 1, 2)));
}

#[tokio::test(start_paused = true)]
async fn the_dependency_s_own_is_nearer_than_the_registry_s() {
    let registry = registry();
    let search = registry.dependency_with("search", policy().build().unwrap());
    let search = search.unwrap();
    registry.set(Override::DryRun);
    let registry_s = Instant::now();
    succeed(&search, "acme");
    advance(SECOND).await;
    search.set(Override::DryRun);
    let own = Instant::now();
    succeed(&search, "acme");
    let report = search.dry_run_report(1);
    assert_eq!((report.since, report.calls), (Some(own), 1));
    search.clear();
    let report = search.dry_run_report(1);
    assert_eq!((report.since, report.calls), (Some(registry_s), 2));
    search.force_open("not dry at all");
    assert_eq!(search.dry_run_report(1).since, None);
    search.clear();
    registry.set(Override::Disabled);
    assert_eq!(search.dry_run_report(1).since, None);
}

#[tokio::test(start_paused = true)]
async fn the_most_affected_come_first_and_their_list_is_bounded() {
    let search = declare(policy());
    search.set(Override::DryRun);
    for (tenant, rejected) in [("a", 1), ("b", 3), ("c", 0), ("d", 3), ("e", 2)] {
        suffer(&search, tenant, rejected);
    }
    succeed(&search, "well");
    // As many would have been rejected as of a, but it opened twice.
    suffer(&search, "f", 1);
    advance(PERIOD).await;
    fail(&search, "f");
    let report = search.dry_run_report(usize::MAX);
    assert_eq!(most_affected(&report), ["b", "d", "e", "f", "a", "c"]);
    let report = search.dry_run_report(2);
    assert_eq!(
        (most_affected(&report), report.tenants),
        (vec!["b", "d"], 6)
    );
    let report = search.dry_run_report(0);
    assert_eq!((most_affected(&report).len(), report.tenants), (0, 6));
}

#[tokio::test(start_paused = true)]
async fn no_more_tenants_are_listed_than_a_page_has() {
    let search = declare(policy());
    search.set(Override::DryRun);
    for n in 0..=MAX_PAGE {
        trip(&search, &n.to_string());
    }
    let report = search.dry_run_report(usize::MAX);
    assert_eq!(report.most_affected.len(), MAX_PAGE);
    assert_eq!(report.tenants, MAX_PAGE + 1);
}

#[tokio::test(start_paused = true)]
async fn dry_runs_of_single_tenants_are_counted_too() {
    let search = declare(policy());
    search.circuit("acme").set(Override::DryRun);
    suffer(&search, "acme", 2);
    let report = search.dry_run_report(10);
    assert_eq!((report.since, counts(&report)), (None, (2, 1, 2)));
    assert_eq!(most_affected(&report), ["acme"]);
}
