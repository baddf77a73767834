//! Writes that are never risked, and a prober that finds out in their place whether the ledger is back.
//!
//! `cargo run --example prober`

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tower_tenant_breaker::{
    CircuitBreakerRegistry, Dependency, OpenPeriod, Outcome, Policy, ProbeTarget, Probing,
    RecoveryProber,
};

/// A transfer, which nobody wants to be made twice, or half.
fn transfer(ledger: &Dependency, tenant: &str, is_up: &AtomicBool) -> &'static str {
    match ledger.acquire_barred(tenant, Probing::No) {
        Ok(permit) if is_up.load(Ordering::Relaxed) => {
            permit.record(Outcome::Success);
            "done"
        }
        Ok(permit) => {
            permit.record(Outcome::failure());
            "failed"
        }
        Err(_) => "turned away",
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let registry = CircuitBreakerRegistry::builder().build()?;
    let policy = Policy::builder()
        .consecutive_failures(2)
        .open_for(OpenPeriod::fixed(Duration::from_millis(300)))
        .build()?;
    let ledger = registry.dependency_with("ledger", policy)?;
    let is_up = Arc::new(AtomicBool::new(false));

    let begun = Instant::now();
    let balance = Arc::clone(&is_up);
    let prober = RecoveryProber::builder(&ledger)
        .interval(Duration::from_millis(100))
        .spawn(move |probe: ProbeTarget| {
            // A real one asks for the balance of the tenant's account.
            let is_up = balance.load(Ordering::Relaxed);
            let after = Instant::now().saturating_duration_since(begun);
            println!("{after:>7.1?}  probe for {:?}: up {is_up}", probe.tenant());
            async move {
                if is_up {
                    Outcome::Success
                } else {
                    Outcome::failure()
                }
            }
        })?;

    // Globex fails too, but nobody asks for it again: it is not probed.
    for _ in 0..2 {
        transfer(&ledger, "globex", &is_up);
    }
    for round in 0..10 {
        is_up.store(round >= 5, Ordering::Relaxed);
        let answer = transfer(&ledger, "acme", &is_up);
        let after = Instant::now().saturating_duration_since(begun);
        println!("{after:>7.1?}  transfer of acme: {answer}");
        sleep(Duration::from_millis(200)).await;
    }
    prober.stop().await;
    println!(
        "acme {}, globex {}",
        ledger.state("acme"),
        ledger.state("globex")
    );
    Ok(())
}
