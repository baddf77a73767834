use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use ::http::header::CONTENT_LENGTH;
use ::http::response::Parts;
use bytes::Buf;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::clock::Timed;
use super::{Begun, Beside, JudgeBody, ObserveBody, SettleAt};
use crate::circuit::Stage;
use crate::http::grpc_status::is_grpc;
use crate::{Outcome, Permit};

pin_project! {
    /// The body of a response whose call is settled by what it gives.
    ///
    /// Made by [`observe_body`](crate::TenantCircuitBreakerLayer::observe_body).
    ///
    /// # Cancel safety
    ///
    /// Dropping it before the call is settled cancels the call, as dropping the future of a call does.
    pub struct ObservedBody<B, J, W = ()> {
        #[pin]
        body: B,
        // Until the call is settled.
        watch: Option<Watch<J, W>>,
    }
}

struct Watch<J, W> {
    permit: Timed,
    beside: W,
    judge: J,
    point: SettleAt,
    /// How many bytes of what the head promised are yet to come.
    left: Option<u64>,
}

impl<B, J, W> ObservedBody<B, J, W> {
    pub(crate) fn unobserved(body: B) -> Self {
        Self { body, watch: None }
    }
}

impl<B, J, W> ObservedBody<B, J, W>
where
    B: Body,
    J: JudgeBody<B::Data, B::Error>,
    W: Beside,
{
    /// The body of this head, to whose call belongs this permit.
    pub(crate) fn new(head: &Parts, body: B, begun: Begun<J, W>, mut permit: Permit) -> Self {
        let is_bodiless = begun.is_bodiless(head.status);
        let Begun {
            observe, beside, ..
        } = begun;
        let ObserveBody { point, mut judge } = observe;
        permit.stage(Stage::Hook);
        beside.hook();
        judge.head(head);
        let (left, ends) =
            permit.within(|| beside.within(|| (promised(head, &body), body.is_end_stream())));
        permit.stage(Stage::Hook);
        beside.hook();
        if is_bodiless || ends || left == Some(0) {
            let outcome = judge.end();
            beside.settle(outcome, || permit.record(outcome));
            return Self::unobserved(body);
        }
        permit.stage(Stage::Waiting);
        beside.wait();
        let watch = Watch {
            permit: Timed::new(permit),
            beside,
            judge,
            point,
            left,
        };
        Self {
            body,
            watch: Some(watch),
        }
    }
}

/// The length that a head promises, or the body itself, of which a server makes one. Servers stop to poll a body that
/// is as long, whether it knows its end or not.
fn promised<B: Body>(head: &Parts, body: &B) -> Option<u64> {
    // What matters in gRPC comes after the data.
    if is_grpc(&head.headers) {
        return None;
    }
    let length = head.headers.get(CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
    length.or_else(|| body.size_hint().exact())
}

impl<B, J, W> Body for ObservedBody<B, J, W>
where
    B: Body,
    J: JudgeBody<B::Data, B::Error>,
    W: Beside,
{
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        // Out of its place while code runs that is not ours, and back in it where nothing is decided: after a panic
        // nobody is asked again.
        let Some(mut watch) = this.watch.take() else {
            return this.body.poll_frame(cx);
        };
        // A panic that leaves the body is the dependency's failure, one that leaves the judge is ours.
        let Watch { permit, beside, .. } = &mut watch;
        let (polled, ends) = permit.within(|| {
            beside.within(|| {
                let polled = this.body.as_mut().poll_frame(cx);
                let ends = polled.is_ready() && this.body.is_end_stream();
                (polled, ends)
            })
        });
        let Poll::Ready(polled) = polled else {
            *this.watch = Some(watch);
            return Poll::Pending;
        };
        watch.permit.stage(Stage::Hook);
        watch.beside.hook();
        let verdict = match &polled {
            Some(Ok(frame)) => watch.judge_frame::<B>(frame, ends),
            Some(Err(error)) => Some(watch.judge.error(error)),
            None => Some(watch.judge.end()),
        };
        match verdict {
            Some(outcome) => {
                let Watch { permit, beside, .. } = watch;
                beside.settle(outcome, || permit.record(outcome));
            }
            None => {
                watch.permit.stage(Stage::Waiting);
                watch.beside.wait();
                *this.watch = Some(watch);
            }
        }
        Poll::Ready(polled)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<J, W> Watch<J, W> {
    /// Whether the clock still runs that the first data stops.
    fn runs_to_first_data(&self) -> bool {
        self.point == SettleAt::EndTimedAtFirstData && !self.permit.is_stopped()
    }

    fn judge_frame<B>(&mut self, frame: &Frame<B::Data>, ends: bool) -> Option<Outcome>
    where
        B: Body,
        J: JudgeBody<B::Data, B::Error>,
    {
        // Nobody polls a body once more after its trailers.
        let mut is_over = ends || frame.is_trailers();
        let verdict = if let Some(data) = frame.data_ref() {
            let length = data.remaining() as u64;
            self.left = self.left.map(|left| left.saturating_sub(length));
            is_over |= self.left == Some(0);
            let verdict = self.judge.data(data);
            let at_point =
                self.point == SettleAt::FirstData && length > 0 && self.judge.has_begun();
            if self.runs_to_first_data() && length > 0 && self.judge.has_begun() {
                self.permit.stop();
            }
            verdict.or_else(|| at_point.then_some(Outcome::Success))
        } else {
            let trailers = frame.trailers_ref();
            trailers.and_then(|trailers| self.judge.trailers(trailers))
        };
        verdict.or_else(|| is_over.then(|| self.judge.end()))
    }
}

// By hand: neither a judge nor a body need be `Debug`.
impl<B, J, W> fmt::Debug for ObservedBody<B, J, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObservedBody")
            .field("is_settled", &self.watch.is_none())
            .finish_non_exhaustive()
    }
}
