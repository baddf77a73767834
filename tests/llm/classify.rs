//! What an answer means, by its status, the kind of its error, and its headers.

use super::*;
use ProviderErrorKind::{InvalidRequest, QuotaExhausted, RateLimited, Unavailable};

fn judge(status: u16, kind: Option<ProviderErrorKind>, headers: Headers<'_>) -> Outcome {
    let mut response = answer(status, headers, ());
    response.extensions_mut().extend(kinds(kind));
    let outcome = LlmClassify.classify(Ok::<_, &BoxError>(&response));
    #[cfg(feature = "reqwest-middleware")]
    {
        let mut response = answer(status, headers, "");
        response.extensions_mut().extend(kinds(kind));
        let response = reqwest::Response::from(response);
        let of_reqwest = LlmClassify.classify(Ok::<_, &BoxError>(&response));
        assert_eq!(of_reqwest, outcome, "{status} of reqwest");
    }
    outcome
}

fn kinds(kind: Option<ProviderErrorKind>) -> http::Extensions {
    let mut extensions = http::Extensions::new();
    if let Some(kind) = kind {
        extensions.insert(ProviderError::new(kind));
    }
    extensions
}

fn throttled_for(hint: Duration) -> Outcome {
    Outcome::throttled().with_retry_after(hint)
}

#[test]
fn without_a_kind_the_status_decides() {
    for (statuses, outcome) in [
        (&[200, 201, 204, 304][..], Outcome::Success),
        (
            &[400, 401, 403, 404, 405, 409, 413, 422, 499],
            Outcome::Ignored,
        ),
        (&[402], Outcome::QuotaExhausted),
        (&[429], Outcome::throttled()),
        (&[408, 424, 500, 502, 503, 504, 529], Outcome::failure()),
    ] {
        for status in statuses {
            assert_eq!(judge(*status, None, &[]), outcome, "{status}");
        }
    }
}

#[test]
fn a_kind_says_what_a_status_cannot() {
    for (status, kind, outcome) in [
        (429, QuotaExhausted, Outcome::QuotaExhausted),
        (400, QuotaExhausted, Outcome::QuotaExhausted),
        (403, QuotaExhausted, Outcome::QuotaExhausted),
        (429, Unavailable, Outcome::failure()),
        (429, RateLimited, Outcome::throttled()),
        (400, RateLimited, Outcome::throttled()),
        (503, RateLimited, Outcome::throttled()),
        // Google has one name for both.
        (402, RateLimited, Outcome::QuotaExhausted),
        (400, InvalidRequest, Outcome::Ignored),
        // A server that fails has failed, whomever it blames.
        (500, InvalidRequest, Outcome::failure()),
        (429, InvalidRequest, Outcome::throttled()),
        (200, Unavailable, Outcome::Success),
    ] {
        assert_eq!(judge(status, Some(kind), &[]), outcome, "{status} {kind:?}");
    }
}

#[test]
fn amazon_names_its_errors_in_a_header() {
    for (status, said, outcome) in [
        (
            429,
            "ThrottlingException:http://internal.amazon.com/coral/com.amazon.bedrock/",
            Outcome::throttled(),
        ),
        (429, "ModelNotReadyException", Outcome::failure()),
        (400, "ServiceQuotaExceededException:", Outcome::throttled()),
        (400, "ValidationException", Outcome::Ignored),
        (
            424,
            "com.amazon.bedrock#ModelErrorException",
            Outcome::failure(),
        ),
        (400, "SomethingNewException", Outcome::Ignored),
        (400, "", Outcome::Ignored),
    ] {
        assert_eq!(
            judge(status, None, &[("x-amzn-errortype", said)]),
            outcome,
            "{said}"
        );
    }
}

#[test]
fn errors_of_the_service_are_judged_as_ever() {
    let judge = |error: BoxError| LlmClassify.classify(Err::<&Response<()>, _>(&error));
    assert_eq!(judge("connection reset".into()), Outcome::failure());
    let ours = tower::load_shed::error::Overloaded::new();
    assert_eq!(judge(ours.into()), Outcome::Ignored);
}

#[cfg(feature = "reqwest-middleware")]
#[test]
fn an_error_of_a_status_is_judged_as_that_status() {
    for (status, outcome) in [
        (401, Outcome::Ignored),
        (402, Outcome::QuotaExhausted),
        (529, Outcome::failure()),
    ] {
        let response = reqwest::Response::from(answer(status, &[], ""));
        let error = response.error_for_status().unwrap_err();
        let judged = LlmClassify.classify(Err::<&reqwest::Response, _>(&error));
        assert_eq!(judged, outcome, "{status}");
    }
}

