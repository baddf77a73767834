//! Answers of providers of language models: what a head says, what an error's body says, and for how long.

use std::convert::Infallible;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, stream};
use http::{HeaderMap, Response};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use serde_json::Value;
use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};
use tower_tenant_breaker::agent::llm::{LlmClassify, ProviderErrorLayer};
use tower_tenant_breaker::{Classify, Outcome};

use crate::head::Message;

pub fn check(data: &[u8]) {
    let message = Message::read(data);
    let by_head = by_head(&message);
    means_what_its_status_says(&message, by_head);
    has_the_hint_that_was_given(&message, by_head);

    // However the body comes, it says the same.
    let by_body = by_body(&message, message.body.len().max(1));
    for piece in [1, 2, 7, 64] {
        if message.body.len() / piece < 200 {
            let in_pieces = self::by_body(&message, piece);
            is_the_same_a_moment_later(&message.headers, by_body, in_pieces);
        }
    }
    a_quota_is_one_wherever_it_is_named(&message, by_body);
}

fn by_head(message: &Message<'_>) -> Outcome {
    let mut response = Response::new(());
    *response.status_mut() = message.status;
    response.headers_mut().clone_from(&message.headers);
    LlmClassify.classify(Ok::<_, &BoxError>(&response))
}

/// Reads the body in pieces, and asks for all of it afterwards.
fn by_body(message: &Message<'_>, piece: usize) -> Outcome {
    let pieces: Vec<Bytes> = message
        .body
        .chunks(piece)
        .map(Bytes::copy_from_slice)
        .collect();
    let frames = pieces
        .into_iter()
        .map(|piece| Ok::<_, Infallible>(Frame::data(piece)));
    let mut response = Response::new(StreamBody::new(stream::iter(frames).boxed()));
    *response.status_mut() = message.status;
    response.headers_mut().clone_from(&message.headers);
    let mut response = Some(response);
    let answer = service_fn(move |()| {
        let response = response.take().expect("asked once");
        async move { Ok::<_, BoxError>(response) }
    });
    let read = ServiceBuilder::new()
        .layer(ProviderErrorLayer::new())
        .service(answer);
    let answered = read.oneshot(()).now_or_never().expect("all of it is there");
    let response = answered.expect("the service does not fail");
    let outcome = LlmClassify.classify(Ok::<_, &BoxError>(&response));
    let handed_on = response.into_body().collect().now_or_never();
    let handed_on = handed_on
        .expect("all of it is there")
        .expect("nothing breaks off");
    assert_eq!(handed_on.to_bytes(), message.body, "byte for byte");
    outcome
}

/// A date is measured against a clock that goes on.
fn is_the_same_a_moment_later(headers: &HeaderMap, before: Outcome, after: Outcome) {
    let mut hints = headers.get_all("retry-after").iter();
    let is_date = hints.any(|hint| hint.as_bytes().iter().any(u8::is_ascii_alphabetic));
    let nearer = before.retry_after().zip(after.retry_after());
    let nearer = nearer
        .filter(|_| is_date)
        .map(|(before, after)| before.saturating_sub(after));
    let passed = nearer.unwrap_or_default();
    assert!(passed <= Duration::from_secs(2), "{before:?}, {after:?}");
    let later = |hint: Duration| before.with_retry_after(hint - passed);
    assert_eq!(after, before.retry_after().map_or(before, later));
}

fn means_what_its_status_says(message: &Message<'_>, outcome: Outcome) {
    if message.headers.contains_key("x-amzn-errortype") {
        return;
    }
    let kind = |outcome| match outcome {
        Outcome::Failure { .. } => "failure",
        Outcome::Throttled { .. } => "throttled",
        Outcome::Success => "success",
        Outcome::QuotaExhausted => "quota exhausted",
        Outcome::Ignored => "ignored",
        _ => "other",
    };
    let expected = match message.status.as_u16() {
        ..400 => "success",
        402 => "quota exhausted",
        429 => "throttled",
        408 | 424 | 500.. => "failure",
        _ => "ignored",
    };
    assert_eq!(kind(outcome), expected, "{}", message.status);
}

fn has_the_hint_that_was_given(message: &Message<'_>, outcome: Outcome) {
    let headers = &message.headers;
    let retry = retry(headers);
    let expected = match outcome {
        Outcome::Throttled { .. } if retry > 0.0 => retry,
        Outcome::Throttled { .. } => reset(headers).unwrap_or_default(),
        Outcome::Failure { .. } => retry,
        _ => return assert_eq!(outcome.retry_after(), None),
    };
    let hint = outcome.retry_after().map_or(0.0, |hint| hint.as_secs_f64());
    // What is finer than a nanosecond is cut off, and a date is measured against a clock that goes on.
    let slack = 1e-6
        + expected * 1e-9
        + if headers.contains_key("retry-after") {
            2.0
        } else {
            0.0
        };
    let most = Duration::MAX.as_secs_f64();
    assert!(
        (hint - expected.min(most)).abs() <= slack,
        "{hint}, {expected}: {headers:?}"
    );
}

