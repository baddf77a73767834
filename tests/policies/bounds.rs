//! Every bound of the builder holds in files, and its error stands where the value does.

use super::{policy, read, refused, refused_at};

/// Field, values that are refused, the bound that the error names, and values that are taken.
type Case = (
    &'static str,
    &'static [&'static str],
    &'static str,
    &'static [&'static str],
);

const COUNTS: [&str; 3] = ["failure_threshold", "min_calls", "consecutive_failures"];

#[test]
fn every_single_bound_is_told_at_its_field_with_the_value() {
    let cases: [Case; 9] = [
        (
            "window",
            &["'9ms 999us 999ns'", "'24h 1ns'", "'0s'"],
            "from 10 ms to 24 h",
            &["'10ms'", "'24h'"],
        ),
        (
            "failure_rate",
            &["0", "-0.5", "1.01", "nan", "inf", "-inf"],
            "over 0 and up to 1",
            &["1", "1e-9"],
        ),
        (
            "half_open_max_calls",
            &["0", "256"],
            "from 1 to 255",
            &["1", "255"],
        ),
        (
            "success_threshold",
            &["0", "256"],
            "from 1 to 255",
            &["1", "255"],
        ),
        ("hint_cap", &["'24h 1ns'"], "up to 24 h", &["'24h'", "'0s'"]),
        ("abandoned_run", &["256"], "up to 255", &["255", "0"]),
        (
            "probe_lease",
            &["'0s'", "'24h 1ns'"],
            "over 0 and up to 24 h",
            &["'1ns'", "'24h'"],
        ),
        ("max_in_flight", &["0"], "at least 1", &["1", "4294967295"]),
        (
            "open_for",
            &["'0s'", "'24h 1ns'"],
            "over 0 and up to 24 h",
            &["'1ns'", "'24h'"],
        ),
    ];
    for (field, refused, bound, taken) in cases {
        for value in refused {
            refused_at(
                &format!("{field} = {value}"),
                field,
                &["line 2", field, bound],
            );
        }
        for value in taken {
            policy(&format!("{field} = {value}"));
        }
    }
    for field in COUNTS {
        for value in ["0", "65536", "4294967295"] {
            let said = format!("{field} is {value}, but must be from 1 to 65535");
            refused_at(&format!("{field} = {value}"), field, &["line 2", &said]);
        }
        policy(&format!("{field} = 65535"));
    }
}

#[test]
fn numbers_that_no_count_holds_are_told_as_they_were_written() {
    let counts = COUNTS.map(|field| (field, "from 1 to 65535"));
    for (field, bound) in counts.into_iter().chain([
        ("half_open_max_calls", "from 1 to 255"),
        ("success_threshold", "from 1 to 255"),
        ("abandoned_run", "from 0 to 255"),
        ("max_in_flight", "from 1 to 4294967295"),
        (
            "latency = [{ quantile = 1, threshold = '1s', min_calls",
            "from 1 to 65535",
        ),
        ("outage = { min_tenants", "from 2 to 1000000"),
        ("histogram = { digits", "from 1 to 5"),
    ]) {
        for value in [
            "-1",
            "4294967296",
            "9223372036854775807",
            "-9223372036854775808",
        ] {
            let said = format!("{value} is not {bound}");
            let (path, end) = match field.split_once(" = ") {
                None => (field.to_owned(), ""),
                Some(("latency", _)) => ("latency[0].min_calls".to_owned(), " }]"),
                Some((field, part)) => (format!("{field}.{}", &part[2..]), " }"),
            };
            refused_at(
                &format!("{field} = {value}{end}"),
                &path,
                &["line 2", &said],
            );
        }
    }
}

