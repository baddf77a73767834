//! Everything at once, for as long as is asked for, with memory flat.

mod afterwards;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use gauge::Resident;
use tower_tenant_breaker::{
    CircuitBreakerRegistry, Dependency, OpenPeriod, OutagePolicy, Outcome, Override, Policy,
};

use crate::figure::Figure;
use crate::rest::rest;

const PLACES: usize = 20_000;
/// So many tenants call again and again; the others come once.
const KNOWN: usize = 10_000;
const IN_FLIGHT: u32 = 64;
const PROBES: u32 = 3;
/// Rests after so many calls: a soak is long, and is to leave the machine to others.
const BATCH: u32 = 500;
const REST: Duration = Duration::from_millis(20);
/// A second with fewer calls is none of load: the machine was stopped, or did something else.
const LEAST_CALLS: u64 = 1_000;
/// One known tenant of so many is sick, whose calls fail, and others take their turn after so many seconds.
const ONE_SICK_OF: u64 = 10;
const SICK_FOR: u64 = 10;
/// Of the calls of known tenants, in any minute. The others' circuits are open since they were sick, or were forced open.
const LEAST_ADMITTED: f64 = 85.0;
/// Percent that memory may grow by in the last three quarters. Only once every tenant was sick, do circuits stay as they are.
const MOST_GROWN: f64 = 5.0;
const MOST_GROWN_IN_A_FEW_MINUTES: f64 = 15.0;
const MIB: f64 = 1024.0 * 1024.0;

#[derive(Default)]
struct Calls {
    over: AtomicBool,
    /// Whose turn it is to be sick.
    turn: AtomicU64,
    made: AtomicU64,
    /// Those of known tenants, and which of these were admitted.
    known: AtomicU64,
    admitted: AtomicU64,
}

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
    let calls = Calls::default();
    let mut load = Load::default();
    thread::scope(|scope| {
        let callers = [0, 1].map(|seed| {
            let (dependencies, calls) = (&dependencies, &calls);
            scope.spawn(move || call(dependencies, seed, calls))
        });
        while load.seconds < 60 * minutes && load.is_called() {
            rest(Duration::from_secs(1));
            load.tick(&calls, 15 * minutes);
            calls.turn.store(load.seconds / SICK_FOR, Relaxed);
            for dependency in &dependencies {
                operate(dependency, load.seconds);
            }
        }
        calls.over.store(true, Relaxed);
        for _ in 0..60 {
            if callers.iter().all(|caller| caller.is_finished()) {
                return;
            }
            rest(Duration::from_secs(1));
        }
        eprintln!("soak: callers that do not come back");
        std::process::exit(1);
    });
    let late = Resident::of_this_process();
    let most = dependencies
        .iter()
        .map(Dependency::len)
        .max()
        .unwrap_or_default();
    let totals = dependencies
        .iter()
        .map(|dependency| dependency.snapshot().totals);
    let (mut counted, mut opened, mut recovered) = (0, 0, 0);
    for totals in totals {
        counted += totals.calls;
        opened += totals.opened;
        recovered += totals.recovered;
    }
    let grown = load.settled.zip(late).map(|(settled, late)| {
        let percent = late.now as f64 / settled.now as f64 * 100.0 - 100.0;
        (percent * 10.0).round() / 10.0
    });
    let mut figures = vec![
        Figure::at_least("minutes of load", load.seconds / 60, minutes),
        Figure::at_least(
            "calls",
            calls.made.load(Relaxed),
            60 * minutes * LEAST_CALLS,
        ),
        Figure::at_least(
            "percent of known tenants' calls admitted, in the minute with the fewest",
            (load.fewest.unwrap_or_default() * 10.0).round() / 10.0,
            LEAST_ADMITTED,
        ),
        Figure::at_most(
            "calls that circuits counted, of those that were made",
            counted,
            calls.made.load(Relaxed),
        ),
        Figure::at_least("times that circuits opened", opened, 1_000 * minutes),
        Figure::at_least(".. and that probes closed one", recovered, 100 * minutes),
        Figure::at_most("circuits of one dependency", most, PLACES),
        Figure::of_memory(
            "percent of memory grown in the last three quarters",
            grown,
            if minutes < 10 {
                MOST_GROWN_IN_A_FEW_MINUTES
            } else {
                MOST_GROWN
            },
        ),
    ];
    figures.extend(afterwards::all(&dependencies));
    figures
}

