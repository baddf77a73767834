//! What the ledger costs calls: nothing where it is off, nothing where they are good.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use super::*;

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: everything is left to the system's allocator; counting allocates nothing, since the cell is
// const and has no destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn allocations_in(code: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.get();
    code();
    ALLOCATIONS.get() - before
}

const ACME: &str = "acme-production-7f3b9c52-4d1e-4c0a-9b6f";

#[test]
fn the_allocator_counts() {
    assert_eq!(allocations_in(|| drop(Box::new([0_u8; 32]))), 1);
}

#[test]
fn bad_calls_allocate_nothing_where_the_ledger_is_off() {
    let builder = CircuitBreakerRegistry::builder().histogram_bytes(0);
    let registry = builder.build().unwrap();
    let search = declare(&registry, "search", patient());
    let refused = declare(&registry, "refused", strict());
    fail(&search, ACME, 1);
    fail(&refused, ACME, 3);
    reject(&refused, ACME, 1);
    let allocations = allocations_in(|| {
        fail(&search, ACME, 1_000);
        reject(&refused, ACME, 1_000);
    });
    assert_eq!(allocations, 0);
}

#[tokio::test(start_paused = true)]
async fn good_calls_allocate_nothing_where_it_is_on_also_in_a_new_hour() {
    let (_registry, search) = search();
    succeed(&search, ACME, 1);
    for time in [SLOT, HOUR] {
        pass(time).await;
        assert_eq!(allocations_in(|| succeed(&search, ACME, 50)), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn bad_calls_of_a_tenant_with_a_row_allocate_nothing() {
    let registry = builder(impact()).histogram_bytes(0).build().unwrap();
    let search = declare(&registry, "search", patient());
    let refused = declare(&registry, "refused", strict());
    fail(&search, ACME, 1);
    fail(&refused, ACME, 3);
    reject(&refused, ACME, 1);
    let allocations = allocations_in(|| {
        fail(&search, ACME, 1_000);
        reject(&refused, ACME, 1_000);
    });
    assert_eq!(allocations, 0);
}
