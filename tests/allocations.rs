//! What a call allocates: nothing, where its tenant is known. Counted per thread, so that the tests of
//! this binary can run side by side.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tower::{BoxError, Layer, Service, service_fn};
use tower_tenant_breaker::{
    Cause, CircuitBreakerRegistry, CircuitOpen, CircuitState, Dependency, Event, MissingReason,
    MissingTenant, OnMissingTenant, Outcome, Policy, Rejection, Tenant, TenantCircuitBreakerLayer,
    TenantExtractor, dependency_fn,
};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

fn count() {
    // A thread that ends may allocate after its locals are gone; nobody reads that.
    let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
}

// SAFETY: everything is left to the system's allocator; counting allocates nothing, since the cell is
// const and has no destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn allocations_in<T>(code: impl FnOnce() -> T) -> (T, usize) {
    let before = ALLOCATIONS.get();
    let value = code();
    (value, ALLOCATIONS.get() - before)
}

// The tenants' ids are as long as ids are: too long for any small-string trick.
const WELL: &str = "acme-production-7f3b9c52-4d1e-4c0a-9b6f-well";
const SICK: &str = "acme-production-7f3b9c52-4d1e-4c0a-9b6f-sick";

/// A tenth of the default window.
const SLOT: Duration = Duration::from_secs(6);

/// A dependency that knows both tenants; the circuit of one is open.
fn search() -> (CircuitBreakerRegistry, Dependency) {
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    let policy = Policy::builder().consecutive_failures(1).build().unwrap();
    let search = registry.dependency_with("search", policy).unwrap();
    search.acquire(WELL).unwrap().record(Outcome::Success);
    search.acquire(SICK).unwrap().record(Outcome::failure());
    assert_eq!(search.state(SICK), CircuitState::Open);
    // What is made once per thread or process is made by now.
    search.acquire(SICK).unwrap_err();
    (registry, search)
}

#[test]
fn a_rejected_call_allocates_for_subscribers_while_there_are_some() {
    let (registry, search) = search();
    let reject = || allocations_in(|| search.acquire(SICK).is_err());
    let (rejected, before) = reject();
    assert!(rejected);
    let events = [registry.subscribe(), registry.subscribe()];
    let (_, one_told) = reject();
    // The tenant's id, once for all who listen.
    assert_eq!(one_told, before + 1);
    drop(events);
    assert_eq!(reject(), (true, before));
}

#[test]
fn a_rejected_call_allocates_nothing_where_all_who_subscribed_hear_of_changes_alone() {
    let (registry, search) = search();
    let mut changes = registry.subscribe_to_changes();
    let ((), allocations) = allocations_in(|| {
        for _ in 0..1_000 {
            assert!(search.acquire(SICK).is_err());
        }
    });
    assert_eq!(allocations, 0);
    assert!(changes.try_recv().unwrap().is_none());
}

struct Query(&'static str);

#[derive(Clone)]
struct Sender;

impl TenantExtractor<Query> for Sender {
    fn extract<'a>(&self, query: &'a Query) -> Result<Tenant<'a>, MissingTenant> {
        match query.0 {
            "" => Err(MissingTenant::new(MissingReason::Absent)),
            sender => Ok(sender.into()),
        }
    }
}

fn hits(_query: Query) -> Ready<Result<&'static str, Infallible>> {
    ready(Ok("hits"))
}

fn judge(result: Result<&&'static str, &BoxError>) -> Outcome {
    result.map_or(Outcome::failure(), |_| Outcome::Success)
}

fn finish<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("nothing here has to wait"),
    }
}

#[test]
fn the_allocator_counts() {
    let (_boxed, allocations) = allocations_in(|| Box::new([0_u8; 32]));
    assert_eq!(allocations, 1);
}

