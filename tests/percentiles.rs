//! Law 3: the percentiles that people read, and the budget of the histograms that they come from.

use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::time::advance;
use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitState, Dependency, LatencyQuantiles, LatencyRule, OpenPeriod,
    Outcome, Policy, PolicyBuilder,
};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A policy without a rule, whose window is longer than any call in here.
fn no_rules() -> PolicyBuilder {
    Policy::builder()
        .window(Duration::from_secs(3_600))
        .without_failure_rate()
        .without_consecutive_failures()
        .without_latency()
        .open_for(OpenPeriod::fixed(Duration::from_secs(30)).jitter(0.0))
}

fn dependency(policy: PolicyBuilder) -> Dependency {
    within(64 << 20, policy)
}

/// A dependency whose registry has so many bytes for histograms.
fn within(histogram_bytes: usize, policy: PolicyBuilder) -> Dependency {
    let registry = CircuitBreakerRegistry::builder().histogram_bytes(histogram_bytes);
    let registry = registry.build().unwrap();
    registry
        .dependency_with("search", policy.build().unwrap())
        .unwrap()
}

fn fast(search: &Dependency, tenant: &str, calls: usize) {
    for _ in 0..calls {
        search.acquire(tenant).unwrap().record(Outcome::Success);
    }
}

/// Records slow calls that were all in the air together.
async fn slow(search: &Dependency, calls: usize, latency: Duration) {
    let permits: Vec<_> = (0..calls)
        .map(|_| search.acquire("acme").unwrap())
        .collect();
    advance(latency).await;
    for permit in permits {
        permit.record(Outcome::Success);
    }
}

fn percentiles(search: &Dependency, tenant: &str) -> Option<LatencyQuantiles> {
    search.circuit(tenant).snapshot().unwrap().latency
}

/// The upper edge of the bucket in which a latency falls.
fn edge(latency: Duration) -> Duration {
    let histogram = Histogram::<u64>::new_with_bounds(10_000, 300_000_000_000, 2).unwrap();
    let edge = histogram.highest_equivalent(latency.as_nanos() as u64);
    Duration::from_nanos(edge)
}

// ===== what people read =====

#[tokio::test(start_paused = true)]
async fn percentiles_are_there_from_100_calls_in_the_window_on() {
    let search = dependency(no_rules());
    fast(&search, "acme", 99);
    assert_eq!(percentiles(&search, "acme"), None);
    fast(&search, "acme", 1);
    assert!(percentiles(&search, "acme").is_some());
}

