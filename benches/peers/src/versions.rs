//! With which versions.

/// The version of a package that is compared.
///
/// # Panics
///
/// Where the lock file has none of that name.
pub(crate) fn locked(package: &str) -> &'static str {
    let version = gauge::locked("peers", package);
    version.unwrap_or_else(|| panic!("Cargo.lock has no {package}"))
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
