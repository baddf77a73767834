//! The core without tower: ask for a permit, do the call, say what came of it.
//!
//! `cargo run --example core`

use std::error::Error;
use std::time::Duration;

use tower_tenant_breaker::{
    CallError, CircuitBreakerRegistry, Dependency, OpenPeriod, Outcome, Policy, Rejection,
};

/// The call to guard. It fails while the dependency is down.
async fn look_up(up: bool) -> Result<&'static str, &'static str> {
    if up {
        Ok("three hits")
    } else {
        Err("the index is gone")
    }
}

/// One guarded call, by hand.
async fn guarded(search: &Dependency, tenant: &str, up: bool) {
    match search.acquire(tenant) {
        Ok(permit) => {
            let answer = look_up(up).await;
            // A permit that is dropped without a word is a cancelled call, so say how it went.
            permit.record(match answer {
                Ok(_) => Outcome::Success,
                Err(_) => Outcome::failure(),
            });
            println!("{tenant:6} {answer:?}, circuit {}", search.state(tenant));
        }
        Err(Rejection::Open(open)) => {
            println!("{tenant:6} rejected: {open}");
        }
        Err(refused) => println!("{tenant:6} refused: {refused}"),
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let registry = CircuitBreakerRegistry::builder().build()?;
    let policy = Policy::builder()
        .consecutive_failures(3)
        .open_for(OpenPeriod::fixed(Duration::from_millis(100)))
        .build()?;
    let search = registry.dependency_with("search", policy)?;

    println!("search is down for acme, and up for globex:");
    for _ in 0..4 {
        guarded(&search, "acme", false).await;
        guarded(&search, "globex", true).await;
    }

    println!("\nit is up again; acme's circuit asks, once its period is over:");
    while !search.circuit("acme").would_admit() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    guarded(&search, "acme", true).await;
    guarded(&search, "acme", true).await;

    println!("\nthe same in one line, as a decorator of any future:");
    search.circuit("acme").open()?;
    for tenant in ["globex", "acme"] {
        match search.call(tenant, look_up(true)).await {
            Ok(hits) => println!("{tenant:6} {hits}"),
            Err(CallError::Inner(error)) => println!("{tenant:6} failed: {error}"),
            Err(CallError::Rejected(Rejection::Open(open))) => {
                println!("{tenant:6} rejected: {open}");
            }
            Err(CallError::Rejected(refused)) => println!("{tenant:6} refused: {refused}"),
        }
    }
    Ok(())
}
