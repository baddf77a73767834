//! Streams: the errors in them, their ends, and their first tokens.

use bytes::Bytes;
use tokio::time::advance;
use tokio_test::{assert_ready_ok, task};
use tower_tenant_breaker::http::body::{JudgeBody, ObservedBody, SettleAt};
use tower_tenant_breaker::{LatencyRule, Totals};

use super::*;
use crate::script::{Broken, Data, End, Script, Step, polls, script};

const EVENTS: (&str, &str) = ("content-type", "text/event-stream; charset=utf-8");

/// What the judge makes of this stream in pieces of this size, and whether it has begun by then.
fn judged(stream: &str, size: usize) -> (Option<Outcome>, bool) {
    let mut judge = LlmStreamJudge::new();
    let head = answer(200, &[EVENTS], ()).into_parts().0;
    JudgeBody::<Bytes, Broken>::head(&mut judge, &head);
    let mut pieces = stream.as_bytes().chunks(size);
    let verdict = pieces.find_map(|piece| {
        JudgeBody::<Bytes, Broken>::data(&mut judge, &Bytes::copy_from_slice(piece))
    });
    (verdict, JudgeBody::<Bytes, Broken>::has_begun(&judge))
}

fn verdict(stream: &str) -> Option<Outcome> {
    let whole = judged(stream, stream.len().max(1));
    for size in [1, 13] {
        assert_eq!(judged(stream, size), whole, "in pieces of {size}: {stream}");
    }
    whole.0
}

fn has_begun(stream: &str) -> bool {
    judged(stream, stream.len()).1
}

#[test]
fn an_error_in_a_stream_is_judged_by_its_kind() {
    for (event, outcome) in [
        // Anthropic.
        (
            "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}",
            Outcome::failure(),
        ),
        (
            "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\",\"message\":\"m\"}}",
            Outcome::throttled(),
        ),
        (
            "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"m\"}}",
            Outcome::Ignored,
        ),
        (
            "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"billing_error\",\"message\":\"m\"}}",
            Outcome::QuotaExhausted,
        ),
        // OpenAI: chats, responses, and what was reported of them.
        (
            "data: {\"error\":{\"message\":\"m\",\"type\":\"server_error\",\"param\":null,\"code\":null}}",
            Outcome::failure(),
        ),
        (
            "data: {\"error\":{\"message\":\"m\",\"type\":\"insufficient_quota\",\"code\":\"insufficient_quota\"}}",
            Outcome::QuotaExhausted,
        ),
        (
            "event: response.failed\ndata: {\"type\":\"response.failed\",\"response\":{\"id\":\"r\",\"error\":{\"code\":\"rate_limit_exceeded\",\"message\":\"m\"}}}",
            Outcome::throttled(),
        ),
        (
            "event: response.failed\ndata: {\"type\":\"response.failed\",\"response\":{\"id\":\"r\",\"error\":{\"code\":\"server_error\",\"message\":\"m\"}}}",
            Outcome::failure(),
        ),
        (
            "event: error\ndata: {\"type\":\"error\",\"code\":\"rate_limit_exceeded\",\"message\":\"m\",\"param\":null,\"sequence_number\":1}",
            Outcome::throttled(),
        ),
        (
            "data: {\"type\":\"error\",\"sequence_number\":2,\"error\":{\"type\":\"service_unavailable_error\",\"code\":\"server_is_overloaded\",\"message\":\"m\"}}",
            Outcome::failure(),
        ),
        // Google.
        (
            "data: {\"error\":{\"code\":503,\"message\":\"m\",\"status\":\"UNAVAILABLE\"}}",
            Outcome::failure(),
        ),
        (
            "data: {\"event_type\":\"error\",\"error\":{\"code\":\"not_found\",\"message\":\"m\"}}",
            Outcome::Ignored,
        ),
        // A code that is a status.
        (
            "data: {\"error\":{\"code\":429,\"message\":\"m\"}}",
            Outcome::throttled(),
        ),
        (
            "data: {\"error\":{\"code\":\"502\",\"message\":\"m\"}}",
            Outcome::failure(),
        ),
        (
            "data: {\"error\":{\"code\":402,\"message\":\"m\",\"status\":\"RESOURCE_EXHAUSTED\"}}",
            Outcome::QuotaExhausted,
        ),
        (
            "data: {\"error\":{\"type\":\"ValidationException\"}}",
            Outcome::Ignored,
        ),
        // What nobody knows is a failure.
        ("data: {\"error\":true}", Outcome::failure()),
        ("data: {\"error\":1}", Outcome::failure()),
        ("data: {\"error\":-1}", Outcome::failure()),
        ("event: error\ndata: oops", Outcome::failure()),
        ("data: {\"error\":\"oops\"}", Outcome::failure()),
        ("data: {\"error\":{\"code\":\"new\"}}", Outcome::failure()),
    ] {
        assert_eq!(verdict(&format!("{event}\n\n")), Some(outcome), "{event}");
        let late =
            format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"Hi\"}}}}]}}\n\n{event}\n\n");
        assert_eq!(verdict(&late), Some(outcome), "after a token: {event}");
    }
}