/// What was seen of the calls, second by second. Seconds in which the machine was stopped are none.
#[derive(Default)]
struct Load {
    seconds: u64,
    idle: u64,
    /// At the end of the second before, and of the minute before.
    made: u64,
    known: u64,
    admitted: u64,
    /// Percent admitted in the minute with the fewest.
    fewest: Option<f64>,
    settled: Option<Resident>,
}

impl Load {
    /// Where nobody calls for longer than they ever did, there is nothing to wait for.
    fn is_called(&self) -> bool {
        self.idle <= self.seconds + 120
    }

    fn tick(&mut self, calls: &Calls, settles_after: u64) {
        let made = calls.made.load(Relaxed);
        let is_loaded = made - self.made >= LEAST_CALLS;
        self.made = made;
        if !is_loaded {
            self.idle += 1;
            return;
        }
        self.seconds += 1;
        // By then every map is full, and every window has gone round.
        if self.seconds >= settles_after && self.settled.is_none() {
            self.settled = Resident::of_this_process();
        }
        if self.seconds.is_multiple_of(60) {
            let [known, admitted] =
                [&calls.known, &calls.admitted].map(|counter| counter.load(Relaxed));
            let share = (admitted - self.admitted) as f64 / (known - self.known).max(1) as f64;
            (self.known, self.admitted) = (known, admitted);
            let percent = share * 100.0;
            self.fewest = Some(self.fewest.map_or(percent, |fewest| fewest.min(percent)));
            let resident = Resident::of_this_process().map_or(0, |resident| resident.now);
            eprintln!(
                "minute {}: {:.1} MiB, {made} calls, {percent:.1} % of known tenants' admitted",
                self.seconds / 60,
                resident as f64 / MIB,
            );
        }
    }
}

fn policy(milliseconds: u64) -> Policy {
    Policy::builder()
        .window(Duration::from_secs(10))
        .consecutive_failures(3)
        .open_for(OpenPeriod::exponential(
            Duration::from_millis(milliseconds),
            Duration::from_secs(5),
        ))
        .half_open_max_calls(PROBES)
        .outage(OutagePolicy::default())
        .max_in_flight(IN_FLIGHT)
        .build()
        .expect("a policy")
}

fn known(number: usize) -> String {
    format!("known-{number}")
}

fn call(dependencies: &[Dependency], seed: u64, calls: &Calls) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut held = Vec::new();
    while !calls.over.load(Relaxed) {
        for _ in 0..BATCH {
            let dependency = &dependencies[random.usize(..dependencies.len())];
            let is_known = random.u8(..10) > 0;
            let number = random.usize(..KNOWN).min(random.usize(..KNOWN));
            let turn = number as u64 + calls.turn.load(Relaxed);
            let is_sick = is_known && turn.is_multiple_of(ONE_SICK_OF);
            let tenant = if is_known {
                known(number)
            } else {
                format!("minted-{:016x}", random.u64(..))
            };
            calls.made.fetch_add(1, Relaxed);
            calls.known.fetch_add(u64::from(is_known), Relaxed);
            let Ok(permit) = dependency.acquire(&tenant) else {
                continue;
            };
            calls.admitted.fetch_add(u64::from(is_known), Relaxed);
            match random.u8(..20) {
                0..=2 => permit.record(Outcome::failure()),
                7.. if is_sick => permit.record(Outcome::failure()),
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
    let known = dependency.circuit(&known(second as usize % 100));
    match second % 60 {
        // Once a minute and early, since it mends what else would be seen in the end.
        15 => dependency.reset(),
        second => match second % 20 {
            3 => known.set_for(Override::DryRun, Duration::from_secs(5)),
            5 => known.force_open_for("maintenance", Duration::from_secs(2)),
            9 => dependency.set_policy(policy(100 + second % 400)),
            13 => dependency.begin_recovery(),
            17 => known.reset(),
            19 => {
                let _ = known.set_policy(policy(300));
                known.clear_policy();
            }
            _ => {}
        },
    }
}
