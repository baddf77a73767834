//! Law 2: the window slides, forgets what is old after any gap, and stands still while the circuit is open.

use std::time::Duration;

use tokio::time::{Instant, advance};
use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitSnapshot, CircuitState, Dependency, Figures, OpenPeriod,
    Outcome, Policy, PolicyBuilder, Reason,
};

const WINDOW: Duration = Duration::from_secs(10);
const SLOT: Duration = Duration::from_secs(1);
const OPEN: Duration = Duration::from_secs(3600);
const NANO: Duration = Duration::from_nanos(1);

/// A policy that trips at three failures in the window, and stays open for an hour.
fn three_failures(window: Duration) -> PolicyBuilder {
    Policy::builder()
        .window(window)
        .failure_threshold(3)
        .failure_rate(0.01)
        .min_calls(1)
        .without_consecutive_failures()
        .without_latency()
        .open_for(OpenPeriod::fixed(OPEN).jitter(0.0))
        .success_threshold(1)
}

fn dependency(policy: PolicyBuilder) -> Dependency {
    // Figures are read after every call in here, which percentiles would make slow.
    let registry = CircuitBreakerRegistry::builder().histogram_bytes(0);
    let registry = registry.build().unwrap();
    registry
        .dependency_with("search", policy.build().unwrap())
        .unwrap()
}

fn record(search: &Dependency, times: usize, outcome: Outcome) {
    for _ in 0..times {
        search.acquire("acme").unwrap().record(outcome);
    }
}

fn snapshot(search: &Dependency) -> CircuitSnapshot {
    search.circuit("acme").snapshot().unwrap()
}

fn window(search: &Dependency) -> Figures {
    snapshot(search).window
}

/// Calls and failures in the window.
fn counted(search: &Dependency) -> (u64, u64) {
    let window = window(search);
    (window.calls, window.failures)
}

