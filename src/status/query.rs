//! What the query of `circuits` asks for.

use std::borrow::Cow;

use super::answer::{Problem, shown};
use crate::rejection::InvalidTenant;
use crate::{MAX_PAGE, MAX_TENANT_BYTES, PageRequest};

/// Rows of a page, where nothing is said of it.
const LIMIT: usize = 20;

#[derive(Debug)]
pub(super) enum Query {
    Dependency { name: String, page: PageRequest },
    Tenant(String),
}

/// The parameters as they were given.
#[derive(Default)]
struct Given<'a> {
    dependency: Option<Cow<'a, str>>,
    tenant: Option<Cow<'a, str>>,
    limit: Option<Cow<'a, str>>,
    after: Option<Cow<'a, str>>,
    prefix: Option<Cow<'a, str>>,
    not_closed: Option<Cow<'a, str>>,
}

impl<'a> Given<'a> {
    fn read(query: &'a str) -> Result<Self, Problem> {
        let mut given = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let place = match &*name {
                "dependency" => &mut given.dependency,
                "tenant" => &mut given.tenant,
                "limit" => &mut given.limit,
                "after" => &mut given.after,
                "prefix" => &mut given.prefix,
                "not_closed" => &mut given.not_closed,
                other => {
                    return Err(Problem::bad_request(format!(
                        "unknown parameter {}, known are dependency, limit, after, prefix, not_closed and tenant",
                        shown(other)
                    )));
                }
            };
            if place.replace(value).is_some() {
                let detail = format!("the parameter {name} is there twice");
                return Err(Problem::bad_request(detail));
            }
        }
        Ok(given)
    }
}

impl Query {
    pub(super) fn read(query: Option<&str>) -> Result<Self, Problem> {
        let given = Given::read(query.unwrap_or_default())?;
        match given {
            Given {
                dependency: Some(ref name),
                tenant: None,
                ..
            } => Ok(Self::Dependency {
                page: page(&given)?,
                name: name.as_ref().to_owned(),
            }),
            Given {
                dependency: None,
                tenant: Some(tenant),
                limit: None,
                after: None,
                prefix: None,
                not_closed: None,
            } => {
                if let Err(error) = InvalidTenant::check(&tenant) {
                    return Err(bad("tenant", &tenant, &error.to_string()));
                }
                Ok(Self::Tenant(tenant.into_owned()))
            }
            Given {
                dependency: None,
                tenant: Some(_),
                ..
            } => Err(Problem::bad_request(
                "the parameter tenant goes without any other",
            )),
            Given {
                dependency: Some(_),
                tenant: Some(_),
                ..
            } => Err(Problem::bad_request(
                "the parameters dependency and tenant exclude each other",
            )),
            Given {
                dependency: None,
                tenant: None,
                ..
            } => Err(Problem::bad_request(
                "one of the parameters dependency and tenant must be there",
            )),
        }
    }
}

fn page(given: &Given<'_>) -> Result<PageRequest, Problem> {
    let limit = match given.limit.as_deref() {
        None => LIMIT,
        Some(value) => value
            .parse()
            .ok()
            .filter(|limit| (1..=MAX_PAGE).contains(limit))
            .ok_or_else(|| bad("limit", value, &format!("must be from 1 to {MAX_PAGE}")))?,
    };
    let mut page = PageRequest::new(limit);
    if let Some(value) = given.after.as_deref() {
        let cursor = value.parse();
        let cursor = cursor.map_err(|_| bad("after", value, "must be the next of a page"))?;
        page = page.after(cursor);
    }
    if let Some(value) = given.prefix.as_deref() {
        if value.len() > MAX_TENANT_BYTES {
            let bound = format!(
                "has {} bytes, but must have up to {MAX_TENANT_BYTES}",
                value.len()
            );
            return Err(bad("prefix", value, &bound));
        }
        page = page.tenant_prefix(value);
    }
    match given.not_closed.as_deref() {
        None | Some("false") => Ok(page),
        Some("true") => Ok(page.not_closed()),
        Some(value) => Err(bad("not_closed", value, "must be true or false")),
    }
}

fn bad(parameter: &str, value: &str, why: &str) -> Problem {
    let value = shown(value);
    Problem::bad_request(format!("the parameter {parameter} is {value}: {why}"))
}
