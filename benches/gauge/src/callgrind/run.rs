use std::ffi::OsStr;
use std::path::Path;
use std::process::{self, Command};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::{env, fs, io};

use super::told::{Told, read};

/// Runs a program under callgrind, and returns what it told, in its order.
///
/// # Errors
///
/// Valgrind or the program is missing or fails, or what they say does not go together.
pub fn run<I>(program: &Path, args: I) -> io::Result<Vec<Told>>
where
    I: IntoIterator<Item: AsRef<OsStr>>,
{
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    let run = RUNS.fetch_add(1, Relaxed);
    let written = env::temp_dir().join(format!("callgrind.{}.{run}", process::id()));
    let mut to = OsStr::new("--callgrind-out-file=").to_owned();
    to.push(&written);

    let output = Command::new("valgrind")
        .args(["--quiet", "--tool=callgrind", "--combine-dumps=yes"])
        .arg("--toggle-collect=*stretch_that_is_counted*")
        .arg("--dump-before=*counts_that_are_told*")
        .arg(to)
        .arg(program)
        .args(args)
        .output();
    let text = fs::read_to_string(&written);
    // Not there where valgrind did not run, of which the output tells more.
    let _ = fs::remove_file(&written);

    let output = output.map_err(|error| told_of(error, "valgrind cannot be run"))?;
    let printed = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let program = program.display();
        let status = output.status;
        return Err(io::Error::other(format!(
            "{program} under callgrind: {status}\n{printed}{said}"
        )));
    }
    let text = text.map_err(|error| told_of(error, "callgrind wrote nothing"))?;
    read(&printed, &text).ok_or_else(|| {
        io::Error::other("callgrind and the program do not agree on what was counted")
    })
}

fn told_of(error: io::Error, what: &str) -> io::Error {
    io::Error::new(error.kind(), format!("{what}: {error}"))
}
