//! The flags.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use crate::breakers::Breaker;
use crate::fault::Fault;
use crate::scenario::{HIT, SHARE};

pub(crate) const HELP: &str = "\
What tenants whose dependency is well lose where that of 0, 1, 10 and 50 of 200 fails, is slow or hangs: behind a gateway
over TCP with a bounded pool of calls to its upstream, without a breaker, with one for all, with one per dependency, and
with ours.

Usage: benches/blast.sh [flags]

  --runs N        of each row, beside as many without a fault: from 1 to 100 (5)
  --seconds S     how long each is measured, from the fault's beginning on: from 0.5 to 60 (8)
  --only BREAKER  this breaker alone; may be given several times: none, shared, per-dependency, ours-unbounded, ours
  --fault FAULT   this fault alone; may be given several times: fails, slow, hangs
  --hit N         so many tenants alone; may be given several times: 0, 1, 10, 50
  --share S       the share of bad calls at which all breakers open: from 0.01 to 1 (0.1)
  --json          print all of it as JSON, and no table
  --brief         print the short table, one row for each fault
  --svg FILE      draw it, too
  --from FILE     run nothing: take what --json printed
  -h, --help      print this

With no flags it takes about three quarters of an hour. Exit code: 0; 1 where a row of `ours` fails; 2 for a flag that is not known
or out of its bounds.
";

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Args {
    pub(crate) runs: usize,
    pub(crate) measured: Duration,
    pub(crate) breakers: Vec<Breaker>,
    pub(crate) faults: Vec<Fault>,
    pub(crate) hit: Vec<usize>,
    pub(crate) share: f64,
    pub(crate) json: bool,
    pub(crate) brief: bool,
    pub(crate) svg: Option<PathBuf>,
    pub(crate) from: Option<PathBuf>,
    pub(crate) help: bool,
}

impl Args {
    pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Self, lexopt::Error> {
        use lexopt::prelude::*;

        let mut parser = lexopt::Parser::from_args(args);
        let mut parsed = Self {
            runs: 5,
            // Until the last of ours is open, and a whole round of its probes that hang.
            measured: Duration::from_secs(8),
            breakers: Vec::new(),
            faults: Vec::new(),
            hit: Vec::new(),
            share: SHARE,
            json: false,
            brief: false,
            svg: None,
            from: None,
            help: false,
        };
        while let Some(arg) = parser.next()? {
            match arg {
                Long("runs") => {
                    let runs = parser.value()?;
                    parsed.runs = runs.parse_with(|text| within("--runs", text, 1, 100))?;
                }
                Long("seconds") => {
                    let seconds = parser.value()?;
                    let seconds =
                        seconds.parse_with(|text| within("--seconds", text, 0.5, 60.0))?;
                    parsed.measured = Duration::from_secs_f64(seconds);
                }
                Long("only") => {
                    let breaker = parser.value()?.parse_with(|text| named("--only", text))?;
                    parsed.breakers.push(breaker);
                }
                Long("fault") => {
                    let fault = parser.value()?.parse_with(|text| named("--fault", text))?;
                    parsed.faults.push(fault);
                }
                Long("hit") => parsed.hit.push(parser.value()?.parse_with(hit)?),
                Long("share") => {
                    let share = parser.value()?;
                    parsed.share = share.parse_with(|text| within("--share", text, 0.01, 1.0))?;
                }
                Long("json") => parsed.json = true,
                Long("brief") => parsed.brief = true,
                Long("svg") => parsed.svg = Some(parser.value()?.into()),
                Long("from") => parsed.from = Some(parser.value()?.into()),
                Long("help") | Short('h') => parsed.help = true,
                _ => return Err(arg.unexpected()),
            }
        }
        // In the table's order, and each once.
        parsed.breakers = those_of(&Breaker::ALL, &parsed.breakers);
        parsed.faults = those_of(&Fault::ALL, &parsed.faults);
        parsed.hit = those_of(&HIT, &parsed.hit);
        Ok(parsed)
    }
}

/// Those that were named; all where none was.
fn those_of<T: Copy + PartialEq>(all: &[T], named: &[T]) -> Vec<T> {
    let is_meant = |one: &T| named.is_empty() || named.contains(one);
    all.iter().copied().filter(is_meant).collect()
}

fn within<T>(flag: &str, text: &str, least: T, most: T) -> Result<T, String>
where
    T: std::str::FromStr + PartialOrd + std::fmt::Display,
{
    let number = text.parse().ok();
    let number = number.filter(|number| (&least..=&most).contains(&number));
    number.ok_or_else(|| format!("{flag} is a number from {least} to {most}"))
}

fn named<T: std::str::FromStr<Err = String>>(flag: &str, text: &str) -> Result<T, String> {
    text.parse().map_err(|error| format!("{flag}: {error}"))
}

fn hit(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| HIT.contains(number));
    number.ok_or_else(|| format!("--hit is one of {HIT:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &str) -> Result<Args, lexopt::Error> {
        Args::parse(words.split_whitespace().map(Into::into))
    }

    #[test]
    fn without_a_flag_everything_is_run_five_times() {
        let args = parse("").unwrap();
        assert_eq!((args.runs, args.measured), (5, Duration::from_secs(8)));
        assert_eq!(args.breakers, Breaker::ALL);
        assert_eq!(args.faults, Fault::ALL);
        assert_eq!(args.hit, HIT);
        assert!(!args.json && !args.brief && args.svg.is_none() && args.from.is_none());
    }

    #[test]
    fn breakers_faults_and_numbers_are_asked_for_by_name_and_are_in_the_help() {
        for breaker in Breaker::ALL {
            let args = parse(&format!("--only {}", breaker.name())).unwrap();
            assert_eq!(args.breakers, [breaker]);
            assert!(HELP.contains(breaker.name()), "{}", breaker.name());
        }
        for fault in Fault::ALL {
            let args = parse(&format!("--fault {}", fault.name())).unwrap();
            assert_eq!(args.faults, [fault]);
            assert!(HELP.contains(fault.name()), "{}", fault.name());
        }
        let args = parse("--only ours --only none --only ours --hit 50 --hit 0 --seconds 0.5");
        let args = args.unwrap();
        assert_eq!(args.breakers, [Breaker::None, Breaker::Ours]);
        assert_eq!(args.hit, [0, 50]);
        assert_eq!(args.measured, Duration::from_millis(500));
    }

    #[test]
    fn what_is_refused_is_told_with_its_flag_its_value_and_its_bound() {
        for (words, told) in [
            ("--runs 0", ["--runs", "\"0\"", "from 1 to 100"]),
            ("--runs many", ["--runs", "\"many\"", "from 1 to 100"]),
            ("--seconds 61", ["--seconds", "\"61\"", "from 0.5 to 60"]),
            ("--seconds NaN", ["--seconds", "\"NaN\"", "from 0.5 to 60"]),
            ("--share 0", ["--share", "\"0\"", "from 0.01 to 1"]),
            ("--hit 7", ["--hit", "\"7\"", "[0, 1, 10, 50]"]),
            ("--only theirs", ["--only", "\"theirs\"", "ours-unbounded"]),
            ("--fault burns", ["--fault", "\"burns\"", "hangs"]),
        ] {
            let error = parse(words).unwrap_err().to_string();
            for word in told {
                assert!(error.contains(word), "{words}: {error}");
            }
        }
        for words in ["--runs", "--fast", "ours"] {
            parse(words).unwrap_err();
        }
    }
}
