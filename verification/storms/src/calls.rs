//! The calls of the storms that go through the tower service.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tower_tenant_breaker::{MissingTenant, Tenant, TenantExtractor};

/// A call of a tenant to a service that does as it is told.
#[derive(Clone, Debug)]
pub struct Call {
    pub tenant: String,
    pub order: Order,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Answer once it was polled so often.
    Answer {
        polls: u32,
    },
    /// Panic before there is a future.
    PanicAtOnce,
    /// Panic when it is polled.
    PanicLater,
    Fail,
    /// Fail once it was polled so often.
    FailLater {
        polls: u32,
    },
}

#[derive(Debug)]
pub struct Failed;

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("failed as it was told")
    }
}

impl std::error::Error for Failed {}

/// Finds the tenant in the call.
#[derive(Clone, Copy, Debug)]
pub struct Named;

impl TenantExtractor<Call> for Named {
    fn extract<'a>(&self, call: &'a Call) -> Result<Tenant<'a>, MissingTenant> {
        Ok(call.tenant.as_str().into())
    }
}

/// The inner service's future.
#[derive(Debug)]
pub struct Work(Order);

pub fn work(call: &Call) -> Work {
    assert!(call.order != Order::PanicAtOnce, "as it was told");
    Work(call.order)
}

impl Future for Work {
    type Output = Result<(), Failed>;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Order::Answer { polls } | Order::FailLater { polls } if *polls > 1 => {
                *polls -= 1;
                Poll::Pending
            }
            Order::Answer { .. } => Poll::Ready(Ok(())),
            Order::Fail | Order::FailLater { .. } => Poll::Ready(Err(Failed)),
            Order::PanicLater | Order::PanicAtOnce => panic!("as it was told"),
        }
    }
}

/// Polls by hand: the storm itself is the executor.
pub fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}