#[test]
fn an_error_is_found_however_its_event_is_written() {
    for stream in [
        ": keep-alive\r\n\r\nevent: error\r\ndata: {\"error\":\r\ndata: {\"code\":\"slow_down\"}}\r\n\r\n",
        "\u{feff}data:{\"error\":{\"code\":\"slow_down\"}}\r\r",
        "id: 7\nretry: 10\ndata: {\"error\":{\"code\":\"new\",\"code\":\"slow_down\"}}\n\n",
        "data: {\"x\":[[{\"error\":1}]],\"error\":{\"code\":\"slow\\u005fdown\"}}\n\n",
        "data: [{\"error\":{\"code\":429}}]\n\n",
        "data: {\"error\":\"slow_down\"}\n\n",
    ] {
        assert_eq!(verdict(stream), Some(Outcome::throttled()), "{stream}");
    }
    let done = "data: [DONE]\n\nevent: error\ndata: {}\n\n";
    assert_eq!(verdict(done), Some(Outcome::Success), "too late");
    let deep = format!("data: {{\"error\":{}\n\n", "[".repeat(100_000));
    assert_eq!(verdict(&deep), None, "nothing was said");
}

#[test]
fn what_only_speaks_of_errors_is_none() {
    for event in [
        "data: {\"choices\":[{\"delta\":{\"content\":\"{\\\"error\\\":{\\\"code\\\":\\\"server_error\\\"}}\"}}]}",
        "data: {\"choices\":[],\"error\":null}",
        "data: {\"choices\":[],\"error\":false}",
        "data: {\"choices\":[],\"error\":0}",
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"delta\":{\"text\":\"error\"}}",
        "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"error\":null}}",
        ": error",
        // By their names they are pieces of an answer, whatever they hold.
        "event: content_block_delta\ndata: {\"error\":{\"code\":\"server_error\"}}",
        "event: message_start\ndata: {\"error\":true}",
    ] {
        assert_eq!(verdict(&format!("{event}\n\n")), None, "{event}");
    }
}

#[test]
fn the_end_of_a_good_stream_is_known() {
    for event in [
        "data: [DONE]",
        "event: message_stop\ndata: {\"type\":\"message_stop\"}",
        "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"error\":null}}",
        "event: response.incomplete\ndata: {\"type\":\"response.incomplete\"}",
        "data: {\"type\":\"response.completed\"}",
    ] {
        assert_eq!(
            verdict(&format!("{event}\n\n")),
            Some(Outcome::Success),
            "{event}"
        );
        let begun = "data: {\"choices\":[{\"text\":\"Hi\"}]}";
        assert_eq!(
            verdict(&format!("{begun}\n\n{event}\n\n")),
            Some(Outcome::Success),
            "{event}"
        );
    }
}

#[test]
fn an_event_that_is_cut_is_judged_by_what_there_is() {
    let long = "x".repeat(5_000);
    for (event, outcome) in [
        (
            format!(
                "event: error\ndata: {{\"type\":\"error\",\"error\":{{\"type\":\"rate_limit_error\",\"message\":\"{long}\"}}}}"
            ),
            Some(Outcome::throttled()),
        ),
        (
            format!(
                "data: {{\"error\":{{\"message\":\"{long}\",\"code\":\"rate_limit_exceeded\"}}}}"
            ),
            Some(Outcome::failure()),
        ),
        (
            format!(
                "event: response.failed\ndata: {{\"response\":{{\"instructions\":\"{long}\"}}}}"
            ),
            Some(Outcome::failure()),
        ),
        (
            format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{long}\"}}}}]}}"),
            None,
        ),
    ] {
        assert_eq!(
            verdict(&format!("{event}\n\n")),
            outcome,
            "{}",
            &event[..40]
        );
    }
}

