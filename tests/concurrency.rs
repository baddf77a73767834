//! What holds while many threads call at once. Real threads, and only counts are asserted.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitState, Dependency, Event, EventKind, OpenPeriod, Outcome,
    Override, Policy, PolicyBuilder, Reason,
};

const THREADS: usize = 4;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn without_rules() -> PolicyBuilder {
    Policy::builder()
        .without_failure_rate()
        .without_consecutive_failures()
        .without_latency()
}

fn declare(max_tenants: usize, policy: PolicyBuilder) -> Dependency {
    let registry = CircuitBreakerRegistry::builder().max_tenants(max_tenants);
    let registry = registry.build().unwrap();
    registry
        .dependency_with("search", policy.build().unwrap())
        .unwrap()
}

/// How often to do what is to be done so often: under Miri, which takes a thousand times as long, much less.
const fn rounds(all: usize) -> usize {
    let few = all / 1_000;
    match cfg!(miri) {
        true if few < 5 => 5,
        true => few,
        false => all,
    }
}

/// Runs `each` on all threads at once, with the number of its thread.
fn on_all_threads(each: impl Fn(usize) + Sync) {
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
fn no_outcome_is_lost_on_one_circuit() {
    // Just short of what a slot holds, ignored calls aside.
    const CALLS: usize = rounds(20_000);
    // A window without an end, so that it too must hold every call.
    let search = declare(10, without_rules().window(DAY));
    on_all_threads(|thread| {
        for n in 0..CALLS {
            let permit = search.acquire("acme").unwrap();
            permit.record(match (n + thread) % 4 {
                0 => Outcome::failure(),
                1 => Outcome::throttled(),
                2 => Outcome::Ignored,
                _ => Outcome::Success,
            });
        }
    });
    let quarter = (THREADS * CALLS / 4) as u64;
    let snapshot = search.circuit("acme").snapshot().unwrap();
    assert_eq!(snapshot.totals.calls, 3 * quarter);
    assert_eq!(snapshot.totals.failures, quarter);
    assert_eq!(snapshot.totals.throttled, quarter);
    assert_eq!(snapshot.totals.ignored, quarter);
    assert_eq!(snapshot.totals.late, 0);
    assert_eq!(
        (snapshot.window.calls, snapshot.window.failures),
        (3 * quarter, 2 * quarter)
    );
}

#[test]
fn no_call_is_lost_where_slots_run_over_and_pass_by() {
    const CALLS: usize = rounds(60_000);
    // In one slot that holds 65,535 calls, and in slots of a millisecond.
    for window in [DAY, Duration::from_millis(10)] {
        let search = declare(10, without_rules().window(window));
        on_all_threads(|_| {
            for _ in 0..CALLS {
                search.acquire("acme").unwrap().record(Outcome::Success);
            }
        });
        let sent = (THREADS * CALLS) as u64;
        assert_eq!(search.snapshot().totals.calls, sent, "{window:?}");
    }
}

#[test]
fn every_admitted_call_of_a_flapping_circuit_is_counted_once() {
    const CALLS: usize = rounds(100_000);
    let opened = Arc::new(AtomicU64::new(0));
    let told = Arc::clone(&opened);
    let registry = CircuitBreakerRegistry::builder()
        .observer(move |event: &Event<'_>| {
            if let EventKind::Transition {
                to: CircuitState::Open,
                ..
            } = event.kind
            {
                told.fetch_add(1, SeqCst);
            }
        })
        .build()
        .unwrap();
    let policy = without_rules()
        .consecutive_failures(2)
        .open_for(OpenPeriod::fixed(Duration::from_nanos(1)).jitter(0.0))
        .half_open_max_calls(1)
        .success_threshold(1);
    let search = registry.dependency_with("search", policy.build().unwrap());
    let search = search.unwrap();
    let (admitted, rejected) = (AtomicU64::new(0), AtomicU64::new(0));
    on_all_threads(|thread| {
        for n in 0..CALLS {
            let Ok(permit) = search.acquire("acme") else {
                rejected.fetch_add(1, SeqCst);
                continue;
            };
            admitted.fetch_add(1, SeqCst);
            permit.record(match (n + thread) % 3 {
                0 => Outcome::Success,
                _ => Outcome::failure(),
            });
        }
    });
    let totals = search.snapshot().totals;
    assert!(totals.opened > 10, "it did not flap: {totals:?}");
    assert_eq!(totals.calls + totals.late, admitted.into_inner());
    assert_eq!(totals.rejected, rejected.into_inner());
    assert_eq!(totals.opened, opened.load(SeqCst));
}

