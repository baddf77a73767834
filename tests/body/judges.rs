//! What is made of frames, events and trailers.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_verdict_on_a_frame_settles_the_call_and_the_rest_is_not_asked_about() {
    let models = models(two_strikes());
    let judge = JudgeData::new(|data: &Bytes| match &data[..] {
        b"busy" => Some(Outcome::throttled()),
        b"fine" => None,
        _ => panic!("asked once too often"),
    });
    let steps = &[Data("fine"), Data("busy"), Data("more"), Break];
    let mut body = observed(&models, SettleAt::End, judge, request(), answer(steps, &[]));
    polls(&mut body, 2);
    assert_eq!(totals(&models).throttled, 1);
    polls(&mut body, 2);
    assert_eq!(
        (totals(&models).throttled, totals(&models).failures),
        (1, 0)
    );
}

const EVENTS: (&str, &str) = ("content-type", "text/event-stream; charset=utf-8");

fn streamed<J>(models: &Dependency, judge: J, steps: &[Step], kind: (&'static str, &'static str))
where
    J: JudgeBody<Bytes, script::Broken> + Clone,
{
    let answer = answer(steps, &[kind]);
    let mut body = observed(models, SettleAt::End, judge, request(), answer);
    polls(&mut body, steps.len());
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_events_that_carries_an_error_is_a_failure_though_its_head_said_200() {
    let models = models(two_strikes());
    let split = &[
        Data("event: del"),
        Data("ta\ndata: 1\n\nevent: er"),
        Data("ror\ndata: {}\n\n"),
        End,
    ];
    streamed(&models, SseJudge::new(), split, EVENTS);
    streamed(
        &models,
        SseJudge::new(),
        &[Data("event: error\ndata: cut o"), End],
        EVENTS,
    );
    assert_eq!((totals(&models).calls, totals(&models).failures), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_no_further_than_done_has_not_left() {
    let models = models(two_strikes());
    for end in ["data: [DONE]\n\n", "event: message_stop\ndata: {}\n\n"] {
        let begun = &[Data("data: {}\n\n"), Data(end)];
        let answer = answer(begun, &[EVENTS]);
        let mut body = observed(&models, SettleAt::End, SseJudge::new(), request(), answer);
        polls(&mut body, 2);
    }
    assert_eq!((successes(&models), totals(&models).cancelled), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_events_without_an_error_is_a_success_and_so_is_what_is_no_stream_of_events() {
    let models = models(two_strikes());
    streamed(
        &models,
        SseJudge::new(),
        &[Data("data: error\n\ndata: [DONE]\n\n"), End],
        EVENTS,
    );
    let json = ("content-type", "application/json");
    streamed(
        &models,
        SseJudge::new(),
        &[Data("event: error\n\n"), End],
        json,
    );
    assert_eq!((successes(&models), totals(&models).failures), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_hook_of_ones_own_judges_the_events() {
    let models = models(two_strikes());
    let judge = SseJudge::of_events(|event: &SseEvent<'_>| {
        assert_eq!(event.name(), "message");
        event
            .data()
            .starts_with(b"{\"error\"")
            .then(Outcome::throttled)
    });
    streamed(
        &models,
        judge,
        &[Data("data: {\"error\": {}}\n\n"), Break],
        EVENTS,
    );
    assert_eq!(
        (totals(&models).throttled, totals(&models).failures),
        (1, 0)
    );
}

const GRPC: (&str, &str) = ("content-type", "application/grpc");

#[tokio::test(start_paused = true)]
async fn a_grpc_call_is_what_its_trailers_say() {
    for (trailers, failures, throttled) in [
        (&[("grpc-status", "0")][..], 0, 0),
        (&[("grpc-status", "5")], 0, 0),
        (&[("grpc-status", "14")], 1, 0),
        (&[("grpc-status", "8")], 0, 1),
        (&[("grpc-status", "soon")], 1, 0),
        (&[("x-sum", "7")], 1, 0),
    ] {
        let models = models(two_strikes());
        let steps = &[Data("message"), Trailers(trailers), End];
        streamed(&models, DefaultBodyJudge::new(), steps, GRPC);
        let totals = totals(&models);
        assert_eq!(
            (totals.calls, totals.failures, totals.throttled),
            (1, failures, throttled),
            "{trailers:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_grpc_call_that_ends_without_a_status_is_a_failure() {
    let models = models(two_strikes());
    streamed(
        &models,
        DefaultBodyJudge::new(),
        &[Data("message"), End],
        GRPC,
    );
    assert_eq!(totals(&models).failures, 1);
    let said = answer(&[End], &[GRPC, ("grpc-status", "0")]);
    polls(
        &mut observed(
            &models,
            SettleAt::End,
            DefaultBodyJudge::new(),
            request(),
            said,
        ),
        1,
    );
    assert_eq!((totals(&models).calls, totals(&models).failures), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn the_trailers_of_what_is_not_grpc_are_no_status() {
    let models = models(two_strikes());
    let steps = &[Data("all"), Trailers(&[("grpc-status", "14")]), End];
    let mut body = to_end(&models, steps);
    polls(&mut body, 3);
    assert_eq!((successes(&models), totals(&models).failures), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_pushback_in_the_trailers_lengthens_the_open_period() {
    let models = models(two_strikes());
    let trailers = Trailers(&[("grpc-status", "14"), ("grpc-retry-pushback-ms", "60000")]);
    for _ in 0..2 {
        streamed(
            &models,
            DefaultBodyJudge::new(),
            &[trailers.clone(), End],
            GRPC,
        );
    }
    let Err(rejection) = models.acquire("acme") else {
        panic!("the circuit is open");
    };
    let left = rejection.circuit_open().unwrap().retry_after().unwrap();
    assert!(left > OPEN, "{left:?}");
}
