use ::http::HeaderMap;
use ::reqwest::{Error, Response};

use crate::classify::{self, DefaultJudged};
use crate::http::{HttpClassify, of_head};
use crate::outcome::{Classify, Outcome};
use crate::source_chain::chain;

impl<E: 'static> DefaultJudged<E> for Response {
    fn judge(result: Result<&Self, &E>) -> Outcome {
        match result {
            Ok(response) => of_head(response.status(), response.headers(), None),
            Err(error) => classify::of_error(error),
        }
    }
}

impl<E: 'static> Classify<Response, E> for HttpClassify {
    fn classify(&self, result: Result<&Response, &E>) -> Outcome {
        match result {
            Ok(response) => self.of_head(response.status(), response.headers()),
            Err(error) => self.of_error(error),
        }
    }
}

/// What an error of reqwest means that holds none of ours.
pub(crate) fn of_error(error: &Error) -> Outcome {
    // The response is gone, and with it its headers: no hint, and no `grpc-status`.
    if let Some(status) = error.status() {
        of_head(status, &HeaderMap::new(), None)
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
