//! Instructions per call: counts them, prints them as a table, and guards them against growth.
//!
//! The calls are those of the program `calls`, which lies beside this one, and runs under callgrind.

mod args;
mod expected;
mod figures;
mod guard;
mod made;
mod table;

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use gauge::callgrind;

use crate::args::{Args, HELP, Then};
use crate::expected::Recorded;
use crate::figures::Row;
use crate::made::Made;

fn main() -> ExitCode {
    let args = match Args::parse(std::env::args_os().skip(1)) {
        Ok(args) => args,
        Err(error) => {
            eprintln!("instructions: {error}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match run(args) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("instructions: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: Args) -> Result<ExitCode, Box<dyn Error>> {
    if args.then == Then::Help {
        print!("{HELP}");
        return Ok(ExitCode::SUCCESS);
    }
    let program = std::env::current_exe()?.with_file_name("calls");
    if args.then == Then::Count {
        let rows = figures::of(&callgrind::run(&program, None::<&str>)?)?;
        print!("{}", expected::lines(&rows));
        return Ok(ExitCode::SUCCESS);
    }
    let now = Recorded {
        made: Made::here(&program)?,
        rows: counted(&args.counts)?,
    };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("expected.json");
    match args.then {
        Then::Json => print!("{}", now.to_json()),
        Then::Accept => {
            fs::write(&path, now.to_json())?;
            println!("{}", table::of(&now));
            println!("{} has these figures now.", path.display());
        }
        Then::Check => {
            println!("{}", table::of(&now));
            let verdict = guard::compare(&Recorded::from_json(&fs::read_to_string(&path)?)?, &now);
            print!("{verdict}");
            if !verdict.passes() {
                return Ok(ExitCode::FAILURE);
            }
        }
        Then::Print | Then::Count | Then::Help => println!("{}", table::of(&now)),
    }
    Ok(ExitCode::SUCCESS)
}

/// The rows of all builds that were counted, one after the other.
fn counted(files: &[PathBuf]) -> Result<Vec<Row>, Box<dyn Error>> {
    let mut rows = Vec::new();
    for file in files {
        let text = fs::read_to_string(file)
            .map_err(|error| format!("{} cannot be read: {error}", file.display()))?;
        rows.extend(expected::of_lines(&text)?);
    }
    match rows.is_empty() {
        true => Err("there is nothing that was counted".into()),
        false => Ok(rows),
    }
}
