//! Calls of tenants that have no circuit, and calls that stand for no tenant.

use tower_tenant_breaker::{OutagePolicy, Overflow, Probing};

use super::*;

#[tokio::test(start_paused = true)]
async fn a_tenant_without_a_circuit_that_an_override_rejects_has_a_row() {
    let (registry, search) = search();
    search.force_open("maintenance");
    reject(&search, "acme", 4);
    assert!(search.is_empty());
    let report = registry.impact();
    assert_eq!(only(&report).tenant.as_deref(), Some("acme"));
    assert_eq!(figures(only(&report).counts), [0, 0, 0, 4, 0]);
}

#[tokio::test(start_paused = true)]
async fn tenants_that_an_outage_rejects_have_rows_and_its_probes_have_one_without_a_tenant() {
    let registry = registry(impact());
    let outage = OutagePolicy::default().min_tenants(2).min_share(0.2);
    let search = declare(&registry, "search", strict().outage(outage));
    for tenant in ["acme", "globex"] {
        succeed(&search, tenant, 1);
        fail(&search, tenant, 3);
    }
    assert!(search.outage().is_some());
    reject(&search, "initech", 2);
    let outage = search.outage().unwrap();
    pass(outage.retry_after).await;
    fail(&search, "initech", 1);

    let report = registry.impact();
    let of = |tenant: Option<&str>| {
        let mut rows = report.rows().iter();
        rows.find(|row| row.tenant.as_deref() == tenant)
            .unwrap()
            .counts
    };
    assert_eq!(figures(of(Some("initech"))), [0, 0, 0, 2, 0]);
    assert_eq!(figures(of(None)), [1, 1, 0, 0, 0]);
    assert_eq!(figures(of(Some("acme"))), [4, 3, 0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn the_circuits_that_several_share_have_a_row_without_a_tenant() {
    let registry = builder(impact()).max_tenants(1).build().unwrap();
    let search = declare(&registry, "search", strict().overflow(Overflow::Shared));
    fail(&search, "acme", 1);
    fail(&search, "globex", 1);
    let shared = search.acquire_shared(Probing::Yes).unwrap();
    shared.record(Outcome::failure());
    let report = registry.impact();
    let [shared, acme] = report.rows() else {
        panic!("two rows: {:?}", report.rows())
    };
    assert_eq!(
        (&shared.tenant, figures(shared.counts)),
        (&None, [2, 2, 0, 0, 0])
    );
    assert_eq!(figures(acme.counts), [1, 1, 0, 0, 0]);
}
