//! Snapshots of many circuits, while nobody calls and while calls go on.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use gauge::cpu;
use gauge::pairs::{Pairs, Spent};
use hdrhistogram::Histogram;
use tower::BoxError;
use tower_tenant_breaker::{CircuitBreakerRegistry, Dependency, Outcome, Policy};

use crate::args::Part;
use crate::report::{Budget, Row};
use crate::setup::tenants;

const CIRCUITS: usize = 100_000;
const OPEN: usize = 2_000;
/// Circuits that a bad call has made larger.
const BAD: usize = 20_000;
/// From 100 calls on a circuit has a histogram.
const BUSY: usize = 200;
/// Of so many calls one is of a tenant that has no circuit yet, as long as there is room.
const A_NEWCOMER_IN: usize = 512;
const NEWCOMERS: usize = 50_000;

/// By the wall clock, while calls go on.
const BUDGET: Budget = Budget::Wall(Duration::from_millis(50));

/// The times of calls beside the snapshots that counted, in nanoseconds.
#[derive(Debug)]
pub struct Meanwhile {
    /// The longest snapshot of those beside calls.
    pub longest: Duration,
    before: Times,
    during: Times,
}

impl Meanwhile {
    pub fn in_rows(&self) -> [(&'static str, &Histogram<u64>); 4] {
        [
            ("before it", &self.before.of_known),
            ("beside it", &self.during.of_known),
            ("a newcomer's, before it", &self.before.of_newcomers),
            ("a newcomer's, beside it", &self.during.of_newcomers),
        ]
    }
}

#[derive(Debug)]
struct Times {
    of_known: Histogram<u64>,
    of_newcomers: Histogram<u64>,
}

impl Times {
    fn none() -> Self {
        let times = || Histogram::new_with_bounds(1, 10_000_000_000, 3).expect("bounds in order");
        Self {
            of_known: times(),
            of_newcomers: times(),
        }
    }

    fn add(&mut self, others: &Self) {
        for (times, others) in [
            (&mut self.of_known, &others.of_known),
            (&mut self.of_newcomers, &others.of_newcomers),
        ] {
            times.add(others).expect("bounds are the same");
        }
    }
}

/// Open circuits first, then those with a bad call, the rest with good ones alone; the last ones are busy.
fn filled() -> Result<(CircuitBreakerRegistry, Dependency), BoxError> {
    let registry = CircuitBreakerRegistry::builder()
        .max_tenants(CIRCUITS + NEWCOMERS)
        .build()?;
    let search = registry.dependency_with("search", Policy::default())?;
    for (number, tenant) in tenants(0, CIRCUITS).iter().enumerate() {
        let calls = if number >= CIRCUITS - BUSY { 1_000 } else { 1 };
        for _ in 0..calls {
            search.acquire(tenant)?.record(Outcome::Success);
        }
        if number < BAD {
            search.acquire(tenant)?.record(Outcome::failure());
        }
        if number < OPEN {
            search
                .circuit(tenant)
                .open_for(Duration::from_secs(24 * 3600))?;
        }
    }
    Ok((registry, search))
}

/// The calls of all tenants in turn, and of newcomers among them, one after the other, until told to stop.
fn calls(
    search: &Dependency,
    newcomers: &AtomicUsize,
    has_begun: &AtomicBool,
    is_over: &AtomicBool,
) -> Times {
    let (known, new) = (tenants(0, CIRCUITS), tenants(CIRCUITS, NEWCOMERS));
    let mut times = Times::none();
    let mut at = 0;
    for number in 1_usize.. {
        if is_over.load(Relaxed) {
            break;
        }
        // Far from the one before, as tenants that come at random.
        at = (at + 7_919) % known.len();
        let newcomer = (number % A_NEWCOMER_IN == 0)
            .then(|| new.get(newcomers.fetch_add(1, Relaxed)))
            .flatten();
        let tenant = newcomer.unwrap_or(&known[at]);
        let begun = Instant::now();
        if let Ok(permit) = search.acquire(tenant) {
            permit.record(black_box(Outcome::Success));
        }
        let took = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let times = match newcomer {
            Some(_) => &mut times.of_newcomers,
            None => &mut times.of_known,
        };
        times.saturating_record(took);
        if number == 1_000 {
            has_begun.store(true, Relaxed);
        }
    }
    times
}

/// What this takes on the thread that asks.
fn timed(snapshot: impl FnOnce()) -> Spent {
    let queued = cpu::queued_of_this_thread();
    let (begun, spent) = (Instant::now(), cpu::spent_by_this_thread());
    snapshot();
    let (wall, cpu) = (begun.elapsed(), cpu::spent_by_this_thread() - spent);
    let still = cpu::queued_of_this_thread();
    let queued = still.zip(queued).map(|(still, before)| still - before);
    Spent {
        calls: 1,
        cpu,
        wall,
        queued: queued.unwrap_or_default(),
    }
}

pub fn measure(pairs: &Pairs) -> Result<Vec<Row>, BoxError> {
    let (registry, search) = filled()?;
    if search.len() != CIRCUITS {
        return Err("not every tenant has its circuit".into());
    }
    let newcomers = AtomicUsize::new(0);
    let alone = |something: &(dyn Fn() -> Spent + Sync)| {
        thread::scope(|scope| {
            let taking = scope.spawn(|| {
                cpu::keep_to(0);
                something()
            });
            taking.join().expect("no snapshot panics")
        })
    };
    let amid = |something: &(dyn Fn() -> Spent + Sync)| {
        let (has_begun, is_over) = (AtomicBool::new(false), AtomicBool::new(false));
        thread::scope(|scope| {
            let calling = scope.spawn(|| {
                cpu::keep_to(1);
                calls(&search, &newcomers, &has_begun, &is_over)
            });
            while !has_begun.load(Relaxed) && !calling.is_finished() {
                thread::sleep(Duration::from_micros(50));
            }
            let spent = alone(something);
            is_over.store(true, Relaxed);
            (spent, calling.join().expect("no call panics"))
        })
    };
    let row = |name, snapshot: &(dyn Fn() + Sync)| {
        let compared = pairs.compare_noting(
            2,
            || {
                let spent = alone(&|| timed(snapshot));
                // As long as that took, calls without a snapshot beside them.
                let (_, times) = amid(&|| {
                    thread::sleep(spent.wall);
                    spent
                });
                (spent, (spent.wall, times))
            },
            || {
                let (spent, times) = amid(&|| timed(snapshot));
                (spent, (spent.wall, times))
            },
        );
        let mut row = Row::new(
            Part::Snapshot,
            name,
            "while calls go on to alone",
            compared.as_ref().map(|both| both.0).map_err(|void| *void),
        );
        row.meanwhile = compared.ok().map(|(_, noted)| {
            let mut meanwhile = Meanwhile {
                longest: Duration::ZERO,
                before: Times::none(),
                during: Times::none(),
            };
            for ((_, before), (took, during)) in &noted {
                meanwhile.longest = meanwhile.longest.max(*took);
                meanwhile.before.add(before);
                meanwhile.during.add(during);
            }
            meanwhile
        });
        row
    };
    let sums = row("`Dependency::snapshot`", &|| {
        drop(black_box(search.snapshot()))
    });
    let of_all = row("`CircuitBreakerRegistry::snapshot`", &|| {
        drop(black_box(registry.snapshot()))
    });
    let each = row("`Dependency::circuit_snapshots`", &|| {
        drop(black_box(search.circuit_snapshots()))
    });
    // The last one is no figures of many circuits, but many figures: it is there for comparison.
    Ok(vec![sums.budget(BUDGET), of_all.budget(BUDGET), each])
}
