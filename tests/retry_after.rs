//! How long a response asks its caller to stay away.
#![cfg(feature = "http")]

use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderValue};
use httpdate::fmt_http_date;
use proptest::collection::vec;
use proptest::prelude::*;
use tower_tenant_breaker::http::retry_after;

/// Wed, 21 Oct 2015 07:28:00 GMT.
fn noon() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_445_412_480)
}

fn headers<V: AsRef<[u8]>>(pairs: &[(&'static str, V)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        let value = HeaderValue::from_bytes(value.as_ref()).unwrap();
        headers.append(*name, value);
    }
    headers
}

fn hint(pairs: &[(&'static str, &str)]) -> Option<Duration> {
    retry_after(&headers(pairs), noon())
}

const fn secs(seconds: u64) -> Option<Duration> {
    Some(Duration::from_secs(seconds))
}

#[test]
fn seconds_and_milliseconds_are_read() {
    assert_eq!(hint(&[]), None);
    assert_eq!(hint(&[("retry-after", "7")]), secs(7));
    assert_eq!(hint(&[("retry-after", " 007 ")]), secs(7));
    let half_a_second = Some(Duration::from_millis(500));
    assert_eq!(hint(&[("retry-after-ms", "500")]), half_a_second);
    assert_eq!(hint(&[("grpc-retry-pushback-ms", "500")]), half_a_second);
}

#[test]
fn a_date_is_measured_against_the_responses_own_date() {
    let at = "Wed, 21 Oct 2015 07:28:30 GMT";
    assert_eq!(hint(&[("retry-after", at)]), secs(30));
    // The other side's clock is a day ahead of ours.
    let said_at = ("date", "Wed, 21 Oct 2015 07:28:20 GMT");
    assert_eq!(hint(&[("retry-after", at), said_at]), secs(10));
    let tomorrow = "Thu, 22 Oct 2015 07:28:30 GMT";
    let said_tomorrow = ("date", "Thu, 22 Oct 2015 07:28:00 GMT");
    assert_eq!(hint(&[("retry-after", tomorrow), said_tomorrow]), secs(30));
    // What cannot be read as a date is as good as not there.
    assert_eq!(hint(&[("retry-after", at), ("date", "today")]), secs(30));
}

#[test]
fn the_two_obsolete_forms_of_a_date_are_read_too() {
    let of_rfc_850 = "Wednesday, 21-Oct-15 07:28:30 GMT";
    assert_eq!(hint(&[("retry-after", of_rfc_850)]), secs(30));
    assert_eq!(
        hint(&[("retry-after", "Wed Oct 21 07:28:30 2015")]),
        secs(30)
    );
}

#[test]
fn a_date_that_is_past_or_now_asks_for_nothing() {
    for past in [
        "Wed, 21 Oct 2015 07:28:00 GMT",
        "Wed, 21 Oct 2015 07:27:59 GMT",
        "Thu, 01 Jan 1970 00:00:00 GMT",
    ] {
        assert_eq!(hint(&[("retry-after", past)]), None, "{past}");
    }
    assert_eq!(hint(&[("retry-after", "0")]), None);
    assert_eq!(hint(&[("retry-after-ms", "0")]), None);
}

#[test]
fn the_latest_of_several_wins() {
    let short = ("retry-after-ms", "1500");
    let long = ("retry-after", "2");
    assert_eq!(hint(&[short, long]), secs(2));
    assert_eq!(
        hint(&[("retry-after", "1"), ("retry-after", "3"), short]),
        secs(3)
    );
    assert_eq!(
        hint(&[("grpc-retry-pushback-ms", "9000"), short, long]),
        secs(9)
    );
    let date = ("retry-after", "Wed, 21 Oct 2015 07:28:30 GMT");
    assert_eq!(hint(&[long, date]), secs(30));
    assert_eq!(hint(&[("retry-after", "60"), date]), secs(60));
}

#[test]
fn garbage_is_ignored_and_does_not_hide_what_is_good() {
    let garbage = [
        "",
        " ",
        "-1",
        "+1",
        "1.5",
        "1e3",
        "0x10",
        "1 2",
        "1,2",
        "soon",
        "NaN",
        "∞",
        "٣",
        "Wed, 32 Oct 2015 07:28:30 GMT",
        "Wed, 21 Oct 2015",
        "2015-10-21T07:28:30Z",
    ];
    for value in garbage {
        for name in ["retry-after", "retry-after-ms", "grpc-retry-pushback-ms"] {
            assert_eq!(hint(&[(name, value)]), None, "{name}: {value}");
            let with_good = [(name, value), ("retry-after", "7")];
            assert_eq!(hint(&with_good), secs(7), "{name}: {value}");
        }
    }
    // A date belongs into one of them only.
    let date = "Wed, 21 Oct 2015 07:28:30 GMT";
    assert_eq!(hint(&[("retry-after-ms", date)]), None);
}

#[test]
fn a_number_too_large_is_the_largest() {
    for huge in ["9".repeat(400), format!("1{}", "0".repeat(400))] {
        assert_eq!(hint(&[("retry-after", &huge)]), secs(u64::MAX));
        let longest = Some(Duration::from_millis(u64::MAX));
        assert_eq!(hint(&[("retry-after-ms", &huge)]), longest);
    }
    let one_too_many = "18446744073709551616";
    assert_eq!(hint(&[("retry-after", one_too_many)]), secs(u64::MAX));
}

/// Bytes of a header, likely to be nearly right.
fn value() -> impl Strategy<Value = Vec<u8>> {
    let date = (0..260_000_000_000_u64).prop_map(|s| {
        fmt_http_date(SystemTime::UNIX_EPOCH + Duration::from_secs(s % 253_402_300_800))
            .into_bytes()
    });
    prop_oneof![
        vec(any::<u8>(), 0..40),
        vec(
            prop_oneof![Just(b'-'), Just(b'.'), Just(b' '), b'0'..=b'9'],
            0..30
        ),
        date.clone(),
        // A date with one byte changed.
        (date, any::<prop::sample::Index>(), any::<u8>()).prop_map(|(mut date, place, byte)| {
            let place = place.index(date.len());
            date[place] = byte;
            date
        }),
        any::<u64>().prop_map(|number| number.to_string().into_bytes()),
    ]
}

fn any_headers() -> impl Strategy<Value = HeaderMap> {
    let name = prop::sample::select(vec![
        "retry-after",
        "retry-after-ms",
        "grpc-retry-pushback-ms",
        "date",
        "content-type",
    ]);
    vec((name, value()), 0..6).prop_map(|pairs| {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                headers.append(name, value);
            }
        }
        headers
    })
}

/// Also clocks from before 1970 and from after the year 9999.
fn any_time() -> impl Strategy<Value = SystemTime> {
    any::<i64>().prop_map(|seconds| {
        let far = Duration::from_secs(seconds.unsigned_abs());
        let moved = match seconds {
            0.. => noon().checked_add(far),
            _ => noon().checked_sub(far),
        };
        moved.unwrap_or_else(noon)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn no_header_and_no_clock_makes_it_panic_or_say_zero(headers in any_headers(), now in any_time()) {
        prop_assert_ne!(retry_after(&headers, now), Some(Duration::ZERO));
    }

    #[test]
    fn one_header_more_never_shortens_what_was_asked(
        headers in any_headers(),
        now in any_time(),
        milliseconds in any::<u64>(),
    ) {
        let before = retry_after(&headers, now);
        let mut more = headers;
        more.append("retry-after-ms", HeaderValue::from(milliseconds));
        let expected = before.max(Some(Duration::from_millis(milliseconds)));
        prop_assert_eq!(retry_after(&more, now), expected.filter(|hint| !hint.is_zero()));
    }

    #[test]
    fn a_date_that_was_written_is_read_back(seconds in 1..10_000_000_u64, from in 0..4_000_000_000_u64) {
        let said_at = SystemTime::UNIX_EPOCH + Duration::from_secs(from);
        let at = fmt_http_date(said_at + Duration::from_secs(seconds));
        let without_date = headers(&[("retry-after", &at)]);
        prop_assert_eq!(retry_after(&without_date, said_at), secs(seconds));
        let with_date = headers(&[("retry-after", &at), ("date", &fmt_http_date(said_at))]);
        prop_assert_eq!(retry_after(&with_date, noon()), secs(seconds));
    }

    #[test]
    fn any_number_of_seconds_is_read_as_it_is(seconds in 1..=u64::MAX) {
        let headers = headers(&[("retry-after", seconds.to_string())]);
        prop_assert_eq!(retry_after(&headers, noon()), secs(seconds));
    }
}