#[test]
fn a_half_open_circuit_never_admits_more_than_its_probes_at_once() {
    const PROBES: u32 = 2;
    let search = declare(10, without_rules().half_open_max_calls(PROBES));
    search.circuit("acme").open().unwrap();
    search.circuit("acme").half_open().unwrap();
    let (in_flight, admitted) = (AtomicUsize::new(0), AtomicUsize::new(0));
    on_all_threads(|_| {
        for n in 0..rounds(20_000) {
            let Ok(permit) = search.acquire("acme") else {
                continue;
            };
            assert!(permit.is_probe());
            let at_once = in_flight.fetch_add(1, SeqCst) + 1;
            assert!(at_once <= PROBES as usize, "{at_once} at once");
            admitted.fetch_add(1, SeqCst);
            if n % 16 == 0 {
                thread::yield_now();
            }
            in_flight.fetch_sub(1, SeqCst);
            // Returns the place and keeps the state.
            permit.record(Outcome::Ignored);
        }
    });
    assert_eq!(search.state("acme"), CircuitState::HalfOpen);
    assert_eq!(
        search.snapshot().totals.probes,
        admitted.into_inner() as u64
    );
    // All places came back.
    let probes = [
        search.acquire("acme"),
        search.acquire("acme"),
        search.acquire("acme"),
    ];
    assert_eq!(
        probes.iter().filter(|probe| probe.is_ok()).count(),
        PROBES as usize
    );
}

#[test]
fn only_the_first_calls_after_the_deadline_probe() {
    const PROBES: u32 = 3;
    for _ in 0..rounds(200) {
        let policy = without_rules()
            .open_for(OpenPeriod::fixed(Duration::from_nanos(1)).jitter(0.0))
            .half_open_max_calls(PROBES);
        let search = declare(10, policy);
        search.circuit("acme").open().unwrap();
        let permits = std::sync::Mutex::new(Vec::new());
        on_all_threads(|_| {
            for _ in 0..2 {
                permits.lock().unwrap().extend(search.acquire("acme"));
            }
        });
        let permits = permits.into_inner().unwrap();
        assert_eq!(permits.len(), PROBES as usize);
        let snapshot = search.snapshot();
        assert_eq!((snapshot.open, snapshot.half_open), (0, 1));
    }
}

#[test]
fn a_tenant_never_has_more_than_its_calls_in_the_air() {
    const MOST: u32 = 2;
    let search = declare(10, without_rules().max_in_flight(MOST));
    let (in_flight, saturated) = (AtomicUsize::new(0), AtomicUsize::new(0));
    on_all_threads(|_| {
        for n in 0..rounds(20_000) {
            match search.acquire("acme") {
                Ok(permit) => {
                    let at_once = in_flight.fetch_add(1, SeqCst) + 1;
                    assert!(at_once <= MOST as usize, "{at_once} at once");
                    if n % 16 == 0 {
                        thread::yield_now();
                    }
                    in_flight.fetch_sub(1, SeqCst);
                    permit.record(Outcome::Success);
                }
                Err(rejection) => {
                    let open = rejection.circuit_open().unwrap();
                    assert_eq!(open.reason(), Reason::Saturated);
                    saturated.fetch_add(1, SeqCst);
                }
            }
        }
    });
    let snapshot = search.circuit("acme").snapshot().unwrap();
    assert_eq!(snapshot.in_flight, Some(0));
    assert_eq!(snapshot.totals.rejected, saturated.into_inner() as u64);
}

#[test]
fn the_map_stays_within_its_bound_while_circuits_come_and_go() {
    const ROOM: usize = 50;
    const CALLS: usize = rounds(30_000);
    const LOOK: usize = if cfg!(miri) { 10 } else { 500 };
    // So short that circuits go while others come.
    let search = declare(ROOM, without_rules().window(Duration::from_millis(10)));
    on_all_threads(|thread| {
        for n in 0..CALLS {
            // Some ids for all threads, and some for one alone.
            let tenant = match n % 2 {
                0 => format!("{}", n / 8 % 200),
                _ => format!("{thread} {n}"),
            };
            let permit = search.acquire(&tenant).unwrap();
            if n % 5 == 0 {
                thread::yield_now();
            }
            permit.record(Outcome::Success);
            assert!(search.len() <= ROOM);
            if n % LOOK == 0 {
                let shown = search.circuit_snapshots();
                let tenants: BTreeSet<_> = shown.iter().map(|of| &of.tenant).collect();
                assert_eq!(tenants.len(), shown.len(), "a tenant with two circuits");
            }
        }
    });
    let snapshot = search.snapshot();
    assert_eq!(snapshot.circuits, search.circuit_snapshots().len());
    // A permit of a circuit that went would have taken its call with it.
    let sent = (THREADS * CALLS) as u64;
    assert_eq!(snapshot.totals.calls + snapshot.overflowed, sent);
    assert!(snapshot.totals.calls > ROOM as u64);
}

#[test]
fn all_threads_that_are_first_to_call_for_a_tenant_get_the_same_circuit() {
    const TENANTS: usize = rounds(5_000);
    let search = declare(2 * TENANTS, without_rules());
    on_all_threads(|_| {
        for n in 0..TENANTS {
            let permit = search.acquire(&format!("tenant {n}")).unwrap();
            permit.record(Outcome::Success);
        }
    });
    let shown = search.circuit_snapshots();
    assert_eq!((search.len(), shown.len()), (TENANTS, TENANTS));
    assert!(shown.iter().all(|of| of.totals.calls == THREADS as u64));
}

