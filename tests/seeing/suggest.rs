//! What the figures say about the policy, and when they say nothing.

use tower_tenant_breaker::{LatencyRule, NoSuggestion, Suggested};

use super::*;

/// So many openings for `PERIOD` each, the last of which a probe ends.
async fn recover(search: &Dependency, tenant: &str, openings: u32) {
    trip(search, tenant);
    for _ in 1..openings {
        advance(PERIOD).await;
        fail(search, tenant);
    }
    advance(PERIOD).await;
    succeed(search, tenant);
    assert_eq!(search.state(tenant), CircuitState::Closed);
}

fn period(search: &Dependency) -> Result<Suggested<Duration>, NoSuggestion> {
    search.suggest().open_for
}

fn too_few<T>(samples: u64, needed: u64) -> Result<T, NoSuggestion> {
    Err(NoSuggestion::TooFewSamples { samples, needed })
}

#[tokio::test(start_paused = true)]
async fn a_dependency_that_knows_nothing_proposes_nothing() {
    let suggestion = declare(policy()).suggest();
    assert_eq!(suggestion.open_for, too_few(0, 20));
    assert_eq!(suggestion.consecutive_failures, too_few(0, 10_000));
    assert_eq!(suggestion.latency_p95, too_few(0, 10));
    let why = suggestion.open_for.unwrap_err().to_string();
    assert_eq!(why, "too few samples: 0 of 20");
}

#[tokio::test(start_paused = true)]
async fn the_open_period_is_the_median_time_to_recover() {
    let search = declare(policy());
    for openings in (0..19).map(|n| [1, 3, 9][n % 3]) {
        recover(&search, "acme", openings).await;
    }
    assert_eq!(period(&search), too_few(19, 20));
    recover(&search, "acme", 9).await;
    let suggested = period(&search).unwrap();
    // Seven took 4 s, six 12 s, seven 36 s; a quarter over the median at most.
    assert!(suggested.value > 3 * PERIOD && suggested.value <= 3 * PERIOD * 5 / 4);
    assert_eq!(suggested.samples, 20);
    assert_eq!(
        suggested.basis,
        "half of 20 recoveries that did not overlap took less; 7 of them took one open period"
    );
    assert_eq!(
        *search.policy(),
        policy().build().unwrap(),
        "nothing is applied"
    );
}

#[tokio::test(start_paused = true)]
async fn a_period_of_more_than_a_day_is_not_proposed() {
    const HALF_A_DAY: Duration = Duration::from_secs(12 * 60 * 60);
    let period = OpenPeriod::fixed(HALF_A_DAY).jitter(0.0);
    let search = declare(policy().open_for(period));
    // More than half of the recoveries take longer than one period, and are told.
    for recovery in 0..20 {
        trip(&search, "acme");
        for _ in 0..if recovery < 11 { 2 } else { 0 } {
            advance(HALF_A_DAY).await;
            fail(&search, "acme");
        }
        advance(HALF_A_DAY).await;
        succeed(&search, "acme");
    }
    assert_eq!(search.suggest().open_for, Err(NoSuggestion::OutOfBounds));
}

#[tokio::test(start_paused = true)]
async fn circuits_that_one_failure_of_the_dependency_opened_are_one_sample() {
    let search = declare(policy());
    let tenants: Vec<_> = (0..100).map(|n| format!("tenant {n}")).collect();
    for _ in 0..3 {
        tenants.iter().for_each(|tenant| trip(&search, tenant));
        advance(PERIOD).await;
        tenants.iter().for_each(|tenant| fail(&search, tenant));
        advance(PERIOD).await;
        tenants.iter().for_each(|tenant| succeed(&search, tenant));
    }
    assert_eq!(search.snapshot().totals.recovered, 300);
    assert_eq!(period(&search), too_few(3, 20));
}