#[test]
fn what_is_told_is_allocated_for_subscribers_alone() {
    let rejecting = |has_observer: bool| {
        let builder = CircuitBreakerRegistry::builder();
        let builder = match has_observer {
            true => builder.observer(|_: &Event<'_>| {}),
            false => builder,
        };
        let search = builder.build().unwrap().dependency("search").unwrap();
        search.circuit(SICK).open().unwrap();
        search.acquire(SICK).unwrap_err();
        allocations_in(|| search.acquire(SICK).is_err())
    };
    assert_eq!(rejecting(true), rejecting(false));

    let opening = |is_subscribed: bool| {
        let (registry, search) = search();
        let _changes = is_subscribed.then(|| registry.subscribe_to_changes());
        let sick = search.circuit(SICK);
        sick.reset();
        allocations_in(|| sick.open().is_ok()).1
    };
    assert!(opening(false) < opening(true));
}

#[test]
fn what_is_told_is_allocated_for_an_observer_no_more_once_the_subscribers_are_gone() {
    let allocations = |had_subscribers: bool| {
        let builder = CircuitBreakerRegistry::builder().observer(|_: &Event<'_>| {});
        let registry = builder.build().unwrap();
        let search = registry.dependency("search").unwrap();
        if had_subscribers {
            drop((registry.subscribe(), registry.subscribe_to_changes()));
        }
        let sick = search.circuit(SICK);
        sick.open().unwrap();
        search.acquire(SICK).unwrap_err();
        sick.reset();
        let (_, opening) = allocations_in(|| sick.open().is_ok());
        let (_, rejecting) = allocations_in(|| search.acquire(SICK).is_err());
        (opening, rejecting)
    };
    assert_eq!(allocations(true), allocations(false));
    assert_eq!(allocations(true).1, 0);
}

#[test]
fn a_closed_call_of_a_known_tenant_allocates_nothing_in_the_core() {
    let (_registry, search) = search();
    let ((), allocations) = allocations_in(|| {
        for _ in 0..50 {
            search.acquire(WELL).unwrap().record(Outcome::Success);
        }
    });
    assert_eq!(allocations, 0);
}

// A circuit with a hundred calls in its window gets a histogram, once.
#[tokio::test(start_paused = true)]
async fn a_closed_call_of_a_busy_tenant_allocates_nothing_however_its_window_moves() {
    let (_registry, search) = search();
    let call = || allocations_in(|| search.acquire(WELL).unwrap().record(Outcome::Success)).1;
    let first: usize = (0..200).map(|_| call()).sum();
    assert!(first > 0, "the histogram");

    for _ in 0..30 {
        tokio::time::advance(SLOT).await;
        for _ in 0..20 {
            assert_eq!(call(), 0);
        }
    }
    assert!(search.circuit(WELL).snapshot().unwrap().latency.is_some());
}

// Only policies with more latency rules than one have counters for the others.
#[tokio::test(start_paused = true)]
async fn a_closed_call_of_a_tenant_with_one_latency_rule_allocates_nothing_where_a_slot_overflows()
{
    let (_registry, search) = search();
    let call = || search.acquire(WELL).unwrap().record(Outcome::Success);
    (0..200).for_each(|_| call());
    let ((), allocations) = allocations_in(|| (0..70_000).for_each(|_| call()));
    assert_eq!(allocations, 0);
}

#[test]
fn a_closed_call_of_a_busy_tenant_allocates_nothing_where_the_budget_of_histograms_is_spent() {
    for bytes_for_one in [0, 150_000] {
        let registry = CircuitBreakerRegistry::builder().histogram_bytes(bytes_for_one);
        let registry = registry.build().unwrap();
        let search = registry
            .dependency_with("search", Policy::default())
            .unwrap();
        let call = |tenant| search.acquire(tenant).unwrap().record(Outcome::Success);
        (0..200).for_each(|_| call(WELL));
        call(SICK);
        let ((), allocations) = allocations_in(|| (0..1_000).for_each(|_| call(SICK)));
        assert_eq!(allocations, 0, "with {bytes_for_one} bytes");
        assert_eq!(search.circuit(SICK).snapshot().unwrap().latency, None);
    }
}

#[test]
fn a_rejected_call_allocates_nothing_in_the_core() {
    let (_registry, search) = search();
    let ((), allocations) = allocations_in(|| {
        for _ in 0..1_000 {
            let Err(Rejection::Open(open)) = search.acquire(SICK) else {
                panic!("admitted")
            };
            assert_eq!(open.tenant(), Some(SICK));
            assert!(open.retry_after().is_some());
        }
    });
    assert_eq!(allocations, 0);
}

#[test]
fn a_closed_call_allocates_nothing_through_the_service() {
    let (_registry, search) = search();
    let mut service = TenantCircuitBreakerLayer::new(search.clone(), Sender)
        .classify(judge)
        .layer(service_fn(hits));
    let ((), allocations) = allocations_in(|| {
        for _ in 0..50 {
            assert_eq!(finish(service.call(Query(WELL))).unwrap(), "hits");
        }
    });
    assert_eq!(allocations, 0);
    assert_eq!(search.snapshot().totals.calls, 52);
}

#[test]
fn a_clone_of_the_service_for_a_call_allocates_nothing() {
    let (_registry, search) = search();
    let service = TenantCircuitBreakerLayer::new(search, Sender)
        .classify(judge)
        .layer(service_fn(hits));
    let (answer, allocations) = allocations_in(|| finish(service.clone().call(Query(WELL))));
    assert_eq!(answer.unwrap(), "hits");
    assert_eq!(allocations, 0);
}

#[test]
fn a_closed_call_to_a_dependency_that_the_request_names_allocates_nothing() {
    let (registry, _search) = search();
    let by_name = dependency_fn(registry, |_: &Query| "search".into());
    let mut service = TenantCircuitBreakerLayer::new(by_name, Sender)
        .classify(judge)
        .layer(service_fn(hits));
    let (answer, allocations) = allocations_in(|| finish(service.call(Query(WELL))));
    assert_eq!(answer.unwrap(), "hits");
    assert_eq!(allocations, 0);
}

#[test]
fn a_call_without_a_tenant_allocates_nothing() {
    let (_registry, search) = search();
    for mode in [OnMissingTenant::RunUnguarded, OnMissingTenant::ShareCircuit] {
        let mut service = TenantCircuitBreakerLayer::new(search.clone(), Sender)
            .classify(judge)
            .on_missing_tenant(mode)
            .layer(service_fn(hits));
        finish(service.call(Query(""))).unwrap();
        let (answer, allocations) = allocations_in(|| finish(service.call(Query(""))));
        assert_eq!(answer.unwrap(), "hits");
        assert_eq!(allocations, 0, "{mode:?}");
    }
}

#[test]
fn a_rejected_call_allocates_nothing_in_respond_mode() {
    let (_registry, search) = search();
    let mut service = TenantCircuitBreakerLayer::new(search, Sender)
        .classify(judge)
        .respond_with(|open: &CircuitOpen| match open.retry_after() {
            Some(_) => "later",
            None => "no idea",
        })
        .layer(service_fn(hits));
    let ((), allocations) = allocations_in(|| {
        for _ in 0..1_000 {
            assert_eq!(finish(service.call(Query(SICK))).unwrap(), "later");
        }
    });
    assert_eq!(allocations, 0);
}

#[test]
fn a_rejected_call_allocates_nothing_where_a_fallback_answers() {
    let (_registry, search) = search();
    let mut service = TenantCircuitBreakerLayer::new(search, Sender)
        .classify(judge)
        .fallback_keeping(
            |query: &Query| query.0,
            |sender: &'static str, _: Cause<&'static str>| async move { Ok(sender) },
        )
        .layer(service_fn(hits));
    let (answer, allocations) = allocations_in(|| finish(service.call(Query(SICK))));
    assert_eq!(answer.unwrap(), SICK);
    assert_eq!(allocations, 0);
}

#[test]
fn a_rejected_call_allocates_the_errors_own_box_and_no_more() {
    let (_registry, search) = search();
    let mut service = TenantCircuitBreakerLayer::new(search, Sender)
        .classify(judge)
        .layer(service_fn(hits));
    let (answer, allocations) = allocations_in(|| finish(service.call(Query(SICK))));
    assert!(answer.unwrap_err().is::<CircuitOpen>());
    assert_eq!(allocations, 1);
}

#[test]
fn a_decorated_call_allocates_nothing() {
    let (_registry, search) = search();
    let ((), allocations) = allocations_in(|| {
        let hits = finish(search.call(WELL, ready(Ok::<_, Infallible>("hits"))));
        assert_eq!(hits.unwrap(), "hits");
        finish(search.call(SICK, ready(Ok::<_, Infallible>("hits")))).unwrap_err();
    });
    assert_eq!(allocations, 0);
}

#[tokio::test(start_paused = true)]
async fn a_reset_of_everything_gives_healthy_tenants_nothing_to_keep() {
    const TENANTS: usize = 10_000;
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    let search = registry
        .dependency_with("search", Policy::default())
        .unwrap();
    for tenant in 0..TENANTS {
        let permit = search.acquire(&format!("tenant-{tenant}")).unwrap();
        permit.record(Outcome::Success);
    }
    let ((), allocations) = allocations_in(|| registry.reset());
    assert!(allocations < TENANTS / 10, "{allocations}");
    for circuit in search.circuit_snapshots() {
        assert_eq!((circuit.generation, circuit.window.calls), (1, 0));
    }
}
