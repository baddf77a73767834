use std::time::Duration;

use ::http::header::RETRY_AFTER;
use ::http::{Response, StatusCode};
use tower::BoxError;

use super::known_error::KnownError;
use super::problem::Problem;
use crate::CircuitOpen;
use crate::source_chain::chain;
use crate::time::spread;

/// What a rejection's `type` says: where a person who gets one can read about it.
const CIRCUIT_OPEN: &str =
    "https://docs.rs/tower-tenant-breaker/latest/tower_tenant_breaker/struct.CircuitOpen.html";

/// Answers a circuit's rejection with 503 and a problem document (RFC 9457).
///
/// For [`respond_with`](crate::TenantCircuitBreakerLayer::respond_with).
///
/// `Retry-After` is what is left of the open period, in whole seconds, rounded up and at least 1. Up
/// to a tenth is added at random, so that the clients of one circuit do not return in step. Where the
/// circuit is forced open without an end, there is none.
///
/// The body names the dependency, the reason and the seconds of `Retry-After`. It never names the
/// tenant, whose id may stem from a credential, nor what the operator noted who forced the circuit
/// open.
///
/// ```json
/// {
///   "type": "https://docs.rs/tower-tenant-breaker/latest/tower_tenant_breaker/struct.CircuitOpen.html",
///   "title": "Circuit open",
///   "status": 503,
///   "detail": "calls to this dependency are not admitted at present",
///   "dependency": "search",
///   "reason": "failure_rate",
///   "retry_after_seconds": 31
/// }
/// ```
///
/// ```
/// use http::Response;
/// use tower_tenant_breaker::CircuitOpen;
/// use tower_tenant_breaker::http::problem_response;
///
/// // The body is any type that a `String` can become: axum's, hyper's `Full<Bytes>`, a `String`.
/// fn answer(open: &CircuitOpen) -> Response<String> {
///     let mut response = problem_response(open);
///     response.headers_mut().insert("x-served-by", http::HeaderValue::from_static("breaker"));
///     response
/// }
/// ```
pub fn problem_response<B: From<String>>(open: &CircuitOpen) -> Response<B> {
    let status = StatusCode::SERVICE_UNAVAILABLE;
    let retry_after = open.retry_after().map(spread_seconds);

    let mut problem = Problem::new(
        status,
        CIRCUIT_OPEN,
        "Circuit open",
        "calls to this dependency are not admitted at present",
    );
    problem.text("dependency", open.dependency());
    problem.text("reason", open.reason().as_str());
    if let Some(seconds) = retry_after {
        problem.number("retry_after_seconds", seconds);
    }

    let mut response = problem.into_response();
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}

/// Answers every other refusal, and the inner service's errors, with a problem document (RFC 9457).
///
/// For [`respond_to_error`](crate::TenantCircuitBreakerLayer::respond_to_error).
///
/// | somewhere in the error's chain of sources | status |
/// |---|---|
/// | [`CircuitOpen`] | as [`problem_response`] |
/// | [`MissingTenant`](crate::MissingTenant), [`InvalidTenant`](crate::InvalidTenant) | 400 |
/// | [`UnknownDependency`](crate::UnknownDependency) | 404, without the list of those that are known |
/// | `Elapsed`, of tower or of tokio | 504 |
/// | `Overloaded` | 503 |
/// | anything else | 502 |
///
/// Nothing of an error's own text gets into the answer: it may tell a stranger of hosts and
/// credentials. Log it before it gets here.
///
/// ```
/// use http::Response;
/// use tower::BoxError;
/// use tower_tenant_breaker::http::error_response;
///
/// let error: BoxError = "connection to 10.0.0.7 refused".into();
/// let response: Response<String> = error_response(error);
/// assert_eq!(response.status(), 502);
/// assert!(!response.body().contains("10.0.0.7"));
/// ```
// By value, because that is how the layer hands it over.
pub fn error_response<B: From<String>>(error: BoxError) -> Response<B> {
    for error in chain(&*error) {
        if let Some(open) = error.downcast_ref() {
            return problem_response(open);
        }
        if let Some(known) = KnownError::of(error) {
            return plain(status_of(known), known.detail());
        }
    }
    plain(StatusCode::BAD_GATEWAY, "the dependency could not be asked")
}

fn status_of(known: KnownError) -> StatusCode {
    match known {
        KnownError::MissingTenant | KnownError::InvalidTenant => StatusCode::BAD_REQUEST,
        KnownError::UnknownDependency => StatusCode::NOT_FOUND,
        KnownError::Elapsed => StatusCode::GATEWAY_TIMEOUT,
        KnownError::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// A problem that needs no type of its own, since its status says what it is.
pub(crate) fn plain<B: From<String>>(status: StatusCode, detail: &str) -> Response<B> {
    let title = status.canonical_reason().unwrap_or_default();
    Problem::new(status, "about:blank", title, detail).into_response()
}

/// What is left and up to a tenth more, in whole seconds, at least 1.
fn spread_seconds(left: Duration) -> u64 {
    let spread = spread(left);
    spread
        .as_secs()
        .saturating_add(u64::from(spread.subsec_nanos() > 0))
        .max(1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use super::spread_seconds;

    #[test]
    fn seconds_are_rounded_up_never_zero_and_at_most_a_tenth_more() {
        for (left, lowest, highest) in [
            (Duration::ZERO, 1, 1),
            (Duration::from_nanos(1), 1, 1),
            (Duration::from_millis(900), 1, 1),
            (Duration::from_millis(1001), 2, 2),
            (Duration::from_secs(30), 30, 33),
            (Duration::from_millis(30_001), 31, 34),
            (Duration::from_secs(86_400), 86_400, 95_040),
            (Duration::MAX, u64::MAX, u64::MAX),
        ] {
            for _ in 0..200 {
                let seconds = spread_seconds(left);
                assert!((lowest..=highest).contains(&seconds), "{left:?}: {seconds}");
            }
        }
    }

    #[test]
    fn clients_do_not_return_in_step() {
        let seconds: BTreeSet<u64> = (0..200)
            .map(|_| spread_seconds(Duration::from_secs(300)))
            .collect();
        assert!(seconds.len() > 20, "{seconds:?}");
        assert!(seconds.iter().all(|seconds| (300..=330).contains(seconds)));
    }
}
