use std::time::Duration;

use tokio::time::advance;
use tower_tenant_breaker::{Dependency, Outcome};

use crate::{policy, search};

const LATENCY: &str = "circuit_breaker.latency";

async fn calls(dependency: &Dependency, tenant: &str, latencies: impl Iterator<Item = u64>) {
    for millis in latencies {
        let permit = dependency.acquire(tenant).unwrap();
        advance(Duration::from_millis(millis)).await;
        permit.record(Outcome::Success);
    }
}

#[tokio::test(start_paused = true)]
async fn the_quantiles_are_those_of_all_busy_circuits_together() {
    let (observed, search) = search(policy().window(Duration::from_secs(600)));
    let quantiles = || {
        let seen = observed.reader.collect();
        ["0.5", "0.95", "0.99"].map(|quantile| seen.of_search(LATENCY, &[("quantile", quantile)]))
    };
    calls(&search, "acme", std::iter::repeat_n(10, 90)).await;
    assert_eq!(quantiles(), [None; 3], "no circuit is busy");
    // From 100 calls on a circuit has a histogram.
    calls(&search, "acme", std::iter::repeat_n(10, 210)).await;
    calls(&search, "globex", std::iter::repeat_n(1_000, 120)).await;
    let [p50, p95, p99] = quantiles().map(Option::unwrap);
    assert!((0.010..0.0102).contains(&p50), "acme's: {p50}");
    assert!((1.0..1.02).contains(&p95), "globex's: {p95}");
    assert_eq!(p99, p95);
    advance(Duration::from_secs(700)).await;
    assert_eq!(quantiles(), [None; 3], "the windows are empty");
}
