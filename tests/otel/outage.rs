use tokio::time::advance;
use tower_tenant_breaker::{OpenPeriod, OutagePolicy, Outcome};

use crate::{PERIOD, SECOND, call, open, policy, search};

#[tokio::test(start_paused = true)]
async fn a_detected_outage_is_told_while_it_lasts_and_is_no_open_duration() {
    let outage = OutagePolicy::default()
        .min_tenants(3)
        .min_share(0.2)
        .open_for(OpenPeriod::exponential(PERIOD, 10 * PERIOD).jitter(0.0));
    let (observed, search) = search(policy().outage(outage));
    let lasts = || {
        let seen = observed.reader.collect();
        seen.of_search("circuit_breaker.outage", &[]).unwrap()
    };
    for tenant in ["a", "b", "c", "d", "e"] {
        call(&search, tenant, Outcome::Success);
    }
    assert_eq!(lasts(), 0.0);
    for tenant in ["a", "b", "c"] {
        open(&search, tenant);
    }
    assert_eq!(lasts(), 1.0);
    assert!(search.acquire("d").is_err(), "it holds for all");
    advance(PERIOD + SECOND).await;
    assert_eq!(lasts(), 1.0, "until a probe has ended it");
    call(&search, "d", Outcome::Success);
    assert!(search.outage().is_none());
    assert_eq!(lasts(), 0.0);
    let seen = observed.reader.collect();
    let durations = seen.of("circuit_breaker.open.duration").count();
    assert_eq!(durations, 0, "the tenants' circuits have not closed");
}
