//! What people read of circuits and dependencies at one moment.

mod acme;

use std::time::Duration;

use tokio::time::{Instant, advance};
use tower_tenant_breaker::{
    CircuitState, Dependency, EffectiveState, Outcome, Override, Probing, Reason,
};

use acme::{PERIOD, SECOND, WINDOW, acquire, circuit, dependency, policy, record, registry, trip};

#[tokio::test(start_paused = true)]
async fn the_last_success_is_known_to_the_slot_and_the_last_failure_exactly() {
    let created = Instant::now();
    let search = dependency();
    record(&search, Outcome::Ignored);
    let snapshot = circuit(&search);
    assert_eq!((snapshot.last_success, snapshot.last_failure), (None, None));
    advance(Duration::from_millis(12_345)).await;
    record(&search, Outcome::Success);
    advance(Duration::from_millis(3_000)).await;
    record(&search, Outcome::failure());
    advance(100 * WINDOW).await;
    let snapshot = circuit(&search);
    assert_eq!(
        snapshot.last_success,
        Some(created + Duration::from_secs(12))
    );
    assert_eq!(
        snapshot.last_failure,
        Some(created + Duration::from_millis(15_345))
    );
    let failed_probe = created + Duration::from_millis(15_345) + 100 * WINDOW;
    search.circuit("acme").open().unwrap();
    search.circuit("acme").half_open().unwrap();
    record(&search, Outcome::failure());
    assert_eq!(circuit(&search).last_failure, Some(failed_probe));
}

#[tokio::test(start_paused = true)]
async fn the_last_trip_keeps_its_reason_and_figures_until_the_next_one() {
    let created = Instant::now();
    let search = dependency();
    record(&search, Outcome::Success);
    assert_eq!(circuit(&search).last_trip, None);
    advance(SECOND).await;
    record(&search, Outcome::throttled());
    trip(&search);
    let check = |search: &Dependency| {
        let trip = circuit(search).last_trip.unwrap();
        assert_eq!(
            (trip.at, trip.reason),
            (created + SECOND, Reason::ConsecutiveFailures)
        );
        let figures = trip.figures;
        assert_eq!(
            (
                figures.calls,
                figures.failures,
                figures.consecutive_failures
            ),
            (5, 4, 3)
        );
        assert_eq!(figures.failure_rate(), 0.8);
    };
    check(&search);
    assert_eq!(circuit(&search).window.calls, 5);
    // A failed probe and a hand open circuits too, but only a closed one trips.
    advance(PERIOD).await;
    record(&search, Outcome::failure());
    check(&search);
    search.circuit("acme").open().unwrap();
    check(&search);
    search.circuit("acme").reset();
    check(&search);
    assert_eq!(circuit(&search).window.calls, 0);
    advance(SECOND).await;
    trip(&search);
    let trip = circuit(&search).last_trip.unwrap();
    assert_eq!(
        (trip.at, trip.figures.calls),
        (created + 2 * SECOND + PERIOD, 3)
    );
}

#[tokio::test(start_paused = true)]
async fn a_circuit_shows_its_state_its_override_its_generation_and_what_is_left_of_its_period() {
    let search = dependency();
    record(&search, Outcome::Success);
    let snapshot = circuit(&search);
    assert_eq!(snapshot.tenant.as_deref(), Some("acme"));
    assert_eq!(
        (snapshot.state, snapshot.generation),
        (CircuitState::Closed, 0)
    );
    assert_eq!((snapshot.retry_after, snapshot.in_flight), (None, None));
    trip(&search);
    search.circuit("acme").set(Override::DryRun);
    advance(SECOND).await;
    let snapshot = circuit(&search);
    assert_eq!(
        (snapshot.state, snapshot.generation),
        (CircuitState::Open, 1)
    );
    assert_eq!(
        snapshot.effective_state,
        EffectiveState::DryRun(CircuitState::Open)
    );
    assert_eq!(snapshot.retry_after, Some(PERIOD - SECOND));
    search.circuit("acme").clear();
    advance(PERIOD).await;
    let snapshot = circuit(&search);
    assert_eq!(snapshot.retry_after, Some(Duration::ZERO));
    assert_eq!(
        snapshot.effective_state,
        EffectiveState::Automatic(CircuitState::Open)
    );
    drop(acquire(&search));
    let snapshot = circuit(&search);
    assert_eq!(
        (snapshot.state, snapshot.generation),
        (CircuitState::HalfOpen, 2)
    );
    assert_eq!(snapshot.retry_after, None);
}

