//! For how long a provider asks to be left alone.

use std::time::Duration;

use ::http::HeaderMap;
use ::http::header::RETRY_AFTER;

use super::go_duration::{duration, number_of};
use crate::Outcome;
use crate::http::retry_after::with_hint;

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// A bad outcome with the hint that these headers hold.
pub(super) fn with_provider_hint(outcome: Outcome, headers: &HeaderMap) -> Outcome {
    let outcome = with_hint(outcome, headers);
    let hint = match outcome {
        Outcome::Throttled { retry_after } => {
            retry_after.max(broken(headers)).or_else(|| reset(headers))
        }
        // The limits' headers come with every answer, and say nothing about a server that is down.
        Outcome::Failure { retry_after } => retry_after.max(broken(headers)),
        _ => None,
    };
    match hint {
        Some(hint) => outcome.with_retry_after(hint),
        None => outcome,
    }
}

/// Retry headers with a fraction in them.
fn broken(headers: &HeaderMap) -> Option<Duration> {
    let of = |name, unit| {
        let values = headers.get_all(name).iter();
        values.filter_map(move |value| number_of(value.as_bytes(), unit))
    };
    let retry_after = of(RETRY_AFTER.as_str(), SECOND);
    let latest = retry_after.chain(of("retry-after-ms", MS)).max();
    latest.filter(|hint| !hint.is_zero())
}

/// When the limit that was hit is reset.
fn reset(headers: &HeaderMap) -> Option<Duration> {
    const LIMITS: [[&str; 2]; 2] = [
        [
            "x-ratelimit-remaining-requests",
            "x-ratelimit-reset-requests",
        ],
        ["x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"],
    ];
    let get = |name: &str| headers.get(name).map(|value| value.as_bytes());
    let resets = || {
        LIMITS.iter().filter_map(move |[remaining, reset]| {
            let is_used_up = get(remaining).and_then(duration) == Some(Duration::ZERO);
            let reset = get(reset).and_then(duration)?;
            Some((is_used_up, reset)).filter(|_| !reset.is_zero())
        })
    };
    let used_up = resets().filter_map(|(is_used_up, reset)| is_used_up.then_some(reset));
    used_up
        .max()
        .or_else(|| resets().map(|(_, reset)| reset).min())
}
