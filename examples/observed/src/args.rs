//! The flags.

use std::ffi::OsString;
use std::str::FromStr;

pub(crate) const HELP: &str = "\
A gateway on loopback with circuit breakers for 1,000 tenants and three dependencies, under made-up
load, with metrics for Prometheus, a live page, and troubles to provoke. It serves until Ctrl-C, and
prints its URLs first.

Usage: cargo run --release --package observed -- [flags]

  --port N         the port; 0, the default, is a free one
  --tenants N      how many tenants call, from 1 to 100000; 1000 by default
  --rate N         how many calls a second they make in all, from 1 to 2000; 500 by default
  --exporter NAME  how the metrics are told: otel, the default, by OpenTelemetry; metrics, by the
                   facade of that name
  -h, --help       print this

Exit code: 0 after Ctrl-C; 1 if it could not serve; 2 for a flag that it does not know.
";

/// How the metrics are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Exporter {
    /// By instruments of OpenTelemetry.
    #[default]
    Otel,
    /// By the `metrics` facade.
    Metrics,
}

impl FromStr for Exporter {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "otel" => Ok(Self::Otel),
            "metrics" => Ok(Self::Metrics),
            _ => Err(format!(
                "--exporter is {name:?}, but must be otel or metrics"
            )),
        }
    }
}

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Args {
    pub(crate) port: u16,
    pub(crate) tenants: usize,
    pub(crate) rate: u32,
    pub(crate) exporter: Exporter,
    pub(crate) help: bool,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            port: 0,
            tenants: 1_000,
            rate: 500,
            exporter: Exporter::Otel,
            help: false,
        }
    }
}

impl Args {
    pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Self, lexopt::Error> {
        use lexopt::prelude::*;

        let mut parser = lexopt::Parser::from_args(args);
        let mut parsed = Self::default();
        while let Some(arg) = parser.next()? {
            match arg {
                Long("port") => parsed.port = parser.value()?.parse()?,
                Long("tenants") => {
                    parsed.tenants = parser.value()?.parse()?;
                    bounded("--tenants", parsed.tenants, 100_000)?;
                }
                Long("rate") => {
                    parsed.rate = parser.value()?.parse()?;
                    bounded("--rate", parsed.rate as usize, 2_000)?;
                }
                Long("exporter") => parsed.exporter = parser.value()?.parse()?,
                Long("help") | Short('h') => parsed.help = true,
                _ => return Err(arg.unexpected()),
            }
        }
        Ok(parsed)
    }
}

fn bounded(flag: &str, value: usize, most: usize) -> Result<(), lexopt::Error> {
    if (1..=most).contains(&value) {
        return Ok(());
    }
    Err(format!("{flag} is {value}, but must be from 1 to {most}").into())
}

#[cfg(test)]
mod tests {
    use super::{Args, Exporter, HELP};

    fn parse(words: &str) -> Result<Args, lexopt::Error> {
        Args::parse(words.split_whitespace().map(Into::into))
    }

    #[test]
    fn each_flag_asks_for_one_thing_and_all_go_together() {
        assert_eq!(parse("").unwrap(), Args::default());
        let all = parse("--port 9000 --tenants 7 --rate 90 --exporter metrics -h").unwrap();
        let asked = Args {
            port: 9_000,
            tenants: 7,
            rate: 90,
            exporter: Exporter::Metrics,
            help: true,
        };
        assert_eq!(all, asked);
    }

    #[test]
    fn what_it_does_not_know_or_is_out_of_bounds_is_refused() {
        for words in [
            "--tenant 3",
            "--port",
            "--port 70000",
            "--rate x",
            "--exporter statsd",
            "load",
        ] {
            assert!(parse(words).is_err(), "{words}");
        }
        let refused = parse("--tenants 0").unwrap_err();
        assert_eq!(
            refused.to_string(),
            "--tenants is 0, but must be from 1 to 100000"
        );
        assert!(parse("--rate 2001").is_err());
    }

    #[test]
    fn every_flag_is_in_the_help() {
        for flag in [
            "--port N",
            "--tenants N",
            "--rate N",
            "--exporter NAME",
            "-h, --help",
        ] {
            assert!(HELP.contains(&format!("  {flag} ")), "{flag}");
        }
    }
}