#[tokio::test(start_paused = true)]
async fn the_calls_in_the_air_are_shown_where_the_policy_bounds_them() {
    let policy = policy().max_in_flight(5).build().unwrap();
    let search = registry().dependency_with("search", policy).unwrap();
    let permits = [acquire(&search), acquire(&search)];
    assert_eq!(circuit(&search).in_flight, Some(2));
    drop(permits);
    assert_eq!(circuit(&search).in_flight, Some(0));
}

#[tokio::test(start_paused = true)]
async fn percentiles_are_shown_for_busy_circuits_and_not_invented_for_quiet_ones() {
    let search = dependency();
    for _ in 0..99 {
        record(&search, Outcome::Success);
    }
    assert_eq!(circuit(&search).latency, None);
    for _ in 0..100 {
        let permit = acquire(&search);
        advance(Duration::from_millis(10)).await;
        permit.record(Outcome::Success);
    }
    let latency = circuit(&search).latency.unwrap();
    let ten = Duration::from_micros(9_900)..Duration::from_micros(10_200);
    assert!(latency.samples > 50 && latency.samples <= 199);
    assert!(
        ten.contains(&latency.p95) && ten.contains(&latency.max),
        "{latency:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn open_half_open_and_forced_circuits_are_counted_as_they_come_and_go() {
    let search = dependency();
    let live = || {
        let snapshot = search.snapshot();
        (snapshot.open, snapshot.half_open, snapshot.forced_circuits)
    };
    assert_eq!(live(), (0, 0, 0));
    for tenant in ["a", "b", "c"] {
        search.circuit(tenant).open().unwrap();
    }
    assert_eq!(live(), (3, 0, 0));
    search.circuit("c").half_open().unwrap();
    assert_eq!(live(), (2, 1, 0));
    search.circuit("c").open().unwrap();
    search.circuit("c").half_open().unwrap();
    assert_eq!(live(), (2, 1, 0));

    // Also for a tenant without a circuit; other overrides are none of these.
    search.circuit("a").force_open("by hand");
    search
        .circuit("stranger")
        .set_for(Override::ForcedOpen, SECOND);
    search.circuit("d").set(Override::Disabled);
    assert_eq!(live(), (2, 1, 2));
    advance(SECOND).await;
    assert_eq!(live(), (2, 1, 1));
    search.circuit("a").clear();
    assert_eq!(live(), (2, 1, 0));

    search.circuit("c").reset();
    search.circuit("a").reset();
    assert_eq!(live(), (1, 0, 0));
    search.reset();
    assert_eq!(live(), (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn circuits_that_several_share_are_counted_and_shown_without_a_tenant() {
    let search = dependency();
    for _ in 0..3 {
        let permit = search.acquire_shared(Probing::Yes).unwrap();
        permit.record(Outcome::failure());
    }
    let snapshot = search.snapshot();
    assert_eq!(
        (snapshot.circuits, snapshot.open, snapshot.totals.calls),
        (0, 1, 3)
    );
    let shown = search.circuit_snapshots();
    assert_eq!(shown.len(), 1);
    assert_eq!(
        (shown[0].tenant.as_deref(), shown[0].state),
        (None, CircuitState::Open)
    );
    assert!(search.open_circuits().is_empty());
    search.reset();
    assert_eq!(search.snapshot().open, 0);
}
