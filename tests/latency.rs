//! Law 3: the latency rules, and the range that they can see. The percentiles that people read are in `percentiles.rs`.

use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::time::advance;
use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitState, Dependency, LatencyRule, OpenPeriod, Outcome, Policy,
    PolicyBuilder, Reason,
};

const NANO: Duration = Duration::from_nanos(1);
const OUT_OF_REACH: u32 = 65_535;

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
        .abandoned_run(0)
        .open_for(OpenPeriod::fixed(Duration::from_secs(30)).jitter(0.0))
}

fn dependency(policy: PolicyBuilder) -> Dependency {
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    registry
        .dependency_with("search", policy.build().unwrap())
        .unwrap()
}

/// Records fast calls, and then slow ones that were all in the air together.
async fn fast_then_slow(search: &Dependency, fast: usize, slow: usize, latency: Duration) {
    let permits: Vec<_> = (0..slow).map(|_| search.acquire("acme").unwrap()).collect();
    advance(latency).await;
    for _ in 0..fast {
        search.acquire("acme").unwrap().record(Outcome::Success);
    }
    for permit in permits {
        permit.record(Outcome::Success);
    }
}

fn slow(search: &Dependency) -> [u64; 4] {
    search.circuit("acme").snapshot().unwrap().window.slow
}

fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(10_000, 300_000_000_000, 2).unwrap()
}

/// The upper edge of the bucket in which a latency falls.
fn edge(latency: Duration) -> Duration {
    let edge = histogram().highest_equivalent(latency.as_nanos() as u64);
    Duration::from_nanos(edge)
}

// ===== the verdict =====

