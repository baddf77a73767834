//! What a file says of policies, read anew: a value of JSON, field by field, told to a builder.
//!
//! For what the library has read without an error: what is of no form that is known here is a mistake of one of the two.

use std::time::Duration;

use serde_json::{Map, Value};
use tower_tenant_breaker::{
    CircuitState, LatencyRule, OpenPeriod, OutagePolicy, Overflow, Policy, PolicyBuilder,
};

/// What a table says takes the place of what the builder has.
pub fn onto(table: &Value, mut builder: PolicyBuilder) -> PolicyBuilder {
    let table = object(table);
    match table.get("base").map(text) {
        None => {}
        Some("standard") => builder = Policy::builder(),
        Some("low_traffic") => builder = Policy::low_traffic(),
        Some(base) => panic!("no base: {base}"),
    }
    // Count and rate are one rule: who switches off one of them has a rule of the other alone, if it names that.
    if ["failure_threshold", "failure_rate"].map(|field| table.get(field).is_some_and(is_off))
        != [false; 2]
    {
        builder = builder.without_failure_rate();
    }
    for (field, value) in table {
        builder = set(builder, field, value);
    }
    builder
}

fn set(builder: PolicyBuilder, field: &str, value: &Value) -> PolicyBuilder {
    match (field, is_off(value)) {
        // Of the dependency, of other tables, or said before.
        ("base" | "mode" | "tenants", _) | ("failure_threshold" | "failure_rate", true) => builder,
        ("window", _) => builder.window(duration(value)),
        ("failure_threshold", _) => builder.failure_threshold(count(value)),
        ("failure_rate", _) => builder.failure_rate(number(value)),
        ("min_calls", _) => builder.min_calls(count(value)),
        ("consecutive_failures", true) => builder.without_consecutive_failures(),
        ("consecutive_failures", _) => builder.consecutive_failures(count(value)),
        ("latency", true) => builder.without_latency(),
        ("latency", _) => {
            let rules = value.as_array().expect("a list").iter().map(latency_rule);
            rules.fold(builder.without_latency(), PolicyBuilder::latency)
        }
        ("histogram", _) => {
            let or = |field, default| value.get(field).map_or(default, duration);
            let lowest = or("lowest", Duration::from_micros(10));
            let highest = or("highest", Duration::from_secs(300));
            let digits = value.get("digits").map_or(2, count);
            builder.histogram(lowest, highest, digits.try_into().expect("up to 5"))
        }
        ("open_for", _) => builder.open_for(open_period(value)),
        ("half_open_max_calls", _) => builder.half_open_max_calls(count(value)),
        ("success_threshold", _) => builder.success_threshold(count(value)),
        ("hint_cap", true) => builder.hint_cap(Duration::ZERO),
        ("hint_cap", _) => builder.hint_cap(duration(value)),
        ("trip_on_hint", _) => builder.trip_on_hint(value.as_bool().expect("yes or no")),
        ("abandoned_run", true) => builder.abandoned_run(0),
        ("abandoned_run", _) => builder.abandoned_run(count(value)),
        ("probe_lease", _) => builder.probe_lease(duration(value)),
        ("initial_state", _) => builder.initial_state(match text(value) {
            "closed" => CircuitState::Closed,
            "open" => CircuitState::Open,
            "half_open" => CircuitState::HalfOpen,
            state => panic!("no state: {state}"),
        }),
        ("max_in_flight", true) => builder.without_max_in_flight(),
        ("max_in_flight", _) => builder.max_in_flight(count(value)),
        ("ramp", true) => builder.without_ramp(),
        ("ramp", _) => builder.ramp(number(&value["start"]), duration(&value["over"])),
        ("overflow", _) => builder.overflow(match text(value) {
            "unguarded" => Overflow::Unguarded,
            "shared" => Overflow::Shared,
            overflow => panic!("no overflow: {overflow}"),
        }),
        ("outage", true) => builder.without_outage(),
        ("outage", _) => builder.outage(outage(value)),
        (field, _) => panic!("no field: {field}"),
    }
}

fn latency_rule(value: &Value) -> LatencyRule {
    let rule = LatencyRule::quantile(number(&value["quantile"]), duration(&value["threshold"]));
    match value.get("min_calls") {
        Some(calls) => rule.min_calls(count(calls)),
        None => rule,
    }
}

fn open_period(value: &Value) -> OpenPeriod {
    if value.is_string() {
        return OpenPeriod::fixed(duration(value));
    }
    let first = duration(&value["first"]);
    let mut period = match value.get("max") {
        Some(max) => OpenPeriod::exponential(first, duration(max)),
        None => OpenPeriod::fixed(first),
    };
    if let Some(by) = value.get("multiplier") {
        period = period.multiplier(number(by));
    }
    if let Some(share) = value.get("jitter") {
        period = period.jitter(number(share));
    }
    period
}

fn outage(value: &Value) -> OutagePolicy {
    let mut outage = OutagePolicy::default();
    for (field, value) in object(value) {
        outage = match field.as_str() {
            "min_tenants" => outage.min_tenants(count(value)),
            "min_share" => outage.min_share(number(value)),
            "newcomers" => outage.newcomers(value.as_bool().expect("yes or no")),
            "recovery_spread" => outage.recovery_spread(duration(value)),
            "open_for" => outage.open_for(open_period(value)),
            field => panic!("no field: {field}"),
        };
    }
    outage
}

/// Whole numbers with units, each added to the others.
fn duration(value: &Value) -> Duration {
    let mut nanos = 0_u128;
    let mut rest = text(value).trim_matches(' ');
    while !rest.is_empty() {
        let digits = rest
            .find(|sign: char| !sign.is_ascii_digit())
            .expect("a unit");
        let amount: u128 = rest[..digits].parse().expect("a number");
        rest = rest[digits..].trim_start_matches(' ');
        let letters = rest.find(|sign: char| !sign.is_ascii_alphabetic());
        let (unit, others) = rest.split_at(letters.unwrap_or(rest.len()));
        rest = others.trim_start_matches(' ');
        nanos += amount
            * match unit {
                "h" => 3_600 * 1_000_000_000,
                "m" => 60 * 1_000_000_000,
                "s" => 1_000_000_000,
                "ms" => 1_000_000,
                "us" => 1_000,
                "ns" => 1,
                unit => panic!("no unit: {unit}"),
            };
    }
    let seconds = u64::try_from(nanos / 1_000_000_000).expect("not longer than any duration");
    Duration::new(seconds, (nanos % 1_000_000_000) as u32)
}

fn object(value: &Value) -> &Map<String, Value> {
    value.as_object().expect("a table")
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn is_off(value: &Value) -> bool {
    *value == "off"
}

fn count(value: &Value) -> u32 {
    let number = value.as_u64().expect("a whole number");
    number.try_into().expect("in 32 bits")
}

fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}
