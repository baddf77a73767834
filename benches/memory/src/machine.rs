//! What figures depend on beside the code.

use std::fs;
use std::process::Command;

/// The lock file by which this program is built.
const LOCK: &str = include_str!("../../../Cargo.lock");

/// One line: the processor, the system, the compiler and the allocator, as far as they can be found out.
pub(crate) fn line() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let says = |program: &str, word: &str| {
        let output = Command::new(program).arg(word).output().ok();
        let output = output.filter(|output| output.status.success())?;
        Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
    };
    let parts = [
        Some(format!(
            "{}, {cores} cores",
            processor().unwrap_or_default()
        )),
        Some(format!(
            "{} {}",
            std::env::consts::OS,
            std::env::consts::ARCH
        )),
        says("rustc", "--version"),
        says("getconf", "GNU_LIBC_VERSION").map(|version| format!("malloc of {version}")),
        Some(format!("DashMap {}", version_of("dashmap").unwrap_or("?"))),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    parts.join("; ")
}

fn processor() -> Option<String> {
    let told = fs::read_to_string("/proc/cpuinfo").ok()?;
    let name = told.lines().find(|line| line.starts_with("model name"))?;
    Some(name.split_once(": ")?.1.to_owned())
}

/// The version of a dependency of this program.
pub(crate) fn version_of(dependency: &str) -> Option<&'static str> {
    let mut packages = LOCK.split("[[package]]\n").filter_map(|package| {
        let name = package.strip_prefix("name = \"")?;
        name.split_once("\"\nversion = \"")
    });
    let own = packages.clone().find(|(name, _)| *name == "memory")?.1;
    // Where there is more than one version in the file, this names the one that is meant.
    let named = own.lines().find_map(|line| {
        let line = line.trim().strip_prefix('"')?.strip_suffix("\",")?;
        line.strip_prefix(dependency)?.strip_prefix(' ')
    });
    let only = packages.find(|(name, _)| *name == dependency);
    named.or(only?.1.split_once('"').map(|(version, _)| version))
}

#[cfg(test)]
mod tests {
    use super::version_of;

    #[test]
    fn versions_are_those_of_the_lock_file() {
        assert_eq!(version_of("memory"), Some("0.0.0"));
        assert!(version_of("dashmap").unwrap().starts_with("6."));
        assert_eq!(version_of("dashmaps"), None);
    }
}