#[tokio::test(start_paused = true)]
async fn slow_is_strictly_over_the_threshold_snapped_up_to_the_edge_of_its_bucket() {
    let policy = no_rules().latency(LatencyRule::p50(ms(100)).min_calls(OUT_OF_REACH));
    let threshold = policy
        .clone()
        .build()
        .unwrap()
        .latency_threshold(0)
        .unwrap();
    assert_eq!(threshold, edge(ms(100)));
    assert!(ms(100) < threshold && threshold < ms(101), "{threshold:?}");

    for outcome in [Outcome::Success, Outcome::failure(), Outcome::throttled()] {
        let search = dependency(policy.clone());
        for (latency, slow_calls) in [
            (ms(100) + NANO, 0),
            (threshold, 0),
            (threshold + NANO, 1),
            (threshold + NANO, 2),
        ] {
            let permit = search.acquire("acme").unwrap();
            advance(latency).await;
            permit.record(outcome);
            assert_eq!(
                slow(&search)[0],
                slow_calls,
                "{outcome:?} after {latency:?}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_threshold_on_the_edge_of_its_bucket_stays_where_it_is() {
    let on_the_edge = edge(ms(100));
    let rule = LatencyRule::p50(on_the_edge);
    let policy = no_rules().latency(rule).build().unwrap();
    assert_eq!(policy.latency_threshold(0), Some(on_the_edge));
    let next = LatencyRule::p50(on_the_edge + NANO);
    let policy = no_rules().latency(next).build().unwrap();
    assert!(policy.latency_threshold(0) > Some(on_the_edge));
}

#[tokio::test(start_paused = true)]
async fn a_rule_trips_exactly_where_the_quantile_of_the_histogram_is_over_the_threshold() {
    // The slow calls that it takes, of so many: more than `n - max(1, ceil(q * n))`.
    for (q, calls, enough) in [
        (0.5, 20, 11),
        (0.5, 21, 11),
        (0.95, 20, 2),
        (0.95, 21, 2),
        (0.95, 100, 6),
        (0.99, 100, 2),
        (0.99, 101, 2),
        (0.999, 100, 1),
        (1.0, 20, 1),
        (0.001, 20, 20),
        (0.001, 1, 1),
        // 0.07 * 100.0 is a little over 7, and 0.29 * 100.0 a little under 29.
        (0.07, 100, 93),
        (0.29, 100, 72),
    ] {
        for slow_calls in [enough - 1, enough] {
            let rule = LatencyRule::quantile(q, ms(100)).min_calls(calls as u32);
            let search = dependency(no_rules().latency(rule));
            let fast = calls - slow_calls;
            fast_then_slow(&search, fast, slow_calls, ms(200)).await;

            let mut reference = histogram();
            reference.record_n(0, fast as u64).unwrap();
            reference.record_n(200_000_000, slow_calls as u64).unwrap();
            let is_over = reference.value_at_quantile(q) > edge(ms(100)).as_nanos() as u64;
            assert_eq!(
                is_over,
                slow_calls == enough,
                "q {q}, {slow_calls} of {calls}"
            );
            let is_open = search.state("acme") == CircuitState::Open;
            assert_eq!(is_open, is_over, "q {q}, {slow_calls} of {calls}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_rule_is_not_asked_before_its_min_calls() {
    let search = dependency(no_rules().latency(LatencyRule::p50(ms(100)).min_calls(7)));
    fast_then_slow(&search, 0, 6, ms(200)).await;
    assert_eq!(search.state("acme"), CircuitState::Closed);
    fast_then_slow(&search, 0, 1, ms(200)).await;
    assert_eq!(search.state("acme"), CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn by_default_a_rule_asks_for_20_calls() {
    let search = dependency(no_rules().latency(LatencyRule::p95(ms(100))));
    fast_then_slow(&search, 0, 19, ms(200)).await;
    assert_eq!(search.state("acme"), CircuitState::Closed);
    fast_then_slow(&search, 0, 1, ms(200)).await;
    assert_eq!(search.state("acme"), CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn slow_calls_leave_the_window_with_their_slot_under_every_rule() {
    let rule = |threshold| LatencyRule::p50(ms(threshold)).min_calls(3);
    let rules = no_rules().latency(rule(100)).latency(rule(200));
    let search = dependency(rules.window(Duration::from_secs(10)));
    for _ in 0..5 {
        fast_then_slow(&search, 0, 2, ms(300)).await;
        assert_eq!(slow(&search), [2, 2, 0, 0]);
        advance(Duration::from_secs(10)).await;
        assert_eq!(slow(&search), [0; 4]);
    }
    assert_eq!(search.state("acme"), CircuitState::Closed);
}

// ===== up to four rules =====

#[tokio::test(start_paused = true)]
async fn each_of_four_rules_counts_by_its_own_threshold() {
    let rule = |threshold| LatencyRule::p99(ms(threshold)).min_calls(OUT_OF_REACH);
    let search = dependency(
        no_rules()
            .latency(rule(200))
            .latency(rule(100))
            .latency(rule(400))
            .latency(rule(300)),
    );
    for (latency, slow_calls) in [
        (50, [0, 0, 0, 0]),
        (150, [0, 1, 0, 0]),
        (250, [1, 2, 0, 0]),
        (350, [2, 3, 0, 1]),
        (450, [3, 4, 1, 2]),
    ] {
        fast_then_slow(&search, 0, 1, ms(latency)).await;
        assert_eq!(slow(&search), slow_calls, "after {latency} ms");
    }
    let totals = search.circuit("acme").snapshot().unwrap().totals;
    assert_eq!((totals.calls, totals.slow), (5, 4));
}

#[tokio::test(start_paused = true)]
async fn each_of_four_rules_trips_and_is_named() {
    for named in 0..4 {
        let mut policy = no_rules();
        for rule in 0..4 {
            let threshold = if rule == named { ms(100) } else { ms(1_000) };
            policy = policy.latency(LatencyRule::p50(threshold).min_calls(3));
        }
        let search = dependency(policy);
        fast_then_slow(&search, 2, 2, ms(200)).await;
        assert_eq!(search.state("acme"), CircuitState::Closed, "p50 of 2 + 2");
        fast_then_slow(&search, 0, 1, ms(200)).await;
        let trip = search
            .circuit("acme")
            .snapshot()
            .unwrap()
            .last_trip
            .unwrap();
        assert_eq!(trip.reason, Reason::Latency { rule: named });
        assert_eq!(trip.figures.slow[named], 3);
    }
}

#[test]
fn a_fifth_rule_is_refused() {
    let rule = LatencyRule::p95(ms(100));
    let four = no_rules()
        .latency(rule)
        .latency(rule)
        .latency(rule)
        .latency(rule);
    assert!(four.clone().build().is_ok());
    assert_eq!(four.latency(rule).build().unwrap_err().field(), "latency");
}

// ===== the range =====

#[test]
fn a_threshold_above_the_top_bucket_of_the_histogram_is_refused() {
    let highest = Duration::from_secs(10);
    let policy = |threshold| {
        let rule = LatencyRule::p95(threshold);
        let policy = no_rules().histogram(Duration::from_millis(1), highest, 2);
        policy.latency(rule).build()
    };
    assert!(policy(highest - ms(100)).is_ok());
    let error = policy(2 * highest).unwrap_err();
    assert_eq!(error.field(), "latency threshold");
    assert_eq!(error.value(), "20s");
    assert!(error.to_string().contains("which begins at"), "{error}");
    // Where that begins is no help to one that is too short.
    let error = policy(Duration::ZERO).unwrap_err();
    assert_eq!(error.value(), "0ns");
    assert!(!error.to_string().contains("which begins at"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_threshold_is_refused_exactly_where_the_histogram_could_not_see_it_crossed() {
    let (lowest, highest) = (Duration::from_millis(1), Duration::from_secs(10));
    let bounds = (lowest.as_nanos() as u64, highest.as_nanos() as u64);
    let mut reference = Histogram::<u64>::new_with_bounds(bounds.0, bounds.1, 2).unwrap();
    reference.saturating_record(u64::MAX);
    let top = Duration::from_nanos(reference.lowest_equivalent(reference.max()));
    let policy = |threshold| {
        let policy = no_rules().histogram(lowest, highest, 2);
        policy.latency(LatencyRule::p95(threshold)).build()
    };
    assert!(policy(top).is_err(), "what is clamped ends in this bucket");
    assert!(policy(top - NANO).is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_latency_above_the_range_is_clamped_and_still_slow() {
    let (lowest, highest) = (Duration::from_millis(1), Duration::from_secs(10));
    let rule = LatencyRule::p50(Duration::from_secs(9)).min_calls(150);
    let search = dependency(no_rules().histogram(lowest, highest, 2).latency(rule));
    fast_then_slow(&search, 0, 149, Duration::from_secs(1_000)).await;
    assert_eq!(slow(&search)[0], 149);

    let read = search.circuit("acme").snapshot().unwrap().latency.unwrap();
    assert!(read.max >= highest && read.max <= 2 * highest, "{read:?}");
    assert_eq!(read.p50, read.max);
    assert_eq!(search.state("acme"), CircuitState::Closed);
    fast_then_slow(&search, 0, 1, Duration::from_secs(1_000)).await;
    assert_eq!(search.state("acme"), CircuitState::Open);
}

// ===== more calls than a slot can count =====

const FULL: usize = 65_535;

#[tokio::test(start_paused = true)]
async fn a_slot_that_would_overflow_is_halved_with_bad_counts_rounded_up() {
    let rule = |threshold| LatencyRule::p50(ms(threshold)).min_calls(OUT_OF_REACH);
    let rules = no_rules()
        .latency(rule(100))
        .latency(rule(50))
        .latency(rule(100));
    let search = dependency(rules);
    search.acquire("acme").unwrap().record(Outcome::failure());
    fast_then_slow(&search, FULL - 4, 3, ms(200)).await;
    let full = search.circuit("acme").snapshot().unwrap();
    assert_eq!((full.window.calls, full.window.failures), (65_535, 1));

    search.acquire("acme").unwrap().record(Outcome::Success);
    let halved = search.circuit("acme").snapshot().unwrap();
    assert_eq!((halved.window.calls, halved.window.failures), (32_768, 1));
    assert_eq!(full.window.slow, [3, 3, 3, 0]);
    assert_eq!(halved.window.slow, [2, 2, 2, 0]);
    assert_eq!(halved.totals.calls, 65_536, "the lifetime count is exact");
}

#[tokio::test(start_paused = true)]
async fn a_slot_that_is_halved_again_and_again_keeps_its_share_of_bad_calls() {
    let search = dependency(no_rules().latency(LatencyRule::p50(ms(100))));
    for calls in 1..=5 * FULL as u64 {
        let outcome = if calls.is_multiple_of(4) {
            Outcome::failure()
        } else {
            Outcome::Success
        };
        search.acquire("acme").unwrap().record(outcome);
    }
    let snapshot = search.circuit("acme").snapshot().unwrap();
    let rate = snapshot.window.failure_rate();
    assert!((0.249..0.251).contains(&rate), "{rate}");
    assert_eq!(snapshot.totals.calls, 5 * FULL as u64);
}

#[tokio::test(start_paused = true)]
async fn every_rule_still_trips_once_slots_have_overflowed() {
    let p90 = |threshold| LatencyRule::quantile(0.9, ms(threshold));
    let first = no_rules().latency(p90(100));
    let second = no_rules().latency(p90(10_000)).latency(p90(100));
    let rate = no_rules().failure_threshold(100).failure_rate(0.1);
    for (policy, outcome, reason) in [
        (first, Outcome::Success, Reason::Latency { rule: 0 }),
        (second, Outcome::Success, Reason::Latency { rule: 1 }),
        (rate, Outcome::failure(), Reason::FailureRate),
    ] {
        let search = dependency(policy);
        fast_then_slow(&search, 2 * FULL, 0, Duration::ZERO).await;
        let permits: Vec<_> = (0..FULL).map(|_| search.acquire("acme").unwrap()).collect();
        advance(ms(200)).await;
        for permit in permits {
            permit.record(outcome);
        }
        let trip = search
            .circuit("acme")
            .snapshot()
            .unwrap()
            .last_trip
            .unwrap();
        assert_eq!(trip.reason, reason);
        // One in ten of what the slot holds, which is from 32,768 to 65,535 calls.
        let bad = trip
            .figures
            .failures
            .max(trip.figures.slow[0])
            .max(trip.figures.slow[1]);
        assert!(
            (3_276..=7_283).contains(&bad),
            "{bad} of {}",
            trip.figures.calls
        );
    }
}
