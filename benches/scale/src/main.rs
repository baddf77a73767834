//! Prints what calls cost by the clock; see [`args::HELP`].
#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "what is measured is the wall clock, on threads of its own"
)]

mod args;
mod calls;
mod contention;
mod gateway;
mod kinds;
mod report;
mod setup;
mod snapshot;

use std::process::ExitCode;

use args::{Args, HELP, Part};
use gauge::pairs::Pairs;
use report::{Verdict, json, markdown};
use tower::BoxError;

fn main() -> Result<ExitCode, BoxError> {
    let args = match Args::parse(std::env::args_os().skip(1)) {
        Ok(args) => args,
        Err(error) => {
            eprintln!("scale: {error}\n\n{HELP}");
            return Ok(ExitCode::from(2));
        }
    };
    if args.help {
        print!("{HELP}");
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(upstream) = args.serve {
        gateway::serve(upstream)?;
        return Ok(ExitCode::SUCCESS);
    }

    let pairs = Pairs::new(args.pairs);
    if !args.json {
        println!("{}", markdown::head(args.pairs));
    }
    let mut rows = Vec::new();
    for part in Part::ALL {
        if !args.parts.contains(&part) {
            continue;
        }
        let measured = match part {
            Part::Calls => calls::measure(&pairs),
            Part::SameTenant => contention::same_tenant(&pairs),
            Part::OwnTenants => contention::own_tenants(&pairs),
            Part::Snapshot => snapshot::measure(&pairs)?,
            Part::Gateway => gateway::measure(&pairs)?,
        };
        if !args.json {
            println!("\n{}", markdown::table(part, &measured));
        }
        rows.extend(measured);
    }
    if args.json {
        println!("{}", json::object(args.pairs, &rows));
    }
    let has_missed = rows
        .iter()
        .any(|row| row.verdict() == Some(Verdict::Missed));
    Ok(ExitCode::from(u8::from(has_missed)))
}
