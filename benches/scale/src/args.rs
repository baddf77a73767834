//! The flags.

use std::ffi::OsString;
use std::net::SocketAddr;

use crate::report::JUDGED_FROM;

pub const HELP: &str = "\
What calls cost by the clock, each as a ratio of two runs in turn: the median of the pairs, and between what the
middle half of them lies.

Usage: benches/scale.sh [flags]

  --only PART  this part alone; may be given several times. The parts, in their order:
                 calls        every kind of call, and closed ones of many tenants, to a bare service, on one thread
                              and on two
                 same-tenant  two threads that call one tenant, to one thread
                 own-tenants  two threads that call tenants of their own, to one thread
                 snapshot     100,000 circuits, while calls go on, to while nobody calls
                 gateway      an axum gateway over TCP, with the layer to without it
  --pairs N    how many pairs must count for each figure; 15. Of fewer, no budget is judged
  --json       print nothing but the figures, as one JSON object on one line
  -h, --help   print this

Beside the pairs runs a control that touches only a cache line of its own. Where it waited for a processor, or cost more
on two threads than on one, the pair is void and run again; where that happens too often, the row is void.

Exit code: 0, also where a row is void; 1 if a budget is missed; 2 for a flag that it does not know.
";

/// What is measured in one go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Calls,
    SameTenant,
    OwnTenants,
    Snapshot,
    Gateway,
}

impl Part {
    pub const ALL: [Self; 5] = [
        Self::Calls,
        Self::SameTenant,
        Self::OwnTenants,
        Self::Snapshot,
        Self::Gateway,
    ];

    /// As the flag names it, and the figures for programs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Calls => "calls",
            Self::SameTenant => "same-tenant",
            Self::OwnTenants => "own-tenants",
            Self::Snapshot => "snapshot",
            Self::Gateway => "gateway",
        }
    }
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Args {
    pub parts: Vec<Part>,
    pub pairs: usize,
    pub json: bool,
    pub help: bool,
    /// To be the gateway that another process measures, in front of this upstream. For that process alone.
    pub serve: Option<SocketAddr>,
}

impl Args {
    pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Self, lexopt::Error> {
        use lexopt::prelude::*;

        let mut parser = lexopt::Parser::from_args(args);
        let mut parsed = Self {
            parts: Vec::new(),
            pairs: JUDGED_FROM,
            json: false,
            help: false,
            serve: None,
        };
        while let Some(arg) = parser.next()? {
            match arg {
                Long("only") => {
                    let part = parser.value()?.parse_with(|name| {
                        let mut parts = Part::ALL.into_iter();
                        parts.find(|part| part.name() == name).ok_or("no such part")
                    });
                    parsed.parts.push(part?);
                }
                Long("pairs") => {
                    parsed.pairs = parser.value()?.parse_with(|pairs| match pairs.parse() {
                        Ok(pairs @ 1..=10_000) => Ok(pairs),
                        _ => Err("not from 1 to 10000"),
                    })?;
                }
                Long("json") => parsed.json = true,
                Long("serve") => parsed.serve = Some(parser.value()?.parse()?),
                Long("help") | Short('h') => parsed.help = true,
                _ => return Err(arg.unexpected()),
            }
        }
        if parsed.parts.is_empty() {
            parsed.parts = Part::ALL.to_vec();
        }
        Ok(parsed)
    }
}

#[cfg(test)]
mod tests {
    use super::{Args, HELP, Part};

    fn parse(words: &str) -> Result<Args, lexopt::Error> {
        Args::parse(words.split_whitespace().map(Into::into))
    }

    #[test]
    fn without_a_flag_everything_is_measured_for_people_in_as_many_pairs_as_a_budget_wants() {
        let args = parse("").unwrap();
        assert_eq!(
            (args.parts.as_slice(), args.pairs),
            (Part::ALL.as_slice(), 15)
        );
        assert!(!args.json && !args.help && args.serve.is_none());
    }

    #[test]
    fn parts_are_asked_for_by_name_and_each_name_is_in_the_help() {
        for part in Part::ALL {
            let args = parse(&format!("--only {} --pairs 3 --json", part.name())).unwrap();
            assert_eq!(
                (args.parts.as_slice(), args.pairs, args.json),
                ([part].as_slice(), 3, true)
            );
            assert!(
                HELP.contains(&format!("\n                 {} ", part.name())),
                "{}",
                part.name()
            );
        }
        let both = parse("--only gateway --only calls").unwrap();
        assert_eq!(both.parts, [Part::Gateway, Part::Calls]);
    }

    #[test]
    fn what_it_does_not_know_is_refused() {
        for words in [
            "--only bogus",
            "--pairs 0",
            "--pairs many",
            "--pairs 10001",
            "--only",
            "--fast",
            "calls",
        ] {
            parse(words).unwrap_err();
        }
    }
}