#[tokio::test(start_paused = true)]
async fn the_100_calls_may_lie_in_several_slots() {
    for (first, then) in [(98, false), (99, true)] {
        let search = dependency(no_rules().window(Duration::from_secs(10)));
        fast(&search, "acme", first);
        advance(Duration::from_secs(9)).await;
        fast(&search, "acme", 1);
        assert_eq!(
            percentiles(&search, "acme").is_some(),
            then,
            "{first} and one"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn percentiles_are_there_also_where_100_calls_come_evenly() {
    let search = dependency(no_rules().window(Duration::from_secs(10)));
    for slot in 1..=10 {
        assert_eq!(
            search
                .circuit("acme")
                .snapshot()
                .and_then(|acme| acme.latency),
            None
        );
        fast(&search, "acme", 10);
        if slot < 10 {
            advance(Duration::from_secs(1)).await;
        }
    }
    assert!(percentiles(&search, "acme").is_some());
}

#[tokio::test(start_paused = true)]
async fn a_circuit_that_never_has_100_calls_in_one_window_has_no_percentiles() {
    let search = dependency(no_rules().window(Duration::from_secs(10)));
    for _ in 0..200 {
        fast(&search, "acme", 9);
        assert_eq!(percentiles(&search, "acme"), None);
        advance(Duration::from_secs(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn percentiles_are_the_edges_of_the_buckets_in_which_they_fall() {
    let search = dependency(no_rules());
    fast(&search, "acme", 99);
    for millis in 1..=1_000 {
        slow(&search, 1, ms(millis)).await;
    }
    let read = percentiles(&search, "acme").unwrap();
    assert_eq!(read.samples, 1_000, "the first 99 calls were not measured");
    assert_eq!(read.p50, edge(ms(500)));
    assert_eq!(read.p95, edge(ms(950)));
    assert_eq!(read.p99, edge(ms(990)));
    assert_eq!(read.max, edge(ms(1_000)));
}

#[tokio::test(start_paused = true)]
async fn percentiles_are_of_the_current_window() {
    let second = Duration::from_secs(1);
    let search = dependency(no_rules().window(10 * second));
    slow(&search, 110, ms(500)).await;
    let of_the_first = percentiles(&search, "acme").unwrap();
    assert_eq!(of_the_first.p50, edge(ms(500)));
    advance(9 * second).await;
    slow(&search, 50, ms(100)).await;
    assert_eq!(percentiles(&search, "acme").unwrap().max, edge(ms(500)));
    advance(second).await;
    let read = percentiles(&search, "acme").unwrap();
    assert_eq!((read.samples, read.max), (50, edge(ms(100))));
    advance(10 * second).await;
    assert_eq!(
        percentiles(&search, "acme"),
        None,
        "nothing is in the window"
    );
    slow(&search, 1, ms(300)).await;
    let read = percentiles(&search, "acme").unwrap();
    assert_eq!((read.samples, read.p50), (1, edge(ms(300))));
}

#[tokio::test(start_paused = true)]
async fn ignored_calls_are_not_in_the_percentiles() {
    let search = dependency(no_rules());
    slow(&search, 110, ms(100)).await;
    let before = percentiles(&search, "acme");
    let permit = search.acquire("acme").unwrap();
    advance(ms(500)).await;
    permit.record(Outcome::Ignored);
    assert_eq!(percentiles(&search, "acme"), before);
}

#[tokio::test(start_paused = true)]
async fn the_percentiles_of_the_window_that_tripped_stay_readable_while_open_and_then_go() {
    for period in [1, 30] {
        let period = Duration::from_secs(period);
        let policy = no_rules().window(Duration::from_secs(10));
        let policy = policy.consecutive_failures(1).success_threshold(1);
        let search = dependency(policy.open_for(OpenPeriod::fixed(period).jitter(0.0)));
        slow(&search, 120, ms(100)).await;
        search.acquire("acme").unwrap().record(Outcome::failure());
        assert_eq!(search.state("acme"), CircuitState::Open);
        let read = percentiles(&search, "acme");
        assert_eq!(read.unwrap().p95, edge(ms(100)));
        advance(period).await;
        assert_eq!(percentiles(&search, "acme"), read);
        search.acquire("acme").unwrap().record(Outcome::Success);
        assert_eq!(search.state("acme"), CircuitState::Closed);
        assert_eq!(percentiles(&search, "acme"), None);
    }
}

// ===== the budget =====

/// Enough for the histograms of one circuit by the default shape, and not for those of two.
const FOR_ONE: usize = 150_000;

#[tokio::test(start_paused = true)]
async fn where_the_budget_is_spent_the_snapshot_has_no_percentiles() {
    let search = within(FOR_ONE, no_rules());
    fast(&search, "acme", 200);
    fast(&search, "globex", 200);
    assert!(percentiles(&search, "acme").is_some());
    assert_eq!(percentiles(&search, "globex"), None);
    let window = search.circuit("globex").snapshot().unwrap().window;
    assert_eq!(window.calls, 200, "its verdicts need none");
}

#[tokio::test(start_paused = true)]
async fn a_budget_of_nothing_switches_percentiles_off_and_the_rules_not() {
    let search = within(
        0,
        no_rules().latency(LatencyRule::p95(ms(100)).min_calls(200)),
    );
    fast(&search, "acme", 200);
    assert_eq!(percentiles(&search, "acme"), None);
    slow(&search, 12, ms(200)).await;
    assert_eq!(search.state("acme"), CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_was_quiet_for_a_window_gives_up_its_histograms() {
    let second = Duration::from_secs(1);
    let search = within(FOR_ONE, no_rules().window(10 * second));
    fast(&search, "acme", 200);
    advance(9 * second).await;
    fast(&search, "globex", 200);
    assert_eq!(
        percentiles(&search, "globex"),
        None,
        "acme is not quiet yet"
    );
    assert!(percentiles(&search, "acme").is_some());
    advance(second).await;
    fast(&search, "globex", 200);
    assert!(percentiles(&search, "globex").is_some());
    assert_eq!(percentiles(&search, "acme"), None);

    fast(&search, "acme", 200);
    assert_eq!(
        percentiles(&search, "acme"),
        None,
        "it has to wait in its turn"
    );
    advance(10 * second).await;
    fast(&search, "acme", 200);
    assert!(percentiles(&search, "acme").is_some());
    assert_eq!(percentiles(&search, "globex"), None);
}

#[tokio::test(start_paused = true)]
async fn the_budget_is_one_for_all_dependencies_of_a_registry() {
    let registry = CircuitBreakerRegistry::builder().histogram_bytes(FOR_ONE);
    let registry = registry.build().unwrap();
    let policy = no_rules().build().unwrap();
    let search = registry.dependency_with("search", policy.clone()).unwrap();
    let maps = registry.dependency_with("maps", policy).unwrap();
    fast(&search, "acme", 200);
    fast(&maps, "acme", 200);
    assert!(percentiles(&search, "acme").is_some());
    assert_eq!(percentiles(&maps, "acme"), None);
}
