//! Laws 6, 7 and 8: what an open circuit answers, when it probes, and how long its periods are.

use std::time::Duration;

use tokio::time::advance;
use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitOpen, CircuitState, Dependency, EffectiveState, OpenPeriod,
    Outcome, Override, Policy, PolicyBuilder, Probing, Reason,
};

const NANO: Duration = Duration::from_nanos(1);
const WINDOW: Duration = secs(60);

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// A policy that trips at one failure, closes at one success, and whose periods double from 10 to 100 seconds.
fn one_failure() -> PolicyBuilder {
    Policy::builder()
        .window(WINDOW)
        .without_failure_rate()
        .without_latency()
        .consecutive_failures(1)
        .open_for(OpenPeriod::exponential(secs(10), secs(100)).jitter(0.0))
        .half_open_max_calls(1)
        .success_threshold(1)
}

fn dependency(policy: PolicyBuilder) -> Dependency {
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    registry
        .dependency_with("search", policy.build().unwrap())
        .unwrap()
}

fn record(search: &Dependency, outcome: Outcome) {
    search.acquire("acme").unwrap().record(outcome);
}

fn fail(search: &Dependency) {
    record(search, Outcome::failure());
    assert_eq!(search.state("acme"), CircuitState::Open);
}

fn rejection(search: &Dependency) -> CircuitOpen {
    let rejection = search.acquire("acme").unwrap_err();
    rejection.circuit_open().unwrap().clone()
}

fn left(search: &Dependency) -> Duration {
    rejection(search).retry_after().unwrap()
}

// ===== law 6 =====

#[tokio::test(start_paused = true)]
async fn an_open_circuit_rejects_at_once_and_says_what_is_left_of_the_period() {
    let search = dependency(one_failure());
    fail(&search);
    for second in 0..10 {
        let open = rejection(&search);
        assert_eq!(open.retry_after(), Some(secs(10 - second)));
        assert_eq!(open.reason(), Reason::ConsecutiveFailures);
        assert_eq!((open.tenant(), open.dependency()), (Some("acme"), "search"));
        advance(secs(1)).await;
    }
    let acme = search.circuit("acme").snapshot().unwrap();
    assert_eq!(acme.totals.rejected, 10);
    assert_eq!(
        acme.totals.calls, 1,
        "a rejected call is no call of the dependency"
    );
}

#[tokio::test(start_paused = true)]
async fn an_open_circuit_says_so_too_where_somebody_hears_of_its_rejections() {
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    let _hears = registry.subscribe();
    let policy = one_failure().build().unwrap();
    let search = registry.dependency_with("search", policy).unwrap();
    fail(&search);
    for second in 0..10 {
        assert_eq!(left(&search), secs(10 - second));
        advance(secs(1)).await;
    }
    let acme = search.circuit("acme").snapshot().unwrap();
    assert_eq!(acme.totals.rejected, 10);
}

