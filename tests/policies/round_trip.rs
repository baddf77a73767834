//! What is written is read again as it was.

use std::time::Duration;

use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use tower_tenant_breaker::{
    CircuitState, LatencyRule, OpenPeriod, OutagePolicy, Overflow, Policy, PolicyBuilder,
};

use super::{built, policy};

const DAY: u64 = 86_400_000_000_000;

fn durations(range: std::ops::RangeInclusive<u64>) -> impl Strategy<Value = Duration> + Clone {
    let (least, most) = (*range.start(), *range.end());
    let round = [1, 1_000, 1_000_000, 1_000_000_000, 60_000_000_000];
    (range, select(round.to_vec())).prop_map(move |(nanos, unit)| {
        Duration::from_nanos((nanos / unit * unit).clamp(least, most))
    })
}

/// Over 0, up to 1.
fn shares() -> impl Strategy<Value = f64> + Clone {
    prop_oneof![
        0.0..1.0_f64,
        (0..1_000_u32).prop_map(|n| f64::from(n) / 1_000.0)
    ]
    .prop_map(|share| 1.0 - share)
}

fn periods() -> impl Strategy<Value = OpenPeriod> + Clone {
    let fixed = (durations(1..=DAY), option::of(0.0..=1.0)).prop_map(|(period, jitter)| {
        let period = OpenPeriod::fixed(period);
        jitter.map_or(period, |jitter| period.jitter(jitter))
    });
    let growing = (
        durations(1..=DAY),
        durations(1..=DAY),
        1.0..=100.0,
        0.0..=1.0,
    );
    let growing = growing.prop_map(|(a, b, multiplier, jitter)| {
        let period = OpenPeriod::exponential(a.min(b), a.max(b));
        period.multiplier(multiplier).jitter(jitter)
    });
    prop_oneof![fixed, growing]
}

fn outages() -> impl Strategy<Value = OutagePolicy> {
    let spread = durations(0..=DAY / 24);
    (
        2..=1_000_000_u32,
        shares(),
        any::<bool>(),
        periods(),
        spread,
    )
        .prop_map(|(tenants, share, newcomers, period, spread)| {
            OutagePolicy::default()
                .min_tenants(tenants)
                .min_share(share)
                .newcomers(newcomers)
                .open_for(period)
                .recovery_spread(spread)
        })
}

/// The rules, and all else that the window counts by.
fn tripping() -> impl Strategy<Value = PolicyBuilder> {
    let count = || option::of(1..=65_535_u32);
    let rule = (shares(), durations(1..=DAY), 1..=65_535_u32);
    let histogram = (
        durations(1_000..=1_000_000_000),
        durations(2_000_000_000..=DAY),
        1..=3_u8,
    );
    (
        (
            durations(10_000_000..=DAY),
            count(),
            option::of(shares()),
            1..=65_535_u32,
            count(),
        ),
        (
            proptest::collection::vec(rule, 0..=4),
            histogram,
            0..=255_u32,
        ),
    )
        .prop_map(
            |((window, failures, rate, calls, run), (rules, histogram, abandoned))| {
                let (lowest, highest, digits) = histogram;
                let mut builder = Policy::builder()
                    .window(window)
                    .without_failure_rate()
                    .min_calls(calls)
                    .without_consecutive_failures()
                    .without_latency()
                    .histogram(lowest, highest, digits)
                    .abandoned_run(abandoned);
                if let Some(failures) = failures {
                    builder = builder.failure_threshold(failures);
                }
                if let Some(rate) = rate {
                    builder = builder.failure_rate(rate);
                }
                if let Some(run) = run {
                    builder = builder.consecutive_failures(run);
                }
                for (quantile, threshold, calls) in rules {
                    let threshold = threshold.min(highest / 3);
                    builder = builder
                        .latency(LatencyRule::quantile(quantile, threshold).min_calls(calls));
                }
                builder
            },
        )
}