#[test]
fn the_first_token_is_what_a_stream_begins_with() {
    for (greeting, token) in [
        (
            "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"content\":[]}}\n\n\
             event: content_block_start\ndata: {\"type\":\"content_block_start\"}\n\nevent: ping\ndata: {\"type\":\"ping\"}\n\n",
            "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"thinking_delta\"}}\n\n",
        ),
        (
            "data: {\"choices\":[],\"prompt_filter_results\":[{\"prompt_index\":0}]}\n\n\
             data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null},\"finish_reason\":null}]}\n\n",
            "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"},\"finish_reason\":null}]}\n\n",
        ),
        (
            ": OPENROUTER PROCESSING\n\ndata:\n\n",
            "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0}]}}]}\n\n",
        ),
        (
            "data: {\"choices\":[{\"delta\":{\"tool_calls\":[],\"content\":null}}]}\n\n",
            "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
        ),
        (
            "event: response.created\ndata: {\"type\":\"response.created\"}\n\nevent: response.output_item.added\ndata: {}\n\n\
             data: {\"type\":\"response.in_progress\"}\n\n",
            "event: response.output_text.delta\ndata: {\"delta\":\"Hi\"}\n\n",
        ),
        (
            "data: {\"choices\":[{\"text\":\"\"}]}\n\n",
            "data: {\"choices\":[{\"text\":\"Hi\"}]}\n\n",
        ),
        (
            "",
            "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Hi\"}]}}]}\n\n",
        ),
        ("", "event: content-delta\ndata: {}\n\n"),
        (
            "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":null,\"reasoning_content\":\"\"}}]}\n\n",
            "data: {\"choices\":[{\"delta\":{\"content\":null,\"reasoning_content\":\"Hm\"}}]}\n\n",
        ),
    ] {
        if !greeting.is_empty() {
            assert!(!has_begun(greeting), "{greeting}");
        }
        assert!(has_begun(token), "{token}");
        assert!(
            has_begun(&format!("{greeting}{token}")),
            "in one frame: {token}"
        );
    }
}

#[test]
fn a_first_token_that_is_cut_is_one() {
    let long = "x".repeat(5_000);
    let token = format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{long}\"}}}}]}}\n\n");
    assert!(has_begun(&token));
}

#[test]
fn a_stream_that_is_compressed_has_begun_and_is_not_read() {
    let mut judge = LlmStreamJudge::new();
    let headers = [EVENTS, ("content-encoding", "gzip")];
    let head = answer(200, &headers, ()).into_parts().0;
    JudgeBody::<Bytes, Broken>::head(&mut judge, &head);
    assert!(JudgeBody::<Bytes, Broken>::has_begun(&judge));
    let data = Bytes::from_static(b"event: error\n\n");
    assert_eq!(JudgeBody::<Bytes, Broken>::data(&mut judge, &data), None);
}

#[test]
fn what_is_no_stream_of_events_has_begun_and_is_not_read() {
    let mut judge = LlmStreamJudge::new();
    let head = answer(200, &[("content-type", "application/json")], ())
        .into_parts()
        .0;
    JudgeBody::<Bytes, Broken>::head(&mut judge, &head);
    let data = Bytes::from_static(b"event: error\n\ndata: {\"error\":{}}\n\n");
    assert_eq!(JudgeBody::<Bytes, Broken>::data(&mut judge, &data), None);
    assert!(JudgeBody::<Bytes, Broken>::has_begun(&judge));
    assert_eq!(
        JudgeBody::<Bytes, Broken>::end(&mut judge),
        Outcome::Success
    );
}

#[test]
fn a_stream_that_breaks_off_in_an_error_is_one() {
    let mut judge = LlmStreamJudge::new();
    let head = answer(200, &[EVENTS], ()).into_parts().0;
    JudgeBody::<Bytes, Broken>::head(&mut judge, &head);
    let data =
        Bytes::from_static(b"event: error\ndata: {\"error\":{\"type\":\"rate_limit_error\"}}");
    assert_eq!(JudgeBody::<Bytes, Broken>::data(&mut judge, &data), None);
    assert_eq!(
        JudgeBody::<Bytes, Broken>::end(&mut judge),
        Outcome::throttled()
    );
}