/// Forces open and clears while all other threads call; no call that begins in between may be admitted.
fn hold_shut(search: &Dependency, force: impl Fn(), clear: impl Fn() + Sync) {
    // Odd while the override certainly holds.
    let epoch = AtomicUsize::new(0);
    let done = AtomicBool::new(false);
    let (admitted, rejected) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 1..THREADS {
            scope.spawn(|| {
                while !done.load(SeqCst) {
                    let before = epoch.load(SeqCst);
                    let permit = search.acquire("acme");
                    let is_shut = before % 2 == 1 && epoch.load(SeqCst) == before;
                    if permit.is_ok() {
                        admitted.fetch_add(1, SeqCst);
                    } else {
                        rejected.fetch_add(1, SeqCst);
                    }
                    if is_shut && permit.is_ok() {
                        done.store(true, SeqCst);
                        panic!("admitted although forced open");
                    }
                    permit
                        .into_iter()
                        .for_each(|permit| permit.record(Outcome::Success));
                }
            });
        }
        for round in 0..rounds(1_000) {
            if done.load(SeqCst) {
                break;
            }
            force();
            epoch.fetch_add(1, SeqCst);
            let_others_call(round);
            epoch.fetch_add(1, SeqCst);
            clear();
            let_others_call(round);
        }
        // On a busy machine the others may not have had their turn yet.
        while admitted.load(SeqCst) == 0 && !done.load(SeqCst) {
            thread::yield_now();
        }
        force();
        while rejected.load(SeqCst) == 0 && !done.load(SeqCst) {
            thread::yield_now();
        }
        clear();
        done.store(true, SeqCst);
    });
}

/// A yield can take long where many threads spin, so most rounds only wait for other cores.
fn let_others_call(round: usize) {
    if round.is_multiple_of(16) {
        thread::yield_now();
    } else {
        (0..200).for_each(|_| std::hint::spin_loop());
    }
}

#[test]
fn no_call_that_begins_after_a_circuit_was_forced_open_is_admitted() {
    let search = declare(10, without_rules());
    let acme = search.circuit("acme");
    hold_shut(&search, || acme.force_open("by hand"), || acme.clear());
}

#[test]
fn no_call_that_begins_after_a_dependency_was_forced_open_is_admitted() {
    let search = declare(10, without_rules());
    hold_shut(&search, || search.force_open("by hand"), || search.clear());
}

#[test]
fn no_call_that_begins_after_a_tenant_or_a_registry_was_forced_open_is_admitted() {
    let registry = CircuitBreakerRegistry::builder().build().unwrap();
    let policy = without_rules().build().unwrap();
    let search = registry.dependency_with("search", policy).unwrap();
    let acme = registry.tenant("acme");
    hold_shut(&search, || acme.force_open("unpaid"), || acme.clear());
    hold_shut(
        &search,
        || registry.force_open("by hand"),
        || registry.clear(),
    );
}

#[test]
fn no_call_slips_by_where_an_override_ends_as_the_next_is_set() {
    let search = declare(10, without_rules());
    let acme = search.circuit("acme");
    let short = Duration::from_micros(20);
    hold_shut(
        &search,
        || acme.force_open("by hand"),
        || acme.set_for(Override::DryRun, short),
    );
    hold_shut(
        &search,
        || search.force_open("by hand"),
        || search.set_for(Override::DryRun, short),
    );
}

#[test]
fn no_newcomer_slips_by_an_override_of_its_own() {
    const TENANTS: usize = rounds(2_000);
    /// Of so many tenants, one is forced open only after its call.
    const LATER: usize = if cfg!(miri) { 2 } else { 20 };
    let search = declare(TENANTS, without_rules());
    // Whose turn it is, who has begun it, and who has had it.
    let [turn, begun, over] = [(); 3].map(|()| AtomicUsize::new(0));
    let wait_for = |n: usize, at: &AtomicUsize| {
        let mut looks = 0_u32;
        while at.load(SeqCst) < n {
            looks += 1;
            if looks.is_multiple_of(1_000) {
                thread::yield_now();
            }
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            for n in 1..=TENANTS {
                wait_for(n, &turn);
                let tenant = format!("{n}");
                begun.store(n, SeqCst);
                let permit = search.acquire(&tenant);
                permit
                    .into_iter()
                    .for_each(|permit| permit.record(Outcome::Success));
                over.store(n, SeqCst);
            }
        });
        for n in 1..=TENANTS {
            let circuit = search.circuit(&format!("{n}"));
            turn.store(n, SeqCst);
            // At another moment of the newcomer's call each time.
            wait_for(
                n,
                if n.is_multiple_of(LATER) {
                    &over
                } else {
                    &begun
                },
            );
            (0..n * 7 % 400).for_each(|_| std::hint::spin_loop());
            circuit.force_open("by hand");
            wait_for(n, &over);
        }
    });
    for n in 1..=TENANTS {
        assert!(search.acquire(&format!("{n}")).is_err(), "{n}");
    }
    assert!(search.len() >= TENANTS / LATER);
}
