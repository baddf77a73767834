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

/// From a tenant to the one that calls next. A prime, so that all come round; and far, as tenants that come at random: one
/// whose circuit lies behind that of the one before would be in the cache before it is called.
const STEP: usize = 7_919;

/// By all tenants, over and over.
pub(super) fn each(tenants: Tenants, mut call: impl FnMut(&'static str) + 'static) -> Calls {
    let (mut next, step) = (0, STEP % tenants.len());
    Box::new(move || {
        for _ in 0..AT_ONCE {
            call(black_box(tenants[next]));
            next += step;
            if next >= tenants.len() {
                next -= tenants.len();
            }
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

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::{AT_ONCE, each};
    use crate::setup::tenants;

    #[test]
    fn all_tenants_call_equally_often_and_far_from_one_another() {
        for many in [1, 1_000, 100_000] {
            let called = Rc::new(RefCell::new(Vec::new()));
            let calls = Rc::clone(&called);
            let mut some = each(tenants(0, many), move |tenant| {
                calls.borrow_mut().push(tenant)
            });
            // Three calls of each, but for the one tenant.
            for _ in 0..(3 * many).div_ceil(AT_ONCE) {
                some();
            }
            let mut called = called.take();
            let number = |id: &str| id["tenant-".len()..].parse::<usize>().unwrap();
            let is_far = |pair: &[&str]| number(pair[0]).abs_diff(number(pair[1])) > 50;
            assert!(many == 1 || called.windows(2).all(is_far), "{many}");
            called.sort_unstable();
            let each = called.chunk_by(|one, next| one == next);
            assert_eq!(each.clone().count(), many);
            assert!(
                each.into_iter()
                    .all(|of_one| of_one.len() * many == called.len())
            );
        }
    }
}
