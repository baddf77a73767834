//! Answers: the headers that all of them have, and problems.

use ::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue,
    REFERRER_POLICY, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS,
};
use ::http::{Response, StatusCode};
use serde::Serialize;

use super::body::StatusBody;
use super::page;
use super::wire::json;
use crate::http::plain_problem;

pub(super) type Answer = Response<StatusBody>;

/// With the headers that every answer has.
fn guarded(mut answer: Answer) -> Answer {
    let mut put = |name: HeaderName, value| {
        let value = HeaderValue::from_static(value);
        answer.headers_mut().insert(name, value);
    };
    put(CONTENT_SECURITY_POLICY, page::SECURITY_POLICY);
    put(X_CONTENT_TYPE_OPTIONS, "nosniff");
    put(REFERRER_POLICY, "no-referrer");
    put(CACHE_CONTROL, "no-store");
    answer
}

pub(super) fn of_type(content_type: &'static str, body: StatusBody) -> Answer {
    let mut answer = Response::new(body);
    let content_type = HeaderValue::from_static(content_type);
    answer.headers_mut().insert(CONTENT_TYPE, content_type);
    guarded(answer)
}

pub(super) fn of_json(value: &impl Serialize) -> Answer {
    of_type("application/json", json(value).into())
}

/// Why a request is not answered with what it asked for.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    /// Names what was wrong, the value, and the bound.
    detail: String,
    allow: Option<&'static str>,
    retry_after: Option<u16>,
}

impl Problem {
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            status,
            detail: detail.into(),
            allow: None,
            retry_after: None,
        }
    }

    pub(super) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    pub(super) fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, detail)
    }

    /// The methods that would do.
    pub(super) fn allow(mut self, methods: &'static str) -> Self {
        self.allow = Some(methods);
        self
    }

    /// In seconds.
    pub(super) fn retry_after(mut self, seconds: u16) -> Self {
        self.retry_after = Some(seconds);
        self
    }
}

impl From<Problem> for Answer {
    fn from(problem: Problem) -> Self {
        let mut answer: Self = plain_problem(problem.status, &problem.detail);
        let headers = answer.headers_mut();
        if let Some(methods) = problem.allow {
            headers.insert(ALLOW, HeaderValue::from_static(methods));
        }
        if let Some(seconds) = problem.retry_after {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        guarded(answer)
    }
}

/// The longest part of a request's value that a problem shows, in characters.
const SHOWN: usize = 64;

/// A value of a request, fit for a problem: quoted, escaped and cut.
pub(super) fn shown(value: &str) -> String {
    match value.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{:?}..", &value[..end]),
        None => format!("{value:?}"),
    }
}
