//! The flags.

use std::ffi::OsString;

pub(crate) const HELP: &str = "\
Two gateways in front of one upstream, on loopback, under the same load for 12 seconds.

Behind `isolated`, each of 8 tenants has a circuit of its own. Behind `shared`, all of them share
one, as people have it today. The upstream fails for one tenant and hangs for another; then both
recover. The tables at the end say what that cost the tenants whose upstream was well.

Usage: cargo run --release --package gateway -- [flags]

  --json     print nothing but the figures, as one JSON object on one line
  --serve    after the run, keep the upstream and the isolated gateway up, and print curl commands
  -h, --help print this

Exit code: 0 if the isolated gateway lost no healthy call, opened for both sick tenants, spared their
upstream at least half of their calls and recovered, and if the shared gateway did reject healthy
calls; 1 if not, with the reasons; 2 for a flag that it does not know.
";

/// What was asked for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Args {
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
                Long("json") => parsed.json = true,
                Long("serve") => parsed.serve = true,
                Long("help") | Short('h') => parsed.help = true,
                _ => return Err(arg.unexpected()),
            }
        }
        Ok(parsed)
    }
}
