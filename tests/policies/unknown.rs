//! What there is not is refused, where it stands.

use super::{read, read_json, refused, refused_at};

#[test]
fn an_unknown_field_is_refused_at_every_level_with_those_that_there_are() {
    for (table, path, known) in [
        ("windw = '5m'", "windw", "window, failure_threshold"),
        (
            "latency = [{ p = 0.5 }]",
            "latency[0].p",
            "quantile, threshold, min_calls",
        ),
        (
            "open_for = { initial = '1s' }",
            "open_for.initial",
            "first, max, multiplier, jitter",
        ),
        ("ramp = { from = 0.5 }", "ramp.from", "start, over"),
        (
            "histogram = { low = '1us' }",
            "histogram.low",
            "lowest, highest, digits",
        ),
        (
            "outage = { tenants = 5 }",
            "outage.tenants",
            "min_tenants, min_share",
        ),
        (
            "outage = { open_for = { cap = '1s' } }",
            "outage.open_for.cap",
            "first, max",
        ),
        (
            "[dependencies.search.tenants.acme]\nmode = 'dry_run'",
            "tenants.acme.mode",
            "window",
        ),
        (
            "tenants = { acme = { outage = { min_tenants = 5 } } }",
            "tenants.acme.outage",
            "base, window",
        ),
        (
            "tenants = { acme = { overflow = 'shared' } }",
            "tenants.acme.overflow",
            "base, window",
        ),
        (
            "tenants = { acme = { tenants = {} } }",
            "tenants.acme.tenants",
            "window",
        ),
    ] {
        refused_at(table, path, &["unknown field", known]);
    }
    refused_at("windw = '5m'", "windw", &["base", "mode", "tenants"]);
    let error = refused("tenants = { acme = { outage = 'off' } }");
    let (_, known) = error.message().split_once("must be one of ").unwrap();
    let known = known.lines().next().unwrap();
    assert!(known.ends_with("max_in_flight, ramp"), "{error}");
    let error = read("[dependency.search]").unwrap_err();
    assert_eq!(error.path(), "dependency");
    assert!(error.message().contains("default, dependencies"), "{error}");
    let error = read("[default]\nmode = 'dry_run'").unwrap_err();
    assert_eq!(error.path(), "default.mode");
}

#[test]
fn an_unknown_word_is_refused_with_those_that_there_are() {
    refused_at(
        "initial_state = 'ajar'",
        "initial_state",
        &["ajar", "closed, open, half_open"],
    );
    refused_at(
        "overflow = 'dropped'",
        "overflow",
        &["dropped", "unguarded", "shared"],
    );
    refused_at(
        "base = 'fast'",
        "base",
        &["fast", "standard", "low_traffic"],
    );
    refused_at("mode = 'dry'", "mode", &["dry", "enforce", "dry_run"]);
}

