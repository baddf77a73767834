//! Each metric, by an example.

use tokio::time::advance;
use tower_tenant_breaker::{OutagePolicy, Overflow};

use super::*;

#[tokio::test(start_paused = true)]
async fn calls_are_told_by_how_they_ended_each_once() {
    let registry = registry();
    let search = declare(&registry, "search");
    let told = Told::of(MetricsExporter::builder(&registry));
    record(&search, "acme", Outcome::Success);
    record(&search, "acme", Outcome::Success);
    record(&search, "acme", Outcome::Ignored);
    record(&search, "umbrella", Outcome::throttled());
    drop(search.acquire("initech").unwrap());
    fail(&search, "acme");
    for _ in 0..3 {
        search.acquire("acme").unwrap_err();
    }
    let told = told.now();
    let calls = [
        ("dependency=search,outcome=cancelled", 1.0),
        ("dependency=search,outcome=failure", 1.0),
        ("dependency=search,outcome=ignored", 1.0),
        ("dependency=search,outcome=rejected", 3.0),
        ("dependency=search,outcome=success", 2.0),
        ("dependency=search,outcome=throttled", 1.0),
    ];
    assert_eq!(told.not_zero("circuit_breaker.calls"), calls);
    assert_eq!(told.of("agent.tool_call.blocked{dependency=search}"), 3.0);
}

#[tokio::test(start_paused = true)]
async fn openings_probes_recoveries_and_the_time_until_then_are_told() {
    let registry = registry();
    let search = declare(&registry, "search");
    let told = Told::of(MetricsExporter::builder(&registry));
    fail(&search, "acme");
    advance(PERIOD).await;
    fail(&search, "acme");
    advance(PERIOD).await;
    record(&search, "acme", Outcome::Success);
    let told = told.now();
    let of = |metric: &str| told.of(&format!("{metric}{{dependency=search}}"));
    assert_eq!(of("agent.circuit_breaker.open"), 2.0);
    assert_eq!(of("agent.circuit_breaker.recovery"), 1.0);
    assert_eq!(of("circuit_breaker.open.duration"), 20.0);
    let probes = [
        ("dependency=search,outcome=failure", 1.0),
        ("dependency=search,outcome=success", 1.0),
    ];
    assert_eq!(told.not_zero("circuit_breaker.probes"), probes);
    let transitions = [
        ("dependency=search,state=closed,reason=recovered", 1.0),
        ("dependency=search,state=half_open,reason=period_over", 2.0),
        (
            "dependency=search,state=open,reason=consecutive_failures",
            1.0,
        ),
        ("dependency=search,state=open,reason=probe_failed", 1.0),
    ];
    assert_eq!(told.not_zero("circuit_breaker.transitions"), transitions);
}

