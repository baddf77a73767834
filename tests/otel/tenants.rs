use std::collections::BTreeSet;

use opentelemetry::metrics::MeterProvider;
use tokio::time::advance;
use tower_tenant_breaker::otel::OtelMetrics;
use tower_tenant_breaker::{CircuitBreakerRegistry, Outcome};

use crate::collected::{Collected, Reader};
use crate::{
    PERIOD, SECOND, Temporality, call, observe, open, policy, provider, recover, registry, search,
};

const OPEN: &str = "circuit_breaker.tenant.open";
const RATIO: &str = "circuit_breaker.tenant.blocked_ratio";
const LEFT_OUT: &str = "circuit_breaker.tenant.left_out";
const CREDENTIAL: &str = "0123456789abcdef0123456789abcdef";

fn of<'a>(seen: &'a Collected, name: &str) -> BTreeSet<&'a str> {
    seen.tenants(name)
}

#[tokio::test(start_paused = true)]
async fn a_tenant_has_series_while_its_circuit_is_not_closed_and_none_once_it_is() {
    for temporality in [Temporality::Cumulative, Temporality::Delta] {
        let registry = registry();
        let reader = Reader::new(temporality);
        let provider = provider(&reader);
        let metrics = OtelMetrics::builder(&registry);
        let _metrics = metrics.register(&provider.meter("test")).unwrap();
        let policy = policy().build().unwrap();
        let search = registry.dependency_with("search", policy).unwrap();
        assert_eq!(of(&reader.collect(), OPEN), BTreeSet::new());
        open(&search, "acme");
        open(&search, "globex");
        let seen = reader.collect();
        assert_eq!(of(&seen, OPEN), BTreeSet::from(["acme", "globex"]));
        assert_eq!(of(&seen, RATIO), BTreeSet::from(["acme", "globex"]));
        assert_eq!(seen.of_search(OPEN, &[("tenant.id", "acme")]), Some(1.0));
        recover(&search, "acme").await;
        let seen = reader.collect();
        assert_eq!(of(&seen, OPEN), BTreeSet::from(["globex"]));
        assert_eq!(of(&seen, RATIO), BTreeSet::from(["globex"]));
        advance(100 * SECOND).await;
        assert_eq!(of(&reader.collect(), OPEN), BTreeSet::new(), "it went away");
    }
}

#[tokio::test(start_paused = true)]
async fn the_series_of_an_evicted_tenant_goes_with_its_circuit() {
    let registry = CircuitBreakerRegistry::builder().max_tenants(1);
    let observed = observe(registry.build().unwrap(), 20);
    let policy = policy().build().unwrap();
    let search = observed.registry.dependency_with("search", policy);
    let search = search.unwrap();
    open(&search, "acme");
    assert_eq!(
        of(&observed.reader.collect(), OPEN),
        BTreeSet::from(["acme"])
    );
    advance(100 * PERIOD).await;
    open(&search, "globex");
    let seen = observed.reader.collect();
    assert_eq!(of(&seen, OPEN), BTreeSet::from(["globex"]));
    assert_eq!(
        seen.of_search("agent.circuit_breaker.open", &[]),
        Some(2.0),
        "what was counted of it stays"
    );
}

#[tokio::test(start_paused = true)]
async fn the_share_of_rejected_calls_is_that_of_late() {
    let (observed, search) = search(policy());
    let ratio = || {
        let seen = observed.reader.collect();
        seen.of_search(RATIO, &[("tenant.id", "acme")])
    };
    open(&search, "acme");
    search.acquire("acme").unwrap_err();
    ratio();
    advance(PERIOD).await;
    for _ in 0..3 {
        call(&search, "acme", Outcome::Success);
    }
    search.circuit("acme").open().unwrap();
    search.acquire("acme").unwrap_err();
    assert_eq!(ratio(), Some(0.25));
}

#[tokio::test(start_paused = true)]
async fn all_dependencies_together_have_no_more_tenants_than_asked_for_and_the_rest_is_counted() {
    let observed = observe(registry(), 7);
    for name in ["a", "b", "c"] {
        let policy = policy().build().unwrap();
        let dependency = observed.registry.dependency_with(name, policy).unwrap();
        for tenant in 0..5 {
            open(&dependency, &format!("{name}{tenant}"));
        }
    }
    for _ in 0..3 {
        let seen = observed.reader.collect();
        assert_eq!((seen.of(OPEN).count(), seen.of(RATIO).count()), (7, 7));
        let left_out = ["a", "b", "c"].map(|name| {
            let of = [("dependency", name)];
            seen.value(LEFT_OUT, &of).unwrap()
        });
        assert_eq!(left_out, [2.0, 3.0, 3.0], "shared out fairly");
        advance(SECOND).await;
    }
}

#[tokio::test(start_paused = true)]
async fn none_has_series_where_they_are_switched_off() {
    let observed = observe(registry(), 0);
    let policy = policy().build().unwrap();
    let search = observed.registry.dependency_with("search", policy);
    let search = search.unwrap();
    open(&search, "acme");
    let seen = observed.reader.collect();
    assert_eq!((seen.of(OPEN).count(), seen.of(RATIO).count()), (0, 0));
    assert_eq!(seen.of_search(LEFT_OUT, &[]), Some(1.0));
}

#[tokio::test(start_paused = true)]
async fn a_tenant_whose_id_is_made_of_a_credential_has_none_unless_asked_for() {
    let (observed, search) = search(policy());
    open(&search, CREDENTIAL);
    let seen = observed.reader.collect();
    assert_eq!(of(&seen, OPEN), BTreeSet::new());
    assert_eq!(seen.of_search(LEFT_OUT, &[]), Some(1.0));

    let reader = Reader::new(Temporality::Cumulative);
    let provider = provider(&reader);
    let asked = OtelMetrics::builder(&observed.registry).credential_tenants(true);
    let _asked = asked.register(&provider.meter("test")).unwrap();
    let seen = reader.collect();
    assert_eq!(of(&seen, OPEN), BTreeSet::from([CREDENTIAL]));
    assert_eq!(seen.of_search(LEFT_OUT, &[]), Some(0.0));
}

#[tokio::test(start_paused = true)]
async fn a_hostile_id_is_a_value_and_nothing_else() {
    let (observed, search) = search(policy());
    let hostile = [
        "\" } evil 1\nevil_total 2",
        "<script>alert(1)</script>",
        "otel.metric.overflow=true",
        "\u{202e}\0\\",
    ];
    for tenant in hostile {
        open(&search, tenant);
    }
    let seen = observed.reader.collect();
    assert_eq!(of(&seen, OPEN), BTreeSet::from(hostile));
    for series in seen.of(OPEN) {
        let keys: Vec<_> = series.attributes.iter().map(|(key, _)| &**key).collect();
        assert_eq!(keys, ["dependency", "tenant.id"]);
    }
}
