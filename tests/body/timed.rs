//! Bodies that are settled at their end, and timed to their first data.

use super::*;

const MS: Duration = Duration::from_millis(1);

fn timed<J>(models: &Dependency, judge: J, steps: &[Step]) -> ObservedBody<Script, J>
where
    J: JudgeBody<Bytes, script::Broken> + Clone,
{
    let point = SettleAt::EndTimedAtFirstData;
    observed(models, point, judge, request(), answer(steps, &[]))
}

fn to_end_timed(models: &Dependency, steps: &[Step]) -> ObservedBody<Script, DefaultBodyJudge> {
    timed(models, DefaultBodyJudge::new(), steps)
}

#[tokio::test(start_paused = true)]
async fn a_long_stream_with_a_fast_first_datum_is_settled_at_its_end_and_not_slow() {
    let models = models(two_strikes_of_p95(SECOND));
    let mut body = to_end_timed(&models, &[Data(""), Data("one"), Data("two"), End]);
    polls(&mut body, 2);
    advance(60 * SECOND).await;
    polls(&mut body, 1);
    assert_eq!(totals(&models).calls, 0, "it is not over");
    polls(&mut body, 1);
    assert_eq!((successes(&models), totals(&models).slow), (1, 0));
    drop(body);
    assert_eq!(totals(&models).cancelled, 0);
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_slow_by_its_first_datum_however_fast_the_rest_comes() {
    let models = models(two_strikes_of_p95(SECOND));
    let mut body = to_end_timed(&models, &[Data(""), Data("one"), End]);
    polls(&mut body, 1);
    advance(2 * SECOND).await;
    polls(&mut body, 2);
    assert_eq!((successes(&models), totals(&models).slow), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_stream_without_data_is_timed_to_its_end() {
    let models = models(two_strikes_of_p95(SECOND));
    let mut body = to_end_timed(&models, &[Data(""), End]);
    polls(&mut body, 1);
    advance(2 * SECOND).await;
    polls(&mut body, 1);
    assert_eq!((successes(&models), totals(&models).slow), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn what_goes_wrong_after_the_first_datum_is_a_failure_and_not_slow() {
    let broken = [Data("one"), Break];
    let judged = [Data("one"), Data("busy")];
    let busy = JudgeData::new(|data: &Bytes| (data == "busy").then(Outcome::failure));
    for late in [false, true] {
        let models = models(two_strikes_of_p95(SECOND));
        let mut body = to_end_timed(&models, &broken);
        let mut other = timed(&models, busy, &judged);
        polls(&mut body, 1);
        polls(&mut other, 1);
        if late {
            advance(60 * SECOND).await;
        }
        polls(&mut body, 1);
        polls(&mut other, 1);
        assert_eq!((totals(&models).failures, totals(&models).slow), (2, 0));
        assert_eq!(models.state("acme"), CircuitState::Open);
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_panics_after_its_first_datum_is_a_failure_that_is_not_slow() {
    let models = models(two_strikes_of_p95(SECOND));
    let mut body = to_end_timed(&models, &[Data("one"), Wait, Panic]);
    polls(&mut body, 1);
    advance(60 * SECOND).await;
    let panicked = catch_unwind(AssertUnwindSafe(|| polls(&mut body, 2)));
    assert!(panicked.is_err());
    assert_eq!((totals(&models).failures, totals(&models).slow), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn the_latency_of_a_stream_that_is_dropped_is_that_to_its_first_datum() {
    let policy = || {
        Policy::builder()
            .without_failure_rate()
            .without_consecutive_failures()
            .latency(LatencyRule::p95(SECOND).min_calls(1))
    };
    let left_early = models(policy());
    let mut body = to_end_timed(&left_early, &[Data("")]);
    polls(&mut body, 1);
    advance(2 * SECOND).await;
    drop(body);
    let totals_early = totals(&left_early);
    assert_eq!((totals_early.cancelled, totals_early.slow), (1, 1));
    assert_eq!(left_early.state("acme"), CircuitState::Open, "it hung");

    let left_late = models(policy());
    let mut body = to_end_timed(&left_late, &[Data("one"), Data("two")]);
    polls(&mut body, 1);
    advance(2 * SECOND).await;
    polls(&mut body, 1);
    drop(body);
    let totals_late = totals(&left_late);
    assert_eq!((totals_late.cancelled, totals_late.slow), (1, 0));
    assert_eq!(left_late.state("acme"), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn streams_that_are_left_one_after_the_other_count_as_failures_if_the_policy_says_so() {
    for (run, state) in [(5, CircuitState::Open), (0, CircuitState::Closed)] {
        let models = models(two_strikes().abandoned_run(run));
        for _ in 0..5 {
            let mut body = to_end_timed(&models, &[Data("one")]);
            polls(&mut body, 1);
        }
        assert_eq!(models.state("acme"), state, "{run}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_probe_is_slow_by_its_first_datum_and_keeps_its_place_to_the_end() {
    for (first, state) in [
        (SECOND, CircuitState::Closed),
        (2 * SECOND, CircuitState::Open),
    ] {
        let models = models(two_strikes_of_p95(SECOND));
        open(&models, "acme");
        advance(OPEN).await;
        let mut body = to_end_timed(&models, &[Wait, Data("one"), End]);
        polls(&mut body, 1);
        advance(first).await;
        polls(&mut body, 1);
        advance(5 * SECOND).await;
        assert!(models.acquire("acme").is_err(), "the only place is taken");
        polls(&mut body, 1);
        assert_eq!(models.state("acme"), state, "{first:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_histogram_holds_the_latency_to_the_first_datum() {
    let models = models(two_strikes_of_p95(SECOND));
    // As many as it takes for histograms to be worth their memory.
    let streams = || to_end_timed(&models, &[Wait, Data("one"), End]);
    let mut bodies: Vec<_> = std::iter::repeat_with(streams).take(200).collect();
    for pause in [200 * MS, SECOND, SECOND] {
        bodies.iter_mut().for_each(|body| polls(body, 1));
        advance(pause).await;
    }
    let latency = models.circuit("acme").snapshot().unwrap().latency.unwrap();
    assert!(latency.max < 210 * MS, "{latency:?}");
}

/// Data that begins with a dot says nothing yet.
#[derive(Clone, Default)]
struct Greeted {
    begun: bool,
}

impl<E> JudgeBody<Bytes, E> for Greeted {
    fn data(&mut self, data: &Bytes) -> Option<Outcome> {
        self.begun |= !data.starts_with(b".");
        None
    }

    fn has_begun(&self) -> bool {
        self.begun
    }
}

#[tokio::test(start_paused = true)]
async fn a_judge_can_wait_for_data_that_matters() {
    for point in [SettleAt::FirstData, SettleAt::EndTimedAtFirstData] {
        let models = models(two_strikes_of_p95(SECOND));
        let steps = &[Data(". hello"), Data("one"), End];
        let judge = Greeted::default();
        let mut body = observed(&models, point, judge, request(), answer(steps, &[]));
        polls(&mut body, 1);
        assert_eq!(totals(&models).calls, 0, "{point:?}");
        advance(2 * SECOND).await;
        polls(&mut body, 2);
        let counted = (successes(&models), totals(&models).slow);
        assert_eq!(counted, (1, 1), "{point:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn where_nothing_that_matters_comes_the_end_settles_the_call() {
    for point in [SettleAt::FirstData, SettleAt::EndTimedAtFirstData] {
        let models = models(two_strikes_of_p95(SECOND));
        let steps = &[Data(". hello"), End];
        let judge = Greeted::default();
        let mut body = observed(&models, point, judge, request(), answer(steps, &[]));
        polls(&mut body, 1);
        advance(2 * SECOND).await;
        polls(&mut body, 1);
        let counted = (successes(&models), totals(&models).slow);
        assert_eq!(counted, (1, 1), "{point:?}");
    }
}