#[test]
fn a_value_of_another_kind_is_refused() {
    for (table, path, expected) in [
        ("min_calls = 'many'", "min_calls", "a whole number"),
        ("min_calls = 1.0", "min_calls", "a whole number"),
        ("min_calls = true", "min_calls", "a whole number"),
        (
            "consecutive_failures = 'none'",
            "consecutive_failures",
            "or \"off\"",
        ),
        (
            "consecutive_failures = 1.0",
            "consecutive_failures",
            "a whole number",
        ),
        ("failure_rate = '50%'", "failure_rate", "or \"off\""),
        ("failure_rate = []", "failure_rate", "sequence"),
        ("latency = {}", "latency", "a sequence"),
        ("latency = 3", "latency", "a sequence"),
        ("latency = ['3s']", "latency[0]", "a table with quantile"),
        ("open_for = 30", "open_for", "a duration, or a table"),
        ("ramp = true", "ramp", "a table with start, over"),
        ("ramp = 'on'", "ramp", "or \"off\""),
        ("outage = true", "outage", "a table with min_tenants"),
        ("trip_on_hint = 1", "trip_on_hint", "a boolean"),
        ("tenants = 3", "tenants", "tables by name"),
        ("tenants = { acme = 3 }", "tenants.acme", "a table with"),
    ] {
        refused_at(table, path, &[expected]);
    }
    for (table, says) in [
        (
            "consecutive_failures = 'none'",
            "string \"none\", expected a whole number, or \"off\"",
        ),
        ("latency = 'on'", "expected a sequence, or \"off\""),
        (
            "outage = 'on'",
            "expected a table with min_tenants, min_share, newcomers, open_for, recovery_spread, or \"off\"",
        ),
        ("hint_cap = 'never'", "such as \"1h 30m\", or \"off\""),
    ] {
        let path = table.split(' ').next().unwrap();
        refused_at(table, path, &[says]);
    }
    let error = read_json(r#"{ "dependencies": { "search": { "ramp": null } } }"#).unwrap_err();
    assert_eq!(error.path(), "dependencies.search.ramp");
}

#[test]
fn a_table_that_lacks_what_it_needs_is_refused() {
    refused_at(
        "latency = [{ quantile = 0.5 }]",
        "latency[0]",
        &["threshold"],
    );
    refused_at(
        "latency = [{ threshold = '1s' }]",
        "latency[0]",
        &["quantile"],
    );
    refused_at("open_for = { max = '1m' }", "open_for", &["first"]);
    refused_at("ramp = { start = 0.5 }", "ramp", &["over"]);
    refused_at("ramp = { over = '1s' }", "ramp", &["start"]);
}

#[test]
fn nothing_is_said_twice() {
    for (file, path) in [
        (r#"{ "default": {}, "default": {} }"#, "default"),
        (
            r#"{ "dependencies": {}, "dependencies": {} }"#,
            "dependencies",
        ),
        (
            r#"{ "default": { "window": "1s", "window": "1s" } }"#,
            "default.window",
        ),
        (
            r#"{ "dependencies": { "a": {}, "a": {} } }"#,
            "dependencies",
        ),
        (
            r#"{ "dependencies": { "a": { "mode": "enforce", "mode": "enforce" } } }"#,
            "dependencies.a.mode",
        ),
    ] {
        let error = read_json(file).expect_err(file);
        assert_eq!(error.path(), path, "{error}");
    }
}

#[test]
fn names_that_none_can_have_are_refused_and_strange_ones_are_quoted() {
    let long = "x".repeat(257);
    let error = read(&format!("[dependencies.{long}]")).unwrap_err();
    assert!(error.message().contains("from 1 to 256 bytes"), "{error}");
    let error = read("[dependencies.\"\"]").unwrap_err();
    assert_eq!(error.path(), "dependencies.\"\"");
    let error = refused("tenants = { '' = {} }");
    assert_eq!(error.path(), "dependencies.search.tenants.\"\"");
    refused(&format!("tenants = {{ {long} = {{}} }}"));
    refused_at(
        "tenants = { 'a.b' = { window = 1 } }",
        "tenants.\"a.b\".window",
        &[],
    );
    refused_at(
        "tenants = { \"a\\nb\" = { window = 1 } }",
        "tenants.\"a\\nb\".window",
        &[],
    );
}

#[test]
fn the_line_is_told_where_the_format_tells_it() {
    let error =
        read("[default]\nwindow = '5m'\n[dependencies.search]\nmin_calls = 0\n").unwrap_err();
    assert_eq!(error.path(), "dependencies.search.min_calls");
    assert!(error.message().contains("line 4"), "{error}");
    assert!(
        error
            .message()
            .contains("min_calls is 0, but must be from 1 to 65535"),
        "{error}"
    );
    let error = read_json("{\n\"default\": {\n\"min_calls\": 0 } }").unwrap_err();
    assert!(error.message().contains("line 3"), "{error}");
}
