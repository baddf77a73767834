//! What `circuits` answers.

use ::http::StatusCode;
use serde::Serialize;

use super::answer::{Answer, Problem, of_json, shown};
use super::query::Query;
use crate::{CircuitBreakerRegistry, CircuitsPage, Dependency};

#[derive(Serialize)]
struct Page<'a> {
    dependency: &'a str,
    #[serde(flatten)]
    page: CircuitsPage,
}

/// Goes over all circuits of the dependency.
pub(super) fn answer(query: Query, registry: &CircuitBreakerRegistry) -> Answer {
    match query {
        Query::Tenant(tenant) => of_json(&registry.tenant(&tenant).snapshot()),
        Query::Dependency { name, page } => match find(registry, &name) {
            Ok(dependency) => of_json(&Page {
                dependency: dependency.name(),
                page: dependency.circuits_page(&page),
            }),
            Err(unknown) => unknown.into(),
        },
    }
}

/// The most names of those that are known that a problem lists.
const LISTED: usize = 20;

pub(super) fn find(registry: &CircuitBreakerRegistry, name: &str) -> Result<Dependency, Problem> {
    registry.get(name).ok_or_else(|| {
        let known = registry.dependencies();
        let names = known.iter().take(LISTED).map(Dependency::name);
        let mut detail = format!(
            "unknown dependency {}, known are {:?}",
            shown(name),
            names.collect::<Vec<_>>()
        );
        if let more @ 1.. = known.len().saturating_sub(LISTED) {
            detail += &format!(" and {more} more");
        }
        Problem::new(StatusCode::NOT_FOUND, detail)
    })
}
