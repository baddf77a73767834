//! With which versions.

use std::process::Command;

/// What a program says of its version.
pub(crate) fn told(program: &str) -> String {
    let told = Command::new(program).arg("--version").output();
    let told = told.map(|told| String::from_utf8_lossy(&told.stdout).trim().to_owned());
    told.unwrap_or_else(|_| format!("{program} of an unknown version"))
}

const LOCK: &str = include_str!("../../../Cargo.lock");

/// The version of a package, as the lock file has it.
///
/// # Panics
///
/// Where that has none of that name, or several versions of it.
pub(crate) fn locked(package: &str) -> &'static str {
    let name = format!("name = \"{package}\"");
    let mut lines = LOCK.lines();
    let mut versions = std::iter::from_fn(|| {
        lines.find(|line| *line == name)?;
        lines
            .next()?
            .strip_prefix("version = \"")?
            .strip_suffix('"')
    });
    let version = versions.next();
    let version = version.unwrap_or_else(|| panic!("Cargo.lock has no {package}"));
    assert_eq!(versions.next(), None, "Cargo.lock has several of {package}");
    version
}

/// A name, with the versions of these packages in the places of its braces.
pub(crate) fn with_versions(name: &str, packages: &[&str]) -> String {
    let name = name.to_owned();
    packages.iter().fold(name, |name, package| {
        let version = match *package {
            "tower-tenant-breaker" => format!("{package} {}", locked(package)),
            _ => locked(package).to_owned(),
        };
        name.replacen("{}", &version, 1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_stand_where_the_braces_were() {
        let name = with_versions("DashMap {} + recloser {}", &["dashmap", "recloser"]);
        let (dashmap, recloser) = (locked("dashmap"), locked("recloser"));
        assert_eq!(name, format!("DashMap {dashmap} + recloser {recloser}"));
        assert!(recloser.starts_with("1.4."));
    }

    #[test]
    #[should_panic(expected = "Cargo.lock has no no-such-package")]
    fn a_package_that_is_not_locked_is_told() {
        locked("no-such-package");
    }
}
