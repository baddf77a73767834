//! Instructions: this program once more, under callgrind, and what that says of it.

use std::env;
use std::error::Error;
use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{self, Command, Stdio};

use peers::breaker::{Breaker, Trips};
use peers::breakers::{About, Visit, each};
use peers::load::{LOADS, TIMES};

/// Makes the program count: what it does then is no use to people.
pub(crate) const WORD: &str = "counted";

struct Count;

impl Visit for Count {
    fn visit<B: Breaker>(&mut self, _: About, make: impl Fn(Trips) -> B) {
        for load in LOADS {
            load.measure(&make, |call| {
                call();
                one_count_is_over();
            });
        }
    }
}

/// By this name callgrind knows when to write down what it has counted.
#[inline(never)]
fn one_count_is_over() {
    black_box(());
}

/// What runs under callgrind.
pub(crate) fn run() {
    each(&mut Count);
}

/// Deletes it, whatever happens.
struct Written(PathBuf);

impl Drop for Written {
    fn drop(&mut self) {
        // It is in the folder for such things: nothing is lost where it cannot be.
        let _ = fs::remove_file(&self.0);
    }
}

/// The instructions of one warm call, for each breaker in the order of the table, and each of [`LOADS`].
///
/// Set-ups are not counted, and what a load pays once is in both of its counts and falls out.
pub(crate) fn take(breakers: usize) -> Result<Vec<Vec<f64>>, Box<dyn Error>> {
    let written = Written(env::temp_dir().join(format!("peers-{}.callgrind", process::id())));
    let mut file = Path::new("--callgrind-out-file=").as_os_str().to_owned();
    file.push(&written.0);
    let valgrind = Command::new("valgrind")
        .args(["--quiet", "--tool=callgrind", "--combine-dumps=yes"])
        .arg("--toggle-collect=*calls_that_are_counted*")
        .arg("--dump-after=*one_count_is_over*")
        .arg(file)
        .arg(env::current_exe()?)
        .arg(WORD)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .output()
        .map_err(|error| format!("valgrind does not run: {error}"))?;
    if !valgrind.status.success() {
        let said = String::from_utf8_lossy(&valgrind.stderr);
        return Err(format!("valgrind failed: {}\n{said}", valgrind.status).into());
    }
    let counts = read(&fs::read_to_string(&written.0)?)?;
    let a_breaker = LOADS.len() * TIMES * 2;
    if counts.len() != breakers * a_breaker {
        let (wrote, wanted) = (counts.len(), breakers * a_breaker);
        return Err(format!("callgrind wrote {wrote} counts, where {wanted} were taken").into());
    }
    let of_breaker = |counts: &[f64]| {
        let loads = counts.chunks(TIMES * 2).zip(LOADS);
        loads
            .map(|(counts, load)| load.per_call(counts.as_chunks().0))
            .collect::<Option<_>>()
    };
    let all: Option<_> = counts.chunks(a_breaker).map(of_breaker).collect();
    all.ok_or_else(|| "no load was counted".into())
}

/// The totals that were written as one count was over; not what came after the last.
fn read(profile: &str) -> Result<Vec<f64>, Box<dyn Error>> {
    let mut is_one = false;
    let mut counts = Vec::new();
    for line in profile.lines() {
        if let Some(trigger) = line.strip_prefix("desc: Trigger: ") {
            is_one = trigger.contains("one_count_is_over");
        } else if let Some(total) = line.strip_prefix("totals: ").filter(|_| is_one) {
            counts.push(total.trim().parse::<u64>()? as f64);
        }
    }
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn of_a_profile_the_totals_are_read_that_end_a_count() {
        let profile = "\
            version: 1\npart: 1\ndesc: Trigger: --dump-after=peers::counts::one_count_is_over\n0 12\ntotals: 12\n\
            part: 2\ndesc: Trigger: --dump-after=peers::counts::one_count_is_over\ntotals: 4096\n\
            part: 3\ndesc: Trigger: Program termination\ntotals: 7\n";
        assert_eq!(read(profile).unwrap(), [12.0, 4096.0]);
    }
}
