//! What reqwest's responses and errors mean. Without a socket: errors of sockets are in `errors`.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::time::Duration;

use reqwest::{Response, StatusCode};
use reqwest_middleware::Error;
use tower::BoxError;
use tower::load_shed::error::Overloaded;
use tower_tenant_breaker::reqwest::ReqwestErrors;
use tower_tenant_breaker::{
    Classify, DefaultClassify, ErrIsFailure, HttpClassify, MissingReason, MissingTenant, Outcome,
};

use crate::stub::response;

fn judged<C>(classify: &C, response: &Response) -> Outcome
where
    C: Classify<Response, Error>,
{
    classify.classify(Ok(response))
}

/// One answer of every classifier, for this kind of error.
fn failed_with<E>(error: &E) -> Outcome
where
    E: 'static,
{
    let outcome = ReqwestErrors.classify(Err::<&(), _>(error));
    let by_default = DefaultClassify.classify(Err::<&Response, _>(error));
    assert_eq!(outcome, by_default);
    let by_table = HttpClassify::new().classify(Err::<&Response, _>(error));
    assert_eq!(outcome, by_table);
    outcome
}

/// One answer for an error of reqwest as itself, and in whatever it may be wrapped.
fn failed(error: impl Fn() -> reqwest::Error) -> Outcome {
    let outcome = failed_with(&error());
    assert_eq!(failed_with(&Error::Reqwest(error())), outcome);
    assert_eq!(failed_with(&Error::middleware(error())), outcome);
    assert_eq!(
        failed_with(&Error::middleware(Wrapper(Error::Reqwest(error())))),
        outcome
    );
    assert_eq!(failed_with(&BoxError::from(error())), outcome);
    assert_eq!(
        failed_with(&BoxError::from(Error::Reqwest(error()))),
        outcome
    );
    assert_eq!(failed_with(&BoxError::from(Wrapper(error()))), outcome);
    assert_eq!(failed_with(&io::Error::other(error())), outcome);
    outcome
}

/// Any error with a source.
#[derive(Debug)]
struct Wrapper<E>(E);

impl<E> fmt::Display for Wrapper<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no hits")
    }
}

impl<E: StdError + 'static> StdError for Wrapper<E> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.0)
    }
}

fn of_status(status: u16) -> reqwest::Error {
    response(status, &[]).error_for_status().unwrap_err()
}

fn of_builder() -> reqwest::Error {
    reqwest::Client::new().get("no url").build().unwrap_err()
}

// ===== responses =====

#[test]
fn a_response_of_reqwest_means_what_the_same_of_http_means() {
    let heads: [&[(&str, &str)]; 4] = [
        &[],
        &[("retry-after", "7")],
        &[("retry-after-ms", "1500")],
        &[("content-type", "application/grpc"), ("grpc-status", "14")],
    ];
    for status in 100..=999 {
        for headers in heads {
            let mut of_http = http::Response::builder().status(status);
            for (name, value) in headers {
                of_http = of_http.header(*name, *value);
            }
            let of_http = of_http.body(()).unwrap();
            let expected = DefaultClassify.classify(Ok::<_, &BoxError>(&of_http));
            let response = response(status, headers);
            assert_eq!(judged(&DefaultClassify, &response), expected, "{status}");
            assert_eq!(
                judged(&HttpClassify::new(), &response),
                expected,
                "{status}"
            );
            assert_eq!(judged(&ReqwestErrors, &response), Outcome::Success);
        }
    }
    let hint = Duration::from_secs(7);
    let busy = judged(&DefaultClassify, &response(529, &[("retry-after", "7")]));
    assert_eq!(busy, Outcome::failure().with_retry_after(hint));
}

#[test]
fn a_status_of_reqwest_can_be_given_another_meaning_as_a_response_and_as_an_error() {
    let classify = HttpClassify::new()
        .failure_on(StatusCode::NOT_FOUND)
        .ignored_on(StatusCode::SERVICE_UNAVAILABLE);
    for (status, expected) in [
        (404, Outcome::failure()),
        (503, Outcome::Ignored),
        (502, Outcome::failure()),
        (410, Outcome::Success),
    ] {
        assert_eq!(
            judged(&classify, &response(status, &[])),
            expected,
            "{status}"
        );
        let error = Error::Reqwest(of_status(status));
        let of_error = classify.classify(Err::<&Response, _>(&error));
        assert_eq!(of_error, expected, "{status}");
    }
}

#[test]
fn a_feature_changes_nothing_for_those_who_do_not_use_it() {
    let error = BoxError::from(of_status(404));
    assert_eq!(
        ErrIsFailure.classify(Err::<&(), _>(&error)),
        Outcome::failure()
    );
    let of_http = DefaultClassify.classify(Err::<&http::Response<()>, _>(&error));
    assert_eq!(of_http, Outcome::failure());
}

#[test]
fn a_closure_over_a_response_of_reqwest_is_asked_first() {
    let teapot = |result: Result<&Response, &Error>| match result {
        Ok(response) if response.status() == StatusCode::IM_A_TEAPOT => Some(Outcome::failure()),
        Ok(_) => None,
        Err(error) => error.is_middleware().then_some(Outcome::Ignored),
    };
    let classify = DefaultClassify.ask_first(teapot);
    assert_eq!(judged(&classify, &response(418, &[])), Outcome::failure());
    assert_eq!(judged(&classify, &response(404, &[])), Outcome::Success);
    let theirs = Error::middleware(io::Error::other("no token"));
    assert_eq!(classify.classify(Err(&theirs)), Outcome::Ignored);
    assert_eq!(
        classify.classify(Err(&Error::Reqwest(of_status(500)))),
        Outcome::failure()
    );

    let with_table = HttpClassify::new()
        .failure_on(StatusCode::NOT_FOUND)
        .ask_first(teapot);
    assert_eq!(judged(&with_table, &response(418, &[])), Outcome::failure());
    assert_eq!(judged(&with_table, &response(404, &[])), Outcome::failure());
}

// ===== errors =====

#[test]
fn an_error_of_a_status_is_judged_by_the_status() {
    for status in 400..=599 {
        let expected = match status {
            408 | 500..=599 => Outcome::failure(),
            429 => Outcome::throttled(),
            _ => Outcome::Success,
        };
        assert_eq!(failed(|| of_status(status)), expected, "{status}");
    }
}

#[test]
fn a_hint_does_not_survive_as_an_error() {
    let error = response(503, &[("retry-after", "7")])
        .error_for_status()
        .unwrap_err();
    assert_eq!(failed_with(&error), Outcome::failure());
}

#[test]
fn a_request_that_cannot_be_built_is_no_fault_of_the_dependency() {
    assert_eq!(failed(of_builder), Outcome::Ignored);
}

#[test]
fn an_error_that_nobody_knows_is_a_failure() {
    assert_eq!(
        failed_with(&Error::middleware(io::Error::other("no token"))),
        Outcome::failure()
    );
}

#[test]
fn what_is_ours_is_ignored_within_an_error_of_a_middleware() {
    let missing = MissingTenant::new(MissingReason::Absent);
    assert_eq!(failed_with(&Error::middleware(missing)), Outcome::Ignored);
    assert_eq!(
        failed_with(&Error::middleware(Overloaded::new())),
        Outcome::Ignored
    );
    let deeper = BoxError::from(Wrapper(Error::middleware(Wrapper(Overloaded::new()))));
    assert_eq!(failed_with(&deeper), Outcome::Ignored);
}
