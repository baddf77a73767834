//! One half-open circuit, a closed one, and one that trips and recovers all the time, from two threads at once.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use tower_tenant_breaker::{CircuitState, Dependency, OpenPeriod, Outcome, Permit};

use super::{Dropped, IN_FLIGHT, PLACES, STEPS, dependency, free_places, half_open, moving, still};
use crate::figure::Figure;
use crate::rest::rest;

const PERIOD: Duration = Duration::from_micros(20);

const PROBED: usize = 0;
const CLOSED: usize = 1;
const MOVING: usize = 2;
const TENANTS: [&str; 3] = ["probed", "closed", "moving"];

pub fn drops(calls: u64) -> (Dropped, Vec<Figure>) {
    let (still, moving) = (
        dependency(still()),
        dependency(moving(2, OpenPeriod::fixed(PERIOD))),
    );
    let dependencies = [&still, &still, &moving];
    for tenant in [PROBED, CLOSED] {
        drop(still.acquire(TENANTS[tenant]));
    }
    half_open(&still, TENANTS[PROBED]);
    let watched = [(); 3].map(|()| Watched::default());
    thread::scope(|scope| {
        for seed in 0..2 {
            let watched = &watched;
            scope.spawn(move || call(dependencies, seed, watched, calls));
        }
    });
    let most = watched.each_ref().map(|watched| watched.most.load(SeqCst));
    let dropped = all_of(&watched);
    let totals = moving.snapshot().totals;

    let tenant = TENANTS[MOVING];
    // It may probe again, if it is open, and whoever may not then has lost a place.
    rest(100 * PERIOD);
    let expected = match moving.state(tenant) {
        CircuitState::Closed => IN_FLIGHT,
        CircuitState::HalfOpen | CircuitState::Open => PLACES,
    };
    let free_as_it_was = free_places(&moving, tenant);
    let figures = vec![
        Figure::at_least("dropped on two threads", dropped.all(), calls),
        Figure::at_least(".. which were probes", dropped.probes, calls / 2),
        Figure::at_most(".. probes of one circuit at once", most[PROBED], PLACES),
        Figure::at_most(
            ".. calls of a closed circuit at once",
            most[CLOSED],
            IN_FLIGHT,
        ),
        Figure::at_most(
            ".. calls at once of one that moves",
            most[MOVING],
            IN_FLIGHT,
        ),
        Figure::at_least(".. times that it opened", totals.opened, 3),
        Figure::exactly(
            ".. places for probes afterwards",
            free_places(&still, TENANTS[PROBED]),
            PLACES,
        ),
        Figure::exactly(
            ".. places for calls afterwards",
            free_places(&still, TENANTS[CLOSED]),
            IN_FLIGHT,
        ),
        Figure::exactly(
            ".. places of the one that moves, by its state",
            free_as_it_was,
            expected,
        ),
    ];
    (dropped, figures)
}

fn call(dependencies: [&Dependency; 3], seed: u64, watched: &[Watched; 3], calls: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut held: [Vec<Permit>; 3] = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..STEPS * calls {
        if all_of(watched).is_enough(calls) {
            break;
        }
        // Those that probe have fewer calls under way to drop, and so have more turns.
        let which = match random.u8(..16) {
            0..9 => PROBED,
            9..13 => CLOSED,
            _ => MOVING,
        };
        if random.bool() {
            if let Ok(permit) = dependencies[which].acquire(TENANTS[which]) {
                watched[which].begin();
                held[which].push(permit);
            }
        } else if let Some(permit) = held[which].pop() {
            watched[which].end();
            match random.u8(..4) {
                0 if which == MOVING => permit.record(Outcome::failure()),
                1 if which == MOVING => permit.record(Outcome::Success),
                0 | 1 => permit.record(Outcome::Ignored),
                _ => {
                    watched[which].dropped.fetch_add(1, SeqCst);
                    drop(permit);
                }
            }
        }
    }
    for (which, held) in held.into_iter().enumerate() {
        for permit in held {
            watched[which].end();
            drop(permit);
        }
    }
}

/// Of the circuit that moves it is not known which calls are probes: none is counted as one.
fn all_of(watched: &[Watched; 3]) -> Dropped {
    let [probes, closed, moving] = watched
        .each_ref()
        .map(|watched| watched.dropped.load(SeqCst));
    Dropped {
        probes,
        others: closed + moving,
    }
}

/// How many are under way, and the most that ever were.
#[derive(Default)]
struct Watched {
    now: AtomicU32,
    most: AtomicU32,
    dropped: AtomicU64,
}

impl Watched {
    fn begin(&self) {
        let now = self.now.fetch_add(1, SeqCst) + 1;
        self.most.fetch_max(now, SeqCst);
    }

    /// Before the place is free: somebody else may have it at once.
    fn end(&self) {
        self.now.fetch_sub(1, SeqCst);
    }
}
