//! Tenants that somebody makes up, against the tenants that there are.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use gauge::Resident;
use tokio::time::Instant;
use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitState, Dependency, OpenPeriod, Outcome, Policy,
};

use crate::figure::Figure;
use crate::rest::rest;

const PLACES: usize = 100_000;
const OPEN: usize = 500;
const WATCHED: usize = 20_000;
/// Places that are left to minted tenants.
const OTHERS: u64 = (PLACES - OPEN - WATCHED) as u64;
/// They are minted in so many pieces. In each, every watched tenant calls at least once.
const PIECES: u64 = 100;
/// After so many pieces nobody is minted for a window, so that the places of all who were are free again.
const PIECES_IN_A_FILL: u64 = PIECES / 4;
/// Watched tenants call more often than this, and the minted ones once: their places are free again after it.
const WINDOW: Duration = Duration::from_secs(5);
/// A window, and what rounds it up.
const AFTER_A_WINDOW: Duration = Duration::from_secs(6);
/// What a slot of the window may take off it, which has ten.
const MOST_BETWEEN_CALLS: f64 = 4.5;
const ONE_FAILS_OF: u64 = 3;
/// Tenants that come when all others have been silent for a window.
const LATE: u64 = 50_000;
const MIB: f64 = 1024.0 * 1024.0;

fn open(number: usize) -> String {
    format!("tenant-that-is-open-{number:07}")
}

fn watched(number: usize) -> String {
    format!("tenant-that-is-well-{number:07}")
}

pub fn storm(minted: u64) -> Vec<Figure> {
    let policy = Policy::builder()
        .window(WINDOW)
        .open_for(OpenPeriod::fixed(Duration::from_secs(3_600)))
        .build()
        .expect("a policy");
    let registry = CircuitBreakerRegistry::builder().max_tenants(PLACES);
    let registry = registry.build().expect("a registry");
    let search = registry
        .dependency_with("search", policy)
        .expect("a dependency");
    for number in 0..OPEN {
        while let Ok(permit) = search.acquire(&open(number)) {
            permit.record(Outcome::failure());
        }
    }
    for number in 0..WATCHED {
        call(&search, &watched(number), Outcome::failure());
    }

    let next = AtomicU64::new(0);
    let watch = Watch::default();
    let mut early = None;
    let seen = thread::scope(|scope| {
        let watching = scope.spawn(|| watch.all(&search));
        for piece in 1..=PIECES {
            let rounds = watch.rounds.load(Relaxed);
            thread::scope(|scope| {
                for _ in 0..2 {
                    scope.spawn(|| mint(&search, &next, minted * piece / PIECES));
                }
            });
            while watch.rounds.load(Relaxed) == rounds && !watching.is_finished() {
                rest(Duration::from_millis(1));
            }
            if piece.is_multiple_of(PIECES_IN_A_FILL) && piece < PIECES {
                rest(AFTER_A_WINDOW);
                if piece == PIECES / 2 {
                    // By then the map is full, every window has gone round, and every path was gone.
                    early = Resident::of_this_process();
                }
            }
        }
        watch.over.store(true, Relaxed);
        watching.join().expect("those who watch do not panic")
    });
    let late = Resident::of_this_process();

    let states = (0..OPEN).map(|number| search.state(&open(number)));
    let still_open = states.filter(|state| *state == CircuitState::Open).count();
    let rejected = (0..OPEN)
        .filter(|number| search.acquire(&open(*number)).is_err())
        .count();
    let kept = (0..WATCHED).filter(|number| {
        let snapshot = search.circuit(&watched(*number)).snapshot();
        snapshot
            .is_some_and(|kept| kept.totals.failures == 1 && kept.totals.calls == seen.rounds + 1)
    });
    let kept = kept.count();
    let snapshot = search.snapshot();
    let grown = early.zip(late).map(|(early, late)| {
        let grown = late.now.saturating_sub(early.now);
        (grown as f64 / MIB).round()
    });

    rest(AFTER_A_WINDOW);
    for number in 0..LATE {
        call(&search, &format!("late-{number:020}"), Outcome::Success);
    }
    let without_room = search.snapshot().overflowed - snapshot.overflowed;
    vec![
        Figure::exactly(
            "minted tenants that called",
            next.load(Relaxed).min(minted),
            minted,
        ),
        Figure::at_most(
            "circuits at once",
            watch.most.load(Relaxed).max(search.len()),
            PLACES,
        ),
        Figure::exactly("open circuits that stayed open", still_open, OPEN),
        Figure::exactly(".. and reject", rejected, OPEN),
        Figure::at_least(
            "calls of each watched tenant while others were minted",
            seen.rounds,
            PIECES,
        ),
        Figure::at_most(
            ".. seconds between two of them at most",
            (seen.longest.as_secs_f64() * 100.0).round() / 100.0,
            MOST_BETWEEN_CALLS,
        ),
        Figure::exactly(".. rejected", seen.rejected, 0),
        Figure::exactly("watched tenants that kept every count", kept, WATCHED),
        Figure::at_least(
            "minted tenants that found room",
            minted.saturating_sub(snapshot.overflowed),
            // The first fill, and most of those after the windows that passed.
            3 * OTHERS,
        ),
        Figure::at_least(".. that found none", snapshot.overflowed, 1),
        Figure::exactly("circuits that were forgotten", snapshot.forgotten, 0),
        Figure::of_memory("MiB grown in the second half", grown, 8.0),
        Figure::exactly(
            "tenants without room of 50000 that came once all had been silent",
            without_room,
            0,
        ),
    ]
}

/// The watched tenants' own thread.
#[derive(Default)]
struct Watch {
    over: AtomicBool,
    /// How often each of them has called.
    rounds: AtomicU64,
    /// The most circuits that there were.
    most: AtomicUsize,
}

struct Seen {
    rounds: u64,
    rejected: u64,
    /// No longer passed between two calls of one tenant.
    longest: Duration,
}

impl Watch {
    fn all(&self, search: &Dependency) -> Seen {
        let ids: Vec<_> = (0..WATCHED).map(watched).collect();
        let (mut rounds, mut rejected) = (0, 0);
        let (mut longest, mut begun) = (Duration::ZERO, Instant::now());
        while !self.over.load(Relaxed) {
            let before = begun;
            begun = Instant::now();
            for id in &ids {
                match search.acquire(id) {
                    Ok(permit) => permit.record(Outcome::Success),
                    Err(_) => rejected += 1,
                }
            }
            longest = longest.max(Instant::now().saturating_duration_since(before));
            rounds += 1;
            self.rounds.store(rounds, Relaxed);
            self.most.fetch_max(search.len(), Relaxed);
            rest(Duration::from_millis(10));
        }
        Seen {
            rounds,
            rejected,
            longest,
        }
    }
}

fn mint(search: &Dependency, next: &AtomicU64, until: u64) {
    loop {
        let number = next.fetch_add(1, Relaxed);
        if number >= until {
            // Given back to the next piece.
            next.fetch_min(until, Relaxed);
            return;
        }
        let outcome = if number.is_multiple_of(ONE_FAILS_OF) {
            Outcome::failure()
        } else {
            Outcome::Success
        };
        call(
            search,
            &format!("minted-{:020}", number.wrapping_mul(0x9E37_79B9_7F4A_7C15)),
            outcome,
        );
    }
}

fn call(search: &Dependency, tenant: &str, outcome: Outcome) {
    if let Ok(permit) = search.acquire(tenant) {
        permit.record(outcome);
    }
}
