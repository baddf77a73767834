use ::http::{HeaderMap, StatusCode};
use ::reqwest::{Error, Response};

use crate::classify::{self, DefaultJudged, walkable};
use crate::http::{HttpClassify, of_head};
use crate::outcome::{Classify, Outcome};
use crate::source_chain::chain;

/// What reqwest's errors say; every response is a success.
///
/// For [`Dependency::call_with`](crate::Dependency::call_with), around a future that turns bad statuses into errors and reads
/// the body, too. The [table](crate::reqwest#what-a-result-means) says what each error means.
/// [`ErrIsFailure`](crate::ErrIsFailure) would hold a 404 against the dependency.
///
/// ```
/// use tower_tenant_breaker::reqwest::ReqwestErrors;
/// use tower_tenant_breaker::{CallError, Dependency};
///
/// async fn hits(search: &Dependency, client: &reqwest::Client) -> Result<String, CallError<reqwest::Error>> {
///     let fetch = async {
///         client.get("http://search/").send().await?.error_for_status()?.text().await
///     };
///     search.call_with("acme", ReqwestErrors, fetch).await
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReqwestErrors;

impl<Res, E: 'static> Classify<Res, E> for ReqwestErrors {
    fn classify(&self, result: Result<&Res, &E>) -> Outcome {
        match result {
            Ok(_) => Outcome::Success,
            Err(error) => of_error(error, None),
        }
    }
}

impl<E: 'static> DefaultJudged<E> for Response {
    fn judge(result: Result<&Self, &E>) -> Outcome {
        match result {
            Ok(response) => of_head(response.status(), response.headers(), None),
            Err(error) => of_error(error, None),
        }
    }
}

impl<E: 'static> Classify<Response, E> for HttpClassify {
    fn classify(&self, result: Result<&Response, &E>) -> Outcome {
        match result {
            Ok(response) => self.of_head(response.status(), response.headers()),
            Err(error) => of_error(error, Some(self)),
        }
    }
}

/// What an error means; `said` has another opinion on statuses.
fn of_error<E: 'static>(error: &E, said: Option<&HttpClassify>) -> Outcome {
    let headers = HeaderMap::new();
    of_error_by(error, |status| match said {
        Some(said) => said.of_head(status, &headers),
        None => of_head(status, &headers, None),
    })
}

/// What an error means; a status in one is asked about, without its response's headers, which are gone.
///
/// Asked by what knows reqwest alone: a feature must change nothing for those who do not use it.
pub(crate) fn of_error_by<E: 'static>(
    error: &E,
    of_status: impl FnOnce(StatusCode) -> Outcome,
) -> Outcome {
    let outcome = classify::of_error(error);
    let reqwest_error = walkable(error).and_then(|error| chain(error).find_map(downcast));
    match reqwest_error {
        Some(error) if outcome != Outcome::Ignored => of_reqwest(error, of_status),
        _ => outcome,
    }
}

fn downcast<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a Error> {
    error.downcast_ref()
}

/// What an error of reqwest means that holds none of ours.
fn of_reqwest(error: &Error, of_status: impl FnOnce(StatusCode) -> Outcome) -> Outcome {
    // The response is gone, and with it its headers: no hint, and no `grpc-status`.
    if let Some(status) = error.status() {
        of_status(status)
    } else if error.is_builder() || breaks_off(error) {
        Outcome::Ignored
    } else {
        Outcome::failure()
    }
}

/// Whether the request's own body failed: a stream of the caller's that was cut short.
///
/// An error of a response's body comes by itself. One within an error of sending is the request's.
fn breaks_off(error: &Error) -> bool {
    let is_of_body = |error: &Error| error.is_body();
    let beneath = chain(error).skip(1);
    error.is_request()
        && beneath
            .filter_map(|error| error.downcast_ref())
            .any(is_of_body)
}
