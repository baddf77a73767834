use std::time::{Duration, SystemTime};

use ::http::header::{DATE, RETRY_AFTER};
use ::http::{HeaderMap, HeaderValue};

use crate::outcome::Outcome;

/// How long a response asks its caller to stay away; `None` where it does not.
///
/// | header | form |
/// |---|---|
/// | `retry-after` | whole seconds, or an HTTP date |
/// | `retry-after-ms` | whole milliseconds |
/// | `grpc-retry-pushback-ms` | whole milliseconds |
///
/// Where several say something, the latest wins. A date is measured against the response's own
/// `Date`, which comes from the same clock, and against `now` only where it has none.
///
/// Nothing that a header holds can make this panic: a number too large for a [`Duration`] is the
/// longest one, and whatever else is not of these forms (negative, a fraction, empty, not a date) is
/// as good as not there. So are zero and a date in the past, which ask for nothing.
///
/// How long a hint may be is the policy's business (`hint_cap`).
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use http::HeaderMap;
/// use tower_tenant_breaker::http::retry_after;
///
/// # fn main() -> Result<(), http::header::InvalidHeaderValue> {
/// let now = SystemTime::now();
/// let mut headers = HeaderMap::new();
/// assert_eq!(retry_after(&headers, now), None);
///
/// headers.insert("retry-after", "Wed, 21 Oct 2015 07:28:30 GMT".parse()?);
/// headers.insert("date", "Wed, 21 Oct 2015 07:28:00 GMT".parse()?);
/// assert_eq!(retry_after(&headers, now), Some(Duration::from_secs(30)));
///
/// headers.insert("retry-after-ms", "31500".parse()?);
/// assert_eq!(retry_after(&headers, now), Some(Duration::from_millis(31_500)));
/// # Ok(())
/// # }
/// ```
#[must_use]
pub fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    latest(headers, || now)
}

/// A bad outcome with the hint that these headers or trailers hold. The system's clock is read only where a
/// date asks for it.
pub(crate) fn with_hint(outcome: Outcome, headers: &HeaderMap) -> Outcome {
    match outcome {
        Outcome::Failure { .. } | Outcome::Throttled { .. } => {
            match latest(headers, SystemTime::now) {
                Some(hint) => outcome.with_retry_after(hint),
                None => outcome,
            }
        }
        Outcome::Success | Outcome::QuotaExhausted | Outcome::Cancelled | Outcome::Ignored => {
            outcome
        }
    }
}

fn latest(headers: &HeaderMap, now: impl Fn() -> SystemTime) -> Option<Duration> {
    let in_seconds_or_dates = headers.get_all(RETRY_AFTER).iter().filter_map(|value| {
        number(value)
            .map(Duration::from_secs)
            .or_else(|| until(value, headers, &now))
    });
    let in_milliseconds = ["retry-after-ms", "grpc-retry-pushback-ms"]
        .into_iter()
        .flat_map(|name| headers.get_all(name))
        .filter_map(|value| number(value).map(Duration::from_millis));

    in_seconds_or_dates
        .chain(in_milliseconds)
        .max()
        .filter(|hint| !hint.is_zero())
}

/// Digits and nothing else, as many as there may be. None of them is zero, which asks for nothing.
fn number(value: &HeaderValue) -> Option<u64> {
    let digits = value.as_bytes().trim_ascii();
    digits.iter().try_fold(0_u64, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| digit - b'0')?;
        Some(number.saturating_mul(10).saturating_add(digit.into()))
    })
}

/// What is left until a date that is not past.
fn until(
    value: &HeaderValue,
    headers: &HeaderMap,
    now: impl Fn() -> SystemTime,
) -> Option<Duration> {
    let at = date(value)?;
    let said_at = headers.get(DATE).and_then(date).unwrap_or_else(now);
    at.duration_since(said_at).ok()
}

fn date(value: &HeaderValue) -> Option<SystemTime> {
    httpdate::parse_http_date(value.to_str().ok()?.trim()).ok()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn reads_of_the_clock(pairs: &[(&'static str, &'static str)]) -> usize {
        let reads = Cell::new(0);
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        let _ = latest(&headers, || {
            reads.set(reads.get() + 1);
            SystemTime::UNIX_EPOCH
        });
        reads.get()
    }

    #[test]
    fn the_clock_is_read_only_for_a_date_without_a_date_of_the_response() {
        let date = "Wed, 21 Oct 2015 07:28:00 GMT";
        assert_eq!(reads_of_the_clock(&[]), 0);
        assert_eq!(reads_of_the_clock(&[("retry-after", "7")]), 0);
        assert_eq!(reads_of_the_clock(&[("retry-after", "soon")]), 0);
        assert_eq!(reads_of_the_clock(&[("retry-after-ms", "7")]), 0);
        assert_eq!(
            reads_of_the_clock(&[("retry-after", date), ("date", date)]),
            0
        );
        assert_eq!(reads_of_the_clock(&[("retry-after", date)]), 1);
        assert_eq!(
            reads_of_the_clock(&[("retry-after", date), ("date", "?")]),
            1
        );
    }
}
