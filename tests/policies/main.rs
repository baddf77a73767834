//! Policies from files: what may be written, what is refused and where, and what a reload changes.
#![cfg(feature = "serde")]

mod bounds;
mod changed_fields;
mod differences;
mod dry_run;
mod durations;
mod fields;
mod off;
mod reload;
mod round_trip;
mod unknown;

use tower_tenant_breaker::{
    CircuitBreakerRegistry, Dependency, Outcome, Policies, PoliciesError, Policy, PolicyBuilder,
};

fn read(file: &str) -> Result<Policies, PoliciesError> {
    let file = toml::Deserializer::parse(file).expect("the file is TOML");
    Policies::from_deserializer(file)
}

fn policies(file: &str) -> Policies {
    read(file).unwrap_or_else(|error| panic!("{error}"))
}

fn read_json(file: &str) -> Result<Policies, PoliciesError> {
    Policies::from_deserializer(&mut serde_json::Deserializer::from_str(file))
}

fn built(policy: PolicyBuilder) -> Policy {
    policy.build().unwrap()
}

/// The policy of a table that stands alone.
fn policy(table: &str) -> Policy {
    toml::from_str(table).unwrap_or_else(|error| panic!("{table}: {error}"))
}

/// The error at `[dependencies.search]` with this table.
fn refused(table: &str) -> PoliciesError {
    let file = format!("[dependencies.search]\n{table}\n");
    read(&file).expect_err(table)
}

/// The error is at this path beneath `dependencies.search`, and its text holds all of these.
fn refused_at(table: &str, path: &str, says: &[&str]) {
    let error = refused(table);
    assert_eq!(
        error.path(),
        format!("dependencies.search.{path}"),
        "{error}"
    );
    for text in says {
        assert!(
            error.message().contains(text),
            "{text:?} is not in: {error}"
        );
    }
    assert_eq!(
        error.to_string(),
        format!("{}: {}", error.path(), error.message())
    );
}

fn registry() -> CircuitBreakerRegistry {
    CircuitBreakerRegistry::builder().build().unwrap()
}

fn fail(dependency: &Dependency, tenant: &str, times: usize) {
    for _ in 0..times {
        dependency
            .acquire(tenant)
            .unwrap()
            .record(Outcome::failure());
    }
}