#[tokio::test(start_paused = true)]
async fn circuits_are_told_by_state_and_how_long_the_oldest_is_not_closed() {
    let registry = registry();
    let search = declare(&registry, "search");
    let told = Told::of(MetricsExporter::builder(&registry));
    record(&search, "well", Outcome::Success);
    fail(&search, "gone");
    advance(60 * SECOND).await;
    fail(&search, "probed");
    advance(PERIOD).await;
    let _probe = search.acquire("probed").unwrap();
    fail(&search, "down");
    advance(SECOND).await;
    let figures = told.now();
    let circuits = [
        ("dependency=search,state=closed", 1.0),
        ("dependency=search,state=half_open", 1.0),
        ("dependency=search,state=idle", 1.0),
        ("dependency=search,state=open", 1.0),
    ];
    assert_eq!(figures.not_zero("circuit_breaker.circuits"), circuits);
    let oldest = "circuit_breaker.open.oldest{dependency=search}";
    assert_eq!(figures.of(oldest), 11.0, "half-open time included");
    search.reset();
    assert_eq!(told.now().of(oldest), 0.0);
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_told_while_it_lasts() {
    let registry = registry();
    let outage = OutagePolicy::default().min_tenants(3).min_share(0.2);
    let outage = outage.open_for(OpenPeriod::fixed(PERIOD).jitter(0.0));
    let policy = policy()
        .outage(outage.recovery_spread(Duration::ZERO))
        .build();
    let search = registry.dependency_with("search", policy.unwrap()).unwrap();
    let told = Told::of(MetricsExporter::builder(&registry));
    let lasts = || told.now().of("circuit_breaker.outage{dependency=search}");
    assert_eq!(lasts(), 0.0);
    for outcome in [Outcome::Success, Outcome::failure()] {
        for tenant in ["t1", "t2", "t3"] {
            record(&search, tenant, outcome);
        }
    }
    assert_eq!(lasts(), 1.0);
    search.reset();
    assert_eq!(lasts(), 0.0);
}

#[tokio::test(start_paused = true)]
async fn latencies_are_told_while_a_circuit_is_busy_and_are_no_number_once_none_is() {
    let registry = registry();
    let policy = policy().window(PERIOD).without_latency().build().unwrap();
    let search = registry.dependency_with("search", policy).unwrap();
    let told = Told::of(MetricsExporter::builder(&registry));
    assert_eq!(told.now().series("circuit_breaker.latency"), 0);
    let fast = |calls: usize| (0..calls).for_each(|_| record(&search, "acme", Outcome::Success));
    fast(110);
    let permits: Vec<_> = (0..100).map(|_| search.acquire("acme").unwrap()).collect();
    advance(SECOND).await;
    for permit in permits {
        permit.record(Outcome::Success);
    }
    let quantile = |figures: &Figures, quantile: &str| {
        let labels = format!("dependency=search,quantile={quantile}");
        figures.of(&format!("circuit_breaker.latency{{{labels}}}"))
    };
    let busy = told.now();
    for of in ["0.5", "0.95", "0.99"] {
        assert!((1.0..1.01).contains(&quantile(&busy, of)), "{busy:#?}");
    }
    advance(3 * PERIOD).await;
    let quiet = told.now();
    for of in ["0.5", "0.95", "0.99"] {
        assert!(quantile(&quiet, of).is_nan(), "{quiet:#?}");
    }
    let median = "circuit_breaker.latency{dependency=search,quantile=0.5}";
    let times = told.shelf.told(median);
    told.now();
    assert_eq!(told.shelf.told(median), times, "no number is told once");
    fast(110);
    assert!(told.now().of(median) < 0.1, "and comes back with the calls");
}

#[tokio::test(start_paused = true)]
async fn calls_without_room_and_memory_are_told() {
    let registry = CircuitBreakerRegistry::builder().max_tenants(1);
    let registry = registry.build().unwrap();
    let policy = policy().overflow(Overflow::Shared).build().unwrap();
    let search = registry.dependency_with("search", policy).unwrap();
    let told = Told::of(MetricsExporter::builder(&registry));
    let memory = "circuit_breaker.memory{dependency=search}";
    let empty = told.now().of(memory);
    let _resident = search.acquire("resident").unwrap();
    record(&search, "newcomer", Outcome::Success);
    let figures = told.now();
    assert_eq!(
        figures.of("circuit_breaker.overflow{dependency=search}"),
        1.0
    );
    assert!(figures.of(memory) > empty + 100.0, "{figures:#?}");
}

#[test]
fn an_exporter_of_two_dependencies_tells_them_apart() {
    let registry = registry();
    let [search, _mail] = ["search", "mail"].map(|name| declare(&registry, name));
    let told = Told::of(MetricsExporter::builder(&registry));
    fail(&search, "acme");
    let opened = told.now();
    assert_eq!(
        opened.not_zero("agent.circuit_breaker.open"),
        [("dependency=search", 1.0)]
    );
    assert_eq!(opened.series("agent.circuit_breaker.open"), 2);
}