fn builders() -> impl Strategy<Value = PolicyBuilder> {
    let states = select(vec![
        CircuitState::Closed,
        CircuitState::Open,
        CircuitState::HalfOpen,
    ]);
    let overflows = select(vec![Overflow::Unguarded, Overflow::Shared]);
    let ramp = option::of((shares().prop_map(|share| share / 2.0), durations(1..=DAY)));
    (
        tripping(),
        (
            periods(),
            1..=255_u32,
            1..=255_u32,
            durations(0..=DAY),
            any::<bool>(),
        ),
        (
            option::of(durations(1..=DAY)),
            states,
            option::of(1..=u32::MAX),
            overflows,
        ),
        (ramp, option::of(outages())),
    )
        .prop_map(|(mut builder, opening, others, (ramp, outage))| {
            let (period, places, successes, cap, trip) = opening;
            let (lease, state, in_flight, overflow) = others;
            builder = builder
                .open_for(period)
                .half_open_max_calls(places)
                .success_threshold(successes)
                .hint_cap(cap)
                .trip_on_hint(trip)
                .initial_state(state)
                .overflow(overflow);
            if let Some(lease) = lease {
                builder = builder.probe_lease(lease);
            }
            if let Some(calls) = in_flight {
                builder = builder.max_in_flight(calls);
            }
            if let Some((start, over)) = ramp {
                builder = builder.ramp(start, over);
            }
            if let Some(outage) = outage {
                builder = builder.outage(outage);
            }
            builder
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_policy_that_is_written_is_read_again_as_it_was(builder in builders()) {
        let policy = built(builder);
        let file = toml::to_string(&policy).unwrap();
        let read: Policy = toml::from_str(&file).map_err(|error| TestCaseError::fail(format!("{error}\n{file}")))?;
        prop_assert_eq!(&read, &policy, "{}", file);
        // The text of a file too, whatever was read of it.
        prop_assert_eq!(toml::to_string(&read).unwrap(), file);
    }

    #[test]
    fn the_builder_of_a_policy_builds_it_again_and_takes_changes_as_the_first_did(
        builder in builders(),
        window in durations(10_000_000..=DAY),
        threshold in durations(1..=600_000_000),
    ) {
        let policy = built(builder.clone());
        let again = built(policy.to_builder());
        prop_assert_eq!(&again, &policy);
        prop_assert_eq!(&built(again.to_builder()), &policy);
        let changes: [&dyn Fn(PolicyBuilder) -> PolicyBuilder; 5] = [
            &|builder| builder.window(window),
            &|builder| builder.failure_rate(0.5),
            &|builder| builder.without_latency(),
            &|builder| builder.without_latency().latency(LatencyRule::p95(threshold)),
            &|builder| builder.without_ramp().without_outage(),
        ];
        for change in changes {
            prop_assert_eq!(built(change(policy.to_builder())), built(change(builder.clone())));
        }
    }

    #[test]
    fn so_are_its_parts(period in periods(), outage in outages(), quantile in shares(), threshold in durations(1..=DAY / 3)) {
        #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        struct Parts { period: OpenPeriod, rule: LatencyRule, outage: OutagePolicy }
        let parts = Parts { period, rule: LatencyRule::quantile(quantile, threshold).min_calls(7), outage };
        let file = toml::to_string(&parts).unwrap();
        prop_assert_eq!(toml::from_str::<Parts>(&file).unwrap(), parts, "{}", file);
    }
}

#[test]
fn json_reads_what_it_wrote() {
    for policy in [
        Policy::default(),
        built(Policy::low_traffic()),
        built(
            Policy::builder()
                .without_failure_rate()
                .without_consecutive_failures()
                .without_latency()
                .abandoned_run(0)
                .hint_cap(Duration::ZERO)
                .ramp(0.1, Duration::from_nanos(1_000_000_001))
                .outage(OutagePolicy::default()),
        ),
    ] {
        let json = serde_json::to_string(&policy).unwrap();
        assert_eq!(
            serde_json::from_str::<Policy>(&json).unwrap(),
            policy,
            "{json}"
        );
    }
}

#[test]
fn what_is_written_is_what_a_person_would_write() {
    let file = toml::to_string(&Policy::default()).unwrap();
    for line in [
        "window = \"1m\"",
        "failure_rate = 0.5",
        "consecutive_failures = 5",
        "max_in_flight = \"off\"",
        "ramp = \"off\"",
        "initial_state = \"closed\"",
        "overflow = \"unguarded\"",
        "first = \"30s\"",
    ] {
        assert!(file.contains(line), "{line} is not in\n{file}");
    }
    let fixed = built(Policy::builder().open_for(OpenPeriod::fixed(Duration::from_secs(5400))));
    assert!(
        toml::to_string(&fixed)
            .unwrap()
            .contains("open_for = \"1h 30m\"")
    );
    assert_eq!(policy(&file), Policy::default());
}
