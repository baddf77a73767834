//! Every field of the builder has its name in a file.

use std::time::Duration;

use tower_tenant_breaker::{CircuitState, LatencyRule, OpenPeriod, OutagePolicy, Overflow, Policy};

use super::{built, policies, policy, read_json};

const SECOND: Duration = Duration::from_secs(1);

const ALL: &str = r#"
window = "5m"
failure_threshold = 7
failure_rate = 0.25
min_calls = 8
consecutive_failures = 9
latency = [
    { quantile = 0.95, threshold = "3s", min_calls = 30 },
    { quantile = 0.5, threshold = "500ms" },
]
histogram = { lowest = "100us", highest = "1h 30m", digits = 3 }
open_for = { first = "10s", max = "1m", multiplier = 3.0, jitter = 0.2 }
half_open_max_calls = 4
success_threshold = 5
hint_cap = "2h"
trip_on_hint = true
abandoned_run = 6
probe_lease = "90s"
initial_state = "half_open"
max_in_flight = 10
overflow = "shared"
ramp = { start = 0.1, over = "30s" }

[outage]
min_tenants = 20
min_share = 0.3
newcomers = true
open_for = { first = "1s", max = "4s" }
recovery_spread = "1s 500ms"
"#;

fn all() -> Policy {
    built(
        Policy::builder()
            .window(300 * SECOND)
            .failure_threshold(7)
            .failure_rate(0.25)
            .min_calls(8)
            .consecutive_failures(9)
            .latency(LatencyRule::p95(3 * SECOND).min_calls(30))
            .latency(LatencyRule::p50(SECOND / 2))
            .histogram(Duration::from_micros(100), 5_400 * SECOND, 3)
            .open_for(
                OpenPeriod::exponential(10 * SECOND, 60 * SECOND)
                    .multiplier(3.0)
                    .jitter(0.2),
            )
            .half_open_max_calls(4)
            .success_threshold(5)
            .hint_cap(7_200 * SECOND)
            .trip_on_hint(true)
            .abandoned_run(6)
            .probe_lease(90 * SECOND)
            .initial_state(CircuitState::HalfOpen)
            .max_in_flight(10)
            .overflow(Overflow::Shared)
            .ramp(0.1, 30 * SECOND)
            .outage(
                OutagePolicy::default()
                    .min_tenants(20)
                    .min_share(0.3)
                    .newcomers(true)
                    .open_for(OpenPeriod::exponential(SECOND, 4 * SECOND))
                    .recovery_spread(3 * SECOND / 2),
            ),
    )
}

#[test]
fn a_file_can_say_all_that_the_builder_can() {
    assert_eq!(policy(ALL), all());
}

#[test]
fn each_field_that_is_not_named_has_its_default() {
    assert_eq!(policy(""), Policy::default());
    for (table, expected) in [
        ("window = '5m'", Policy::builder().window(300 * SECOND)),
        ("min_calls = 8", Policy::builder().min_calls(8)),
        (
            "outage = {}",
            Policy::builder().outage(OutagePolicy::default()),
        ),
        (
            "histogram = { digits = 3 }",
            Policy::builder().histogram(Duration::from_micros(10), 300 * SECOND, 3),
        ),
    ] {
        assert_eq!(policy(table), built(expected), "{table}");
    }
}

#[test]
fn an_open_period_is_fixed_where_no_cap_is_named() {
    let fixed = OpenPeriod::fixed(10 * SECOND);
    for (table, expected) in [
        ("open_for = '10s'", fixed),
        ("open_for = { first = '10s' }", fixed),
        (
            "open_for = { first = '10s', jitter = 0.0 }",
            fixed.jitter(0.0),
        ),
        (
            "open_for = { first = '10s', max = '20s' }",
            OpenPeriod::exponential(10 * SECOND, 20 * SECOND),
        ),
    ] {
        assert_eq!(
            policy(table),
            built(Policy::builder().open_for(expected)),
            "{table}"
        );
    }
}

#[test]
fn a_base_is_where_a_policy_begins() {
    assert_eq!(policy("base = 'standard'"), Policy::default());
    assert_eq!(policy("base = 'low_traffic'"), built(Policy::low_traffic()));
    assert_eq!(
        policy("trip_on_hint = true\nbase = 'low_traffic'"),
        built(Policy::low_traffic().trip_on_hint(true)),
        "wherever in the table it stands"
    );
}

#[test]
fn json_says_the_same() {
    let json: serde_json::Value = toml::from_str(ALL).unwrap();
    let file = serde_json::json!({ "dependencies": { "search": json } }).to_string();
    assert_eq!(read_json(&file).unwrap().dependency("search"), Some(&all()));
    let file = ALL.replace("[outage]", "[dependencies.search.outage]");
    let file = policies(&format!("[dependencies.search]\n{file}"));
    assert_eq!(file.dependency("search"), Some(&all()));
}
