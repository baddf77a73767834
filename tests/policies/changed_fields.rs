//! What a change says of the fields that differ: what they were, and what they are.

use tower_tenant_breaker::Policy;

use super::{built, policies, registry};

const FILE: &str = "
    [dependencies.search]
    window = '2m'
    failure_threshold = 6
    failure_rate = 0.25
    min_calls = 7
    consecutive_failures = 'off'
    latency = [{ quantile = 0.5, threshold = '1s' }, { quantile = 1, threshold = '511ns', min_calls = 3 }]
    histogram = { lowest = '1us', highest = '10m', digits = 2 }
    open_for = { first = '10s', max = '5m' }
    half_open_max_calls = 4
    success_threshold = 1
    hint_cap = '1h 30m'
    trip_on_hint = true
    abandoned_run = 6
    probe_lease = '1m 1ns'
    initial_state = 'half_open'
    max_in_flight = 10
    overflow = 'shared'
    ramp = { start = 0.125, over = '30s' }
    outage = { open_for = '5s' }";

const TOLD: [&str; 19] = [
    "window: 1m -> 2m",
    "failure_threshold: 5 -> 6",
    "failure_rate: 0.5 -> 0.25",
    "min_calls: 5 -> 7",
    "consecutive_failures: 5 -> off",
    // Thresholds are on the edges of their buckets.
    "latency: off -> [{ quantile = 0.5, threshold = 1s 2ms 438us 655ns, min_calls = 20 }, \
     { quantile = 1, threshold = 511ns, min_calls = 3 }]",
    "histogram: { lowest = 10us, highest = 5m, digits = 2 } -> { lowest = 1us, highest = 10m, digits = 2 }",
    "open_for: { first = 30s, max = 5m, multiplier = 2, jitter = 0.1 } -> \
     { first = 10s, max = 5m, multiplier = 2, jitter = 0.1 }",
    "half_open_max_calls: 3 -> 4",
    "success_threshold: 2 -> 1",
    "hint_cap: 1h -> 1h 30m",
    "trip_on_hint: false -> true",
    "abandoned_run: 5 -> 6",
    "probe_lease: 1m -> 1m 1ns",
    "initial_state: closed -> half_open",
    "max_in_flight: off -> 10",
    "overflow: unguarded -> shared",
    "ramp: off -> { start = 0.125, over = 30s }",
    "outage: off -> { min_tenants = 10, min_share = 0.2, newcomers = false, recovery_spread = 3s, open_for = 5s }",
];

#[tokio::test(start_paused = true)]
async fn every_field_that_differs_is_told_as_a_file_would_say_it() {
    let registry = registry();
    let declared = built(Policy::builder().without_latency());
    registry.dependency_with("search", declared).unwrap();
    let applied = policies(FILE).apply(&registry);
    let [change] = applied.changes() else {
        panic!("{applied:?}");
    };
    assert_eq!(
        change.to_string(),
        format!("\"search\": {}", TOLD.join(", "))
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_taken_back_is_told_the_other_way_round() {
    let registry = registry();
    let file = policies(FILE);
    file.apply(&registry);
    let applied = policies("").apply_after(&file, &registry);
    let line = applied.changes()[0].to_string();
    assert!(line.contains("window: 2m -> 1m, "), "{line}");
    assert!(
        line.contains("ramp: { start = 0.125, over = 30s } -> off, "),
        "{line}"
    );
}
