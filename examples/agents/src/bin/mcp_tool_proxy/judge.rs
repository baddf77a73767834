//! What the answers of MCP servers mean to a circuit.

use std::error::Error;
use std::iter::successors;
use std::time::Duration;

use rmcp::model::{CallToolResponse, ErrorData};
use rmcp::transport::streamable_http_client::{HttpStatusError, StreamableHttpError};
use tower::BoxError;
use tower_tenant_breaker::{Classify, ErrIsFailure, Outcome};

/// Judges the answers of tools behind [`Upstreams`](crate::upstream::Upstreams).
///
/// What a tool calls an error may be its own fault or that of the model's arguments, and MCP does not say which: such
/// an answer says nothing about the tool's health.
#[derive(Clone, Copy)]
pub struct OfServers;

/// What a tool answers, in its own words.
pub type Answer = Result<CallToolResponse, ErrorData>;

impl Classify<Answer, BoxError> for OfServers {
    fn classify(&self, result: Result<&Answer, &BoxError>) -> Outcome {
        match result {
            Ok(Ok(CallToolResponse::Complete(result))) if result.is_error == Some(true) => {
                Outcome::Ignored
            }
            Ok(Ok(_)) => Outcome::Success,
            Ok(Err(_)) => Outcome::Ignored,
            Err(error) => match status(&**error) {
                Some(status) => of_status(status),
                None => ErrIsFailure.classify(Err::<&Answer, _>(error)),
            },
        }
    }
}

fn of_status(status: &HttpStatusError) -> Outcome {
    let outcome = match status.status {
        429 => Outcome::throttled(),
        _ => Outcome::failure(),
    };
    let hint = status.retry_after.as_ref();
    match hint.and_then(|hint| hint.parse().ok()) {
        Some(seconds) => outcome.with_retry_after(Duration::from_secs(seconds)),
        None => outcome,
    }
}

/// rmcp keeps the status of 429 and 5xx, and of their headers the one that says when to come back. Its variant is
/// transparent, and so the status itself is no source of anything: who looks for it has to know the enum.
fn status<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a HttpStatusError> {
    let source = |error: &&'a (dyn Error + 'static)| (*error).source();
    successors(Some(error), source).find_map(|error| match error.downcast_ref()? {
        StreamableHttpError::<reqwest::Error>::HttpStatus(status) => Some(status),
        _ => None,
    })
}