/// So many openings of all of them together.
async fn recover_together(search: &Dependency, tenants: &[String], openings: u32) {
    tenants.iter().for_each(|tenant| trip(search, tenant));
    for _ in 1..openings {
        advance(PERIOD).await;
        tenants.iter().for_each(|tenant| fail(search, tenant));
    }
    advance(PERIOD).await;
    tenants.iter().for_each(|tenant| succeed(search, tenant));
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_many_tenants_shared_weighs_as_one() {
    let search = declare(policy());
    for _ in 0..40 {
        recover(&search, "acme", 2).await;
    }
    let tenants: Vec<_> = (0..100).map(|n| format!("tenant {n}")).collect();
    recover_together(&search, &tenants, 100).await;
    let suggested = period(&search).unwrap();
    // Of 41 failures of the dependency, 40 took 8 s, one 400 s.
    assert!(suggested.value > 2 * PERIOD && suggested.value <= 2 * PERIOD * 5 / 4);
    assert_eq!(suggested.samples, 41);
    // Nor does one that the first probes ended outvote the others.
    recover_together(&search, &tenants, 1).await;
    assert_eq!(search.snapshot().totals.recovered, 240);
    assert!(period(&search).unwrap().basis.contains("1 of them took"));
}

#[tokio::test(start_paused = true)]
async fn where_half_of_the_recoveries_took_one_period_it_is_long_enough() {
    let search = declare(policy());
    for openings in (0..20).map(|n| [1, 2][n % 2]) {
        recover(&search, "acme", openings).await;
    }
    let long_enough = NoSuggestion::LongEnough {
        at_once: 10,
        recoveries: 20,
    };
    assert_eq!(period(&search), Err(long_enough));
    recover(&search, "acme", 2).await;
    assert_eq!(period(&search).unwrap().samples, 21);
}

#[tokio::test(start_paused = true)]
async fn recoveries_that_waited_for_a_call_are_left_out() {
    let search = declare(policy());
    trip(&search, "acme");
    advance(2 * PERIOD + Duration::from_nanos(2)).await;
    succeed(&search, "acme");
    assert_eq!(search.snapshot().totals.recovered, 1);
    assert_eq!(period(&search), too_few(0, 20));
    // Half of the time is not more than half.
    trip(&search, "acme");
    advance(2 * PERIOD).await;
    succeed(&search, "acme");
    assert_eq!(period(&search), too_few(1, 20));
    // The waits of all open periods count together.
    trip(&search, "acme");
    for _ in 0..2 {
        advance(3 * PERIOD).await;
        fail(&search, "acme");
    }
    advance(PERIOD).await;
    succeed(&search, "acme");
    assert_eq!(period(&search), too_few(1, 20));
}

#[tokio::test(start_paused = true)]
async fn recoveries_in_which_an_operator_had_a_hand_are_left_out() {
    let search = declare(policy());
    let circuit = search.circuit("acme");
    circuit.open_for(PERIOD).unwrap();
    advance(PERIOD).await;
    succeed(&search, "acme");
    trip(&search, "acme");
    circuit.half_open().unwrap();
    succeed(&search, "acme");
    trip(&search, "acme");
    circuit.open_for(PERIOD).unwrap();
    advance(PERIOD).await;
    succeed(&search, "acme");
    assert_eq!(search.snapshot().totals.recovered, 3);
    assert_eq!(period(&search), too_few(0, 20));
    // The hand of one recovery is not on the next.
    recover(&search, "acme", 1).await;
    assert_eq!(period(&search), too_few(1, 20));
}

#[tokio::test(start_paused = true)]
async fn a_run_is_as_long_as_one_in_a_million_calls_makes_by_chance() {
    let search = declare(policy().without_consecutive_failures());
    let record_many = |calls: usize, failures: usize| {
        for n in 0..calls {
            record(
                &search,
                "acme",
                if n < failures {
                    Outcome::failure()
                } else {
                    Outcome::Success
                },
            );
        }
    };
    record_many(9_999, 97);
    let run = || search.suggest().consecutive_failures;
    assert_eq!(run(), too_few(9_999, 10_000));
    record_many(1, 0);
    // 97 and the three that were not seen are a hundredth: 0.01^3 is a millionth.
    let suggested = run().unwrap();
    assert_eq!((suggested.value, suggested.samples), (3, 10_000));
    record_many(2, 2);
    assert_eq!(run().unwrap().value, 4);
    record_many(9_901, 9_899);
    let fails_too_often = NoSuggestion::FailsTooOften {
        failures: 9_998,
        calls: 19_903,
    };
    assert_eq!(run(), Err(fails_too_often));
}

#[test]
fn a_run_is_proposed_up_to_where_half_of_the_calls_fail() {
    let run = |failures: usize| {
        let search = declare(policy().without_consecutive_failures());
        (0..failures).for_each(|_| fail(&search, "acme"));
        (failures..10_000).for_each(|_| succeed(&search, "acme"));
        search.suggest().consecutive_failures
    };
    // With the three that were not seen, half of them.
    assert!(run(4_997).is_ok());
    assert!(matches!(
        run(4_998),
        Err(NoSuggestion::FailsTooOften { .. })
    ));
}

/// Each tenant's calls, the first of which fail.
fn run_of(tenants: impl Iterator<Item = (usize, usize)>) -> Suggested<u32> {
    let search = declare(policy().without_consecutive_failures());
    for (tenant, (calls, failures)) in tenants.enumerate() {
        let tenant = format!("tenant {tenant}");
        (0..failures).for_each(|_| fail(&search, &tenant));
        (failures..calls).for_each(|_| succeed(&search, &tenant));
    }
    search.suggest().consecutive_failures.unwrap()
}

#[test]
fn a_single_failure_is_never_proposed_as_a_run() {
    assert_eq!(run_of([(3_100_000, 0)].into_iter()).value, 2);
}

#[test]
fn tenants_that_fail_more_than_others_are_taken_each_for_itself() {
    // 100 calls that fail at 30 % make 100 * 0.3^n runs of n: under a hundredth of one from 8 on.
    let one_of_100 = (0..100).map(|tenant| (100, if tenant == 0 { 30 } else { 0 }));
    let suggested = run_of(one_of_100);
    assert_eq!(suggested.value, 8);
    assert_eq!(
        suggested.basis,
        "at 30 failures in 10000 calls, and at the share of each of 100 tenants, so many in a row come by chance once \
         in a million calls"
    );
    // Were the tenants alike, three would do.
    assert_eq!(run_of((0..30).map(|_| (334, 1))).value, 3);
}

#[test]
fn a_tenant_of_whose_calls_more_than_half_fail_is_left_out() {
    let with = |failures| {
        run_of((0..100).map(move |tenant| (100, if tenant == 0 { failures } else { 0 }))).value
    };
    // The tenant alone: 100 calls make 100 * 0.5^n runs of n; a few less, as it has no more than 50 failures.
    assert_eq!([with(50), with(51)], [13, 3]);
}

#[test]
fn few_calls_of_a_tenant_are_not_taken_for_its_share() {
    let tenants = (0..5_000).map(|tenant| (2, usize::from(tenant < 97)));
    assert_eq!(run_of(tenants).value, 3);
    // With ten failures among 20 calls, in any order, one of 2,800 begins a run of eight; at a share of a half it were
    // one of 256, and the proposal eleven.
    let one_of_500 = (0..500).map(|tenant| (20, if tenant == 0 { 10 } else { 0 }));
    assert_eq!(run_of(one_of_500).value, 8);
}

#[tokio::test(start_paused = true)]
async fn a_run_says_where_the_rule_of_count_and_rate_trips_before_it() {
    let basis = |builder: PolicyBuilder| {
        let search = declare(builder.without_consecutive_failures());
        for _ in 0..9_903 {
            record(&search, "acme", Outcome::Success);
        }
        for _ in 0..97 {
            record(&search, "acme", Outcome::failure());
        }
        let run = search.suggest().consecutive_failures.unwrap();
        assert_eq!(run.value, 3);
        run.basis
    };
    let by_rate = || policy().failure_rate(0.9).failure_threshold(1);
    let basis_of_two = basis(by_rate().min_calls(2));
    assert!(
        basis_of_two.ends_with("trips by itself, at 2 failures where no call succeeds"),
        "{basis_of_two}"
    );
    let alone = "at 97 failures in 10000 calls, and at the share of each of 1 tenants, so many in a row come by chance once \
         in a million calls";
    assert_eq!(basis(by_rate().min_calls(3)), alone);
    assert_eq!(basis(by_rate().failure_threshold(3).min_calls(1)), alone);
    assert_eq!(basis(policy().without_failure_rate()), alone);
    // A share alone is a rule too.
    let by_share = policy().without_failure_rate().failure_rate(0.9);
    let basis_of_share = basis(by_share.min_calls(2));
    assert!(
        basis_of_share.ends_with("at 2 failures where no call succeeds"),
        "{basis_of_share}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_threshold_is_twice_what_nine_tenths_of_the_circuits_stay_under() {
    let search = declare(policy().latency(LatencyRule::p95(60 * SECOND)));
    let call = async |tenant: usize, latency: u64| {
        let permits: Vec<_> = (0..250)
            .map(|_| search.acquire(&format!("tenant {tenant}")).unwrap())
            .collect();
        advance(Duration::from_millis(latency)).await;
        permits
            .into_iter()
            .for_each(|permit| permit.record(Outcome::Success));
    };
    for tenant in 1..=9 {
        call(tenant, 10 * tenant as u64).await;
    }
    // Half-open and open ones are not asked, nor those of which there is too little.
    succeed(&search, "quiet");
    let threshold = || search.suggest().latency_p95;
    assert_eq!(threshold(), too_few(9, 10));
    call(10, 5_000).await;
    let suggested = threshold().unwrap();
    let expected = Duration::from_millis(180);
    assert!(suggested.value >= expected && suggested.value < expected * 101 / 100);
    assert_eq!(suggested.samples, 10);
    assert!(
        suggested
            .basis
            .starts_with("twice the p95 that nine tenths of 10")
    );
    trip(&search, "tenant 10");
    assert_eq!(threshold(), too_few(9, 10));
}

#[tokio::test(start_paused = true)]
async fn a_threshold_is_made_of_256_circuits_at_most() {
    let coarse = policy().histogram(Duration::from_millis(1), 100 * SECOND, 1);
    let search = declare(coarse);
    for tenant in 0..257 {
        for _ in 0..200 {
            succeed(&search, &format!("tenant {tenant}"));
        }
    }
    assert_eq!(search.suggest().latency_p95.unwrap().samples, 256);
}

#[tokio::test(start_paused = true)]
async fn a_threshold_that_no_policy_takes_is_not_proposed() {
    let top = 100 * SECOND;
    let shape = policy().histogram(Duration::from_millis(1), top, 2);
    let search = declare(shape.window(1_000 * SECOND));
    for tenant in 0..10 {
        let permits: Vec<_> = (0..250)
            .map(|_| search.acquire(&format!("tenant {tenant}")).unwrap())
            .collect();
        advance(60 * SECOND).await;
        permits
            .into_iter()
            .for_each(|permit| permit.record(Outcome::Success));
    }
    let suggested = search.suggest().latency_p95;
    assert_eq!(suggested, Err(NoSuggestion::OutOfBounds));
}
