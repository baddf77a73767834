//! The versions by which the benches are built.

const LOCK: &str = include_str!("../../../Cargo.lock");

/// The version of a package that this one depends on, as the lock file has it.
///
/// None where the lock file does not know the one or the other, or has several versions of it and this one depends on none
/// of them.
#[must_use]
pub fn locked(package: &str, dependency: &str) -> Option<&'static str> {
    let packages = LOCK.split("[[package]]\n").filter_map(|package| {
        let name = package.strip_prefix("name = \"")?;
        name.split_once("\"\nversion = \"")
    });
    let of = |wanted: &str| {
        let packages = packages.clone().filter(move |(name, _)| *name == wanted);
        packages.map(|(_, text)| text).collect::<Vec<_>>()
    };
    let own = of(package).into_iter().next()?;
    // Where there is more than one version in the file, this names the one that is meant.
    let named = own.lines().find_map(|line| {
        let line = line.trim().strip_prefix('"')?.strip_suffix("\",")?;
        line.strip_prefix(dependency)?.strip_prefix(' ')
    });
    let only = match of(dependency)[..] {
        [only] => only.split_once('"').map(|(version, _)| version),
        _ => None,
    };
    named.or(only)
}

#[cfg(test)]
mod tests {
    use super::locked;

    #[test]
    fn versions_are_those_of_the_lock_file() {
        assert_eq!(locked("memory", "gauge"), Some("0.0.0"));
        assert!(locked("memory", "dashmap").unwrap().starts_with("6."));
        assert_eq!(locked("memory", "dashmaps"), None);
        assert_eq!(locked("memories", "dashmap"), None);
    }

    #[test]
    fn of_several_versions_it_is_the_one_that_the_package_depends_on() {
        let [of_one, of_other] = ["dashmap", "hashbrown"];
        let version = locked(of_one, of_other).unwrap();
        assert!(version.starts_with("0.14."), "{version}");
        assert_eq!(locked("memory", of_other), None);
    }
}
