//! How calls are made.

use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use tower::Service;

use crate::setup::Tenants;

/// Makes some calls, and says how many; none where none are left.
pub type Calls = Box<dyn FnMut() -> u64>;

/// A request that is nothing but its tenant, and whether it is answered at all.
pub(super) struct Call {
    pub(super) tenant: &'static str,
    pub(super) hangs: bool,
}

impl Call {
    pub(super) fn of(tenant: &'static str) -> Self {
        Self {
            tenant,
            hangs: false,
        }
    }
}

/// Whether a call hangs and is cancelled: two of three do. A success ends the run of cancelled ones, which would count as
/// failures from the fifth on, whoever of two threads cancels them.
#[derive(Default)]
pub(super) struct TwoOfThree(u8);

impl TwoOfThree {
    pub(super) fn hangs(&mut self) -> bool {
        self.0 = if self.0 == 2 { 0 } else { self.0 + 1 };
        self.0 != 0
    }
}

/// How many calls are made between two looks at the time.
const AT_ONCE: usize = 60;

/// By each tenant in turn, over and over.
pub(super) fn each(tenants: Tenants, mut call: impl FnMut(&'static str) + 'static) -> Calls {
    let mut next = 0;
    Box::new(move || {
        for _ in 0..AT_ONCE {
            call(black_box(tenants[next]));
            next = if next + 1 == tenants.len() {
                0
            } else {
                next + 1
            };
        }
        AT_ONCE as u64
    })
}

/// By each tenant once.
pub(super) fn once(tenants: Tenants, mut call: impl FnMut(&'static str) + 'static) -> Calls {
    let mut left = tenants.iter();
    Box::new(move || {
        let some = left.len().min(AT_ONCE);
        left.by_ref()
            .take(some)
            .for_each(|tenant| call(black_box(tenant)));
        some as u64
    })
}

/// One call as an executor drives it, to the end. None where there is something to wait for; then the call is dropped.
pub(super) fn drive<S: Service<Call>>(
    service: &mut S,
    call: Call,
) -> Option<Result<S::Response, S::Error>> {
    let mut task = Context::from_waker(Waker::noop());
    let Poll::Ready(Ok(())) = service.poll_ready(&mut task) else {
        panic!("the service is always ready");
    };
    match pin!(service.call(call)).poll(&mut task) {
        Poll::Ready(result) => Some(result),
        Poll::Pending => None,
    }
}
