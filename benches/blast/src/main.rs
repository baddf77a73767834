//! Prints what healthy tenants lose where the dependency of others is sick; see [`args::HELP`].

mod args;
mod breakers;
mod fault;
mod gateway;
mod load;
mod openings;
mod picture;
mod plan;
mod report;
mod row;
mod run;
mod scenario;
mod table;
mod tally;
mod upstream;
mod versions;

use std::error::Error;
use std::fs;
use std::process::ExitCode;

use self::args::{Args, HELP};
use self::report::Report;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let args = match Args::parse(std::env::args_os().skip(1)) {
        Ok(args) => args,
        Err(error) => {
            eprintln!("blast: {error}\n\n{HELP}");
            return Ok(ExitCode::from(2));
        }
    };
    if args.help {
        print!("{HELP}");
        return Ok(ExitCode::SUCCESS);
    }
    let report = match &args.from {
        Some(path) => Report::read(path)?,
        None => {
            let report = plan::carry_out(&args, |what| eprintln!("blast: {what}"));
            report.map_err(|error| -> Box<dyn Error> { error })?
        }
    };
    if args.json {
        println!("{}", serde_json::to_string(&report)?);
    } else if args.brief {
        print!("{}", table::brief(&report));
    } else {
        print!("{}", table::full(&report));
    }
    if let Some(path) = &args.svg {
        fs::write(path, picture::svg(&report)?)?;
    }
    Ok(ExitCode::from(u8::from(report.has_missed())))
}
