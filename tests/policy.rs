//! Law 14: a bad policy cannot be built, and the error names the field, the value and the bound.

use std::time::Duration;

use tower_tenant_breaker::{
    ByHandError, CircuitBreakerRegistry, CircuitState, DeclareError, Dependency, LatencyRule,
    OpenPeriod, Outcome, Policy, PolicyBuilder, PolicyError,
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const NANO: Duration = Duration::from_nanos(1);
const SECOND: Duration = Duration::from_secs(1);

fn built(policy: PolicyBuilder) -> Policy {
    policy.build().unwrap()
}

/// The error names all three, in its text too.
fn refused(policy: PolicyBuilder, field: &str, value: &str, bound: &str) {
    names(&policy.build().unwrap_err(), field, value, bound);
}

fn names(error: &PolicyError, field: &str, value: &str, bound: &str) {
    assert_eq!(error.field(), field);
    assert_eq!(error.value(), value, "{field}");
    assert_eq!(error.bound(), bound, "{field}");
    let text = format!("{field} is {value}, but must be {bound}");
    // What the histogram comes to is in the text alone.
    let shown = error.to_string();
    let (shown, _) = shown.split_once(", which begins").unwrap_or((&shown, ""));
    assert_eq!(shown, text);
}

type SetCount = fn(PolicyBuilder, u32) -> PolicyBuilder;

fn builder() -> PolicyBuilder {
    Policy::builder()
}

fn declared(policy: PolicyBuilder) -> Dependency {
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    registry.dependency_with("search", built(policy)).unwrap()
}

#[test]
fn a_window_lasts_from_ten_milliseconds_to_a_day() {
    let bound = "from 10 ms to 24 h";
    let least = Duration::from_millis(10);
    refused(builder().window(Duration::ZERO), "window", "0ns", bound);
    refused(
        builder().window(least - NANO),
        "window",
        "9.999999ms",
        bound,
    );
    built(builder().window(least));
    built(builder().window(DAY));
    refused(
        builder().window(DAY + NANO),
        "window",
        "86400.000000001s",
        bound,
    );
}

#[test]
fn counts_of_calls_are_from_one_to_what_a_slot_can_count() {
    let bound = "from 1 to 65535";
    let fields: [(&str, SetCount); 3] = [
        ("failure_threshold", PolicyBuilder::failure_threshold),
        ("min_calls", PolicyBuilder::min_calls),
        ("consecutive_failures", PolicyBuilder::consecutive_failures),
    ];
    for (field, set) in fields {
        refused(set(builder(), 0), field, "0", bound);
        built(set(builder(), 1));
        built(set(builder(), 65_535));
        refused(set(builder(), 65_536), field, "65536", bound);
        refused(set(builder(), u32::MAX), field, "4294967295", bound);
    }
}

#[test]
fn a_failure_rate_is_over_zero_and_up_to_one() {
    let bound = "over 0 and up to 1";
    let field = "failure_rate";
    refused(builder().failure_rate(0.0), field, "0.0", bound);
    refused(builder().failure_rate(-0.5), field, "-0.5", bound);
    refused(builder().failure_rate(f64::NAN), field, "NaN", bound);
    refused(builder().failure_rate(f64::INFINITY), field, "inf", bound);
    built(builder().failure_rate(f64::MIN_POSITIVE));
    built(builder().failure_rate(1.0));
    refused(builder().failure_rate(1.5), field, "1.5", bound);
}

#[test]
fn places_and_successes_are_from_one_to_255() {
    let bound = "from 1 to 255";
    let fields: [(&str, SetCount); 2] = [
        ("half_open_max_calls", PolicyBuilder::half_open_max_calls),
        ("success_threshold", PolicyBuilder::success_threshold),
    ];
    for (field, set) in fields {
        refused(set(builder(), 0), field, "0", bound);
        built(set(builder(), 1));
        built(set(builder(), 255));
        refused(set(builder(), 256), field, "256", bound);
    }
}

#[test]
fn an_open_period_is_over_zero_and_up_to_a_day() {
    let bound = "over 0 and up to 24 h";
    let open_for = |period| builder().open_for(period);
    let fixed = |period| open_for(OpenPeriod::fixed(period));
    refused(fixed(Duration::ZERO), "open_for", "0ns", bound);
    built(fixed(NANO));
    built(fixed(DAY));
    refused(fixed(DAY + NANO), "open_for", "86400.000000001s", bound);

    let growing = |max| open_for(OpenPeriod::exponential(SECOND, max));
    refused(growing(Duration::ZERO), "open_for max", "0ns", bound);
    let least = "at least the initial period";
    let shorter = SECOND - NANO;
    refused(growing(shorter), "open_for max", "999.999999ms", least);
    built(growing(SECOND));
    built(growing(DAY));
    let longer = "86400.000000001s";
    refused(growing(DAY + NANO), "open_for max", longer, bound);
}

#[test]
fn an_open_period_grows_by_one_to_a_hundred() {
    let field = "open_for multiplier";
    let bound = "from 1 to 100";
    let by = |multiplier| {
        let period = OpenPeriod::exponential(SECOND, DAY);
        builder().open_for(period.multiplier(multiplier))
    };
    refused(by(0.99), field, "0.99", bound);
    refused(by(f64::NAN), field, "NaN", bound);
    built(by(1.0));
    built(by(100.0));
    refused(by(100.5), field, "100.5", bound);
}

#[test]
fn jitter_lengthens_by_nothing_to_the_period_itself() {
    let field = "open_for jitter";
    let bound = "from 0 to 1";
    let by = |jitter| builder().open_for(OpenPeriod::fixed(SECOND).jitter(jitter));
    refused(by(-0.1), field, "-0.1", bound);
    refused(by(f64::NAN), field, "NaN", bound);
    built(by(0.0));
    built(by(1.0));
    refused(by(1.1), field, "1.1", bound);
}

#[test]
fn a_hint_cap_is_up_to_a_day_and_zero_ignores_hints() {
    built(builder().hint_cap(DAY));
    refused(
        builder().hint_cap(DAY + NANO),
        "hint_cap",
        "86400.000000001s",
        "up to 24 h",
    );
    let policy = builder().hint_cap(Duration::ZERO).trip_on_hint(true);
    let search = declared(policy);
    let hinted = Outcome::throttled().with_retry_after(SECOND);
    search.acquire("acme").unwrap().record(hinted);
    assert_eq!(search.state("acme"), CircuitState::Closed);
}

#[test]
fn an_abandoned_run_is_up_to_255_and_zero_is_legal() {
    built(builder().abandoned_run(0));
    built(builder().abandoned_run(255));
    let refusal = builder().abandoned_run(256);
    refused(refusal, "abandoned_run", "256", "up to 255");
}

#[test]
fn a_probe_s_lease_is_over_zero_and_up_to_a_day() {
    let field = "probe_lease";
    let bound = "over 0 and up to 24 h";
    refused(builder().probe_lease(Duration::ZERO), field, "0ns", bound);
    built(builder().probe_lease(NANO));
    built(builder().probe_lease(DAY));
    let longer = "86400.000000001s";
    refused(builder().probe_lease(DAY + NANO), field, longer, bound);
}

#[test]
fn a_probe_s_lease_by_default_is_one_that_the_builder_takes() {
    let slow = |threshold| {
        let rule = LatencyRule::p95(threshold);
        builder().histogram(SECOND, DAY, 2).latency(rule)
    };
    let hour = 60 * 60 * SECOND;
    let policy = built(slow(13 * hour));
    assert_eq!(policy, built(slow(13 * hour).probe_lease(DAY)));
    // Under the bound it is twice the threshold, as ever.
    let shorter = built(slow(11 * hour));
    assert_ne!(shorter, built(slow(11 * hour).probe_lease(DAY)));
}

#[test]
fn max_in_flight_is_at_least_one() {
    refused(
        builder().max_in_flight(0),
        "max_in_flight",
        "0",
        "at least 1",
    );
    built(builder().max_in_flight(1));
    built(builder().max_in_flight(u32::MAX));
}

#[test]
fn up_to_four_latency_rules_and_none_is_legal() {
    let with = |rules: usize| {
        let add = |policy: PolicyBuilder, _| policy.latency(LatencyRule::p95(SECOND));
        (0..rules).fold(builder(), add)
    };
    built(with(4));
    refused(with(5), "latency", "5", "at most 4 rules");
    built(builder().without_latency());
}

#[test]
fn a_latency_rule_s_quantile_is_over_zero_and_up_to_one() {
    let field = "latency quantile";
    let bound = "over 0 and up to 1";
    let at = |q| builder().latency(LatencyRule::quantile(q, SECOND));
    refused(at(0.0), field, "0.0", bound);
    refused(at(-1.0), field, "-1.0", bound);
    refused(at(f64::NAN), field, "NaN", bound);
    built(at(f64::MIN_POSITIVE));
    built(at(1.0));
    refused(at(1.01), field, "1.01", bound);
}

#[test]
fn a_latency_rule_s_min_calls_are_from_one_to_what_a_slot_can_count() {
    let field = "latency min_calls";
    let bound = "from 1 to 65535";
    let at = |calls| builder().latency(LatencyRule::p95(SECOND).min_calls(calls));
    refused(at(0), field, "0", bound);
    built(at(1));
    built(at(65_535));
    refused(at(65_536), field, "65536", bound);
}

#[test]
fn a_latency_rule_s_threshold_is_over_zero_and_below_the_top_of_the_histogram() {
    let field = "latency threshold";
    let bound = "over 0 and below the top bucket of the histogram";
    let over = |threshold| builder().latency(LatencyRule::p95(threshold));
    refused(over(Duration::ZERO), field, "0ns", bound);
    built(over(NANO));
    built(over(Duration::from_secs(250)));
    refused(over(Duration::from_secs(1_000)), field, "1000s", bound);
    refused(over(DAY), field, "86400s", bound);
    // Every rule is looked at, not the first alone.
    let second = builder()
        .latency(LatencyRule::p50(SECOND))
        .latency(LatencyRule::p95(Duration::ZERO));
    refused(second, field, "0ns", bound);
    // A taller histogram has room for it.
    let taller = over(Duration::from_secs(1_000)).histogram(
        Duration::from_millis(1),
        Duration::from_secs(3_600),
        2,
    );
    built(taller);
}

#[test]
fn no_threshold_is_clamped_it_is_snapped_up_by_less_than_a_bucket() {
    for threshold in [1, 9, 999, 1_001, 123_457, 3_000_000, 250_000_000] {
        let threshold = Duration::from_micros(threshold);
        let policy = built(builder().latency(LatencyRule::p95(threshold)));
        let snapped = policy.latency_threshold(0).unwrap();
        assert!(snapped >= threshold);
        let bucket = (threshold / 100).max(Duration::from_micros(10));
        assert!(
            snapped - threshold < bucket,
            "{threshold:?} became {snapped:?}"
        );
    }
}

#[test]
fn a_histogram_has_bounds_of_its_own() {
    let micro = Duration::from_micros(1);
    let shape = |lowest, highest, digits| {
        builder()
            .without_latency()
            .histogram(lowest, highest, digits)
    };
    let bound = "from 1 us to 1 s";
    let field = "histogram lowest";
    refused(shape(micro - NANO, SECOND, 2), field, "999ns", bound);
    built(shape(micro, SECOND, 2));
    built(shape(SECOND, 2 * SECOND, 2));
    refused(shape(SECOND + NANO, DAY, 2), field, "1.000000001s", bound);

    let bound = "from twice the lowest to 24 h";
    let field = "histogram highest";
    refused(
        shape(SECOND, 2 * SECOND - NANO, 2),
        field,
        "1.999999999s",
        bound,
    );
    built(shape(micro, DAY, 1));
    refused(
        shape(micro, DAY + NANO, 2),
        field,
        "86400.000000001s",
        bound,
    );

    let bound = "from 1 to 5";
    let field = "histogram digits";
    refused(shape(micro, SECOND, 0), field, "0", bound);
    built(shape(micro, SECOND, 1));
    built(shape(micro, SECOND, 5));
    refused(shape(micro, SECOND, 6), field, "6", bound);
}

#[test]
fn a_registry_needs_room_for_a_tenant() {
    let error = CircuitBreakerRegistry::builder().max_tenants(0).build();
    names(&error.unwrap_err(), "max_tenants", "0", "at least 1");
    assert!(
        CircuitBreakerRegistry::builder()
            .max_tenants(1)
            .build()
            .is_ok()
    );
}

#[test]
fn a_period_by_hand_has_the_bounds_of_an_open_period() {
    let search = declared(builder());
    let acme = search.circuit("acme");
    let bound = "over 0 and up to 24 h";
    for (period, value) in [(Duration::ZERO, "0ns"), (DAY + NANO, "86400.000000001s")] {
        let Err(ByHandError::Period(error)) = acme.open_for(period) else {
            panic!("{period:?} was taken");
        };
        names(&error, "open_for", value, bound);
    }
    // A refused period makes no circuit either.
    assert!(search.is_empty());
    acme.open_for(NANO).unwrap();
    acme.open_for(DAY).unwrap();
}

#[test]
fn the_defaults_and_the_policy_for_low_traffic_are_in_their_bounds() {
    assert_eq!(built(builder()), Policy::default());
    assert_ne!(built(Policy::low_traffic()), Policy::default());
}

#[tokio::test(start_paused = true)]
async fn a_policy_without_a_rule_is_legal_and_never_trips() {
    let policy = builder()
        .without_failure_rate()
        .without_consecutive_failures()
        .without_latency();
    let search = declared(policy);
    for round in 0..1_000 {
        search.acquire("acme").unwrap().record(Outcome::failure());
        let hint = Outcome::throttled().with_retry_after(SECOND);
        search.acquire("acme").unwrap().record(hint);
        drop(search.acquire("acme").unwrap());
        let slow = search.acquire("acme").unwrap();
        tokio::time::advance(Duration::from_millis(round)).await;
        slow.record(Outcome::failure());
    }
    assert_eq!(search.state("acme"), CircuitState::Closed);
    assert_eq!(search.snapshot().totals.opened, 0);
}

#[test]
fn a_dependency_declared_twice_with_one_policy_is_the_same_dependency() {
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    let policy = || built(builder().consecutive_failures(1));
    let first = registry.dependency_with("search", policy()).unwrap();
    let second = registry.dependency_with("search", policy()).unwrap();
    first.acquire("acme").unwrap().record(Outcome::failure());
    assert_eq!(second.state("acme"), CircuitState::Open);
    assert_eq!(registry.dependencies().len(), 1);
}

#[test]
fn a_dependency_declared_with_another_policy_is_an_error_whatever_field_differs() {
    let others = [
        builder().window(SECOND),
        builder().failure_threshold(6),
        builder().failure_rate(0.6),
        builder().min_calls(6),
        builder().without_failure_rate(),
        builder().consecutive_failures(6),
        builder().without_consecutive_failures(),
        builder().latency(LatencyRule::p50(Duration::from_secs(3))),
        builder().latency(LatencyRule::p95(Duration::from_secs(2))),
        builder().latency(LatencyRule::p95(Duration::from_secs(3)).min_calls(21)),
        builder().without_latency(),
        builder().histogram(Duration::from_micros(10), Duration::from_secs(300), 3),
        builder().open_for(OpenPeriod::fixed(SECOND)),
        builder().hint_cap(SECOND),
        builder().trip_on_hint(true),
        builder().half_open_max_calls(4),
        builder().success_threshold(3),
        builder().probe_lease(SECOND),
        builder().abandoned_run(6),
        builder().max_in_flight(1),
        builder().initial_state(CircuitState::Open),
        builder().overflow(tower_tenant_breaker::Overflow::Shared),
    ];
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    let search = registry.dependency_with("search", Policy::default());
    let search = search.unwrap();
    for other in others {
        let error = registry.dependency_with("search", built(other.clone()));
        let expected = DeclareError::OtherPolicy("search".to_owned());
        assert_eq!(error.unwrap_err(), expected, "{other:?}");
    }
    assert_eq!(*search.policy(), Policy::default());
    assert_eq!(registry.dependencies().len(), 1);
}

#[test]
fn a_dependency_created_on_first_use_can_be_declared_with_the_default_policy_alone() {
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    registry.dependency("search").unwrap();
    assert!(
        registry
            .dependency_with("search", Policy::default())
            .is_ok()
    );
    let other = built(Policy::low_traffic());
    assert!(registry.dependency_with("search", other).is_err());
}
