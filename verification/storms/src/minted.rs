//! Tenants that somebody makes up, against the tenants that there are.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use gauge::Resident;
use tower_tenant_breaker::{
    CircuitBreakerRegistry, CircuitState, Dependency, OpenPeriod, Outcome, Policy,
};

use crate::figure::Figure;

const PLACES: usize = 100_000;
const OPEN: usize = 500;
const WATCHED: usize = 20_000;
/// How often meanwhile each of the watched ones calls.
const ROUNDS: u64 = 100;
/// Watched tenants call more often than this, and the minted ones once: their places are free again after it.
const WINDOW: Duration = Duration::from_secs(5);
/// Every third minted tenant fails, and so keeps its place for a window.
const ONE_FAILS_OF: u64 = 3;
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
    let mut most = 0;
    let mut early = None;
    for round in 1..=ROUNDS {
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| mint(&search, &next, minted * round / ROUNDS));
            }
        });
        for number in 0..WATCHED {
            call(&search, &watched(number), Outcome::Success);
        }
        most = most.max(search.len());
        // By then the map is full, and every path was gone.
        if round == ROUNDS / 5 {
            early = Resident::of_this_process();
        }
    }
    let late = Resident::of_this_process();

    let states = (0..OPEN).map(|number| search.state(&open(number)));
    let still_open = states.filter(|state| *state == CircuitState::Open).count();
    let rejected = (0..OPEN)
        .filter(|number| search.acquire(&open(*number)).is_err())
        .count();
    let kept = (0..WATCHED).filter(|number| {
        let snapshot = search.circuit(&watched(*number)).snapshot();
        snapshot.is_some_and(|kept| kept.totals.failures == 1 && kept.totals.calls == ROUNDS + 1)
    });
    let snapshot = search.snapshot();
    let others = PLACES - OPEN - WATCHED;
    let grown = early
        .zip(late)
        .map(|(early, late)| late.now.saturating_sub(early.now));
    let mut figures = vec![
        Figure::exactly(
            "minted tenants that called",
            next.load(Relaxed).min(minted),
            minted,
        ),
        Figure::at_most("circuits at once", most, PLACES),
        Figure::exactly("open circuits that stayed open", still_open, OPEN),
        Figure::exactly(".. and reject", rejected, OPEN),
        Figure::exactly(
            "watched tenants that kept every count",
            kept.count(),
            WATCHED,
        ),
        Figure::at_least(
            "minted tenants that found room",
            minted.saturating_sub(snapshot.overflowed),
            others as u64,
        ),
        Figure::at_least(".. that found none", snapshot.overflowed, 1),
        Figure::exactly("circuits that were forgotten", snapshot.forgotten, 0),
    ];
    if let Some(grown) = grown {
        let grown = grown as f64 / MIB;
        figures.push(Figure::at_most(
            "MiB grown in the last four fifths",
            grown.round(),
            8.0,
        ));
    }
    figures
}

fn mint(search: &Dependency, next: &AtomicU64, until: u64) {
    loop {
        let number = next.fetch_add(1, Relaxed);
        if number >= until {
            // Given back to the next round.
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
