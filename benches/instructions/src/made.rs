//! With what the figures were made.

use std::path::Path;
use std::process::Command;

use gauge::machine;

/// All that the number of instructions depends on but for the code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Made {
    /// The compiler, with its flags.
    pub(crate) rustc: String,
    pub(crate) target: String,
    /// Its `memcmp`, `memcpy` and `malloc` are in the counts.
    pub(crate) libc: String,
    /// As valgrind shows it, by which the C library takes one or another `memcmp`: not the model, since valgrind shows the
    /// same one of all that have AVX2.
    pub(crate) processor: String,
    /// Counts the same in all its versions, so it is said and not compared.
    pub(crate) valgrind: String,
}

impl Made {
    /// By this build, on this machine; `calls` is asked what it sees of the processor.
    pub(crate) fn here(calls: &Path) -> Result<Self, String> {
        let seen = Command::new("valgrind")
            .args(["--quiet", "--tool=none"])
            .arg(calls)
            .arg("--processor")
            .output();
        let processor = match seen {
            Ok(seen) if seen.status.success() => {
                String::from_utf8_lossy(&seen.stdout).trim().to_owned()
            }
            Ok(seen) => {
                return Err(format!(
                    "{} under valgrind: {}",
                    calls.display(),
                    seen.status
                ));
            }
            Err(error) => return Err(format!("valgrind cannot be run: {error}")),
        };
        Ok(Self {
            rustc: env!("COMPILED_BY").to_owned(),
            target: env!("COMPILED_FOR").to_owned(),
            libc: says("getconf", "GNU_LIBC_VERSION"),
            processor,
            valgrind: says("valgrind", "--version"),
        })
    }

    /// What is different here, of what changes the counts.
    pub(crate) fn differences(&self, here: &Self) -> Vec<String> {
        let parts = [
            (&self.rustc, &here.rustc),
            (&self.target, &here.target),
            (&self.libc, &here.libc),
            (&self.processor, &here.processor),
        ];
        let other = parts.into_iter().filter(|(then, now)| then != now);
        other
            .map(|(then, now)| format!("{now}, not {then}"))
            .collect()
    }

    pub(crate) fn is_same_architecture(&self, here: &Self) -> bool {
        let architecture = |made: &Self| made.target.split('-').next().map(ToOwned::to_owned);
        architecture(self) == architecture(here)
    }
}

fn says(command: &str, asked: &str) -> String {
    machine::says(command, asked).unwrap_or_else(|| "unknown".to_owned())
}