/// What the headers of retries say, in seconds.
fn retry(headers: &HeaderMap) -> f64 {
    let plain = crate::retry_after::expected(headers, SystemTime::now());
    let of = |name: &str, unit: f64| {
        let values = headers.get_all(name).iter();
        let numbers = values.filter_map(|value| number(value.as_bytes().trim_ascii()));
        let alone = numbers.filter(|(_, rest)| rest.is_empty());
        alone.fold(0.0, |latest: f64, (number, _)| latest.max(number * unit))
    };
    let plain = plain.map_or(0.0, |hint| hint.as_secs_f64());
    plain
        .max(of("retry-after", 1.0))
        .max(of("retry-after-ms", 1e-3))
}

/// The limit that is used up and resets last; where none is, the one that resets first.
fn reset(headers: &HeaderMap) -> Option<f64> {
    let get = |name: String| duration(headers.get(name)?.as_bytes());
    let limits = ["requests", "tokens"].map(|limit| {
        let remaining = get(format!("x-ratelimit-remaining-{limit}"));
        let reset = get(format!("x-ratelimit-reset-{limit}"))?;
        // To the nanosecond, below which there is nothing.
        (reset >= 1e-9).then_some((remaining.is_some_and(|left| left < 1e-9), reset))
    });
    let resets = || limits.into_iter().flatten();
    let used_up = resets().filter(|(is_used_up, _)| *is_used_up);
    let latest = used_up.map(|(_, reset)| reset).max_by(f64::total_cmp);
    latest.or_else(|| resets().map(|(_, reset)| reset).min_by(f64::total_cmp))
}

/// As Go writes them, in seconds.
fn duration(value: &[u8]) -> Option<f64> {
    let mut rest = value.trim_ascii();
    let (alone, after) = number(rest)?;
    if after.is_empty() {
        return Some(alone);
    }
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let (number, after) = number(rest)?;
        let end = after
            .iter()
            .position(|byte| byte.is_ascii_digit() || *byte == b'.');
        let (unit, after) = after.split_at(end.unwrap_or(after.len()));
        seconds += number
            * match std::str::from_utf8(unit).ok()? {
                "h" => 3_600.0,
                "m" => 60.0,
                "s" => 1.0,
                "ms" => 1e-3,
                "us" | "\u{b5}s" | "\u{3bc}s" => 1e-6,
                "ns" => 1e-9,
                _ => return None,
            };
        rest = after;
    }
    Some(seconds)
}

/// Digits with at most one point, and what comes after.
fn number(value: &[u8]) -> Option<(f64, &[u8])> {
    let digits = |bytes: &[u8]| {
        bytes
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count()
    };
    let whole = digits(value);
    let part = match value.get(whole) {
        Some(b'.') => digits(&value[whole + 1..]),
        _ => 0,
    };
    let has_point = value.get(whole) == Some(&b'.');
    if whole + part == 0 {
        return None;
    }
    let (number, rest) = value.split_at(whole + usize::from(has_point) + part);
    let parse = |digits: &[u8]| std::str::from_utf8(digits).ok()?.parse::<f64>().ok();
    // No number before the point is larger than what the library counts with.
    let before = parse(&value[..whole]).unwrap_or_default();
    let number = if before >= u64::MAX as f64 {
        u64::MAX as f64
    } else {
        parse(number)?
    };
    Some((number, rest))
}

/// In a body that is JSON, whatever else it says, and however it is told.
fn a_quota_is_one_wherever_it_is_named(message: &Message<'_>, outcome: Outcome) {
    let is_json = message.headers.get_all("content-type").iter().count() == 1
        && message
            .headers
            .get("content-type")
            .is_some_and(|value| value == "application/json")
        && !message.headers.contains_key("content-encoding");
    let Ok(json) = serde_json::from_slice::<Value>(message.body) else {
        return;
    };
    let error = &json["error"];
    let names = [
        &error["code"],
        &error["type"],
        &error["status"],
        &error["details"]["error_code"],
    ];
    let is_quota = |name: &&Value| {
        let named = name.as_str();
        named.is_some_and(|name| name == "insufficient_quota" || name == "billing_error")
    };
    if is_json && message.status.as_u16() >= 400 && names.iter().any(is_quota) {
        assert_eq!(outcome, Outcome::QuotaExhausted, "{json}");
    }
}
