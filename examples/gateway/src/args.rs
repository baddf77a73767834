//! The flags.

use std::ffi::OsString;

pub(crate) const HELP: &str = "\
Two gateways in front of one upstream, on loopback, under the same load for 12 seconds.

Behind `isolated`, each of 8 tenants has a circuit of its own. Behind `shared`, all of them share
one, as people have it today. The upstream fails for one tenant and hangs for another; then both
recover. The tables at the end say what that cost the tenants whose upstream was well.

Usage: cargo run --release --package gateway -- [flags]

  --outage   another story instead, of about 13 seconds: one gateway with a circuit for each of 24
             tenants, and a policy for outages. The upstream fails for one tenant, then for all, and
             comes back; then its vendor announces maintenance, and an operator forces it open. Told by
             the log that an operator would read
  --json     print nothing but the figures, as one JSON object on one line
  --serve    after the run, keep the upstream and the isolated gateway up, and print curl commands and
             the address of a live page of its circuits; with --outage the load goes on as well, and
             the gateway has routes for its operator
  -h, --help print this

Exit code: 0 if the isolated gateway lost no healthy call, opened for both sick tenants, spared their
upstream at least half of their calls and recovered, and if the shared gateway did reject healthy
calls; 1 if not, with the reasons; 2 for a flag that it does not know. With --outage, 0 if no outage was
declared for one tenant, and one for all; if the upstream was asked by no more than a few probes from then
on, and everybody was served once it was back; and if no call was admitted that began after the forced
open, and everybody was served once it was cleared.
";

/// What was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Args {
    pub(crate) outage: bool,
    pub(crate) json: bool,
    pub(crate) serve: bool,
    pub(crate) help: bool,
}

impl Args {
    pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Self, lexopt::Error> {
        use lexopt::prelude::*;

        let mut parser = lexopt::Parser::from_args(args);
        let mut parsed = Self::default();
        while let Some(arg) = parser.next()? {
            match arg {
                Long("outage") => parsed.outage = true,
                Long("json") => parsed.json = true,
                Long("serve") => parsed.serve = true,
                Long("help") | Short('h') => parsed.help = true,
                _ => return Err(arg.unexpected()),
            }
        }
        Ok(parsed)
    }
}

#[cfg(test)]
mod tests {
    use super::{Args, HELP};

    fn parse(words: &str) -> Result<Args, lexopt::Error> {
        Args::parse(words.split_whitespace().map(Into::into))
    }

    #[test]
    fn without_a_flag_it_is_the_first_story_told_to_people() {
        assert_eq!(parse("").unwrap(), Args::default());
    }

    #[test]
    fn each_flag_asks_for_one_thing_and_all_go_together() {
        let none = Args::default();
        let flags = [
            (
                "--outage",
                Args {
                    outage: true,
                    ..none
                },
            ),
            ("--json", Args { json: true, ..none }),
            (
                "--serve",
                Args {
                    serve: true,
                    ..none
                },
            ),
            ("--help", Args { help: true, ..none }),
            ("-h", Args { help: true, ..none }),
        ];
        for (flag, asked) in flags {
            assert_eq!(parse(flag).unwrap(), asked, "{flag}");
        }
        let all = parse("--serve --json --outage").unwrap();
        assert!(all.outage && all.json && all.serve);
    }

    #[test]
    fn what_it_does_not_know_is_refused() {
        for words in ["--outages", "--json=yes", "outage", "-o", "--outage 3"] {
            assert!(parse(words).is_err(), "{words}");
        }
    }

    #[test]
    fn every_flag_is_in_the_help() {
        for flag in ["--outage", "--json", "--serve", "-h, --help"] {
            assert!(HELP.contains(&format!("  {flag} ")), "{flag}");
        }
    }
}
