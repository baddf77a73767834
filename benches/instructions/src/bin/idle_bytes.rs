//! Prints what a tenant costs in memory while it is idle: its circuit, its key and its share of the table.
//!
//! Counted where they are asked for, so without what the allocator rounds up and keeps for itself.

use std::alloc::{GlobalAlloc, Layout, System};
use std::error::Error;
use std::sync::atomic::{AtomicIsize, Ordering::Relaxed};

use tower_tenant_breaker::{CircuitBreakerRegistry, Outcome, Policy};

const TENANTS: usize = 100_000;

struct Counting;

static LIVE: AtomicIsize = AtomicIsize::new(0);

// SAFETY: each method hands its arguments on to `System` as they are, and counts beside it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size().cast_signed(), Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size().cast_signed(), Relaxed);
        // SAFETY: the caller keeps the contract of `dealloc`, which is the same.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() -> Result<(), Box<dyn Error>> {
    let before = LIVE.load(Relaxed);
    let registry = CircuitBreakerRegistry::builder()
        .max_tenants(TENANTS)
        .build()?;
    let search = registry.dependency_with("search", Policy::default())?;
    for outcome in [Outcome::Success, Outcome::failure()] {
        for tenant in 0..TENANTS {
            search
                .acquire(&format!("tenant-{tenant:020}"))?
                .record(outcome);
        }
        assert_eq!(search.len(), TENANTS, "every tenant has its circuit");
        let each = (LIVE.load(Relaxed) - before) as f64 / TENANTS as f64;
        let history = match outcome {
            Outcome::Success => "no call of which was bad",
            _ => "with one failed call",
        };
        println!("{each:.0} bytes per idle tenant of {TENANTS}, {history}");
    }
    Ok(())
}