const LEFT: &str = "x-ratelimit-remaining-requests";
const RESET: &str = "x-ratelimit-reset-requests";
const TOKENS_LEFT: &str = "x-ratelimit-remaining-tokens";
const TOKENS_RESET: &str = "x-ratelimit-reset-tokens";

#[test]
fn the_reset_of_the_limit_that_is_used_up_is_the_hint() {
    let limits = |left, tokens_left| {
        let headers = [
            (LEFT, left),
            (RESET, "1s"),
            (TOKENS_LEFT, tokens_left),
            (TOKENS_RESET, "6m0s"),
        ];
        judge(429, None, &headers)
    };
    assert_eq!(limits("0", "149984"), throttled_for(SECOND));
    assert_eq!(limits("59", "0"), throttled_for(360 * SECOND));
    assert_eq!(limits("0", "0"), throttled_for(360 * SECOND), "the latest");
    assert_eq!(
        limits("59", "149984"),
        throttled_for(SECOND),
        "the earliest"
    );
    assert_eq!(limits("-1", "-1"), throttled_for(SECOND), "as Azure has it");
    assert_eq!(limits("", "none"), throttled_for(SECOND));
}

#[test]
fn what_is_no_reset_is_not_there() {
    assert_eq!(
        judge(429, None, &[(RESET, "soon"), (TOKENS_RESET, "7.66s")]),
        throttled_for(Duration::from_millis(7_660))
    );
    assert_eq!(
        judge(
            429,
            None,
            &[(LEFT, "0"), (RESET, "soon"), (TOKENS_RESET, "2s")]
        ),
        throttled_for(2 * SECOND)
    );
    for nothing in ["0", "0s", "soon", "-1s", ""] {
        assert_eq!(
            judge(429, None, &[(LEFT, "0"), (RESET, nothing)]),
            Outcome::throttled(),
            "{nothing}"
        );
    }
}

#[test]
fn a_retry_header_beats_the_resets() {
    for (name, value) in [
        ("retry-after", "9"),
        ("retry-after-ms", "9000"),
        ("retry-after", "9.0"),
    ] {
        let headers = [(name, value), (LEFT, "0"), (RESET, "6m0s")];
        assert_eq!(
            judge(429, None, &headers),
            throttled_for(9 * SECOND),
            "{name}: {value}"
        );
    }
    for nothing in ["later", "0", "0.0", "-1", "Thu, 01 Jan 1970 00:00:00 GMT"] {
        let headers = [("retry-after", nothing), (LEFT, "0"), (RESET, "12")];
        assert_eq!(
            judge(429, None, &headers),
            throttled_for(12 * SECOND),
            "{nothing}"
        );
    }
}

#[test]
fn fractions_are_read() {
    let half = Duration::from_millis(500);
    assert_eq!(
        judge(429, None, &[("retry-after", "0.5")]),
        throttled_for(half)
    );
    assert_eq!(
        judge(429, None, &[("retry-after-ms", "500.0")]),
        throttled_for(half)
    );
    assert_eq!(
        judge(503, None, &[("retry-after", "0.5")]),
        Outcome::failure().with_retry_after(half)
    );
    let both = [("retry-after", "1"), ("retry-after-ms", "1500.0")];
    assert_eq!(
        judge(429, None, &both),
        throttled_for(3 * half),
        "the latest"
    );
    assert_eq!(
        judge(429, None, &[("retry-after", "1.5s")]),
        Outcome::throttled(),
        "no header of Go's"
    );
}

#[test]
fn a_failure_has_the_hint_of_a_retry_header_and_never_that_of_a_limit() {
    let limits = [(LEFT, "0"), (RESET, "6m0s")];
    for status in [408, 500, 502, 503, 504, 529] {
        assert_eq!(judge(status, None, &limits), Outcome::failure(), "{status}");
        let hinted = [("retry-after", "9"), (LEFT, "0"), (RESET, "6m0s")];
        let expected = Outcome::failure().with_retry_after(9 * SECOND);
        assert_eq!(judge(status, None, &hinted), expected, "{status}");
    }
    for (status, outcome) in [
        (400, Outcome::Ignored),
        (402, Outcome::QuotaExhausted),
        (200, Outcome::Success),
    ] {
        assert_eq!(judge(status, None, &[("retry-after", "9")]), outcome);
    }
}