#[test]
fn nothing_of_a_stream_is_printed() {
    let mut judge = LlmStreamJudge::new();
    let head = answer(200, &[EVENTS], ()).into_parts().0;
    JudgeBody::<Bytes, Broken>::head(&mut judge, &head);
    JudgeBody::<Bytes, Broken>::data(&mut judge, &Bytes::from_static(b"data: secret"));
    assert_eq!(
        format!("{judge:?}"),
        "LlmStreamJudge { has_begun: false, .. }"
    );
}

fn streamed(provider: &Dependency, steps: &[Step]) -> ObservedBody<Script, LlmStreamJudge> {
    let steps = steps.to_vec();
    let inner = service_fn(move |_: Request<()>| {
        ready(Ok::<_, BoxError>(answer(
            200,
            &[EVENTS],
            script(&steps).of_unknown_length(),
        )))
    });
    let mut service = breaker(provider).classify_llm().layer(inner);
    assert_ready_ok!(task::spawn(service.call(question("acme"))).poll()).into_body()
}

const GREETING: Step = Data("event: message_start\ndata: {}\n\nevent: ping\ndata: {}\n\n");
const TOKEN: Step = Data("event: content_block_delta\ndata: {}\n\n");
const STOP: Step = Data("event: message_stop\ndata: {}\n\n");
const OVERLOADED: Step =
    Data("event: error\ndata: {\"error\":{\"type\":\"overloaded_error\"}}\n\n");

fn totals(provider: &Dependency) -> Totals {
    provider.snapshot().totals
}

fn slow_over_a_second() -> PolicyBuilder {
    llm_policy()
        .without_latency()
        .latency(LatencyRule::p95(SECOND).min_calls(100))
}

#[tokio::test(start_paused = true)]
async fn a_long_stream_with_a_fast_first_token_is_a_fast_success() {
    let provider = provider(slow_over_a_second());
    let mut body = streamed(&provider, &[GREETING, TOKEN, TOKEN, STOP]);
    polls(&mut body, 2);
    advance(60 * SECOND).await;
    polls(&mut body, 1);
    assert_eq!(totals(&provider).calls, 0);
    polls(&mut body, 1);
    drop(body);
    let totals = totals(&provider);
    assert_eq!(
        (totals.calls, totals.failures, totals.slow, totals.cancelled),
        (1, 0, 0, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_greets_at_once_and_thinks_for_long_is_slow() {
    let provider = provider(slow_over_a_second());
    let mut body = streamed(&provider, &[GREETING, TOKEN, STOP]);
    polls(&mut body, 1);
    advance(2 * SECOND).await;
    polls(&mut body, 2);
    assert_eq!((totals(&provider).calls, totals(&provider).slow), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn an_error_after_the_first_token_is_a_failure() {
    let provider = provider(llm_policy());
    for _ in 0..3 {
        let mut body = streamed(&provider, &[GREETING, TOKEN, OVERLOADED, End]);
        polls(&mut body, 4);
    }
    assert_eq!(totals(&provider).failures, 3);
    assert_eq!(provider.state("acme"), CircuitState::Open);
}

#[tokio::test(start_paused = true)]
async fn the_first_token_settles_a_call_where_it_is_the_point() {
    let provider = provider(llm_policy());
    let inner = service_fn(|_: Request<()>| {
        ready(Ok::<_, BoxError>(answer(
            200,
            &[EVENTS],
            script(&[GREETING, TOKEN, OVERLOADED]).of_unknown_length(),
        )))
    });
    let mut service = breaker(&provider)
        .classify(LlmClassify)
        .observe_body_with(SettleAt::FirstData, LlmStreamJudge::new())
        .layer(inner);
    let mut body = assert_ready_ok!(task::spawn(service.call(question("acme"))).poll()).into_body();
    polls(&mut body, 1);
    assert_eq!(totals(&provider).calls, 0);
    polls(&mut body, 2);
    assert_eq!(
        (totals(&provider).calls, totals(&provider).failures),
        (1, 0)
    );
}