#[tokio::test(start_paused = true)]
async fn a_sample_exactly_one_window_old_is_gone() {
    let search = dependency(three_failures(WINDOW));
    record(&search, 2, Outcome::failure());
    advance(WINDOW - NANO).await;
    assert_eq!(counted(&search), (2, 2));
    advance(NANO).await;
    assert_eq!(counted(&search), (0, 0));
    record(&search, 1, Outcome::failure());
    assert_eq!(search.state("acme"), CircuitState::Closed);
    assert_eq!(counted(&search), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn slots_are_counted_from_the_creation_of_the_registry() {
    let search = dependency(three_failures(WINDOW));
    advance(SLOT / 2).await;
    record(&search, 1, Outcome::failure());
    advance(SLOT / 2).await;
    record(&search, 1, Outcome::failure());
    advance(9 * SLOT - NANO).await;
    assert_eq!(counted(&search), (2, 2));
    advance(NANO).await;
    assert_eq!(counted(&search), (1, 1), "the first slot left as a whole");
    advance(SLOT - NANO).await;
    assert_eq!(counted(&search), (1, 1));
    advance(NANO).await;
    assert_eq!(counted(&search), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_call_counts_in_the_slot_in_which_it_ends() {
    let search = dependency(three_failures(WINDOW));
    let permit = search.acquire("acme").unwrap();
    advance(5 * SLOT).await;
    permit.record(Outcome::failure());
    advance(9 * SLOT).await;
    assert_eq!(counted(&search), (1, 1));
    advance(SLOT).await;
    assert_eq!(counted(&search), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_window_that_ten_does_not_divide_forgets_all_the_same() {
    let odd = Duration::from_nanos(10_000_019);
    let search = dependency(three_failures(odd));
    for _ in 0..100 {
        record(&search, 1, Outcome::failure());
        advance(odd).await;
        assert_eq!(counted(&search), (0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn steady_traffic_is_steady_in_the_window_lap_after_lap() {
    // Several gateways: a rolling counter that drops from 160 to 3 at its lap.
    let search = dependency(three_failures(WINDOW));
    let mut calls = 0;
    for slot in 1..=1_000 {
        for _ in 0..16 {
            record(&search, 1, Outcome::Success);
            calls += 1;
            let expected = if slot <= 10 {
                calls
            } else {
                9 * 16 + (calls - 1) % 16 + 1
            };
            assert_eq!(window(&search).calls, expected, "slot {slot}");
        }
        advance(SLOT).await;
    }
    assert_eq!(snapshot(&search).totals.calls, 16_000, "none is lost");
}

// ===== idle gaps =====

const TINY: Duration = Duration::from_millis(10);
const TINY_SLOT: Duration = Duration::from_millis(1);

/// Fills every slot of the window, lets it be idle for so many slots, and looks for ghosts and for blindness.
async fn survives_a_gap_of(slots: u64) {
    let search = dependency(three_failures(TINY));
    for _ in 0..5 {
        record(&search, 1, Outcome::Success);
        advance(TINY_SLOT).await;
    }
    record(&search, 2, Outcome::failure());
    for _ in 0..5 {
        advance(TINY_SLOT).await;
        record(&search, 1, Outcome::Success);
    }
    advance(Duration::from_millis(slots)).await;
    assert_eq!(
        window(&search),
        Figures::default(),
        "a ghost is read after {slots}"
    );

    record(&search, 1, Outcome::failure());
    assert_eq!(counted(&search), (1, 1), "a ghost is counted after {slots}");
    assert_eq!(search.state("acme"), CircuitState::Closed);
    for _ in 0..9 {
        advance(TINY_SLOT).await;
        record(&search, 1, Outcome::Success);
    }
    assert_eq!(counted(&search), (10, 1), "a ghost returns after {slots}");

    record(&search, 2, Outcome::failure());
    let trip = snapshot(&search).last_trip;
    assert!(trip.is_some(), "blind after a gap of {slots}");
    assert_eq!(snapshot(&search).totals.calls, 24, "after {slots}");
}

#[tokio::test(start_paused = true)]
async fn old_samples_are_gone_after_a_gap_of_a_window() {
    for slots in [10, 11, 19, 20, 21, 100] {
        survives_a_gap_of(slots).await;
    }
}

#[tokio::test(start_paused = true)]
async fn old_samples_are_gone_after_a_gap_at_which_a_short_epoch_repeats() {
    for bits in [6, 7, 8, 10, 12, 15, 16, 18, 20, 24] {
        for laps in [1, 10] {
            let repeats = laps << bits;
            for slots in [repeats - 1, repeats, repeats + 1] {
                survives_a_gap_of(slots).await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn old_samples_are_gone_after_a_gap_of_2_to_the_15_and_1_slots() {
    survives_a_gap_of((1 << 15) + 1).await;
}

#[tokio::test(start_paused = true)]
async fn old_samples_are_gone_after_a_gap_of_2_to_the_16_slots() {
    survives_a_gap_of(1 << 16).await;
}

#[tokio::test(start_paused = true)]
async fn old_samples_are_gone_after_a_gap_of_2_to_the_18_slots() {
    survives_a_gap_of(1 << 18).await;
}

#[tokio::test(start_paused = true)]
async fn old_samples_are_gone_after_a_gap_of_2_to_the_32_and_1_slots() {
    survives_a_gap_of((1 << 32) + 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_window_of_100_ms_still_counts_after_60_seconds_and_after_60_days() {
    let day = Duration::from_secs(24 * 60 * 60);
    for gap in [Duration::from_secs(60), 60 * day] {
        let search = dependency(three_failures(Duration::from_millis(100)));
        record(&search, 2, Outcome::failure());
        advance(gap).await;
        assert_eq!(counted(&search), (0, 0), "after {gap:?}");
        record(&search, 2, Outcome::failure());
        assert_eq!(counted(&search), (2, 2), "after {gap:?}");
        assert_eq!(search.state("acme"), CircuitState::Closed);
        record(&search, 1, Outcome::failure());
        assert_eq!(search.state("acme"), CircuitState::Open, "after {gap:?}");
    }
}

// ===== while open, and after =====

#[tokio::test(start_paused = true)]
async fn the_window_that_tripped_stays_readable_while_open() {
    let search = dependency(three_failures(WINDOW));
    record(&search, 4, Outcome::Success);
    advance(3 * SLOT).await;
    record(&search, 3, Outcome::failure());
    let tripped_at = Instant::now();
    assert_eq!(search.state("acme"), CircuitState::Open);
    for _ in 0..40 {
        assert_eq!(counted(&search), (7, 3));
        assert_eq!(window(&search).consecutive_failures, 3);
        advance(SLOT).await;
    }
    let trip = snapshot(&search).last_trip.unwrap();
    assert_eq!(trip.at, tripped_at);
    assert_eq!(trip.reason, Reason::FailureRate);
    assert_eq!((trip.figures.calls, trip.figures.failures), (7, 3));
}

#[tokio::test(start_paused = true)]
async fn the_window_takes_in_nothing_while_open() {
    let search = dependency(three_failures(WINDOW));
    let stragglers: Vec<_> = (0..4).map(|_| search.acquire("acme").unwrap()).collect();
    record(&search, 3, Outcome::failure());
    for straggler in stragglers {
        advance(SLOT).await;
        straggler.record(Outcome::failure());
        assert_eq!(counted(&search), (3, 3));
    }
    assert_eq!(snapshot(&search).totals.late, 4);
}

#[tokio::test(start_paused = true)]
async fn a_circuit_that_closes_starts_empty_and_keeps_the_figures_of_its_last_trip() {
    let search = dependency(
        three_failures(WINDOW)
            .success_threshold(3)
            .consecutive_failures(9),
    );
    record(&search, 3, Outcome::failure());
    let trip = snapshot(&search).last_trip.unwrap();
    advance(OPEN).await;
    assert_eq!(counted(&search), (3, 3), "until a probe begins");

    for _ in 0..2 {
        record(&search, 1, Outcome::Success);
        assert_eq!(search.state("acme"), CircuitState::HalfOpen);
        assert_eq!(window(&search), Figures::default(), "probes are not in it");
    }
    record(&search, 1, Outcome::Success);
    assert_eq!(search.state("acme"), CircuitState::Closed);
    assert_eq!(window(&search), Figures::default());
    assert_eq!(snapshot(&search).last_trip, Some(trip));

    record(&search, 2, Outcome::failure());
    assert_eq!(search.state("acme"), CircuitState::Closed, "2, not 5");
    assert_eq!(counted(&search), (2, 2));
    assert_eq!(window(&search).consecutive_failures, 2);
}

#[tokio::test(start_paused = true)]
async fn the_window_is_empty_after_a_recovery_within_one_window() {
    let soon = OpenPeriod::fixed(SLOT).jitter(0.0);
    let search = dependency(three_failures(WINDOW).open_for(soon));
    record(&search, 2, Outcome::failure());
    for _ in 0..5 {
        record(&search, 1, Outcome::failure());
        assert_eq!(search.state("acme"), CircuitState::Open);
        advance(SLOT).await;
        record(&search, 1, Outcome::Success);
        assert_eq!(search.state("acme"), CircuitState::Closed);
        assert_eq!(window(&search), Figures::default());
        record(&search, 2, Outcome::failure());
        assert_eq!(search.state("acme"), CircuitState::Closed);
    }
    // 2, and each time one that trips, a probe and 2 more.
    assert_eq!(snapshot(&search).totals.calls, 22, "none is lost");
}

#[tokio::test(start_paused = true)]
async fn the_window_is_cleared_on_leaving_open_by_hand_too() {
    let search = dependency(three_failures(WINDOW));
    let acme = search.circuit("acme");
    record(&search, 3, Outcome::failure());
    acme.half_open().unwrap();
    assert_eq!(window(&search), Figures::default());

    record(&search, 1, Outcome::Success);
    record(&search, 3, Outcome::failure());
    assert_eq!(search.state("acme"), CircuitState::Open);
    acme.reset();
    assert_eq!(window(&search), Figures::default());
    assert_eq!(acme.state(), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_circuit_opened_by_hand_shows_the_window_of_that_moment() {
    let search = dependency(three_failures(WINDOW));
    record(&search, 1, Outcome::failure());
    advance(5 * SLOT).await;
    record(&search, 1, Outcome::failure());
    advance(6 * SLOT).await;
    search.circuit("acme").open().unwrap();
    assert_eq!(
        counted(&search),
        (1, 1),
        "the first failure was older than a window"
    );
    advance(60 * SLOT).await;
    assert_eq!(counted(&search), (1, 1), "and the other stays readable");
    search.circuit("acme").open().unwrap();
    assert_eq!(counted(&search), (1, 1), "it has not left Open since");
    assert_eq!(snapshot(&search).last_trip, None, "no rule tripped it");
}

#[tokio::test(start_paused = true)]
async fn a_failed_probe_is_no_trip_and_is_not_in_the_window() {
    let search = dependency(three_failures(WINDOW));
    record(&search, 3, Outcome::failure());
    let trip = snapshot(&search).last_trip;
    advance(OPEN).await;
    record(&search, 1, Outcome::failure());
    assert_eq!(search.state("acme"), CircuitState::Open);
    assert_eq!(window(&search), Figures::default());
    assert_eq!(snapshot(&search).last_trip, trip);
}
