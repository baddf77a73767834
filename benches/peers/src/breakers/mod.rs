//! Those that are compared, in the order of the table.

mod failsafe;
mod none;
mod ours;
mod recloser;
mod seatbelt;
mod tower_resilience;

use crate::breaker::{Breaker, Trips};

/// What is known of one before it is measured.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// With each package in braces, where its version belongs.
    pub name: &'static str,
    /// The packages whose versions are in the name, as `Cargo.lock` has them.
    pub packages: &'static [&'static str],
    /// Whether a latency percentile can open a circuit.
    pub percentile: &'static str,
}

/// What is done with each of them.
pub trait Visit {
    fn visit<B: Breaker>(&mut self, about: About, make: impl Fn(Trips) -> B);
}

/// Visits all of them, in the order of the table.
pub fn each(visit: &mut impl Visit) {
    visit.visit(none::ABOUT, none::make);
    visit.visit(ours::CORE, ours::core);
    visit.visit(ours::CALL, ours::decorator);
    visit.visit(ours::SERVICE, ours::service);
    visit.visit(ours::RESPONDING, ours::responding);
    visit.visit(recloser::DASHMAP, recloser::in_dashmap);
    visit.visit(failsafe::ABOUT, failsafe::make);
    visit.visit(recloser::MOKA, recloser::in_moka);
    visit.visit(tower_resilience::ABOUT, tower_resilience::make);
    visit.visit(seatbelt::ABOUT, seatbelt::make);
}
