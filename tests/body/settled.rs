//! When a call is settled, and its latency measured.

use super::*;

#[tokio::test(start_paused = true)]
async fn by_default_the_head_settles_a_call_and_the_body_is_left_alone() {
    let models = models(two_strikes());
    let mut service = layer(&models).layer(service_fn(|_: Request<()>| {
        ready(Ok::<_, BoxError>(answer(&[Break], &[])))
    }));
    let response: Response<Script> = assert_ready_ok!(task::spawn(service.call(request())).poll());
    assert_eq!(successes(&models), 1);
    drop(response);
    assert_eq!((successes(&models), totals(&models).cancelled), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn the_first_data_settles_a_call_and_its_latency_is_that_to_the_first_data() {
    let models = models(two_strikes_of_p95(SECOND));
    let mut body = to_first_data(&models, &[Wait, Data(""), Data("one"), Wait, Break]);
    polls(&mut body, 2);
    assert_eq!(
        totals(&models).calls,
        0,
        "nothing was there yet, nor in the empty frame"
    );
    advance(2 * SECOND).await;
    polls(&mut body, 1);
    assert_eq!((successes(&models), totals(&models).slow), (1, 1));
    polls(&mut body, 2);
    drop(body);
    assert_eq!((totals(&models).calls, totals(&models).failures), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn the_end_settles_a_call_and_its_latency_is_that_to_the_end() {
    let models = models(two_strikes_of_p95(SECOND));
    let mut body = to_end(&models, &[Data("one"), Data("two"), End]);
    polls(&mut body, 2);
    assert_eq!(totals(&models).calls, 0);
    advance(2 * SECOND).await;
    polls(&mut body, 1);
    assert_eq!((successes(&models), totals(&models).slow), (1, 1));
    drop(body);
    assert_eq!((totals(&models).calls, totals(&models).cancelled), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_ends_before_the_first_data_is_settled_at_its_end() {
    let models = models(two_strikes());
    let mut body = to_first_data(&models, &[Data(""), End]);
    polls(&mut body, 1);
    assert_eq!(successes(&models), 0);
    polls(&mut body, 1);
    assert_eq!(successes(&models), 1);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_breaks_after_a_good_head_is_a_failure() {
    let models = models(two_strikes());
    for breaks in [&[Data("one"), Break][..], &[Break]] {
        let mut body = to_end(&models, breaks);
        polls(&mut body, breaks.len());
        drop(body);
    }
    assert_eq!(
        (totals(&models).failures, totals(&models).cancelled),
        (2, 0)
    );
    assert_eq!(models.state("acme"), CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn a_bad_head_settles_a_call_and_its_body_is_not_observed() {
    let models = models(two_strikes());
    let mut bad = answer(&[Data("sorry"), Break], &[]);
    *bad.status_mut() = http::StatusCode::SERVICE_UNAVAILABLE;
    let mut body = observed(
        &models,
        SettleAt::End,
        DefaultBodyJudge::new(),
        request(),
        bad,
    );
    assert_eq!(totals(&models).failures, 1);
    polls(&mut body, 2);
    drop(body);
    assert_eq!((totals(&models).calls, totals(&models).cancelled), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn the_latency_of_an_observed_call_counts_for_the_rules() {
    let policy = Policy::builder()
        .without_failure_rate()
        .without_consecutive_failures()
        .latency(LatencyRule::p95(SECOND).min_calls(2));
    let models = models(policy);
    for _ in 0..2 {
        let mut body = to_end(&models, &[Data("one"), End]);
        polls(&mut body, 1);
        advance(2 * SECOND).await;
        polls(&mut body, 1);
    }
    assert_eq!(models.state("acme"), CircuitState::Open);
    let call = models.call("acme", async { Ok::<_, BoxError>(()) }).await;
    assert!(matches!(call, Err(CallError::Rejected(_))));
}
