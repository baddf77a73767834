//! Panics of a body and of its judge.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_panic_of_the_body_is_a_failure_and_one_of_the_judge_is_ours() {
    #[derive(Clone)]
    struct Clumsy;
    impl<D, E> JudgeBody<D, E> for Clumsy {
        fn head(&mut self, _head: &http::response::Parts) {}
        fn trailers(&mut self, _trailers: &HeaderMap) -> Option<Outcome> {
            panic!("a judge that cannot count")
        }
    }

    let models = models(two_strikes());
    let mut body = to_end(&models, &[Panic]);
    let panicked = catch_unwind(AssertUnwindSafe(move || polls(&mut body, 1)));
    assert!(panicked.is_err());
    assert_eq!((totals(&models).failures, totals(&models).ignored), (1, 0));

    let steps = &[Trailers(&[]), End];
    let mut body = observed(
        &models,
        SettleAt::End,
        Clumsy,
        request(),
        answer(steps, &[]),
    );
    let panicked = catch_unwind(AssertUnwindSafe(move || polls(&mut body, 1)));
    assert!(panicked.is_err());
    assert_eq!((totals(&models).failures, totals(&models).ignored), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_panic_over_whether_the_body_is_over_is_a_failure_too() {
    let models = models(two_strikes());
    let mut body = to_end(&models, &[Data("one"), Panic]);
    let panicked = catch_unwind(AssertUnwindSafe(move || polls(&mut body, 1)));
    assert!(panicked.is_err());
    assert_eq!(
        (totals(&models).failures, totals(&models).cancelled),
        (1, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn a_judge_that_panicked_is_asked_no_more() {
    let models = models(two_strikes());
    let asked = std::cell::Cell::new(0);
    let judge = JudgeData::new(|_: &Bytes| -> Option<Outcome> {
        asked.set(asked.get() + 1);
        panic!("a judge that cannot read")
    });
    let answer = answer(&[Data("one"), Data("two"), End], &[]);
    let mut body = observed(&models, SettleAt::End, judge, request(), answer);
    let panicked = catch_unwind(AssertUnwindSafe(|| polls(&mut body, 1)));
    assert!(panicked.is_err());
    polls(&mut body, 2);
    assert_eq!(
        (asked.get(), totals(&models).calls, totals(&models).ignored),
        (1, 0, 1)
    );
}
