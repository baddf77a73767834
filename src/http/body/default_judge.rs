use ::http::HeaderMap;
use ::http::response::Parts;

use super::JudgeBody;
use crate::Outcome;
use crate::classify::of_error;
use crate::http::grpc_status;
use crate::http::retry_after::with_hint;

/// An error of the body is a failure, unless this side made it; a gRPC call is what its trailers say.
///
/// | body | outcome |
/// |---|---|
/// | breaks off with an error | as [`ErrIsFailure`](crate::ErrIsFailure) judges it: failure, unless it is ours |
/// | of gRPC: trailers with a `grpc-status` | as [`DefaultClassify`](crate::DefaultClassify) judges it in a head, hints included |
/// | of gRPC: ends without a status in head or trailers | failure, as gRPC reads it as unknown |
/// | ends | success |
#[derive(Clone, Copy, Debug, Default)]
pub struct DefaultBodyJudge {
    expects_status: bool,
}

impl DefaultBodyJudge {
    /// The judge of a response that is yet to come.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            expects_status: false,
        }
    }
}

impl<D, E: 'static> JudgeBody<D, E> for DefaultBodyJudge {
    fn head(&mut self, head: &Parts) {
        self.expects_status = grpc_status::comes_later(&head.headers);
    }

    fn trailers(&mut self, trailers: &HeaderMap) -> Option<Outcome> {
        if !self.expects_status {
            return None;
        }
        let status = grpc_status::of(trailers)?;
        Some(with_hint(status.outcome(), trailers))
    }

    fn error(&mut self, error: &E) -> Outcome {
        of_error(error)
    }

    fn end(&mut self) -> Outcome {
        if self.expects_status {
            Outcome::failure()
        } else {
            Outcome::Success
        }
    }
}
