use std::fmt;

use ::http::response::Parts;
use ::http::{HeaderMap, Response, StatusCode};
use tonic::{Code, Status};

use crate::classify::{of_error, walkable};
use crate::http::body::{JudgeBody, ObserveBody, SettleAt};
use crate::http::grpc_status::{self, GrpcStatus};
use crate::http::retry_after::with_hint;
use crate::http::status_table::Verdict;
use crate::source_chain::chain;
use crate::{Classify, Outcome, TenantCircuitBreakerLayer};

/// Judges gRPC calls by their status, with an opinion of your own on some codes.
///
/// | code | outcome |
/// |---|---|
/// | `UNKNOWN`, `DEADLINE_EXCEEDED`, `PERMISSION_DENIED`, `INTERNAL`, `UNAVAILABLE`, `DATA_LOSS` | failure |
/// | `RESOURCE_EXHAUSTED` | throttled |
/// | `CANCELLED` | cancelled: see [above](crate::grpc#cancelled-is-ambiguous) |
/// | any other | success: the dependency was there to say so |
///
/// The failures are those of linkerd2-proxy. A hint for how long to stay away (`grpc-retry-pushback-ms`, or
/// `retry-after`) is read from the metadata of failed and throttled calls.
///
/// It judges the heads of `http::Response`s, and the statuses of finished calls, for
/// [`Dependency::call_with`](crate::Dependency::call_with). What comes in trailers is judged by
/// [`body_judge`](Self::body_judge); [`classify_grpc`](TenantCircuitBreakerLayer::classify_grpc) sets both.
///
/// A bad HTTP answer without a status, neither 2xx nor 304, comes from something on the way that speaks no gRPC. It has
/// the code that [gRPC gives it](https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md): 503 is
/// `UNAVAILABLE`.
///
/// An error without a status in its sources is judged as by [`ErrIsFailure`](crate::ErrIsFailure).
///
/// ```
/// use tonic::{Code, Response, Status};
/// use tower_tenant_breaker::grpc::GrpcClassify;
/// use tower_tenant_breaker::{Classify, Outcome};
///
/// // A search whose index is gone says `NOT_FOUND`.
/// let classify = GrpcClassify::new().failure_on(Code::NotFound);
/// let judge = |status: Status| classify.classify(Err::<&Response<()>, _>(&status));
///
/// assert_eq!(judge(Status::not_found("no index")), Outcome::failure());
/// assert_eq!(judge(Status::already_exists("one")), Outcome::Success);
/// ```
#[derive(Clone, Copy)]
pub struct GrpcClassify {
    said: [Option<Verdict>; GrpcStatus::COUNT as usize],
}

impl GrpcClassify {
    /// The opinion of the table above.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            said: [None; GrpcStatus::COUNT as usize],
        }
    }

    /// This code is a success.
    #[must_use]
    pub const fn success_on(self, code: Code) -> Self {
        self.with(code, Verdict::Success)
    }

    /// This code is a failure.
    #[must_use]
    pub const fn failure_on(self, code: Code) -> Self {
        self.with(code, Verdict::Failure)
    }

    /// This code says that the tenant sends too much.
    #[must_use]
    pub const fn throttled_on(self, code: Code) -> Self {
        self.with(code, Verdict::Throttled)
    }

    /// This code says nothing about the dependency.
    #[must_use]
    pub const fn ignored_on(self, code: Code) -> Self {
        self.with(code, Verdict::Ignored)
    }

    const fn with(mut self, code: Code, verdict: Verdict) -> Self {
        self.said[code as usize] = Some(verdict);
        self
    }

    /// The judge of what comes after a good head, with the same opinion.
    #[must_use]
    pub const fn body_judge(self) -> GrpcBodyJudge {
        GrpcBodyJudge {
            codes: self,
            expects_status: false,
        }
    }

    fn of_status(&self, status: GrpcStatus, metadata: &HeaderMap) -> Outcome {
        let said = self.said[usize::from(status.code())];
        let outcome = said.map_or_else(|| status.outcome(), Verdict::outcome);
        with_hint(outcome, metadata)
    }

    fn of_tonic(&self, status: &Status) -> Outcome {
        self.of_status(status.code().into(), status.metadata().as_ref())
    }

    fn of_error<E: 'static>(&self, error: &E) -> Outcome {
        // Before any status, since ours may be told as one: see `StatusError`.
        let outcome = of_error(error);
        if outcome == Outcome::Ignored {
            return outcome;
        }
        let mut chain = walkable(error).into_iter().flat_map(chain);
        match chain.find_map(|error| error.downcast_ref::<Status>()) {
            Some(status) => self.of_tonic(status),
            None => outcome,
        }
    }
}

