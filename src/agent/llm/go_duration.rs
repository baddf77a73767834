//! Durations as Go writes them, which is how most providers write when a limit resets.

use std::time::Duration;

const SECOND: u128 = 1_000_000_000;

/// `"1s"`, `"6m0s"`, `"20ms"`, `"1h2m3.5s"`: numbers with units, as many as there may be; a number alone is one of
/// seconds. As Go's [`time.ParseDuration`](https://pkg.go.dev/time#ParseDuration), without signs.
///
/// None for what is not of this form. What is too long is the longest there is, and what is finer than a nanosecond is
/// cut off.
pub(super) fn duration(value: &[u8]) -> Option<Duration> {
    let mut rest = value.trim_ascii();
    let (alone, after) = number(rest)?;
    if after.is_empty() {
        return Some(of_nanos(alone.times(SECOND)));
    }
    let mut nanos = 0_u128;
    while !rest.is_empty() {
        let (number, after) = number(rest)?;
        let (unit, after) = unit(after)?;
        nanos = nanos.saturating_add(number.times(unit));
        rest = after;
    }
    Some(of_nanos(nanos))
}

/// A number alone, of this many nanoseconds each.
pub(super) fn number_of(value: &[u8], unit: Duration) -> Option<Duration> {
    let (number, after) = number(value.trim_ascii())?;
    let is_alone = after.is_empty();
    is_alone.then(|| of_nanos(number.times(unit.as_nanos())))
}

fn of_nanos(nanos: u128) -> Duration {
    u64::try_from(nanos / SECOND).map_or(Duration::MAX, |seconds| {
        Duration::new(seconds, (nanos % SECOND) as u32)
    })
}

struct Number {
    whole: u64,
    /// Of `scale`.
    part: u64,
    scale: u64,
}

impl Number {
    /// Of units that are at most an hour, so that nothing overflows.
    fn times(&self, unit: u128) -> u128 {
        u128::from(self.whole) * unit + u128::from(self.part) * unit / u128::from(self.scale)
    }
}

/// A number, and what comes after it. Go takes `1.` and `.5`, and so do we.
fn number(value: &[u8]) -> Option<(Number, &[u8])> {
    let (whole, after) = digits(value);
    let (part, rest) = match after.split_first() {
        Some((b'.', after)) => digits(after),
        _ => (&[][..], after),
    };
    if whole.is_empty() && part.is_empty() {
        return None;
    }
    let mut number = Number {
        whole: 0,
        part: 0,
        scale: 1,
    };
    for digit in whole {
        let digit = u64::from(digit - b'0');
        number.whole = number.whole.saturating_mul(10).saturating_add(digit);
    }
    // More would be finer than a nanosecond of an hour.
    for digit in part.iter().take(18) {
        number.part = number.part * 10 + u64::from(digit - b'0');
        number.scale *= 10;
    }
    Some((number, rest))
}

fn digits(value: &[u8]) -> (&[u8], &[u8]) {
    let end = value.iter().position(|byte| !byte.is_ascii_digit());
    value.split_at(end.unwrap_or(value.len()))
}

