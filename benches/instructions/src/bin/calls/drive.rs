//! The services behind the layer, and who drives them.

use std::future::{Future, Ready, ready};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use tower::{BoxError, Service, service_fn};

/// A request that is nothing but its tenant.
#[derive(Clone, Copy, Debug)]
pub struct Call(pub &'static str);

pub fn inner() -> impl Service<Call, Response = u32, Error = BoxError, Future = Answer> + Clone {
    service_fn(|_: Call| ready(Ok(200)))
}

pub type Answer = Ready<Result<u32, BoxError>>;

/// One call as an executor drives it, to the end.
pub fn drive<S: Service<R>, R>(service: &mut S, request: R) -> Result<S::Response, S::Error> {
    let mut task = Context::from_waker(Waker::noop());
    let Poll::Ready(Ok(())) = service.poll_ready(&mut task) else {
        panic!("the service is always ready");
    };
    match pin!(service.call(request)).poll(&mut task) {
        Poll::Ready(result) => result,
        Poll::Pending => panic!("nothing to wait for"),
    }
}

/// One call of a service that does not answer, given up after it was polled.
pub fn give_up<S: Service<Call>>(service: &mut S, tenant: &'static str) {
    let mut task = Context::from_waker(Waker::noop());
    let Poll::Ready(Ok(())) = service.poll_ready(&mut task) else {
        panic!("the service is always ready");
    };
    let answer = pin!(service.call(Call(tenant))).poll(&mut task);
    assert!(answer.is_pending(), "nobody answers");
}

pub mod http {
    use std::future::{Ready, ready};

    use http::{HeaderValue, Request, Response};
    use tower::{BoxError, Service, service_fn};

    pub const TENANT: &str = "x-tenant-id";

    type Answer<B> = Ready<Result<Response<B>, BoxError>>;

    /// Answers any request with 200.
    pub fn inner<R>()
    -> impl Service<R, Response = Response<()>, Error = BoxError, Future = Answer<()>> + Clone {
        service_fn(|_: R| ready(Ok(Response::new(()))))
    }

    /// Answers with 200 and the request, so that it can be sent again: to make one and to drop it takes more than a call.
    pub fn echo<R>()
    -> impl Service<R, Response = Response<R>, Error = BoxError, Future = Answer<R>> + Clone {
        service_fn(|request: R| ready(Ok(Response::new(request))))
    }

    pub fn request(tenant: &'static str) -> Request<()> {
        let mut request = Request::new(());
        let tenant = HeaderValue::from_static(tenant);
        request.headers_mut().insert(TENANT, tenant);
        request
    }
}
