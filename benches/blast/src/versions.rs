//! With which versions.

const LOCK: &str = include_str!("../../../Cargo.lock");

/// The version of a package, as the lock file has it; `?` where it has none.
pub(crate) fn locked(package: &str) -> &'static str {
    let name = format!("name = \"{package}\"");
    let mut lines = LOCK.lines().skip_while(|line| *line != name).skip(1);
    let version = lines
        .next()
        .and_then(|line| line.strip_prefix("version = \""));
    version
        .and_then(|version| version.strip_suffix('"'))
        .unwrap_or("?")
}

#[cfg(test)]
mod tests {
    use super::locked;

    #[test]
    fn versions_are_those_of_the_lock_file() {
        assert!(locked("tower-resilience-circuitbreaker").starts_with("0.14."));
        assert_eq!(locked("tower-resilience-circuitbreakers"), "?");
    }
}
