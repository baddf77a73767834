//! Durations, in files that may hold anything.

use std::time::Duration;

use tower_tenant_breaker::Policy;

use super::{built, policy, refused_at};

#[test]
fn a_duration_is_numbers_with_units_the_largest_first() {
    for (text, nanos) in [
        ("30s", 30_000_000_000),
        ("5m", 300_000_000_000),
        ("1h 30m", 5_400_000_000_000),
        ("1h30m", 5_400_000_000_000),
        ("250ms", 250_000_000),
        ("10000us", 10_000_000),
        ("10ms 1ns", 10_000_001),
    ] {
        let expected = built(Policy::builder().window(Duration::from_nanos(nanos)));
        assert_eq!(policy(&format!("window = '{text}'")), expected, "{text}");
    }
}

#[test]
fn what_is_no_duration_is_named_and_what_is_allowed_is_said() {
    for text in [
        "", " ", "30", "s", "-30s", "+30s", "1.5s", "1e400s", "30 sec", "1d", "30s 30s", "30s 5m",
        "∞", "٣٠s", "30µs", "NaN", "infinity", "30s;", "-1s", "0x10s",
    ] {
        let said = format!("{text:?} is not a duration");
        let allowed = "h, m, s, ms, us and ns";
        refused_at(
            &format!("window = {text:?}"),
            "window",
            &[&said, allowed, "\"1h 30m\""],
        );
    }
}

#[test]
fn what_is_too_long_for_a_duration_is_refused_and_nothing_panics() {
    for text in [
        "18446744073709551616s".to_owned(),
        "18446744073709551615s 1000000000ns".to_owned(),
        "18446744073709551615h".to_owned(),
        format!("{}ns", "9".repeat(30)),
    ] {
        let said = format!("{text:?} is longer than any duration");
        refused_at(&format!("window = '{text}'"), "window", &[&said]);
    }
    let endless = format!("window = '{}s'", "9".repeat(100_000));
    refused_at(
        &endless,
        "window",
        &["9999\".. is longer than any duration"],
    );
}

#[test]
fn a_duration_within_bounds_of_its_own_is_held_to_those_of_the_field() {
    let bound = "window is 18446744073709551615s, but must be from 10 ms to 24 h";
    refused_at("window = '18446744073709551615s'", "window", &[bound]);
}

#[test]
fn a_number_without_a_unit_is_no_duration() {
    for value in [
        "30",
        "0",
        "-1",
        "30.0",
        "nan",
        "true",
        "[]",
        "{}",
        "1979-05-27",
    ] {
        let table = format!("probe_lease = {value}");
        refused_at(&table, "probe_lease", &["a duration such as \"30s\""]);
    }
}
