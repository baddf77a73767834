//! What the figures are of.

use std::fs;
use std::process::Command;
use std::thread::available_parallelism;

/// The processors, the system and the compiler, in one line.
#[must_use]
pub fn in_words() -> String {
    let known = |text: Option<String>| text.unwrap_or_else(|| "unknown".to_owned());
    let processor = fs::read_to_string("/proc/cpuinfo").ok();
    let processor = known(processor.and_then(|text| value(&text, "model name")));
    let cores = available_parallelism().map_or(0, usize::from);
    let system = fs::read_to_string("/proc/sys/kernel/osrelease").ok();
    let system = known(system.map(|text| text.trim().to_owned()));
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    let compiler = env!("RUSTC_VERSION");
    format!("{processor}, {cores} processors, {os} {system} {arch}, {compiler}")
}

/// What a command answers, on its first line. None where there is no such command, or it fails.
#[must_use]
pub fn says(command: &str, asked: &str) -> Option<String> {
    let output = Command::new(command).arg(asked).output().ok()?;
    let said = String::from_utf8(output.stdout).ok()?;
    let line = said.lines().next().filter(|_| output.status.success())?;
    Some(line.trim().to_owned())
}

/// Of the first line of this name, as `name : value`.
fn value(text: &str, name: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        (found.trim() == name).then(|| value.trim().to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::{in_words, says, value};

    #[test]
    fn the_processor_is_read_from_the_first_line_of_its_name() {
        let text = "model\t: 1\nmodel name\t: One: the first\nmodel name\t: Two\n";
        assert_eq!(value(text, "model name").as_deref(), Some("One: the first"));
        assert_eq!(value(text, "bogus"), None);
    }

    #[test]
    fn a_command_says_its_first_line_and_one_that_fails_or_is_missing_says_nothing() {
        assert_eq!(says("printf", "one\\ntwo").as_deref(), Some("one"));
        assert_eq!(says("false", "one"), None);
        assert_eq!(says("no-such-command", "one"), None);
    }

    #[test]
    fn the_compiler_is_named() {
        assert!(in_words().contains("rustc 1."), "{}", in_words());
    }
}
