//! Whether a request that would change something was made by our own page.
//!
//! A browser sends what another site's page makes it send, with the cookies of its user. Three signs of that, each enough:
//! what browsers say themselves (`sec-fetch-site`, `origin`), and a token that the other page cannot read, in a header that
//! it cannot send without asking first.

use ::http::header::{CONTENT_TYPE, HOST, HeaderName, ORIGIN};
use ::http::request::Parts;
use ::http::{HeaderMap, HeaderValue, StatusCode};

use super::answer::{Problem, shown};
use super::token::Token;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const X_CSRF_TOKEN: HeaderName = HeaderName::from_static("x-csrf-token");

pub(super) fn check(parts: &Parts, token: &Token) -> Result<(), Problem> {
    check_site(&parts.headers)?;
    check_origin(parts)?;
    check_token(&parts.headers, token)?;
    check_type(&parts.headers)
}

fn check_site(headers: &HeaderMap) -> Result<(), Problem> {
    let mut sites = headers.get_all(SEC_FETCH_SITE).iter();
    match sites.find(|site| *site != "same-origin") {
        Some(other) => Err(wrong(&SEC_FETCH_SITE, other, "\"same-origin\"")),
        None => Ok(()),
    }
}

fn check_origin(parts: &Parts) -> Result<(), Problem> {
    let host = match parts.headers.contains_key(HOST) {
        true => only(&parts.headers, &HOST).and_then(|host| host.to_str().ok()),
        // HTTP/2 has it in the URI.
        false => parts.uri.authority().map(|host| host.as_str()),
    };
    let host = host.filter(|host| !host.is_empty());
    let is_own = |origin: &HeaderValue| {
        let origin = origin.to_str().ok();
        let origin = origin.and_then(|origin| {
            let plain = origin.strip_prefix("http://");
            plain.or_else(|| origin.strip_prefix("https://"))
        });
        let pair = origin.zip(host);
        pair.is_some_and(|(origin, host)| origin.eq_ignore_ascii_case(host))
    };
    let mut origins = parts.headers.get_all(ORIGIN).iter();
    match origins.find(|origin| !is_own(origin)) {
        Some(other) => {
            let host = shown(host.unwrap_or_default());
            Err(wrong(&ORIGIN, other, &format!("this host, {host}")))
        }
        None => Ok(()),
    }
}

fn check_token(headers: &HeaderMap, token: &Token) -> Result<(), Problem> {
    match only(headers, &X_CSRF_TOKEN) {
        Some(given) if token.is(given.as_bytes()) => Ok(()),
        // Without what was given, which may be the token of another service.
        Some(_) => Err(Problem::forbidden(
            "the header x-csrf-token is not the token that GET actions answers with",
        )),
        None => Err(Problem::forbidden(
            "the header x-csrf-token must be there once, with the token that GET actions answers with",
        )),
    }
}

fn check_type(headers: &HeaderMap) -> Result<(), Problem> {
    let given = only(headers, &CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = given.unwrap_or_default().split(';').next();
    let essence = essence.unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let given = shown(given.unwrap_or_default());
    let detail = format!("the header content-type is {given}, but must be \"application/json\"");
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail))
}

/// The value of a header that is there exactly once.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    values.next().is_none().then_some(value)
}

fn wrong(header: &HeaderName, value: &HeaderValue, bound: &str) -> Problem {
    let value = shown(&String::from_utf8_lossy(value.as_bytes()));
    Problem::forbidden(format!(
        "the header {header} is {value}, but must be {bound}"
    ))
}
