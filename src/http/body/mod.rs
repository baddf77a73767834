//! What goes wrong after a good head: bodies and streams.
//!
//! A response's head is judged when it arrives, and by default that settles the call: a stream that breaks later, or
//! takes a minute to end, is a fast success. [`observe_body`] settles it later:
//!
//! | settle | latency is the time to | for |
//! |---|---|---|
//! | at the head (the default) | the head | answers that are sent in one go |
//! | [`SettleAt::FirstData`] | the first data | tokens of a language model, where the first is what people wait for |
//! | [`SettleAt::End`] | the end | answers whose end matters: gRPC, exports, streams that must not break |
//! | [`SettleAt::EndTimedAtFirstData`] | the first data | streams of a language model that must not break: settled at the end, timed to the first token |
//!
//! Until then the call is in the air, as one without a head is: a client that leaves has cancelled it, and a probe
//! keeps its place, for as long as its lease lasts.
//!
//! # What settles a call
//!
//! A head that is no success settles it at once. After a good one, whichever comes first:
//!
//! - what the [`JudgeBody`] says of a frame, whatever the point;
//! - an error of the body: a failure;
//! - the point itself: the first data, or the end, which is a success. What the first data is, the judge may say
//!   ([`JudgeBody::has_begun`]): a first token rather than a greeting;
//! - the end of the body before the point. A body need not be polled to its end, and servers do not: it is over where
//!   it says so ([`is_end_stream`](http_body::Body::is_end_stream)), after its trailers, where it has given as many bytes
//!   as its `Content-Length` or its own [`size_hint`](http_body::Body::size_hint) promised, and at the head where there
//!   can be none (the answer to `HEAD`, 204, 304);
//! - that the body is dropped: cancelled, as a call that is dropped without a head.
//!
//! What the body gives is handed on as it is, with its trailers and its size hint, and nothing is allocated for a
//! frame. Responses that no circuit waits for (rejections, a fallback's answers) have a body of the same type.
//!
//! # Mind the latency rules
//!
//! A call's latency is that to the point, and under [`SettleAt::End`] that is how long a stream lasts, slow readers
//! included. The default policy calls more than 3 s slow: a healthy model that talks for longer would open its circuit,
//! and its probes would be slow, too. So choose a [latency rule](crate::LatencyRule) for whole streams, or none
//! ([`without_latency`](crate::PolicyBuilder::without_latency)). For the time to the first token there are
//! [`SettleAt::FirstData`], and [`SettleAt::EndTimedAtFirstData`] where what comes later matters too.
//!
//! # Streams that are timed to their first data
//!
//! Under [`SettleAt::EndTimedAtFirstData`] a call lasts to the end of its body and can fail until then, but its latency
//! is that to the first data: for latency rules, histograms, and probes that are too slow. Without any data it is that
//! to the end. A probe keeps its place to the end, or as long as its lease lasts: for streams that last longer, choose a
//! longer [`probe_lease`](crate::PolicyBuilder::probe_lease).
//!
//! A body that is dropped before the first data is a cancelled call as ever, and slow where that took too long. One that
//! is dropped after it is cancelled too, but never slow by what came later. Cancelled calls in a row count as failures
//! by [`abandoned_run`](crate::PolicyBuilder::abandoned_run), and these do: five streams of a tenant that people stop
//! reading when they have seen enough, with no other in between, open its circuit by default. Where people
//! do so, choose a longer run, or 0 where every caller waits for at least the latency threshold, so that a dependency
//! that hangs is found out as slow; or [`SettleAt::FirstData`], for which such a stream is a success.
//!
//! # gRPC
//!
//! A call's status comes in the trailers. [`DefaultBodyJudge`] reads it where the content type is gRPC's, so that a
//! stream that ends with `UNAVAILABLE` is a failure; feature `grpc` has a judge whose codes can be chosen.
//!
//! [`observe_body`]: crate::TenantCircuitBreakerLayer::observe_body

mod beside;
mod clock;
mod default_judge;
mod judge;
mod observed;
mod sse;

use ::http::{Method, Request, Response, StatusCode};
use http_body::Body;

pub use self::beside::Beside;
pub use self::default_judge::DefaultBodyJudge;
pub use self::judge::{JudgeBody, JudgeData};
pub use self::observed::ObservedBody;
pub use self::sse::{JudgeEvents, SseEvent, SseJudge};
#[cfg(feature = "agent")]
pub(crate) use self::sse::{Lines, is_event_stream, is_plain};
use crate::settle::Settle;
use crate::{Permit, TenantCircuitBreakerLayer};

/// When the outcome of a call with a good head is settled, and its latency measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SettleAt {
    /// At the first data, however little.
    FirstData,
    /// At the end of the body.
    End,
    /// At the end of the body, with the latency that its first data had: a stream that breaks is a failure, and one that
    /// lasts is not slow. See [there](self#streams-that-are-timed-to-their-first-data).
    EndTimedAtFirstData,
}

/// Has the body settle the outcome; made by [`observe_body`](TenantCircuitBreakerLayer::observe_body), and its
/// namesakes on a failover and on a middleware of reqwest.
#[derive(Clone, Copy, Debug)]
pub struct ObserveBody<J> {
    point: SettleAt,
    judge: J,
}

