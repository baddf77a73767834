//! What can be switched off is, by one word.

use std::time::Duration;

use tower_tenant_breaker::{OutagePolicy, Policy, PolicyBuilder};

use super::{built, policies, policy};

type Change = fn(PolicyBuilder) -> PolicyBuilder;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn one_word_switches_off_whatever_can_be() {
    let cases: [(&str, Change); 9] = [
        ("failure_threshold", PolicyBuilder::without_failure_rate),
        ("failure_rate", PolicyBuilder::without_failure_rate),
        (
            "consecutive_failures",
            PolicyBuilder::without_consecutive_failures,
        ),
        ("latency", PolicyBuilder::without_latency),
        ("hint_cap", |builder| builder.hint_cap(Duration::ZERO)),
        ("abandoned_run", |builder| builder.abandoned_run(0)),
        ("max_in_flight", PolicyBuilder::without_max_in_flight),
        ("ramp", PolicyBuilder::without_ramp),
        ("outage", PolicyBuilder::without_outage),
    ];
    let all_on = "max_in_flight = 9\nramp = { start = 0.5, over = '1s' }\noutage = {}";
    let on = || {
        let outage = OutagePolicy::default();
        Policy::builder()
            .max_in_flight(9)
            .ramp(0.5, SECOND)
            .outage(outage)
    };
    for (field, switch_off) in cases {
        let file = policies(&format!(
            "[default]\n{all_on}\n[dependencies.search]\n{field} = 'off'"
        ));
        let expected = built(switch_off(on()));
        assert_eq!(file.dependency("search"), Some(&expected), "{field}");
        assert_ne!(expected, built(on()), "{field} was on");
    }
}

#[test]
fn count_and_rate_are_one_rule_of_which_either_can_be_left() {
    let without = || Policy::builder().without_failure_rate();
    for (table, expected) in [
        ("failure_rate = 'off'", without()),
        ("failure_threshold = 'off'", without()),
        ("failure_rate = 'off'\nfailure_threshold = 'off'", without()),
        (
            "failure_rate = 'off'\nfailure_threshold = 7",
            without().failure_threshold(7),
        ),
        (
            "failure_threshold = 7\nfailure_rate = 'off'",
            without().failure_threshold(7),
        ),
        (
            "failure_rate = 0.3\nfailure_threshold = 'off'",
            without().failure_rate(0.3),
        ),
    ] {
        assert_eq!(policy(table), built(expected), "{table}");
    }
}

#[test]
fn no_rule_is_no_rules() {
    assert_eq!(policy("latency = []"), policy("latency = 'off'"));
    assert_eq!(policy("abandoned_run = 0"), policy("abandoned_run = 'off'"));
    assert_eq!(policy("hint_cap = '0s'"), policy("hint_cap = 'off'"));
}

#[test]
fn the_word_switches_off_nothing_else() {
    for field in [
        "window",
        "min_calls",
        "histogram",
        "open_for",
        "half_open_max_calls",
        "success_threshold",
        "trip_on_hint",
        "probe_lease",
        "initial_state",
        "overflow",
        "base",
        "mode",
    ] {
        super::refused_at(&format!("{field} = 'off'"), field, &["off"]);
    }
}

#[test]
fn what_is_off_is_written_as_that_word() {
    let policy = Policy::builder()
        .without_failure_rate()
        .without_consecutive_failures()
        .without_latency()
        .hint_cap(Duration::ZERO)
        .abandoned_run(0);
    let written = serde_json::to_value(policy.build().unwrap()).unwrap();
    for field in [
        "failure_threshold",
        "failure_rate",
        "consecutive_failures",
        "latency",
        "hint_cap",
        "abandoned_run",
        "max_in_flight",
        "ramp",
        "outage",
    ] {
        assert_eq!(written[field], "off", "{field}");
    }
}

#[test]
fn what_is_neither_a_value_nor_that_word_is_told_of_both() {
    let error = serde_json::from_str::<Policy>(r#"{ "abandoned_run": null }"#);
    let error = error.unwrap_err().to_string();
    assert!(error.contains("expected a value, or \"off\""), "{error}");
}