/// A unit in nanoseconds, and what comes after it.
fn unit(value: &[u8]) -> Option<(u128, &[u8])> {
    // The longer ones first, where one begins like another. Both signs for micro are in use.
    const UNITS: [(&[u8], u128); 8] = [
        (b"ns", 1),
        (b"us", 1_000),
        ("\u{b5}s".as_bytes(), 1_000),
        ("\u{3bc}s".as_bytes(), 1_000),
        (b"ms", 1_000_000),
        (b"s", SECOND),
        (b"m", 60 * SECOND),
        (b"h", 3_600 * SECOND),
    ];
    UNITS
        .iter()
        .find_map(|(name, nanos)| Some((*nanos, value.strip_prefix(*name)?)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(value: &str) -> Option<Duration> {
        duration(value.as_bytes())
    }

    #[test]
    fn the_forms_that_providers_send_are_read() {
        const MS: Duration = Duration::from_millis(1);
        for (value, expected) in [
            // OpenAI, https://platform.openai.com/docs/guides/rate-limits: `1s` and `6m0s`.
            ("1s", 1_000 * MS),
            ("6m0s", 360_000 * MS),
            // OpenAI, https://community.openai.com/t/1268905: `x-ratelimit-reset-requests: 12ms`.
            ("12ms", 12 * MS),
            ("20ms", 20 * MS),
            // Groq, https://console.groq.com/docs/rate-limits: `2m59.56s` and `7.66s`.
            ("2m59.56s", 179_560 * MS),
            ("7.66s", 7_660 * MS),
            // Azure, https://learn.microsoft.com/en-us/answers/questions/5625878: whole seconds, and 0 for none.
            ("12", 12_000 * MS),
            ("0", Duration::ZERO),
            ("1h2m3.5s", 3_723_500 * MS),
            (" 3s ", 3_000 * MS),
            ("0.5", 500 * MS),
            (".5s", 500 * MS),
            ("1.s", 1_000 * MS),
            ("1500\u{b5}s", MS + MS / 2),
            ("1500\u{3bc}s", MS + MS / 2),
            ("1500us", MS + MS / 2),
            ("250ns", Duration::from_nanos(250)),
        ] {
            assert_eq!(read(value), Some(expected), "{value}");
        }
    }

    #[test]
    fn what_is_too_long_is_the_longest_and_what_is_too_fine_is_cut_off() {
        let digits = "9".repeat(400);
        assert_eq!(
            read(&format!("{digits}h")),
            Some(of_nanos(u128::from(u64::MAX) * 3_600 * SECOND))
        );
        assert_eq!(read(&format!("{digits}h{digits}h")), Some(Duration::MAX));
        assert_eq!(
            read(&format!("0.{digits}s")),
            Some(Duration::from_nanos(999_999_999))
        );
    }

    #[test]
    fn garbage_is_none() {
        for value in [
            "",
            " ",
            ".",
            "s",
            "-1s",
            "+1s",
            "1s 2s",
            "1d",
            "1sec",
            "1m30",
            "6m0",
            "1e3",
            "NaN",
            "inf",
            "2026-11-29T00:00:00Z",
            "1,5s",
        ] {
            assert_eq!(read(value), None, "{value}");
        }
    }

    /// As Go's `Duration.String` writes it.
    fn written(nanos: u64) -> String {
        let fraction = |whole: u64, part: u64, width: usize| {
            let part = format!("{part:0width$}");
            match part.trim_end_matches('0') {
                "" => whole.to_string(),
                part => format!("{whole}.{part}"),
            }
        };
        match nanos {
            0 => "0s".to_owned(),
            1..1_000 => format!("{nanos}ns"),
            1_000..1_000_000 => format!("{}\u{b5}s", fraction(nanos / 1_000, nanos % 1_000, 3)),
            1_000_000..1_000_000_000 => {
                format!("{}ms", fraction(nanos / 1_000_000, nanos % 1_000_000, 6))
            }
            _ => {
                let (seconds, part) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
                let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
                let seconds = fraction(seconds % 60, part, 9);
                match (hours, minutes) {
                    (0, 0) => format!("{seconds}s"),
                    (0, minutes) => format!("{minutes}m{seconds}s"),
                    (hours, minutes) => format!("{hours}h{minutes}m{seconds}s"),
                }
            }
        }
    }

    proptest! {
        #[test]
        fn what_go_writes_is_read_as_it_was(nanos in prop_oneof![any::<u64>(), 0..10_000_000_000_u64]) {
            let value = written(nanos);
            prop_assert_eq!(read(&value), Some(Duration::from_nanos(nanos)), "{}", value);
        }

        #[test]
        fn nothing_makes_it_panic(value in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = duration(&value);
        }

        #[test]
        fn nothing_that_looks_like_one_makes_it_panic(value in "[0-9.hmsnu\u{b5} -]{0,60}") {
            let _ = read(&value);
        }
    }
}
