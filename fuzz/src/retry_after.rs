//! `Retry-After` and its relatives: what is read of them, and what it does to a circuit.

use std::time::{Duration, SystemTime};

use http::header::{DATE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Response};
use tower::BoxError;
use tower_tenant_breaker::http::retry_after;
use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitState, Classify, DefaultClassify, OpenPeriod, Outcome, Policy,
};

use crate::head::Message;
use crate::paused;

const CAP: Duration = Duration::from_secs(600);
const PERIOD: Duration = Duration::from_secs(2);

/// Wed, 21 Oct 2015 07:28:00 GMT.
fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_445_412_480)
}

pub fn check(data: &[u8]) {
    let message = Message::read(data);
    let read = retry_after(&message.headers, now());
    assert_eq!(
        read,
        expected(&message.headers, now()),
        "{:?}",
        message.headers
    );
    assert_ne!(read, Some(Duration::ZERO), "what asks for nothing is none");

    only_lengthens(&message.headers, read);
    let seconds = data.len() as u64 * 7 + 1;
    a_date_is_what_is_left_until_then(&message.headers, seconds);
    is_what_a_classifier_says(&message);
    holds_a_circuit_open(read);
}

/// The latest of all that is said, written anew and slowly.
pub fn expected(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let mut latest = Duration::ZERO;
    for value in headers.get_all(RETRY_AFTER) {
        if let Some(seconds) = whole(value) {
            latest = latest.max(Duration::from_secs(seconds));
        } else if let Some(at) = date(value) {
            let said_at = headers.get(DATE).and_then(date).unwrap_or(now);
            latest = latest.max(at.duration_since(said_at).unwrap_or_default());
        }
    }
    for name in ["retry-after-ms", "grpc-retry-pushback-ms"] {
        for value in headers.get_all(name) {
            let ms = whole(value).unwrap_or_default();
            latest = latest.max(Duration::from_millis(ms));
        }
    }
    Some(latest).filter(|latest| !latest.is_zero())
}

fn whole(value: &HeaderValue) -> Option<u64> {
    let text = value.to_str().ok()?.trim_matches([' ', '\t']);
    let digits = text.trim_start_matches('0');
    let are_digits = !text.is_empty() && text.chars().all(|sign| sign.is_ascii_digit());
    // More digits than a `u64` has are more than it holds.
    are_digits.then(|| match digits {
        "" => 0,
        digits => digits.parse().unwrap_or(u64::MAX),
    })
}

fn date(value: &HeaderValue) -> Option<SystemTime> {
    httpdate::parse_http_date(value.to_str().ok()?.trim()).ok()
}

/// One more header never makes it shorter, and garbage changes nothing.
fn only_lengthens(headers: &HeaderMap, read: Option<Duration>) {
    let with = |name: &'static str, value: &'static str| {
        let mut headers = headers.clone();
        headers.append(name, HeaderValue::from_static(value));
        retry_after(&headers, now())
    };
    let floor = Duration::from_millis(1_500);
    assert_eq!(with("retry-after-ms", "1500"), read.max(Some(floor)));
    assert_eq!(
        with("grpc-retry-pushback-ms", "1500"),
        read.max(Some(floor))
    );
    for (name, garbage) in [
        ("retry-after", "-1"),
        ("retry-after", "soon"),
        ("retry-after", "1.5"),
        ("retry-after", ""),
        ("retry-after-ms", "1e9"),
        ("grpc-retry-pushback-ms", "-1"),
    ] {
        assert_eq!(with(name, garbage), read, "{name}: {garbage}");
    }
}

/// A date that lies so far after the response's own, whatever the clock here says.
fn a_date_is_what_is_left_until_then(headers: &HeaderMap, seconds: u64) {
    let mut headers = headers.clone();
    for name in ["retry-after", "retry-after-ms", "grpc-retry-pushback-ms"] {
        headers.remove(name);
    }
    let write = |at: SystemTime| HeaderValue::try_from(httpdate::fmt_http_date(at));
    let at = now() + Duration::from_secs(seconds);
    headers.insert(RETRY_AFTER, write(at).expect("a date is text"));
    headers.insert(DATE, write(now()).expect("a date is text"));
    let here = SystemTime::UNIX_EPOCH;
    assert_eq!(
        retry_after(&headers, here),
        Some(Duration::from_secs(seconds))
    );
}

/// A classifier hands on the same hint with what asks for patience, and none with what does not.
fn is_what_a_classifier_says(message: &Message<'_>) {
    let mut response = Response::new(());
    *response.status_mut() = message.status;
    response.headers_mut().clone_from(&message.headers);
    let before = SystemTime::now();
    let outcome = DefaultClassify.classify(Ok::<_, &BoxError>(&response));
    let said = expected(&message.headers, before);
    let hint = match (outcome, message.status.as_u16()) {
        // gRPC tells by a status of its own what is bad, and by the same headers how long it is.
        (Outcome::Failure { .. } | Outcome::Throttled { .. }, _) if is_grpc(&message.headers) => {
            said
        }
        (_, _) if is_grpc(&message.headers) => None,
        (Outcome::Throttled { .. }, 429) | (Outcome::Failure { .. }, 503 | 529) => said,
        (Outcome::Failure { .. }, 408 | 500..=599) => None,
        (Outcome::Success, status) => {
            assert!(!matches!(status, 408 | 429 | 500..=599), "{status}");
            None
        }
        (outcome, status) => panic!("{status}: {outcome:?}"),
    };
    // A date is measured against a clock that goes on.
    let off = outcome
        .retry_after()
        .unwrap_or_default()
        .abs_diff(hint.unwrap_or_default());
    assert!(off < Duration::from_secs(2), "{outcome:?}, {hint:?}");
}

/// By the content type, alone or with a message format or a parameter; `grpc-web` is another protocol.
fn is_grpc(headers: &HeaderMap) -> bool {
    let content_type = headers.get("content-type").map(HeaderValue::as_bytes);
    let content_type = content_type.unwrap_or_default().to_ascii_lowercase();
    let rest = content_type.strip_prefix(b"application/grpc");
    rest.is_some_and(|rest| rest.is_empty() || [b'+', b';', b' '].contains(&rest[0]))
}

/// It is capped by the policy; after a throttled call it is the period, after a failure it lengthens one.
fn holds_a_circuit_open(hint: Option<Duration>) {
    let Some(hint) = hint else { return };
    paused::play(async {
        let registry = CircuitBreakerRegistry::builder()
            .build()
            .expect("a registry");
        let policy = Policy::builder()
            .trip_on_hint(true)
            .hint_cap(CAP)
            .open_for(OpenPeriod::fixed(PERIOD).jitter(0.0))
            .build()
            .expect("a policy within its bounds");
        let search = registry.dependency_with("search", policy).expect("a name");
        for (tenant, outcome, least) in [
            ("failed", Outcome::failure(), PERIOD),
            ("throttled", Outcome::throttled(), Duration::ZERO),
        ] {
            let permit = search.acquire(tenant).expect("a circuit begins closed");
            permit.record(outcome.with_retry_after(hint));
            assert_eq!(search.state(tenant), CircuitState::Open);
            let rejection = search.acquire(tenant).expect_err("the circuit is open");
            let open = rejection
                .circuit_open()
                .expect("the tenant's id is a good one");
            assert_eq!(open.retry_after(), Some(hint.min(CAP).max(least)));

            tokio::time::advance(hint.min(CAP).max(least)).await;
            let probe = search
                .acquire(tenant)
                .expect("at the deadline the next call probes");
            assert!(probe.is_probe());
            probe.record(Outcome::Success);
        }
    });
}
