//! Calls whose body settles them: the body holds the span until then.

use http_body::Body;

use super::{CallSpan, OnSpan};
use crate::http::body::{Begun, Beside, JudgeBody, ObserveBody, ObservedBody};
use crate::settle::Settle;
use crate::{Outcome, Permit};

impl Beside for CallSpan {
    fn within<R>(&self, run: impl FnOnce() -> R) -> R {
        self.wait();
        Self::within(self, run)
    }

    fn hook(&self) {
        Self::hook(self);
    }

    fn wait(&self) {
        Self::wait(self);
    }

    fn settle(&self, outcome: Outcome, tell: impl FnOnce()) {
        self.ended(outcome);
        // What the circuit makes of it is an event of the span.
        let _entered = self.enter();
        tell();
    }
}

impl<A, B, J> Settle<http::Request<A>, http::Response<B>> for OnSpan<ObserveBody<J>>
where
    B: Body,
    J: JudgeBody<B::Data, B::Error> + Clone,
{
    type Begun = Begun<J, CallSpan>;
    type Response = http::Response<ObservedBody<B, J, CallSpan>>;

    fn begin(&self, req: &http::Request<A>) -> Self::Begun {
        let begun = self.part.of(Some(req.method()));
        self.span.admitted();
        begun.beside(self.span.clone())
    }

    fn settle(
        begun: Self::Begun,
        response: http::Response<B>,
        permit: &mut Permit,
    ) -> Self::Response {
        let (head, body) = response.into_parts();
        let body = ObservedBody::new(&head, body, begun, permit.take());
        http::Response::from_parts(head, body)
    }

    fn pass(response: http::Response<B>) -> Self::Response {
        response.map(ObservedBody::unobserved)
    }
}
