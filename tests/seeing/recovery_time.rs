//! The mean time to recovery.

use tower_tenant_breaker::Totals;

use super::*;

fn mean(search: &Dependency) -> Option<Duration> {
    search.snapshot().totals.mean_time_to_recovery()
}

#[tokio::test(start_paused = true)]
async fn there_is_none_before_a_circuit_has_recovered() {
    let search = declare(policy());
    assert_eq!(Totals::default().mean_time_to_recovery(), None);
    trip(&search, "acme");
    advance(PERIOD).await;
    assert_eq!(mean(&search), None);
}

#[tokio::test(start_paused = true)]
async fn it_is_from_the_trip_to_the_close_however_often_it_opened_in_between() {
    let search = declare(policy());
    trip(&search, "acme");
    advance(PERIOD).await;
    fail(&search, "acme");
    advance(PERIOD).await;
    let probe = search.acquire("acme").unwrap();
    advance(SECOND).await;
    probe.record(Outcome::Success);
    assert_eq!(mean(&search), Some(2 * PERIOD + SECOND));
}

#[tokio::test(start_paused = true)]
async fn it_is_the_mean_over_all_circuits() {
    let search = declare(policy());
    trip(&search, "acme");
    trip(&search, "globex");
    advance(PERIOD).await;
    succeed(&search, "acme");
    advance(2 * SECOND).await;
    succeed(&search, "globex");
    assert_eq!(mean(&search), Some(PERIOD + SECOND));
    let acme = search.circuit("acme").snapshot().unwrap();
    assert_eq!(acme.totals.mean_time_to_recovery(), Some(PERIOD));
}

#[tokio::test(start_paused = true)]
async fn a_circuit_that_was_closed_by_hand_has_not_recovered() {
    let search = declare(policy());
    trip(&search, "acme");
    advance(SECOND).await;
    search.circuit("acme").reset();
    assert_eq!(mean(&search), None);
}
