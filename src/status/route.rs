//! Which request asks for what.

use ::http::request::Parts;
use ::http::{Method, StatusCode};

use super::answer::{Problem, shown};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    Page,
    Circuits,
    Events,
    Who,
    Act,
}

impl Route {
    pub(super) fn no_actions() -> Problem {
        let detail = "there are no actions here: the page is read-only";
        Problem::new(StatusCode::NOT_FOUND, detail)
    }

    /// By the last segment of the path, since nobody tells a service where it is mounted.
    pub(super) fn of(parts: &Parts, has_actions: bool) -> Result<Self, Problem> {
        let path = parts.uri.path();
        let last = path.rsplit('/').next().unwrap_or_default();
        let read = match last {
            "" => Self::Page,
            "circuits" => Self::Circuits,
            "events" => Self::Events,
            "actions" if has_actions => Self::Who,
            "actions" => return Err(Self::no_actions()),
            _ => {
                let detail = format!("there is nothing at {}", shown(path));
                return Err(Problem::new(StatusCode::NOT_FOUND, detail));
            }
        };
        match (read, &parts.method) {
            (_, &Method::GET) => Ok(read),
            (Self::Who, &Method::POST) => Ok(Self::Act),
            (Self::Who, method) => Err(not_allowed(method, "GET, POST")),
            (_, method) => Err(not_allowed(method, "GET")),
        }
    }
}

fn not_allowed(method: &Method, allowed: &'static str) -> Problem {
    let method = shown(method.as_str());
    let detail = format!("the method is {method}, but must be one of {allowed}");
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail).allow(allowed)
}
