//! Everything at once, for as long as is asked for, with memory flat.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use gauge::Resident;
use tokio::time::Instant;
use tower_tenant_breaker::{
    CircuitBreakerRegistry, Dependency, OpenPeriod, OutagePolicy, Outcome, Override, Policy,
};

use crate::figure::Figure;

const PLACES: usize = 20_000;
/// So many tenants call again and again; the others come once.
const KNOWN: usize = 10_000;
/// Rests after so many calls: a soak is long, and is to leave the machine to others.
const BATCH: u32 = 500;
const REST: Duration = Duration::from_millis(20);
const MIB: f64 = 1024.0 * 1024.0;

pub fn storm(minutes: u64) -> Vec<Figure> {
    let registry = CircuitBreakerRegistry::builder().max_tenants(PLACES);
    let registry = registry.build().expect("a registry");
    let dependencies: Vec<_> = ["search", "payments", "model"]
        .into_iter()
        .map(|name| {
            registry
                .dependency_with(name, policy(100))
                .expect("a dependency")
        })
        .collect();
    let (over, calls) = (AtomicBool::new(false), AtomicU64::new(0));
    let begun = Instant::now();
    let lasts = Duration::from_secs(60 * minutes);
    let (mut settled, mut snapshots) = (None, 0_u64);
    thread::scope(|scope| {
        for seed in 0..2 {
            let (dependencies, over, calls) = (&dependencies, &over, &calls);
            scope.spawn(move || call(dependencies, seed, over, calls));
        }
        while since(begun) < lasts {
            rest(Duration::from_secs(1));
            snapshots += 1;
            for dependency in &dependencies {
                operate(dependency, snapshots);
            }
            // By then every map is full, and every window has gone round.
            if settled.is_none() && since(begun) >= lasts / 4 {
                settled = Resident::of_this_process();
            }
            if snapshots.is_multiple_of(60)
                && let Some(resident) = Resident::of_this_process()
            {
                let minute = snapshots / 60;
                eprintln!(
                    "minute {minute}: {:.1} MiB, {} calls",
                    resident.now as f64 / MIB,
                    calls.load(Relaxed)
                );
            }
        }
        over.store(true, Relaxed);
    });
    let late = Resident::of_this_process();
    let most = dependencies
        .iter()
        .map(Dependency::len)
        .max()
        .unwrap_or_default();
    let counted: u64 = dependencies
        .iter()
        .map(|dependency| dependency.snapshot().totals.calls)
        .sum();
    let mut figures = vec![
        Figure::at_least("minutes", since(begun).as_secs() / 60, minutes),
        Figure::at_least("calls", calls.load(Relaxed), 1),
        Figure::at_most(
            "calls that circuits counted, of those that were made",
            counted,
            calls.load(Relaxed),
        ),
        Figure::at_most("circuits of one dependency", most, PLACES),
    ];
    if let Some((settled, late)) = settled.zip(late) {
        let percent = late.now as f64 / settled.now as f64 * 100.0 - 100.0;
        let grown = (percent * 10.0).round() / 10.0;
        figures.push(Figure::at_most(
            "percent of memory grown in the last three quarters",
            grown,
            5.0,
        ));
    }
    figures
}

fn since(begun: Instant) -> Duration {
    Instant::now().saturating_duration_since(begun)
}

/// A soak is long, and in real time.
#[expect(clippy::disallowed_methods, reason = "nothing is awaited here")]
fn rest(period: Duration) {
    thread::sleep(period);
}

fn policy(milliseconds: u64) -> Policy {
    Policy::builder()
        .window(Duration::from_secs(10))
        .open_for(OpenPeriod::exponential(
            Duration::from_millis(milliseconds),
            Duration::from_secs(5),
        ))
        .outage(OutagePolicy::default())
        .max_in_flight(64)
        .build()
        .expect("a policy")
}

fn call(dependencies: &[Dependency], seed: u64, over: &AtomicBool, calls: &AtomicU64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut held = Vec::new();
    while !over.load(Relaxed) {
        for _ in 0..BATCH {
            let dependency = &dependencies[random.usize(..dependencies.len())];
            let tenant = if random.u8(..10) == 0 {
                format!("minted-{:016x}", random.u64(..))
            } else {
                format!("known-{}", random.usize(..KNOWN).min(random.usize(..KNOWN)))
            };
            calls.fetch_add(1, Relaxed);
            let Ok(permit) = dependency.acquire(&tenant) else {
                continue;
            };
            match random.u8(..20) {
                0..=2 => permit.record(Outcome::failure()),
                3 => {
                    let hint = Duration::from_millis(random.u64(1..500));
                    permit.record(Outcome::throttled().with_retry_after(hint));
                }
                4 => drop(permit),
                5 => held.push(permit),
                6 if random.u8(..) == 0 => permit.record(Outcome::QuotaExhausted),
                _ => permit.record(Outcome::Success),
            }
        }
        if held.len() > 1_000 {
            held.clear();
        }
        rest(REST);
    }
}

/// What somebody may do who watches: read, force, change, reset.
fn operate(dependency: &Dependency, second: u64) {
    let snapshot = dependency.snapshot();
    assert!(
        snapshot.circuits <= PLACES,
        "{} circuits",
        snapshot.circuits
    );
    let known = dependency.circuit(&format!("known-{}", second % 100));
    match second % 20 {
        3 => known.set_for(Override::DryRun, Duration::from_secs(5)),
        5 => known.force_open_for("maintenance", Duration::from_secs(2)),
        9 => dependency.set_policy(policy(100 + second % 400)),
        13 => dependency.begin_recovery(),
        15 => dependency.reset(),
        17 => known.reset(),
        19 => {
            let _ = known.set_policy(policy(300));
            known.clear_policy();
        }
        _ => {}
    }
}
