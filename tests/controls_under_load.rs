//! What operators do to 100,000 circuits while two threads call through them.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use tower_tenant_breaker::{
    CircuitBreakerRegistry, Dependency, OutagePolicy, Outcome, Policy, PolicyBuilder, Rejection,
};

const TENANTS: usize = 100_000;

fn policy() -> PolicyBuilder {
    Policy::builder().outage(OutagePolicy::default())
}

/// What one caller saw.
#[derive(Default)]
struct Seen {
    recorded: AtomicU64,
    rejected: AtomicU64,
    /// Calls that were admitted although their `acquire` began after `force_open` had returned.
    slipped: AtomicU64,
}

#[derive(Default)]
struct Signals {
    forced: AtomicBool,
    over: AtomicBool,
}

/// Calls for one tenant after another; now and then one fails.
fn call(search: &Dependency, first: usize, signals: &Signals, seen: &Seen) {
    let mut n = first;
    while !signals.over.load(Ordering::SeqCst) {
        n += 7;
        let was_forced = signals.forced.load(Ordering::SeqCst);
        match search.acquire(&name(n % TENANTS)) {
            Ok(permit) => {
                if was_forced {
                    seen.slipped.fetch_add(1, Ordering::SeqCst);
                }
                let fails = n.is_multiple_of(97);
                permit.record(if fails {
                    Outcome::failure()
                } else {
                    Outcome::Success
                });
                seen.recorded.fetch_add(1, Ordering::SeqCst);
            }
            Err(Rejection::Open(_)) => _ = seen.rejected.fetch_add(1, Ordering::SeqCst),
            Err(other) => panic!("{other}"),
        }
    }
}

fn name(tenant: usize) -> String {
    format!("tenant {tenant}")
}

#[test]
fn no_outcome_is_lost_and_no_call_slips_by() {
    let registry = CircuitBreakerRegistry::builder()
        .max_tenants(TENANTS)
        .build()
        .unwrap();
    let search = registry
        .dependency_with("search", policy().build().unwrap())
        .unwrap();
    for tenant in 0..TENANTS {
        search
            .acquire(&name(tenant))
            .unwrap()
            .record(Outcome::Success);
    }
    let (signals, seen) = (Signals::default(), [Seen::default(), Seen::default()]);
    let sum = |counter: fn(&Seen) -> &AtomicU64| -> u64 {
        seen.iter()
            .map(|seen| counter(seen).load(Ordering::SeqCst))
            .sum()
    };
    // Waits until each caller has got on by so many calls.
    let wait = |counter: fn(&Seen) -> &AtomicU64, calls: u64| {
        for seen in &seen {
            let enough = counter(seen).load(Ordering::SeqCst) + calls;
            while counter(seen).load(Ordering::SeqCst) < enough {
                thread::yield_now();
            }
        }
    };
    thread::scope(|scope| {
        for (first, seen) in seen.iter().enumerate() {
            let (search, signals) = (&search, &signals);
            scope.spawn(move || call(search, first, signals, seen));
        }
        assert_eq!(search.circuit_snapshots().len(), TENANTS);
        for window in [60, 3_600, 1, 60].map(Duration::from_secs) {
            wait(|seen| &seen.recorded, 1_000);
            let before = search.snapshot().totals.calls;
            search.set_policy(policy().window(window).max_in_flight(8).build().unwrap());
            let own = policy().window(2 * window).build().unwrap();
            search.circuit(&name(7)).set_policy(own).unwrap();
            search.set_policy(policy().window(window).build().unwrap());
            search.circuit(&name(7)).clear_policy();
            assert!(
                search.snapshot().totals.calls >= before,
                "totals never fall"
            );
        }
        for _ in 0..20 {
            wait(|seen| &seen.recorded, 1_000);
            search.force_open("maintenance");
            signals.forced.store(true, Ordering::SeqCst);
            wait(|seen| &seen.rejected, 1_000);
            signals.forced.store(false, Ordering::SeqCst);
            // The call whose look at the signal is older than the change of it is over after these.
            wait(|seen| &seen.rejected, 2);
            search.begin_recovery();
            search.clear();
        }
        signals.over.store(true, Ordering::SeqCst);
    });
    assert_eq!(sum(|seen| &seen.slipped), 0);
    let totals = search.snapshot().totals;
    let recorded = TENANTS as u64 + sum(|seen| &seen.recorded);
    assert_eq!(totals.calls + totals.late, recorded);
    assert_eq!(totals.rejected, sum(|seen| &seen.rejected));
    assert_eq!(search.len(), TENANTS);
}
