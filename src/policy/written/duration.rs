//! Durations as people write them.
//!
//! Of our own: humantime 2.4.0 panics on `18446744073709551615s 1000000000ns`, and a file that is reloaded must not
//! take down the process that reads it.

use std::fmt::{self, Write};
use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::ser::{Serialize, Serializer};

/// From the largest to the smallest, in nanoseconds.
const UNITS: [(&str, u64); 6] = [
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

const SECOND: u128 = 1_000_000_000;

const ALLOWED: &str = "whole numbers with the units h, m, s, ms, us and ns, each at most once and the largest first, \
                       such as \"1h 30m\"";

/// A duration that is read from, and written as, text such as `1h 30m`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Human(pub(super) Duration);

/// Why a text is no duration.
#[derive(Debug, PartialEq)]
pub(super) enum NoDuration {
    Malformed,
    TooLong,
}

impl Human {
    fn parse(text: &str) -> Result<Self, NoDuration> {
        let mut units = UNITS.iter();
        let mut nanos = 0_u128;
        let mut rest = text.trim_matches(' ');
        if rest.is_empty() {
            return Err(NoDuration::Malformed);
        }
        while !rest.is_empty() {
            let (number, after) = split(rest, |c| c.is_ascii_digit());
            let (unit, after) = split(after.trim_start_matches(' '), |c| c.is_ascii_alphabetic());
            // What came before of the units is used up, so that none comes twice, and none after a smaller one.
            let known = units.find(|(name, _)| *name == unit);
            let (_, size) = known.ok_or(NoDuration::Malformed)?;
            if number.is_empty() {
                return Err(NoDuration::Malformed);
            }
            let number: u64 = number.parse().map_err(|_| NoDuration::TooLong)?;
            // Six products of 64 and 42 bits fit.
            nanos += u128::from(number) * u128::from(*size);
            rest = after.trim_start_matches(' ');
        }
        let seconds = u64::try_from(nanos / SECOND).map_err(|_| NoDuration::TooLong)?;
        Ok(Self(Duration::new(seconds, (nanos % SECOND) as u32)))
    }
}

/// The longest beginning whose characters are such, and what comes after.
fn split(text: &str, is_such: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !is_such(c)).unwrap_or(text.len()))
}

impl fmt::Display for Human {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut left = self.0.as_nanos();
        if left == 0 {
            return f.write_str("0s");
        }
        let mut is_first = true;
        for (unit, size) in UNITS {
            let number = left / u128::from(size);
            left %= u128::from(size);
            if number > 0 {
                if !is_first {
                    f.write_char(' ')?;
                }
                is_first = false;
                write!(f, "{number}{unit}")?;
            }
        }
        Ok(())
    }
}

impl Serialize for Human {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Human {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text)
    }
}

struct Text;

impl Visitor<'_> for Text {
    type Value = Human;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration such as \"30s\"")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Human, E> {
        Human::parse(text).map_err(|why| {
            let shown = Shown(text);
            match why {
                NoDuration::Malformed => {
                    E::custom(format_args!("{shown} is not a duration: {ALLOWED}"))
                }
                NoDuration::TooLong => E::custom(format_args!(
                    "{shown} is longer than any duration: at most {}",
                    Human(Duration::MAX)
                )),
            }
        })
    }
}

/// A text from a file, which may be long and may hold anything.
struct Shown<'a>(&'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(40) {
            None => write!(f, "{:?}", self.0),
            Some((end, _)) => write!(f, "{:?}..", &self.0[..end]),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<Duration, NoDuration> {
        Human::parse(text).map(|human| human.0)
    }

    #[test]
    fn a_duration_is_whole_numbers_with_units() {
        for (text, nanos) in [
            ("30s", 30_000_000_000),
            ("5m", 300_000_000_000),
            ("1h 30m", 5_400_000_000_000),
            ("1h30m", 5_400_000_000_000),
            (" 1 h  30 m ", 5_400_000_000_000),
            ("250ms", 250_000_000),
            ("10us", 10_000),
            ("1s 1ns", 1_000_000_001),
            ("90m", 5_400_000_000_000),
            ("0s", 0),
            ("0h 0ns", 0),
            ("007s", 7_000_000_000),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_nanos(nanos)), "{text:?}");
        }
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in [
            "", " ", "5", "s", "5 5s", "-5s", "+5s", "1.5s", "1e400s", "5S", "5sec", "5d", "5s 5s",
            "5s 1m", "5s,", "5\u{a0}s", "٥s", "5µs", "5s\0", "\t5s", "0x5s", "5_000s", "∞", "NaN",
            "5mm", "5 m s", "é",
        ] {
            assert_eq!(parse(text), Err(NoDuration::Malformed), "{text:?}");
        }
    }

    #[test]
    fn what_is_too_long_is_refused_and_never_panics() {
        let most = format!("{}", Human(Duration::MAX));
        assert_eq!(most, "5124095576030431h 15s 999ms 999us 999ns");
        assert_eq!(parse(&most), Ok(Duration::MAX));
        for text in [
            "5124095576030431h 16s",
            "18446744073709551616s",
            "18446744073709551615s 1000ms",
            "18446744073709551615s 1000000000ns",
            "18446744073709551615h 18446744073709551615m 18446744073709551615s 18446744073709551615ms",
            &format!("{}s", "9".repeat(400)),
        ] {
            assert_eq!(parse(text), Err(NoDuration::TooLong), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_to_the_nanosecond(seconds: u64, nanos in 0..1_000_000_000_u32) {
            for seconds in [seconds, seconds >> 44, 0] {
                let duration = Duration::new(seconds, nanos);
                prop_assert_eq!(parse(&Human(duration).to_string()), Ok(duration));
            }
        }

        #[test]
        fn no_text_panics(text in "[0-9a-z µ.\\-]{0,24}|.{0,24}") {
            let _ = parse(&text);
        }
    }
}
