use tower_tenant_breaker::{Outcome, Policy};

use crate::{call, observe, open, policy, registry};

#[tokio::test(start_paused = true)]
async fn a_hundred_thousand_tenants_make_no_more_series_than_a_few() {
    let observed = observe(registry(), 20);
    let search = observed
        .registry
        .dependency_with("search", Policy::default());
    let search = search.unwrap();
    let policy = policy().build().unwrap();
    let index = observed.registry.dependency_with("index", policy).unwrap();
    for tenant in 0..100_000 {
        call(&search, &format!("tenant-{tenant}"), Outcome::Success);
    }
    for tenant in 0..2_000 {
        let tenant = format!("tenant-{tenant}");
        open(&index, &tenant);
        index.acquire(&tenant).unwrap_err();
    }
    let seen = observed.reader.collect();
    let closed = [("state", "closed")];
    assert_eq!(
        seen.of_search("circuit_breaker.circuits", &closed),
        Some(100_000.0)
    );
    assert_eq!(seen.of("circuit_breaker.tenant.open").count(), 20);
    let left_out = [("dependency", "index")];
    let left_out = seen.value("circuit_breaker.tenant.left_out", &left_out);
    assert_eq!(left_out, Some(1_980.0));
    let series = seen.0.len();
    assert!(series < 120, "{series}");
}
