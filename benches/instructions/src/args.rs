//! The flags.

use std::ffi::OsString;
use std::path::PathBuf;

pub(crate) const HELP: &str = "\
Counts the instructions and the allocations of one call, under callgrind.

Usage: benches/instructions.sh [flag]

  --check    print the table, then compare with benches/instructions/expected.json: exit code 1 where a count grew by
             more than its tolerance, an allocation came in, or a row came or went
  --accept   print the table, and make its figures the expected ones
  --json     print the figures as the file has them, and nothing else
  -h, --help print this

Without a flag it prints the table. What the script itself uses: `--count` prints what the calls of this build cost, and
the names of files with such prints say what the others are about.

Exit code: 0, 1 as above or where something failed, 2 for a flag that it does not know.
";

/// What is done with the figures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Then {
    #[default]
    Print,
    Json,
    Check,
    Accept,
    Count,
    Help,
}

/// What was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Args {
    pub(crate) then: Then,
    pub(crate) counts: Vec<PathBuf>,
}

impl Args {
    pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Self, lexopt::Error> {
        use lexopt::prelude::*;

        let mut parser = lexopt::Parser::from_args(args);
        let mut parsed = Self::default();
        while let Some(arg) = parser.next()? {
            let then = match arg {
                Long("check") => Then::Check,
                Long("accept") => Then::Accept,
                Long("json") => Then::Json,
                Long("count") => Then::Count,
                Long("help") | Short('h') => Then::Help,
                Value(file) => {
                    parsed.counts.push(file.into());
                    continue;
                }
                _ => return Err(arg.unexpected()),
            };
            if parsed.then != Then::Print {
                return Err("one flag at a time".into());
            }
            parsed.then = then;
        }
        Ok(parsed)
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{Args, Then};

    fn parse(words: &str) -> Result<Args, lexopt::Error> {
        Args::parse(words.split_whitespace().map(Into::into))
    }

    #[test]
    fn a_flag_says_what_is_done_with_the_files_beside_it() {
        let asked = parse("--check plain watched").unwrap();
        assert_eq!(asked.then, Then::Check);
        assert_eq!(asked.counts, ["plain", "watched"].map(PathBuf::from));
        assert_eq!(parse("plain").unwrap().then, Then::Print);
    }

    #[test]
    fn two_flags_and_unknown_ones_are_refused() {
        assert!(parse("--check --accept").is_err());
        assert!(parse("--chekc").is_err());
    }
}
