//! What the ledger costs: calls nothing where it is off, or where they are good; and memory up to a bound.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;

use tower_tenant_breaker::Turn;

use super::*;

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
    /// Bytes that this thread has allocated and not freed.
    static LIVE: Cell<isize> = const { Cell::new(0) };
}

fn count(bytes: usize, sign: isize) {
    let _ = LIVE.try_with(|live| live.set(live.get() + sign * bytes as isize));
}

// SAFETY: everything is left to the system's allocator; counting allocates nothing, since the cell is
// const and has no destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        count(layout.size(), 1);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(layout.size(), -1);
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
    assert_eq!(allocations_in(|| drop(black_box(Box::new([0_u8; 32])))), 1);
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

/// What stays allocated of what the code allocates.
fn bytes_left_by<T>(code: impl FnOnce() -> T) -> (T, isize) {
    let before = LIVE.get();
    let value = code();
    (value, LIVE.get() - before)
}

#[test]
fn the_ledger_goes_with_its_registry() {
    // What is made once per thread or process is made by now.
    let warm = search();
    fail(&warm.1, ACME, 1);
    drop(warm);
    let ((), bytes) = bytes_left_by(|| {
        let (registry, search) = search();
        for tenant in 0..1_000 {
            fail(&search, &format!("tenant {tenant}"), 1);
        }
        assert_eq!(registry.impact().rows().len(), 1_000);
    });
    assert_eq!(bytes, 0);
}

#[test]
fn memory_is_bounded_whoever_calls_and_in_however_many_turns() {
    const ROWS: usize = 1_000;
    let registry = registry(impact().max_rows(ROWS).max_turns(16));
    let search = declare(&registry, "search", patient());
    search.force_open("maintenance");
    let ((), bytes) = bytes_left_by(|| {
        for tenant in 0..3_000_u64 {
            let tenant = format!("{tenant:0256}");
            for turn in 0..20_u64 {
                let call = Turn::scope(turn, async { reject(&search, &tenant, 1) });
                assert!(tokio_test::task::spawn(call).poll().is_ready());
            }
        }
    });
    assert!(registry.impact().rows().len() <= ROWS);
    let of_row = bytes / ROWS as isize;
    assert!(of_row < 256 + 16 * 8 + 300, "{of_row} bytes a row");
}

#[tokio::test(start_paused = true)]
async fn memory_is_bounded_over_all_hours_that_share_the_room() {
    const ROWS: usize = 1_024;
    let registry = registry(impact().max_rows(ROWS).max_turns(4));
    let search = declare(&registry, "search", patient());
    search.force_open("maintenance");
    let before = LIVE.get();
    for hour in 0..24_u64 {
        for tenant in 0..1_500_u64 {
            let tenant = format!("{:0256}", hour << 32 | tenant);
            for turn in 0..4_u64 {
                Turn::scope(turn, async { reject(&search, &tenant, 1) }).await;
            }
        }
        pass(HOUR).await;
    }
    let of_row = (LIVE.get() - before) / ROWS as isize;
    let rows = registry.impact().rows().len();
    assert!(
        rows > ROWS * 9 / 10,
        "{rows} rows, so that the next line says something"
    );
    assert!(of_row < 256 + 4 * 8 + 300, "{of_row} bytes a row");
}
