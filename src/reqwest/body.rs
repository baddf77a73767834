use std::any::Any;
use std::mem;

use ::http::response::{Builder, Parts};
use ::reqwest::{Body, Error, Request, Response, ResponseBuilderExt};
use bytes::Bytes;

use crate::Permit;
use crate::http::body::{Begun, Beside, JudgeBody, ObserveBody, ObservedBody};
use crate::settle::Settle;
use crate::span::{CallSpan, OnSpan};

/// Whatever the request is: one that is opaque, as those of an SDK, is taken for one whose answer has a body.
impl<Req, J> Settle<Req, Response> for ObserveBody<J>
where
    Req: 'static,
    J: JudgeBody<Bytes, Error> + Clone + Send + Sync + 'static,
{
    type Begun = Begun<J>;
    type Response = Response;

    fn begin(&self, req: &Req) -> Begun<J> {
        let req = (req as &dyn Any).downcast_ref();
        self.of(req.map(Request::method))
    }

    fn settle(begun: Begun<J>, response: Response, permit: &mut Permit) -> Response {
        with_body(response, |head, body| {
            ObservedBody::new(head, body, begun, permit.take())
        })
    }

    fn pass(response: Response) -> Response {
        response
    }
}

/// The same for a call with a span, which the body holds.
impl<Req, J> Settle<Req, Response> for OnSpan<ObserveBody<J>>
where
    Req: 'static,
    J: JudgeBody<Bytes, Error> + Clone + Send + Sync + 'static,
{
    type Begun = Begun<J, CallSpan>;
    type Response = Response;

    fn begin(&self, req: &Req) -> Begun<J, CallSpan> {
        let begun = Settle::<Req, Response>::begin(&self.part, req);
        self.span.admitted();
        begun.beside(self.span.clone())
    }

    fn settle(begun: Begun<J, CallSpan>, response: Response, permit: &mut Permit) -> Response {
        with_body(response, |head, body| {
            ObservedBody::new(head, body, begun, permit.take())
        })
    }

    fn pass(response: Response) -> Response {
        response
    }
}

/// The same response, with its body in another one.
fn with_body<J, W>(
    response: Response,
    wrap: impl FnOnce(&Parts, Body) -> ObservedBody<Body, J, W>,
) -> Response
where
    J: JudgeBody<Bytes, Error> + Send + Sync + 'static,
    W: Beside + Send + Sync + 'static,
{
    let (head, body) = open(response);
    let body = wrap(&head, body);
    ::http::Response::from_parts(head, Body::wrap(body)).into()
}

/// A response as one of http, which makes the same response of reqwest again.
pub(crate) fn open(response: Response) -> (Parts, Body) {
    // Lost on the way from one type to the other, and taken back from an extension that only this can make.
    let mut url = Builder::new().url(response.url().clone());
    let (mut head, body) = ::http::Response::<Body>::from(response).into_parts();
    if let Some(url) = url.extensions_mut() {
        head.extensions.extend(mem::take(url));
    }
    (head, body)
}
