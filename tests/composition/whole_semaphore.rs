//! A hundred thousand calls through a breaker and a `ConcurrencyLimit` of one, half of the tenants open: the
//! semaphore is whole afterwards.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::{JoinSet, yield_now};
use tokio::time::timeout;
use tokio_test::task;
use tower::{BoxError, Layer, Service};
use tower_tenant_breaker::{CircuitOpen, Dependency, OpenPeriod};

use crate::job::{Job, Succeed, job, open, two_strikes};
use crate::{Limited, call, declare, layer, limited, once};

const TENANTS: u64 = 100;
const CALLS: u64 = 1_000;
/// Of the calls of a tenant whose circuit is closed, one in so many leaves while it waits or runs.
const ONE_IN: u64 = 10;

/// On the wall clock too, where it is some hundred times what the calls take.
const LONG_ENOUGH: Duration = Duration::from_secs(120);

struct Stack {
    printer: Dependency,
    semaphore: Arc<Semaphore>,
    inner: Limited,
}

impl Stack {
    fn new() -> Self {
        // Long beside the test, also where it runs on the wall clock.
        let open_for = OpenPeriod::fixed(Duration::from_secs(86_400)).jitter(0.0);
        let (semaphore, inner) = limited(1);
        Self {
            printer: declare(two_strikes().open_for(open_for)),
            semaphore,
            inner,
        }
    }

    /// Each tenant calls by a clone of its own, all at the same time. The clones are still there in the end.
    async fn all_tenants_call(&self) {
        let service = layer(&self.printer).layer(self.inner.clone());
        let mut tasks = JoinSet::new();
        for tenant in 0..TENANTS {
            let tenant = tenant.to_string();
            let is_open = tasks.len().is_multiple_of(2);
            if is_open {
                open(&self.printer, &tenant);
            }
            let mut clone = service.clone();
            tasks.spawn(async move {
                for turn in 0..CALLS {
                    if is_open {
                        is_rejected(&mut clone, &tenant).await;
                    } else if turn % ONE_IN == 0 {
                        let _ = task::spawn(call(&mut clone, job(&tenant, Succeed))).poll();
                    } else {
                        call(&mut clone, job(&tenant, Succeed)).await.unwrap();
                    }
                }
                clone
            });
        }
        let ended = timeout(LONG_ENOUGH, tasks.join_all()).await;
        let idle = ended.expect("no call waits for ever");
        self.is_whole().await;
        drop(idle);
    }

    async fn is_whole(&self) {
        assert_eq!(self.semaphore.available_permits(), 1);
        let done = once(&self.inner, job("last", Succeed)).await;
        assert_eq!(done.unwrap(), "done");

        let closed = TENANTS / 2 * CALLS;
        let left = closed / ONE_IN;
        let totals = self.printer.snapshot().totals;
        assert_eq!(totals.rejected, closed);
        assert_eq!(totals.cancelled, left);
        // Two failures opened each circuit of the other half.
        assert_eq!(totals.calls, closed - left + TENANTS);
    }
}

async fn is_rejected<S>(service: &mut S, tenant: &str)
where
    S: Service<Job, Error = BoxError>,
{
    let result = call(service, job(tenant, Succeed)).await;
    let error = result.err().unwrap();
    assert!(error.is::<CircuitOpen>(), "{error}");
    // A rejection never waits, so nothing else would let the others on.
    yield_now().await;
}

#[tokio::test(start_paused = true)]
async fn a_hundred_thousand_calls_with_half_of_the_tenants_open_leave_the_semaphore_whole() {
    Stack::new().all_tenants_call().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn so_do_a_hundred_thousand_calls_from_several_threads() {
    Stack::new().all_tenants_call().await;
}
