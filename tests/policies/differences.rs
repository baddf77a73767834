//! Tables say in what they differ from others.

use std::time::Duration;

use tower_tenant_breaker::{LatencyRule, OpenPeriod, Policy};

use super::{built, policies};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_dependency_differs_from_the_default_and_a_tenant_from_its_dependency() {
    let file = policies(
        "[dependencies.search.tenants.acme]\nmin_calls = 9\n\
         [dependencies.search]\nconsecutive_failures = 3\n\
         [default]\nwindow = '5m'\n\
         [dependencies.mail]\n",
    );
    let default = || Policy::builder().window(300 * SECOND);
    assert_eq!(file.default_policy(), Some(&built(default())));
    assert_eq!(file.dependency("mail"), Some(&built(default())));
    let search = || default().consecutive_failures(3);
    assert_eq!(file.dependency("search"), Some(&built(search())));
    assert_eq!(
        file.tenant("search", "acme"),
        Some(&built(search().min_calls(9)))
    );
    assert_eq!(file.tenant("search", "globex"), None);
    assert_eq!(file.tenant("mail", "acme"), None);
    assert_eq!(file.dependency("other"), None);
    assert_eq!(file.dependencies().collect::<Vec<_>>(), ["mail", "search"]);
}

#[test]
fn a_value_takes_the_place_of_the_whole_value() {
    let file = policies(
        "[default]\nopen_for = { first = '1s', max = '9s', jitter = 0.0 }\n\
         latency = [{ quantile = 0.5, threshold = '1s' }, { quantile = 0.9, threshold = '2s' }]\n\
         [dependencies.search]\nopen_for = { first = '2s' }\nlatency = [{ quantile = 0.95, threshold = '3s' }]",
    );
    let expected = Policy::builder()
        .open_for(OpenPeriod::fixed(2 * SECOND))
        .latency(LatencyRule::p95(3 * SECOND));
    assert_eq!(file.dependency("search"), Some(&built(expected)));
}

#[test]
fn what_is_off_for_the_dependency_can_be_on_for_a_tenant_and_the_other_way_round() {
    let file = policies(
        "[dependencies.search]\nconsecutive_failures = 'off'\nmax_in_flight = 5\n\
         [dependencies.search.tenants.acme]\nconsecutive_failures = 4\nmax_in_flight = 'off'",
    );
    let expected = built(Policy::builder().consecutive_failures(4));
    assert_eq!(file.tenant("search", "acme"), Some(&expected));
}

#[test]
fn a_lease_that_nobody_names_follows_the_thresholds_of_whoever_it_is_for() {
    let file = policies(
        "[dependencies.search]\nmin_calls = 9\n\
         [dependencies.search.tenants.acme]\nlatency = [{ quantile = 0.5, threshold = '2m' }]",
    );
    let expected = Policy::builder()
        .min_calls(9)
        .latency(LatencyRule::p50(120 * SECOND));
    assert_eq!(file.tenant("search", "acme"), Some(&built(expected)));
}

#[test]
fn a_base_differs_from_nothing_else() {
    let file = policies(
        "[default]\nwindow = '5m'\nmin_calls = 9\n\
         [dependencies.search]\nbase = 'low_traffic'\nmin_calls = 4\n\
         [dependencies.search.tenants.acme]\nbase = 'standard'\nhint_cap = '1s'\n\
         [dependencies.search.tenants.globex]\nhint_cap = '1s'",
    );
    assert_eq!(
        file.dependency("search"),
        Some(&built(Policy::low_traffic().min_calls(4)))
    );
    assert_eq!(
        file.tenant("search", "acme"),
        Some(&built(Policy::builder().hint_cap(SECOND)))
    );
    assert_eq!(
        file.tenant("search", "globex"),
        Some(&built(Policy::low_traffic().min_calls(4).hint_cap(SECOND)))
    );
}

#[test]
fn an_empty_file_says_nothing() {
    let file = policies("");
    assert_eq!(file, Default::default());
    assert_eq!(file.default_policy(), None);
    assert_eq!(
        policies("[default]").default_policy(),
        Some(&Policy::default())
    );
}

#[test]
fn a_file_is_read_by_the_formats_own_functions_too() {
    let text = "[dependencies.search]\nwindow = '5m'";
    assert_eq!(
        toml::from_str::<tower_tenant_breaker::Policies>(text).unwrap(),
        policies(text)
    );
    let error = toml::from_str::<tower_tenant_breaker::Policies>(
        "[dependencies.search]\nopen_for = { first = '2s', max = '1s' }",
    );
    assert!(
        error
            .unwrap_err()
            .to_string()
            .contains("dependencies.search.open_for.max: ")
    );
}
