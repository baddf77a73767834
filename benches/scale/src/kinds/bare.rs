//! The services that are called, and calls of them without a circuit.

use std::future::{Ready, ready};
use std::hint::black_box;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Response;
use tower::{BoxError, Service, service_fn};

use super::drive::{Call, Calls, TwoOfThree, drive, each};
use crate::setup::Tenants;

pub(super) type Answer<T> = Ready<Result<T, BoxError>>;

pub(super) fn number()
-> impl Service<Call, Response = u32, Error = BoxError, Future = Answer<u32>> + Clone {
    service_fn(|_: Call| ready(Ok(black_box(200))))
}

pub(super) fn page()
-> impl Service<Call, Response = Response<()>, Error = BoxError, Future = Answer<Response<()>>> + Clone
{
    service_fn(|_: Call| ready(Ok(Response::new(()))))
}

pub(super) fn bare_number(tenants: Tenants) -> Calls {
    let mut service = number();
    each(tenants, move |tenant| {
        drop(black_box(drive(&mut service, Call::of(tenant))))
    })
}

pub(super) fn bare_page(tenants: Tenants) -> Calls {
    let mut service = page();
    each(tenants, move |tenant| {
        drop(black_box(drive(&mut service, Call::of(tenant))))
    })
}

/// Answers, or hangs.
#[derive(Clone)]
pub(super) struct Maybe<T>(Option<T>);

impl<T: Unpin> Future for Maybe<T> {
    type Output = Result<T, BoxError>;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        self.0
            .take()
            .map_or(Poll::Pending, |answer| Poll::Ready(Ok(answer)))
    }
}

pub(super) fn maybe_number()
-> impl Service<Call, Response = u32, Error = BoxError, Future = Maybe<u32>> + Clone {
    service_fn(|call: Call| Maybe((!call.hangs).then(|| black_box(200))))
}

pub(super) fn maybe_page()
-> impl Service<Call, Response = Response<()>, Error = BoxError, Future = Maybe<Response<()>>> + Clone
{
    service_fn(|call: Call| Maybe((!call.hangs).then(|| Response::new(()))))
}

/// Two of three hang, and are dropped.
pub(super) fn hang<S: Service<Call> + 'static>(tenants: Tenants, mut service: S) -> Calls {
    let mut turn = TwoOfThree::default();
    each(tenants, move |tenant| {
        let hangs = turn.hangs();
        let ended = black_box(drive(&mut service, Call { tenant, hangs }));
        assert!(matches!(ended, Some(Ok(_))) != hangs, "ended otherwise");
    })
}
