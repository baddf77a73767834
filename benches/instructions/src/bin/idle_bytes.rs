//! Prints what a tenant costs in memory while it is idle: its circuit, its key and its share of the table.
//!
//! Counted where they are asked for, so without what the allocator rounds up and keeps for itself.

use std::error::Error;

use gauge::heap;
use tower_tenant_breaker::{CircuitBreakerRegistry, Outcome, Policy};

const TENANTS: usize = 100_000;

#[global_allocator]
static ALLOCATOR: heap::Counting = heap::Counting;

fn main() -> Result<(), Box<dyn Error>> {
    let before = heap::live();
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
        let each = (heap::live() - before) as f64 / TENANTS as f64;
        let history = match outcome {
            Outcome::Success => "no call of which was bad",
            _ => "with one failed call",
        };
        println!("{each:.0} bytes per idle tenant of {TENANTS}, {history}");
    }
    Ok(())
}
