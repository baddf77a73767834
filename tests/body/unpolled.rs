//! Bodies that nobody polls to their end.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_body_that_is_over_at_its_head_is_settled_there() {
    let models = models(two_strikes());
    let over = answer(&[End], &[]).map(Script::that_knows_its_end);
    drop(observed(
        &models,
        SettleAt::End,
        DefaultBodyJudge::new(),
        request(),
        over,
    ));
    assert_eq!((successes(&models), totals(&models).cancelled), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_says_after_a_frame_that_it_is_over_is_settled_there() {
    let models = models(two_strikes());
    let over = answer(&[Data("all"), End], &[]).map(Script::that_knows_its_end);
    let mut body = observed(
        &models,
        SettleAt::End,
        DefaultBodyJudge::new(),
        request(),
        over,
    );
    assert_eq!(successes(&models), 0);
    polls(&mut body, 1);
    assert_eq!(successes(&models), 1);
    drop(body);
    assert_eq!(totals(&models).cancelled, 0);
}

#[tokio::test(start_paused = true)]
async fn a_body_as_long_as_its_head_promised_is_over() {
    let models = models(two_strikes());
    let all = answer(
        &[Data("hello"), Data("world"), End],
        &[("content-length", "10")],
    );
    let mut body = observed(
        &models,
        SettleAt::End,
        DefaultBodyJudge::new(),
        request(),
        all,
    );
    polls(&mut body, 1);
    assert_eq!(successes(&models), 0);
    polls(&mut body, 1);
    assert_eq!(successes(&models), 1);

    let none = answer(&[End], &[("content-length", "0")]);
    drop(observed(
        &models,
        SettleAt::End,
        DefaultBodyJudge::new(),
        request(),
        none,
    ));
    assert_eq!((successes(&models), totals(&models).cancelled), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_body_as_long_as_its_size_hint_promised_is_over() {
    let models = models(two_strikes());
    // A script's hint is 77 bytes.
    const LONG: &str =
        "a line of seven words, which has just as many as a script promises, so it is.";
    let mut body = to_end(&models, &[Data(LONG), End]);
    polls(&mut body, 1);
    assert_eq!((LONG.len(), successes(&models)), (77, 1));
    drop(body);
    assert_eq!(totals(&models).cancelled, 0);
}

#[tokio::test(start_paused = true)]
async fn a_body_is_over_after_its_trailers() {
    let models = models(two_strikes());
    let mut body = to_end(
        &models,
        &[Data("one"), Trailers(&[("server-timing", "db")]), End],
    );
    polls(&mut body, 1);
    assert_eq!(successes(&models), 0);
    polls(&mut body, 1);
    drop(body);
    assert_eq!((successes(&models), totals(&models).cancelled), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_can_have_no_body_is_over_at_its_head() {
    for (method, status, is_over) in [
        ("GET", 200, false),
        ("GET", 204, true),
        ("GET", 304, true),
        ("GET", 101, true),
        ("CONNECT", 200, true),
        ("HEAD", 200, true),
    ] {
        let models = models(two_strikes());
        let mut asked = request();
        *asked.method_mut() = method.parse().unwrap();
        let mut answer = answer(&[Data("more")], &[]);
        *answer.status_mut() = http::StatusCode::from_u16(status).unwrap();
        drop(observed(
            &models,
            SettleAt::End,
            DefaultBodyJudge::new(),
            asked,
            answer,
        ));
        let counted = (successes(&models), totals(&models).cancelled);
        assert_eq!(
            counted,
            if is_over { (1, 0) } else { (0, 1) },
            "{method}, {status}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_answer_to_a_head_request_has_no_body_to_wait_for() {
    let models = models(two_strikes());
    let mut head = request();
    *head.method_mut() = http::Method::HEAD;
    let promise = answer(&[Data("hello"), End], &[("content-length", "5")]);
    drop(observed(
        &models,
        SettleAt::End,
        DefaultBodyJudge::new(),
        head,
        promise,
    ));
    assert_eq!((successes(&models), totals(&models).cancelled), (1, 0));
}
