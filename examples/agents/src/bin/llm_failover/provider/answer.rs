//! What a provider answers, in the words of OpenAI's API.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State as Of;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{Limit, Mode, REFUSAL, State, TOKENS, TOKENS_BEFORE_BREAK};

const RETRY_AFTER_MS: HeaderName = HeaderName::from_static("retry-after-ms");
const RESET_REQUESTS: HeaderName = HeaderName::from_static("x-ratelimit-reset-requests");

pub(super) async fn not_here(Of(state): Of<Arc<State>>) -> Response {
    count(&state.strays);
    error(
        StatusCode::NOT_FOUND,
        "invalid_request_error",
        "unknown_url",
    )
}

pub(super) async fn complete(
    Of(state): Of<Arc<State>>,
    headers: HeaderMap,
    Json(asked): Json<Value>,
) -> Response {
    let authorization = headers.get(AUTHORIZATION).map(|value| value.as_bytes());
    if authorization != Some(state.authorization.as_bytes()) {
        count(&state.strays);
        // Nothing of the key that came.
        return error(
            StatusCode::UNAUTHORIZED,
            "invalid_request_error",
            "invalid_api_key",
        );
    }
    let tenant = asked["safety_identifier"].as_str().unwrap_or_default();
    let limit = state.limits().get(tenant).copied();
    if let Some(refused) = limit.and_then(limited) {
        count(&state.refused);
        return refused;
    }
    let mode = state.mode();
    if let Mode::Overloaded {
        retry_after_seconds,
    } = mode
    {
        count(&state.refused);
        sleep(REFUSAL).await;
        // 529 is what some providers say when they are overloaded.
        let status = StatusCode::from_u16(529).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
        let headers = [(RETRY_AFTER, retry_after_seconds.to_string())];
        return (headers, error(status, "overloaded_error", "overloaded")).into_response();
    }
    count(&state.answered);
    sleep(state.work).await;
    if asked["stream"] == true {
        tokens(&state, mode)
    } else {
        whole(&state).into_response()
    }
}

/// The refusal, as long as the limit is in force.
fn limited(limit: Limit) -> Option<Response> {
    let left = |until: Instant| until.checked_duration_since(Instant::now());
    Some(match limit {
        Limit::RetryAfterMs(until) => {
            // Up, so that whoever waits as long does not come a little too early.
            let ms = left(until)?.as_millis() + 1;
            let headers = [(RETRY_AFTER_MS, ms.to_string())];
            (headers, too_many("rate_limit_exceeded")).into_response()
        }
        Limit::ResetRequests(until) => {
            let ms = left(until)?.as_millis() + 1;
            let reset = format!("{}.{:03}s", ms / 1_000, ms % 1_000);
            ([(RESET_REQUESTS, reset)], too_many("rate_limit_exceeded")).into_response()
        }
        Limit::Quota => too_many("insufficient_quota"),
    })
}

fn too_many(code: &str) -> Response {
    let kind = match code {
        "insufficient_quota" => code,
        _ => "requests",
    };
    error(StatusCode::TOO_MANY_REQUESTS, kind, code)
}

fn error(status: StatusCode, kind: &str, code: &str) -> Response {
    (status, Json(error_object(kind, code))).into_response()
}

fn error_object(kind: &str, code: &str) -> Value {
    json!({"error": {"message": "no", "type": kind, "param": null, "code": code}})
}

fn whole(state: &State) -> Json<Value> {
    Json(json!({
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 0,
        "model": state.model,
        "choices": [{
            "index": 0,
            "message": {"role": "assistant", "content": TOKENS.concat()},
            "finish_reason": "stop",
        }],
    }))
}

/// A stream of tokens, up to where this mode has it end.
fn tokens(state: &State, mode: Mode) -> Response {
    let chunk = |delta: Value| {
        let chunk = json!({
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 0,
            "model": state.model,
            "choices": [{"index": 0, "delta": delta, "finish_reason": null}],
        });
        Ok(format!("data: {chunk}\n\n"))
    };
    let mut events = vec![chunk(json!({"role": "assistant", "content": ""}))];
    let all = TOKENS.map(|token| chunk(json!({"content": token})));
    match mode {
        Mode::FailsInStreams => {
            events.extend(all.into_iter().take(TOKENS_BEFORE_BREAK));
            let error = error_object("server_error", "server_error");
            events.push(Ok(format!("event: error\ndata: {error}\n\n")));
        }
        Mode::BreaksStreams => {
            events.extend(all.into_iter().take(TOKENS_BEFORE_BREAK));
            events.push(Err(io::ErrorKind::ConnectionReset.into()));
        }
        Mode::Well | Mode::Overloaded { .. } => {
            events.extend(all);
            events.push(Ok("data: [DONE]\n\n".to_owned()));
        }
    }
    // A model speaks at its own pace. So the tokens are on their way before the connection breaks.
    let events = stream::iter(events).then(|event: io::Result<String>| async move {
        sleep(std::time::Duration::from_millis(2)).await;
        event.map(Bytes::from)
    });
    (
        [(CONTENT_TYPE, "text/event-stream")],
        Body::from_stream(events),
    )
        .into_response()
}

fn count(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}