#[test]
fn the_bounds_of_parts_are_told_at_the_part() {
    let share = "over 0 and up to 1";
    let day = "over 0 and up to 24 h";
    for (table, path, says) in [
        (
            "latency = [{ quantile = 0, threshold = '1s' }]",
            "latency[0].quantile",
            share,
        ),
        (
            "latency = [{ quantile = 1.5, threshold = '1s' }]",
            "latency[0].quantile",
            share,
        ),
        (
            "latency = [{ quantile = nan, threshold = '1s' }]",
            "latency[0].quantile",
            share,
        ),
        (
            "latency = [{ quantile = 1, threshold = '0s' }]",
            "latency[0].threshold",
            "latency threshold is 0ns, but must be over 0",
        ),
        (
            "latency = [{ quantile = 1, threshold = '1s' }, { quantile = 1, threshold = '1s', min_calls = 0 }]",
            "latency[1].min_calls",
            "from 1 to 65535",
        ),
        ("open_for = { first = '0s' }", "open_for.first", day),
        (
            "open_for = { first = '1s', max = '24h 1ns' }",
            "open_for.max",
            day,
        ),
        (
            "open_for = { first = '1s', multiplier = 0.9 }",
            "open_for.multiplier",
            "from 1 to 100",
        ),
        (
            "open_for = { first = '1s', multiplier = 101 }",
            "open_for.multiplier",
            "from 1 to 100",
        ),
        (
            "open_for = { first = '1s', jitter = 1.1 }",
            "open_for.jitter",
            "from 0 to 1",
        ),
        (
            "open_for = { first = '1s', jitter = -0.1 }",
            "open_for.jitter",
            "from 0 to 1",
        ),
        (
            "ramp = { start = 0.0, over = '1s' }",
            "ramp.start",
            "over 0 and below 1",
        ),
        (
            "ramp = { start = 1.0, over = '1s' }",
            "ramp.start",
            "over 0 and below 1",
        ),
        ("ramp = { start = 0.5, over = '0s' }", "ramp.over", day),
        ("ramp = { start = 0.5, over = '25h' }", "ramp.over", day),
        (
            "histogram = { lowest = '999ns' }",
            "histogram.lowest",
            "from 1 us to 1 s",
        ),
        (
            "histogram = { lowest = '1s 1ns' }",
            "histogram.lowest",
            "from 1 us to 1 s",
        ),
        (
            "histogram = { highest = '25h' }",
            "histogram.highest",
            "to 24 h",
        ),
        (
            "histogram = { digits = 0 }",
            "histogram.digits",
            "digits is 0, but must be from 1 to 5",
        ),
        (
            "histogram = { digits = 6 }",
            "histogram.digits",
            "from 1 to 5",
        ),
        (
            "histogram = { digits = 300 }",
            "histogram.digits",
            "digits is 300, but must be from 1 to 5",
        ),
        (
            "outage = { min_tenants = 1 }",
            "outage.min_tenants",
            "from 2 to 1000000",
        ),
        (
            "outage = { min_tenants = 1000001 }",
            "outage.min_tenants",
            "from 2 to 1000000",
        ),
        ("outage = { min_share = 0 }", "outage.min_share", share),
        ("outage = { min_share = 1.1 }", "outage.min_share", share),
        (
            "outage = { recovery_spread = '1h 1ns' }",
            "outage.recovery_spread",
            "up to 1 h",
        ),
        ("outage = { open_for = '0s' }", "outage.open_for", day),
        (
            "outage = { open_for = { first = '1s', jitter = 2 } }",
            "outage.open_for.jitter",
            "from 0 to 1",
        ),
    ] {
        refused_at(table, path, &["line 2", says]);
    }
}

#[test]
fn a_rule_too_many_is_told_at_the_rules() {
    let rule = "{ quantile = 0.5, threshold = '1s' }";
    let rules = |times| format!("latency = [{}]", vec![rule; times].join(", "));
    policy(&rules(4));
    refused_at(
        &rules(5),
        "latency",
        &["latency is 5, but must be at most 4 rules"],
    );
}

#[test]
fn values_that_do_not_go_together_are_told_at_the_one_that_the_builder_names() {
    for (table, path, says) in [
        (
            "open_for = { first = '2s', max = '1s' }",
            "open_for.max",
            "at least the initial period",
        ),
        (
            "outage = { open_for = { first = '2s', max = '1s' } }",
            "outage.open_for.max",
            "at least the initial",
        ),
        (
            "histogram = { lowest = '1s', highest = '1s' }",
            "histogram.highest",
            "from twice the lowest",
        ),
        (
            "latency = [{ quantile = 0.5, threshold = '1s' }, { quantile = 0.5, threshold = '6m' }]",
            "latency[1].threshold",
            "latency threshold is 360s, but must be over 0 and below the top bucket of the histogram, which begins at \
             298.500227072s",
        ),
        (
            "latency = [{ quantile = 1, threshold = '25h' }]",
            "latency[0].threshold",
            "which begins at 298.500227072s",
        ),
        (
            "latency = [{ quantile = 0.5, threshold = '2s' }]\nhistogram = { highest = '1s' }",
            "latency[0].threshold",
            "latency threshold is 2s",
        ),
    ] {
        refused_at(table, path, &[says]);
    }
    policy("latency = [{ quantile = 0.5, threshold = '6m' }]\nhistogram = { highest = '1h' }");
}

#[test]
fn where_the_value_is_inherited_the_error_stands_at_the_table_that_makes_it_wrong() {
    let error = refused("histogram = { highest = '1s' }");
    assert_eq!(error.path(), "dependencies.search");
    assert!(
        error.message().contains("latency threshold is 3s"),
        "{error}"
    );
    let error = read("[default]\nopen_for = { first = '2s', max = '1s' }").unwrap_err();
    assert_eq!(error.path(), "default.open_for.max");
    let table =
        "[dependencies.search.tenants.'a b']\nlatency = [{ quantile = 0.5, threshold = '6m' }]";
    refused_at(table, "tenants.\"a b\".latency[0].threshold", &[]);
}

#[test]
fn a_policy_alone_is_held_to_the_same_bounds() {
    for table in [
        "window = '1ms'",
        "open_for = { first = '2s', max = '1s' }",
        "histogram = { highest = '1s' }",
    ] {
        toml::from_str::<tower_tenant_breaker::Policy>(table).expect_err(table);
    }
}
