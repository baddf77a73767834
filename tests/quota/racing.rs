//! Calls that say it while somebody lifts it. Real threads, and only counts are asserted.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;

use tower_tenant_breaker::{Event, EventKind};

use super::*;

const ROUNDS: usize = 300;
const THREADS: usize = 4;

/// A dependency, and how many more overrides were told to be set than to be cleared.
fn counted() -> (Dependency, Arc<AtomicI64>) {
    let open = Arc::new(AtomicI64::new(0));
    let counter = Arc::clone(&open);
    let registry = CircuitBreakerRegistry::builder()
        .observer(move |event: &Event<'_>| {
            if let EventKind::Override { set, .. } = event.kind {
                let change = if set.is_some() { 1 } else { -1 };
                counter.fetch_add(change, Ordering::SeqCst);
            }
        })
        .build()
        .unwrap();
    let policy = policy().without_consecutive_failures().build().unwrap();
    (registry.dependency_with("llm", policy).unwrap(), open)
}

fn at_once(each: impl Fn(usize) + Sync) {
    let start = Barrier::new(THREADS);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (start, each) = (&start, &each);
            scope.spawn(move || {
                start.wait();
                each(thread);
            });
        }
    });
}

#[test]
fn calls_that_say_it_at_once_set_it_once() {
    let (llm, open) = counted();
    for _ in 0..ROUNDS {
        let permits: Vec<_> = (0..THREADS).map(|_| acquire(&llm)).collect();
        let permits = std::sync::Mutex::new(permits);
        at_once(|_| {
            let permit = permits.lock().unwrap().pop().unwrap();
            permit.record(Outcome::QuotaExhausted);
        });
        assert_eq!(open.load(Ordering::SeqCst), 1);
        assert!(is_held(&llm));
        llm.circuit("acme").reset();
        assert_eq!(open.load(Ordering::SeqCst), 0);
        drop(acquire(&llm));
    }
}

#[test]
fn no_call_of_before_a_reset_holds_the_circuit_after_it() {
    let (llm, _) = counted();
    for _ in 0..ROUNDS {
        let permits: Vec<_> = (1..THREADS).map(|_| acquire(&llm)).collect();
        let permits = std::sync::Mutex::new(permits);
        // Whichever comes first, the reset ends what the calls began.
        at_once(|thread| {
            if thread == 0 {
                llm.circuit("acme").reset();
            } else {
                let permit = permits.lock().unwrap().pop().unwrap();
                permit.record(Outcome::QuotaExhausted);
            }
        });
        assert!(!is_held(&llm));
        drop(acquire(&llm));
    }
}

#[test]
fn what_was_forced_last_is_what_holds() {
    let (llm, _) = counted();
    let acme = llm.circuit("acme");
    for _ in 0..ROUNDS {
        at_once(|thread| {
            for _ in 0..20 {
                match thread {
                    0 => acme.clear(),
                    1 => acme.set(Override::DryRun),
                    _ => {
                        _ = llm
                            .acquire("acme")
                            .map(|it| it.record(Outcome::QuotaExhausted))
                    }
                }
            }
        });
        // The flag by which calls look for an override says what is there.
        let is_forced = llm.effective_state("acme") == EffectiveState::ForcedOpen;
        assert_eq!(llm.acquire("acme").is_err(), is_forced);
        assert_eq!(is_held(&llm), is_forced);
        acme.set(Override::DryRun);
        exhaust(&llm);
        drop(acquire(&llm));
        acme.clear();
        drop(acquire(&llm));
    }
}
