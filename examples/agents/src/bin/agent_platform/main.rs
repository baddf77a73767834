//! `cargo run --locked --release --package agents --bin agent_platform`: the table, and whether it is what was promised.
//!
//! With `-- --csv` the impact report alone, as comma-separated values; with `-- --seed N` other scripts. Read on in
//! `src/platform/turn.rs`, which is the loop that one writes with `async-openai`.

mod args;

use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use agents::platform::Comparison;
use tower::BoxError;

use self::args::Args;

fn main() -> ExitCode {
    match run() {
        Ok(complaints) if complaints.is_empty() => ExitCode::SUCCESS,
        Ok(complaints) => {
            for complaint in complaints {
                eprintln!("not as it should be: {complaint}");
            }
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("could not run: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<Vec<String>, BoxError> {
    let args = Args::read(std::env::args().skip(1))?;
    let comparison = Comparison::of(args.seed)?;
    let complaints = comparison.complaints();
    match write(&comparison, args.csv, complaints.is_empty()) {
        // Who reads no further has seen enough: the exit code still says whether the promises held.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
        written => written?,
    }
    Ok(complaints)
}

fn write(comparison: &Comparison, csv: bool, all_held: bool) -> io::Result<()> {
    let mut to = io::stdout().lock();
    if csv {
        comparison.to_csv(&mut to)?;
    } else {
        comparison.print(&mut to)?;
        if all_held {
            writeln!(to, "\nall promises held")?;
        }
    }
    to.flush()
}
