//! What passes through as it is.

use super::*;

#[tokio::test(start_paused = true)]
async fn data_trailers_errors_and_the_size_hint_pass_as_they_are() {
    let models = models(two_strikes());
    let mut body = to_end(
        &models,
        &[Data("one"), Wait, Trailers(&[("x-sum", "7")]), Break],
    );
    assert_eq!(body.size_hint().exact(), Some(77));
    assert!(!body.is_end_stream());
    let data = assert_ready!(poll(&mut body)).unwrap().unwrap();
    assert_eq!(data.into_data().unwrap(), "one");
    assert_pending!(poll(&mut body));
    let trailers = assert_ready!(poll(&mut body)).unwrap().unwrap();
    assert_eq!(trailers.into_trailers().unwrap()["x-sum"], "7");
    assert!(assert_ready!(poll(&mut body)).unwrap().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_body_that_knows_that_it_is_over_says_so() {
    let models = models(two_strikes());
    let answer = answer(&[Data("one"), End], &[]).map(Script::that_knows_its_end);
    let judge = DefaultBodyJudge::new();
    let mut body = observed(&models, SettleAt::End, judge, request(), answer);
    assert!(!body.is_end_stream());
    assert_ready!(poll(&mut body)).unwrap().unwrap();
    assert!(body.is_end_stream());
}

#[tokio::test(start_paused = true)]
async fn the_answers_of_a_rejection_and_of_a_fallback_pass_unobserved() {
    let models = models(two_strikes());
    open(&models, "acme");
    let inner = || service_fn(|_: Request<()>| ready(Ok::<_, BoxError>(answer(&[], &[]))));
    let mut rejecting = layer(&models)
        .respond_with(|_: &CircuitOpen| answer(&[Data("not now"), End], &[]))
        .observe_body(SettleAt::End)
        .layer(inner());
    let mut falling_back = layer(&models)
        .fallback(|_: Request<()>, _: CircuitOpen| ready(Ok(answer(&[Data("not now"), End], &[]))))
        .observe_body(SettleAt::End)
        .layer(inner());
    for call in [
        assert_ready_ok!(task::spawn(rejecting.call(request())).poll()),
        assert_ready_ok!(task::spawn(falling_back.call(request())).poll()),
    ] {
        let mut body = call.into_body();
        let data = assert_ready!(poll(&mut body)).unwrap().unwrap();
        assert_eq!(data.into_data().unwrap(), "not now");
        drop(body);
    }
    assert_eq!((totals(&models).late, totals(&models).cancelled), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_fallback_on_failure_gets_the_answer_with_the_body_that_it_had() {
    let models = models(two_strikes());
    let bad = |_: Request<()>| {
        let mut bad = answer(&[Data("sorry"), End], &[]);
        *bad.status_mut() = http::StatusCode::BAD_GATEWAY;
        ready(Ok::<_, BoxError>(bad))
    };
    let mut service = layer(&models)
        .fallback_keeping(
            |_: &Request<()>| (),
            |(), cause: Cause<Response<Script>>| ready(cause.into_result()),
        )
        .observe_body(SettleAt::End)
        .layer(service_fn(bad));
    let response = assert_ready_ok!(task::spawn(service.call(request())).poll());
    assert_eq!(response.status(), 502);
    assert_eq!(totals(&models).failures, 1);
}
