//! Attacks and storms on the library, each with the figure that it ended on.

mod calls;
mod clocks;
mod drops;
mod figure;
mod floods;
mod minted;
mod panics;
mod rest;
mod sip;
mod soak;

use std::process::ExitCode;

use tokio::time::Instant;

use self::figure::Figure;

const HELP: &str = "\
Attacks and storms on the library, each with the figures that it ended on.

Usage: verification/storms.sh [flags] [storm..]

Storms, all but the soak where none is named:
  minted  10 million made-up tenants against 100,000 places, 500 open circuits and 20,000 watched tenants
  floods  ids that were chosen to fall together, against ids at random
  drops   1 million calls that are dropped at random points, half of them probes
  panics  1 million calls in which whatever a user wrote panics
  clocks  1 million calls under a clock that stands still, creeps and jumps by years
  soak    everything at once, for an hour

Flags:
  --short      a twentieth of all that, and a minute's soak
  --seed N     what is random begins with; 1 unless another is given
  --minutes N  how long the soak lasts
  -h, --help   print this

Exit code: 0; 1 where a figure is out of its bound; 2 for a flag or a storm that it does not know.
";

const STORMS: [&str; 6] = ["minted", "floods", "drops", "panics", "clocks", "soak"];

struct Args {
    storms: Vec<&'static str>,
    short: bool,
    seed: u64,
    minutes: u64,
    help: bool,
}

fn parse() -> Result<Args, lexopt::Error> {
    use lexopt::prelude::*;

    let mut args = Args {
        storms: Vec::new(),
        short: false,
        seed: 1,
        minutes: 60,
        help: false,
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Long("short") => args.short = true,
            Long("seed") => args.seed = parser.value()?.parse()?,
            Long("minutes") => {
                args.minutes = parser
                    .value()?
                    .parse_with(|minutes| match minutes.parse() {
                        Ok(minutes @ 1..=1_440) => Ok(minutes),
                        _ => Err("not from 1 to 1440"),
                    })?;
            }
            Long("help") | Short('h') => args.help = true,
            Value(name) => {
                let storm = name.parse_with(|name| {
                    let known = STORMS.into_iter().find(|storm| *storm == name);
                    known.ok_or("no such storm")
                })?;
                args.storms.push(storm);
            }
            _ => return Err(arg.unexpected()),
        }
    }
    if args.storms.is_empty() {
        args.storms = STORMS[..5].to_vec();
    }
    Ok(args)
}

fn main() -> ExitCode {
    let args = match parse() {
        Ok(args) => args,
        Err(error) => {
            eprintln!("storms: {error}");
            return ExitCode::from(2);
        }
    };
    if args.help {
        print!("{HELP}");
        return ExitCode::SUCCESS;
    }
    fastrand::seed(args.seed);
    let less = if args.short { 20 } else { 1 };
    println!("| storm | what | figure | bound | |\n|---|---|--:|--:|---|");
    let mut held = true;
    for storm in args.storms {
        let begun = Instant::now();
        let figures = match storm {
            "minted" => minted::storm(10_000_000 / less),
            "floods" => floods::storm(args.short),
            "drops" => drops::storm(1_000_000 / less),
            "panics" => panics::storm(1_000_000 / less),
            "clocks" => clocks::storm(1_000_000 / less),
            _ => soak::storm(if args.short { 1 } else { args.minutes }),
        };
        for Figure {
            what,
            figure,
            bound,
            held: kept,
        } in &figures
        {
            let verdict = if *kept { "held" } else { "BROKEN" };
            println!("| {storm} | {what} | {figure} | {bound} | {verdict} |");
            held &= kept;
        }
        eprintln!(
            "{storm}: {} s",
            Instant::now().saturating_duration_since(begun).as_secs()
        );
    }
    if held {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
