//! Clients that leave, and the places of probes.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_in_the_middle_of_a_body_has_cancelled_the_call() {
    let models = models(two_strikes());
    let mut body = to_end(&models, &[Data("one")]);
    polls(&mut body, 2);
    drop(body);
    assert_eq!((totals(&models).calls, totals(&models).cancelled), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn clients_that_leave_hanging_bodies_one_after_the_other_open_the_circuit() {
    let models = models(two_strikes().abandoned_run(5));
    for _ in 0..5 {
        drop(to_first_data(&models, &[Wait]));
    }
    assert_eq!(models.state("acme"), CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn a_probe_keeps_its_place_until_its_body_settles_it() {
    let models = models(two_strikes());
    open(&models, "acme");
    advance(OPEN).await;
    let mut body = to_end(&models, &[Data("one"), End]);
    polls(&mut body, 1);
    assert!(models.acquire("acme").is_err(), "the only place is taken");
    polls(&mut body, 1);
    assert_eq!(models.state("acme"), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_probe_whose_body_is_dropped_gives_its_place_back() {
    let models = models(two_strikes());
    open(&models, "acme");
    advance(OPEN).await;
    drop(to_end(&models, &[Data("one")]));
    assert_eq!(models.state("acme"), CircuitState::HalfOpen);
    assert!(models.circuit("acme").would_admit());
}

#[tokio::test(start_paused = true)]
async fn a_probe_whose_body_never_ends_keeps_its_place_no_longer_than_its_lease() {
    let models = models(two_strikes().probe_lease(5 * SECOND));
    open(&models, "acme");
    advance(OPEN).await;
    let mut body = to_end(&models, &[Data("one"), Data("two"), End]);
    polls(&mut body, 1);
    advance(5 * SECOND - Duration::from_nanos(1)).await;
    assert!(!models.circuit("acme").would_admit());
    advance(Duration::from_nanos(1)).await;
    assert!(models.circuit("acme").would_admit());
    polls(&mut body, 2);
    assert_eq!(
        models.state("acme"),
        CircuitState::Closed,
        "late, it still counts"
    );
}

#[tokio::test(start_paused = true)]
async fn a_body_that_ends_after_the_circuit_opened_is_a_straggler() {
    let models = models(two_strikes());
    let mut body = to_end(&models, &[Data("one"), Break]);
    open(&models, "acme");
    polls(&mut body, 2);
    assert_eq!((totals(&models).late, totals(&models).failures), (1, 2));
}
