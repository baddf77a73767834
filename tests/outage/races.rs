//! Calls of several threads while an outage begins and ends. The clock is the real one.

use std::hint::spin_loop;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::*;

const MICRO: Duration = Duration::from_micros(1);

fn short(period: Duration) -> OpenPeriod {
    OpenPeriod::fixed(period).jitter(0.0)
}

#[test]
fn a_call_that_comes_as_it_ends_decides_over_its_own_tenant_alone() {
    let policy = Policy::builder()
        .without_failure_rate()
        .consecutive_failures(1)
        .half_open_max_calls(255)
        .success_threshold(1)
        .outage(
            outage()
                .min_tenants(2)
                .min_share(0.01)
                .open_for(short(50 * MICRO)),
        );
    for _ in 0..1_500 {
        let search = with_tenants(policy.clone(), 0..6);
        record(&search, 0..1, Outcome::failure());
        record(&search, 1..2, Outcome::failure());
        let left = || search.outage().map(|outage| outage.retry_after);
        while left().is_some_and(|left| !left.is_zero()) {
            spin_loop();
        }
        let barrier = Barrier::new(3);
        let probe = |tenant| {
            barrier.wait();
            for _ in 0..20 {
                let Ok(permit) = acquire(&search, tenant) else {
                    continue;
                };
                let is_probe = permit.is_probe();
                // What is no probe for all is a call of the tenant's own circuit.
                let of_whom = format!("{permit:?}");
                assert!(is_probe || of_whom.contains(&name(tenant)), "{of_whom}");
                permit.record(if is_probe {
                    Outcome::Success
                } else {
                    Outcome::failure()
                });
            }
        };
        thread::scope(|threads| (2..5).for_each(|tenant| _ = threads.spawn(move || probe(tenant))));
        // Whatever these calls said, more tenants that fail are an outage again.
        for tenant in 2..6 {
            if let Ok(permit) = acquire(&search, tenant) {
                permit.record(Outcome::failure());
            }
        }
        assert!(search.outage().is_some());
    }
}

#[test]
fn one_tenant_never_counts_as_two() {
    let policy = Policy::builder()
        .window(Duration::from_millis(10))
        .without_failure_rate()
        .consecutive_failures(1)
        .open_for(short(20 * MICRO))
        .half_open_max_calls(1)
        .success_threshold(1)
        .outage(outage().min_tenants(2).min_share(0.01));
    let search = with_tenants(policy, 0..1);
    let call = || {
        for n in 0..200_000 {
            if let Ok(permit) = acquire(&search, 0) {
                let is_probe = permit.is_probe();
                permit.record(if is_probe || n % 2 == 0 {
                    Outcome::Success
                } else {
                    Outcome::failure()
                });
            }
        }
    };
    thread::scope(|threads| (0..3).for_each(|_| _ = threads.spawn(call)));
    assert!(search.outage().is_none());
    assert!(search.snapshot().totals.opened > 100);
}

#[test]
fn a_policy_that_changes_as_it_begins_holds_for_it() {
    let of = |seconds| {
        let open_for = short(seconds * SECOND);
        Policy::builder()
            .without_failure_rate()
            .consecutive_failures(1)
            .outage(outage().min_tenants(2).open_for(open_for))
    };
    let delay = AtomicUsize::new(0);
    for _ in 0..1_500 {
        let search = with_tenants(of(5), 0..4);
        record(&search, 0..1, Outcome::failure());
        let late = acquire(&search, 1).unwrap();
        let barrier = Barrier::new(2);
        thread::scope(|threads| {
            threads.spawn(|| {
                barrier.wait();
                late.record(Outcome::failure());
            });
            barrier.wait();
            for _ in 0..delay.fetch_add(1, Ordering::Relaxed) % 100 {
                spin_loop();
            }
            search.set_policy(of(1_000).build().unwrap());
        });
        search.reset();
        succeed(&search, 0..4);
        record(&search, 0..1, Outcome::failure());
        record(&search, 1..2, Outcome::failure());
        let left = search.outage().unwrap().retry_after;
        assert!(left > 900 * SECOND, "{left:?}");
    }
}