#[tokio::test(start_paused = true)]
async fn an_open_circuit_rejects_its_tenant_alone() {
    let search = dependency(one_failure());
    fail(&search);
    assert!(search.acquire("acme").is_err());
    assert!(search.acquire("globex").is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_circuit_forced_open_without_an_end_has_no_retry_after() {
    let search = dependency(one_failure());
    let acme = search.circuit("acme");
    acme.force_open("unpaid");
    let of_a_newcomer = rejection(&search);
    acme.clear();
    drop(search.acquire("acme").unwrap());
    acme.force_open("unpaid");
    let of_a_closed_circuit = rejection(&search);
    acme.clear();
    fail(&search);
    acme.force_open("unpaid");
    let of_an_open_circuit = rejection(&search);
    for open in [of_a_newcomer, of_a_closed_circuit, of_an_open_circuit] {
        assert_eq!(open.retry_after(), None);
        assert_eq!(
            (open.reason(), open.note()),
            (Reason::Forced, Some("unpaid"))
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_circuit_forced_open_with_an_end_says_what_is_left_of_it() {
    let search = dependency(one_failure());
    search.set_for(Override::ForcedOpen, secs(50));
    advance(secs(20)).await;
    let open = rejection(&search);
    assert_eq!(open.retry_after(), Some(secs(30)));
    assert_eq!(open.reason(), Reason::Forced);
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_zero_while_half_open_is_full() {
    let search = dependency(one_failure());
    fail(&search);
    advance(secs(10)).await;
    let probe = search.acquire("acme").unwrap();
    let open = rejection(&search);
    assert_eq!(open.retry_after(), Some(Duration::ZERO));
    assert_eq!(open.reason(), Reason::HalfOpenFull);
    drop(probe);
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_zero_for_a_call_that_is_barred_and_only_that() {
    let search = dependency(one_failure());
    fail(&search);
    let barred = || {
        let rejection = search.acquire_barred("acme", Probing::No).unwrap_err();
        let open = rejection.circuit_open().unwrap();
        (open.reason(), open.retry_after())
    };
    assert_eq!(barred(), (Reason::ConsecutiveFailures, Some(secs(10))));
    advance(secs(10)).await;
    assert_eq!(barred(), (Reason::Barred, Some(Duration::ZERO)));
    let _probe = search.acquire("acme").unwrap();
    assert_eq!(barred(), (Reason::Barred, Some(Duration::ZERO)));
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_zero_for_a_call_that_is_one_too_many_in_the_air() {
    let search = dependency(one_failure().max_in_flight(1));
    let in_the_air = search.acquire("acme").unwrap();
    let open = rejection(&search);
    assert_eq!(open.retry_after(), Some(Duration::ZERO));
    assert_eq!(open.reason(), Reason::Saturated);
    drop(in_the_air);
    assert!(search.acquire("acme").is_ok());
}

// ===== law 7 =====

#[tokio::test(start_paused = true)]
async fn at_exactly_the_deadline_the_next_call_probes() {
    let search = dependency(one_failure());
    fail(&search);
    advance(secs(10) - NANO).await;
    assert_eq!(left(&search), NANO);
    assert!(!search.circuit("acme").would_admit());
    advance(NANO).await;
    assert!(search.circuit("acme").would_admit());
    let probe = search.acquire("acme").unwrap();
    assert!(probe.is_probe());
    assert_eq!(search.state("acme"), CircuitState::HalfOpen);
}

#[tokio::test(start_paused = true)]
async fn reading_a_state_never_changes_it() {
    let search = dependency(one_failure());
    let registry_reads = |search: &Dependency| {
        let acme = search.circuit("acme");
        let snapshot = acme.snapshot().unwrap();
        let states = [search.state("acme"), acme.state(), snapshot.state];
        assert_eq!(states, [CircuitState::Open; 3]);
        let open = EffectiveState::Automatic(CircuitState::Open);
        let effective = [search.effective_state("acme"), acme.effective_state()];
        assert_eq!(effective, [open; 2]);
        assert_eq!(snapshot.effective_state, open);
        assert_eq!(search.open_circuits(), ["acme"]);
        assert_eq!(
            (search.snapshot().open, search.snapshot().half_open),
            (1, 0)
        );
        assert_eq!(search.circuit_snapshots().len(), 1);
        let _ = acme.would_admit();
        (snapshot.generation, snapshot.totals.probes)
    };
    fail(&search);
    let before = registry_reads(&search);
    search.acquire("acme").unwrap_err();
    advance(secs(10)).await;
    for _ in 0..3 {
        assert_eq!(registry_reads(&search), before);
        advance(secs(100)).await;
    }
    let retry_after = search.circuit("acme").snapshot().unwrap().retry_after;
    assert_eq!(retry_after, Some(Duration::ZERO), "over, and still open");
    let places = (0..2).filter(|_| search.circuit("acme").would_admit());
    assert_eq!(places.count(), 2, "asking takes no place");
    assert!(search.acquire("acme").unwrap().is_probe());
}

#[tokio::test(start_paused = true)]
async fn reading_never_creates_a_circuit() {
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    let policy = one_failure().build().unwrap();
    let search = registry.dependency_with("search", policy).unwrap();
    let acme = search.circuit("acme");
    assert_eq!(search.state("acme"), CircuitState::Closed);
    assert_eq!(acme.state(), CircuitState::Closed);
    let closed = EffectiveState::Automatic(CircuitState::Closed);
    assert_eq!(search.effective_state("acme"), closed);
    assert_eq!(acme.effective_state(), closed);
    assert!(acme.would_admit());
    assert!(acme.snapshot().is_none());
    assert!(registry.tenant("acme").snapshot().circuits.is_empty());
    assert!(search.open_circuits().is_empty());
    assert!(search.circuit_snapshots().is_empty());
    assert!(registry.open_circuits().is_empty());
    assert_eq!(registry.snapshot().dependencies[0].circuits, 0);
    acme.reset();
    assert!(acme.half_open().is_err());
    assert!(registry.get("maps").is_none());
    assert_eq!(registry.dependencies().len(), 1);
    assert!(search.is_empty());
}

// ===== law 8 =====

/// Lets the period pass and fails the probe.
async fn fail_the_probe(search: &Dependency) {
    advance(left(search)).await;
    fail(search);
}

/// Lets the period pass and closes the circuit by a probe that succeeds.
async fn recover(search: &Dependency) {
    advance(left(search)).await;
    record(search, Outcome::Success);
    assert_eq!(search.state("acme"), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn periods_grow_exponentially_to_a_cap() {
    let search = dependency(one_failure());
    fail(&search);
    for period in [10, 20, 40, 80, 100, 100, 100] {
        assert_eq!(left(&search), secs(period));
        fail_the_probe(&search).await;
    }
    let thrice = OpenPeriod::exponential(secs(1), secs(1_000)).multiplier(3.0);
    let search = dependency(one_failure().open_for(thrice.jitter(0.0)));
    fail(&search);
    for period in [1, 3, 9, 27, 81, 243, 729, 1_000, 1_000] {
        assert_eq!(left(&search), secs(period));
        fail_the_probe(&search).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_fixed_period_does_not_grow() {
    let fixed = OpenPeriod::fixed(secs(7)).jitter(0.0);
    let search = dependency(one_failure().open_for(fixed));
    fail(&search);
    for _ in 0..5 {
        assert_eq!(left(&search), secs(7));
        fail_the_probe(&search).await;
    }
}

/// The first periods of so many tenants, in shares of `period`.
fn lengths(policy: PolicyBuilder, period: Duration, tenants: usize) -> Vec<f64> {
    let search = dependency(policy);
    let length = |tenant: usize| {
        let acme = search.circuit(&tenant.to_string());
        acme.open().unwrap();
        let left = acme.snapshot().unwrap().retry_after.unwrap();
        left.as_secs_f64() / period.as_secs_f64()
    };
    (0..tenants).map(length).collect()
}

#[tokio::test(start_paused = true)]
async fn jitter_only_lengthens_by_up_to_a_tenth_by_default() {
    for open_for in [
        OpenPeriod::fixed(secs(10)),
        OpenPeriod::exponential(secs(10), secs(10)),
        OpenPeriod::exponential(secs(10), secs(100)),
    ] {
        let lengths = lengths(one_failure().open_for(open_for), secs(10), 2_000);
        let shortest = lengths.iter().copied().fold(f64::MAX, f64::min);
        let longest = lengths.iter().copied().fold(f64::MIN, f64::max);
        assert!((1.0..1.01).contains(&shortest), "{shortest}");
        assert!((1.09..1.1).contains(&longest), "{longest}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_default_policy_opens_for_30_seconds_with_a_tenth_of_jitter() {
    let lengths = lengths(Policy::builder(), secs(30), 100);
    assert!(lengths.iter().all(|length| (1.0..1.1).contains(length)));
    assert!(lengths.iter().any(|length| *length != lengths[0]));
}

#[tokio::test(start_paused = true)]
async fn jitter_can_be_zero_and_can_be_more() {
    let none = OpenPeriod::fixed(secs(10)).jitter(0.0);
    let lengths_without = lengths(one_failure().open_for(none), secs(10), 100);
    assert!(lengths_without.iter().all(|length| *length == 1.0));

    let much = OpenPeriod::fixed(secs(10)).jitter(1.0);
    let lengths = lengths(one_failure().open_for(much), secs(10), 2_000);
    assert!(lengths.iter().all(|length| (1.0..2.0).contains(length)));
    assert!(lengths.iter().any(|length| *length > 1.9));
}

#[tokio::test(start_paused = true)]
async fn growth_counts_the_openings_by_hand_too() {
    let search = dependency(one_failure());
    let acme = search.circuit("acme");
    fail(&search);
    assert_eq!(left(&search), secs(10));
    acme.open().unwrap();
    assert_eq!(left(&search), secs(20), "from the moment of the opening on");
    advance(secs(5)).await;
    acme.open_for(secs(3)).unwrap();
    assert_eq!(left(&search), secs(3));
    fail_the_probe(&search).await;
    assert_eq!(left(&search), secs(80), "the fourth opening");
    assert_eq!(acme.snapshot().unwrap().totals.opened, 4);
}

#[tokio::test(start_paused = true)]
async fn a_period_that_was_lengthened_is_not_multiplied_further() {
    let search = dependency(one_failure());
    let hint = Outcome::failure().with_retry_after(secs(1_000));
    record(&search, hint);
    assert_eq!(left(&search), secs(1_000));
    fail_the_probe(&search).await;
    assert_eq!(
        left(&search),
        secs(20),
        "the second of the policy's periods"
    );

    search.circuit("acme").open_for(secs(5_000)).unwrap();
    fail_the_probe(&search).await;
    assert_eq!(left(&search), secs(80));
}

#[tokio::test(start_paused = true)]
async fn a_circuit_that_flaps_keeps_growing() {
    let search = dependency(one_failure());
    for period in [10, 20, 40, 80, 100] {
        fail(&search);
        assert_eq!(left(&search), secs(period));
        recover(&search).await;
        advance(WINDOW - NANO).await;
    }
}

#[tokio::test(start_paused = true)]
async fn one_full_window_spent_closed_resets_the_growth() {
    let search = dependency(one_failure());
    fail(&search);
    fail_the_probe(&search).await;
    fail_the_probe(&search).await;
    assert_eq!(left(&search), secs(40));
    recover(&search).await;
    advance(WINDOW).await;
    fail(&search);
    assert_eq!(left(&search), secs(10));
}

#[tokio::test(start_paused = true)]
async fn time_spent_closed_in_pieces_does_not_reset_the_growth() {
    let search = dependency(one_failure());
    for period in [10, 20, 40, 80] {
        fail(&search);
        assert_eq!(left(&search), secs(period));
        recover(&search).await;
        advance(WINDOW / 2).await;
    }
}

#[tokio::test(start_paused = true)]
async fn time_spent_open_or_half_open_does_not_reset_the_growth() {
    let search = dependency(one_failure());
    fail(&search);
    advance(100 * WINDOW).await;
    let probe = search.acquire("acme").unwrap();
    advance(100 * WINDOW).await;
    probe.record(Outcome::failure());
    assert_eq!(left(&search), secs(20));
}

#[tokio::test(start_paused = true)]
async fn a_reset_by_hand_resets_the_growth() {
    let search = dependency(one_failure());
    for _ in 0..3 {
        fail(&search);
        assert_eq!(left(&search), secs(10));
        fail_the_probe(&search).await;
        assert_eq!(left(&search), secs(20));
        search.circuit("acme").reset();
        assert_eq!(search.state("acme"), CircuitState::Closed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_circuit_half_opened_by_hand_keeps_its_growth() {
    let search = dependency(one_failure());
    fail(&search);
    search.circuit("acme").half_open().unwrap();
    fail(&search);
    assert_eq!(left(&search), secs(20));
}

// ===== circuits that do not begin closed =====

#[tokio::test(start_paused = true)]
async fn a_circuit_that_begins_open_waits_for_its_first_period() {
    let search = dependency(one_failure().initial_state(CircuitState::Open));
    assert_eq!(search.state("acme"), CircuitState::Open);
    assert!(!search.circuit("acme").would_admit());
    assert!(search.is_empty());
    let open = rejection(&search);
    assert_eq!(open.reason(), Reason::Initial);
    assert_eq!(open.retry_after(), Some(secs(10)));
    fail_the_probe(&search).await;
    assert_eq!(left(&search), secs(20), "it was its first opening");
}

#[tokio::test(start_paused = true)]
async fn a_circuit_that_begins_half_open_has_its_first_call_probe() {
    let search = dependency(one_failure().initial_state(CircuitState::HalfOpen));
    assert_eq!(search.state("acme"), CircuitState::HalfOpen);
    let probe = search.acquire("acme").unwrap();
    assert!(probe.is_probe());
    assert_eq!(rejection(&search).reason(), Reason::HalfOpenFull);
    probe.record(Outcome::failure());
    assert_eq!(left(&search), secs(10), "nothing had opened it before");
}
