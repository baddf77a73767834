//! What a call allocates: nothing where the first provider serves, and nothing where it is open and the
//! standby does. Counted per thread, so that the other tests of this binary can run beside.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use tower::{Service, service_fn};
use tower_tenant_breaker::{
    CircuitBreakerRegistry, ErrIsFailure, EveryRequest, Failover, MissingTenant, Tenant,
    TenantExtractor,
};

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: everything is left to the system's allocator; counting allocates nothing, since the cell is
// const and has no destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // A thread that ends may allocate after its locals are gone; nobody reads that.
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// As long as ids are: too long for any small-string trick.
const TENANT: &str = "acme-production-7f3b9c52-4d1e-4c0a-9b6f-7f3b9c524d1e";

#[derive(Clone)]
struct Query(&'static str);

#[derive(Clone)]
struct Sender;

impl TenantExtractor<Query> for Sender {
    fn extract<'a>(&self, query: &'a Query) -> Result<Tenant<'a>, MissingTenant> {
        Ok(query.0.into())
    }
}

fn hits(_query: Query) -> Ready<Result<&'static str, Infallible>> {
    ready(Ok("hits"))
}

#[test]
fn a_call_that_the_first_or_the_standby_serves_allocates_nothing() {
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    let (a, b) = (
        registry.dependency("a").unwrap(),
        registry.dependency("b").unwrap(),
    );
    let service = Failover::builder(Sender)
        .provider(a.clone(), service_fn(hits))
        .provider(b, service_fn(hits))
        .classify(ErrIsFailure)
        .resend(EveryRequest)
        .build()
        .unwrap();
    let call = |by: &str| {
        let before = ALLOCATIONS.get();
        let call = pin!(service.clone().call(Query(TENANT)));
        let Poll::Ready(served) = call.poll(&mut Context::from_waker(Waker::noop())) else {
            panic!("nothing here has to wait")
        };
        let allocations = ALLOCATIONS.get() - before;
        let (answer, served_by) = served.unwrap().into_parts();
        assert_eq!(
            (answer, served_by.dependency().unwrap().name()),
            ("hits", by)
        );
        allocations
    };

    assert!(call("a") > 0, "the tenant's circuit is new");
    // Then a busy tenant gets a histogram, from a budget.
    (0..200).for_each(|_| _ = call("a"));
    assert_eq!((0..100).map(|_| call("a")).sum::<usize>(), 0);
    a.circuit(TENANT).open().unwrap();
    (0..200).for_each(|_| _ = call("b"));
    assert_eq!((0..100).map(|_| call("b")).sum::<usize>(), 0);
}