/// The status of a call that was answered by something that speaks no gRPC, such as a proxy on the way; none for a
/// good answer, 200 or that of a route that speaks plain HTTP. Otherwise as in [gRPC's own
/// mapping](https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md).
fn of_http(status: StatusCode) -> Option<GrpcStatus> {
    let code = match status.as_u16() {
        200..=299 | 304 => return None,
        400 => Code::Internal,
        401 => Code::Unauthenticated,
        403 => Code::PermissionDenied,
        404 => Code::Unimplemented,
        429 | 502 | 503 | 504 => Code::Unavailable,
        _ => Code::Unknown,
    };
    Some(code.into())
}

impl From<Code> for GrpcStatus {
    fn from(code: Code) -> Self {
        Self::known(code as u8)
    }
}

impl<B, E: 'static> Classify<Response<B>, E> for GrpcClassify {
    fn classify(&self, result: Result<&Response<B>, &E>) -> Outcome {
        let response = match result {
            Ok(response) => response,
            Err(error) => return self.of_error(error),
        };
        let head = response.headers();
        let status = grpc_status::of(head).or_else(|| of_http(response.status()));
        // Without one, the dependency is at work until the trailers tell.
        status.map_or(Outcome::Success, |status| self.of_status(status, head))
    }
}

impl<T, E: 'static> Classify<tonic::Response<T>, E> for GrpcClassify {
    fn classify(&self, result: Result<&tonic::Response<T>, &E>) -> Outcome {
        match result {
            Ok(_) => Outcome::Success,
            Err(error) => self.of_error(error),
        }
    }
}

impl Default for GrpcClassify {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for GrpcClassify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = self.said.iter().enumerate().filter_map(|(code, said)| {
            let verdict = said.as_ref()?;
            Some((Code::from_i32(code as i32), verdict))
        });
        f.debug_map().entries(said).finish()
    }
}

/// Judges gRPC calls by their trailers; made by [`GrpcClassify::body_judge`].
///
/// A call of gRPC that ends without a status is `UNKNOWN`, as gRPC has it. A body that breaks off is judged by the
/// status that tonic makes of its error; where there is none, it is a failure.
#[derive(Clone, Copy, Debug)]
pub struct GrpcBodyJudge {
    codes: GrpcClassify,
    expects_status: bool,
}

impl<D, E: 'static> JudgeBody<D, E> for GrpcBodyJudge {
    fn head(&mut self, head: &Parts) {
        // Not of what speaks no gRPC: another route, or grpc-web, which has its status in the data.
        self.expects_status =
            head.status == StatusCode::OK && grpc_status::comes_later(&head.headers);
    }

    fn trailers(&mut self, trailers: &HeaderMap) -> Option<Outcome> {
        let status = grpc_status::of(trailers)?;
        Some(self.codes.of_status(status, trailers))
    }

    fn error(&mut self, error: &E) -> Outcome {
        self.codes.of_error(error)
    }

    fn end(&mut self) -> Outcome {
        if self.expects_status {
            self.codes.of_status(GrpcStatus::UNKNOWN, &HeaderMap::new())
        } else {
            Outcome::Success
        }
    }
}

impl<D, E, C, O, G, P, T> TenantCircuitBreakerLayer<D, E, C, O, G, P, T> {
    /// Judges gRPC calls by the status in their heads and their trailers, and settles them at their end.
    ///
    /// Replaces an earlier `classify` and `observe_body`. See [`grpc`](crate::grpc) for servers and clients.
    pub fn classify_grpc(
        self,
        codes: GrpcClassify,
    ) -> TenantCircuitBreakerLayer<D, E, GrpcClassify, O, G, P, ObserveBody<GrpcBodyJudge>> {
        self.classify(codes)
            .observe_body_with(SettleAt::End, codes.body_judge())
    }
}
