use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use ::http::header::CONTENT_LENGTH;
use ::http::response::Parts;
use bytes::Buf;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::{JudgeBody, ObserveBody, SettleAt};
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
    pub struct ObservedBody<B, J> {
        #[pin]
        body: B,
        // Until the call is settled.
        watch: Option<Watch<J>>,
    }
}

struct Watch<J> {
    permit: Permit,
    judge: J,
    point: SettleAt,
    /// How many bytes of what the head promised are yet to come.
    left: Option<u64>,
}

impl<B, J> ObservedBody<B, J> {
    pub(super) fn unobserved(body: B) -> Self {
        Self { body, watch: None }
    }
}

impl<B, J> ObservedBody<B, J>
where
    B: Body,
    J: JudgeBody<B::Data, B::Error>,
{
    pub(crate) fn new(
        head: &Parts,
        body: B,
        observe: ObserveBody<J>,
        is_head: bool,
        mut permit: Permit,
    ) -> Self {
        let ObserveBody { point, mut judge } = observe;
        permit.stage(Stage::Hook);
        judge.head(head);
        let left = promised(head);
        permit.stage(Stage::Inner);
        let is_over = is_head || left == Some(0) || body.is_end_stream();
        permit.stage(Stage::Hook);
        if is_over {
            permit.record(judge.end());
            return Self::unobserved(body);
        }
        permit.stage(Stage::Waiting);
        let watch = Watch {
            permit,
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

/// The length that a head promises. Servers stop to poll a body that is as long, whether it knows its end or not.
fn promised(head: &Parts) -> Option<u64> {
    // What matters in gRPC comes after the data.
    if is_grpc(&head.headers) {
        return None;
    }
    let length = head.headers.get(CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

impl<B, J> Body for ObservedBody<B, J>
where
    B: Body,
    J: JudgeBody<B::Data, B::Error>,
{
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        let Some(watch) = this.watch else {
            return this.body.poll_frame(cx);
        };
        // A panic that leaves the body is the dependency's failure, one that leaves the judge is ours.
        let polled = watch.permit.within(|| this.body.as_mut().poll_frame(cx));
        let Poll::Ready(polled) = polled else {
            return Poll::Pending;
        };
        let is_over = this.body.is_end_stream();
        watch.permit.stage(Stage::Hook);
        let verdict = match &polled {
            Some(Ok(frame)) => watch.judge_frame::<B>(frame, is_over),
            Some(Err(error)) => Some(watch.judge.error(error)),
            None => Some(watch.judge.end()),
        };
        watch.permit.stage(Stage::Waiting);
        if let Some(outcome) = verdict
            && let Some(watch) = this.watch.take()
        {
            watch.permit.record(outcome);
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

impl<J> Watch<J> {
    fn judge_frame<B>(&mut self, frame: &Frame<B::Data>, is_over: bool) -> Option<Outcome>
    where
        B: Body,
        J: JudgeBody<B::Data, B::Error>,
    {
        let mut is_over = is_over;
        let verdict = if let Some(data) = frame.data_ref() {
            let length = data.remaining() as u64;
            self.left = self.left.map(|left| left.saturating_sub(length));
            is_over |= self.left == Some(0);
            let verdict = self.judge.data(data);
            let at_point = self.point == SettleAt::FirstData && length > 0;
            verdict.or_else(|| at_point.then_some(Outcome::Success))
        } else {
            let trailers = frame.trailers_ref();
            trailers.and_then(|trailers| self.judge.trailers(trailers))
        };
        verdict.or_else(|| is_over.then(|| self.judge.end()))
    }
}

// By hand: neither a judge nor a body need be `Debug`.
impl<B, J> fmt::Debug for ObservedBody<B, J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObservedBody")
            .field("is_settled", &self.watch.is_none())
            .finish_non_exhaustive()
    }
}