impl<J> ObserveBody<J> {
    pub(crate) const fn new(point: SettleAt, judge: J) -> Self {
        Self { point, judge }
    }

    /// For the answer to a request of this method; none where nobody knows it.
    pub(crate) fn of(&self, method: Option<&Method>) -> Begun<J>
    where
        J: Clone,
    {
        Begun {
            observe: self.clone(),
            beside: (),
            asked: match method {
                Some(&Method::HEAD) => Asked::Head,
                Some(&Method::CONNECT) => Asked::Connect,
                _ => Asked::Other,
            },
        }
    }
}

/// What a response's body will be observed with.
#[derive(Debug)]
pub struct Begun<J, W = ()> {
    observe: ObserveBody<J>,
    asked: Asked,
    beside: W,
}

/// What was asked for, as far as it says whether the answer has a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Head,
    Connect,
    Other,
}

impl<J> Begun<J> {
    /// The same, with somebody beside who hears of it.
    pub(crate) fn beside<W>(self, beside: W) -> Begun<J, W> {
        Begun {
            observe: self.observe,
            asked: self.asked,
            beside,
        }
    }
}

impl<J, W> Begun<J, W> {
    /// Whether an answer of this status has no body, whatever its head promises, so that nobody polls for one.
    /// As in [RFC 9112, section 6.3](https://www.rfc-editor.org/rfc/rfc9112#section-6.3).
    fn is_bodiless(&self, status: StatusCode) -> bool {
        self.asked == Asked::Head
            || self.asked == Asked::Connect && status.is_success()
            || status.is_informational()
            || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
    }
}

impl<A, B, J> Settle<Request<A>, Response<B>> for ObserveBody<J>
where
    B: Body,
    J: JudgeBody<B::Data, B::Error> + Clone,
{
    type Begun = Begun<J>;
    type Response = Response<ObservedBody<B, J>>;

    fn begin(&self, req: &Request<A>) -> Begun<J> {
        self.of(Some(req.method()))
    }

    fn settle(begun: Begun<J>, response: Response<B>, permit: &mut Permit) -> Self::Response {
        let (head, body) = response.into_parts();
        let body = ObservedBody::new(&head, body, begun, permit.take());
        Response::from_parts(head, body)
    }

    fn pass(response: Response<B>) -> Self::Response {
        response.map(ObservedBody::unobserved)
    }
}

impl<D, E, C, O, G, P, T> TenantCircuitBreakerLayer<D, E, C, O, G, P, T> {
    /// Settles the outcome of a call with a good head at its body's first data or end, and measures the latency to
    /// there: see [`http::body`](crate::http::body).
    ///
    /// For services that take an `http::Request` and answer with an `http::Response`, whose body then is an
    /// [`ObservedBody`]; and, with the feature `reqwest-middleware`, for those that answer with a
    /// `reqwest::Response`, which it remains.
    ///
    /// ```
    /// use tower_tenant_breaker::http::body::SettleAt;
    /// use tower_tenant_breaker::http::{HeaderTenant, problem_response};
    /// use tower_tenant_breaker::{CircuitBreakerRegistry, TenantCircuitBreakerLayer};
    ///
    /// let models = CircuitBreakerRegistry::builder().build()?.dependency("models")?;
    /// let layer = TenantCircuitBreakerLayer::new(models, HeaderTenant::new("x-tenant-id"))
    ///     .observe_body(SettleAt::FirstData);
    /// # Ok::<(), tower::BoxError>(())
    /// ```
    pub fn observe_body(
        self,
        point: SettleAt,
    ) -> TenantCircuitBreakerLayer<D, E, C, O, G, P, ObserveBody<DefaultBodyJudge>> {
        self.observe_body_with(point, DefaultBodyJudge::new())
    }

    /// As [`observe_body`](Self::observe_body), with a judge of your own: a [`SseJudge`], or whatever [`JudgeBody`]
    /// there is. It is cloned for every admitted call.
    ///
    /// ```
    /// use tower_tenant_breaker::http::HeaderTenant;
    /// use tower_tenant_breaker::http::body::{SettleAt, SseJudge};
    /// use tower_tenant_breaker::{CircuitBreakerRegistry, Policy, TenantCircuitBreakerLayer};
    ///
    /// // How long a stream lasts says nothing about its model.
    /// let policy = Policy::low_traffic().without_latency().build()?;
    /// let models = CircuitBreakerRegistry::builder().build()?.dependency_with("models", policy)?;
    /// // A 200 whose stream carries an event named `error` is a failure.
    /// let layer = TenantCircuitBreakerLayer::new(models, HeaderTenant::new("x-tenant-id"))
    ///     .observe_body_with(SettleAt::End, SseJudge::new());
    /// # Ok::<(), tower::BoxError>(())
    /// ```
    pub fn observe_body_with<J>(
        self,
        point: SettleAt,
        judge: J,
    ) -> TenantCircuitBreakerLayer<D, E, C, O, G, P, ObserveBody<J>> {
        self.settle(ObserveBody::new(point, judge))
    }
}
