//! Calls that are dropped at random points, half of them probes: no place may be lost, and none minted.

mod on_two_threads;
mod through_the_service;
mod through_transitions;

use std::time::Duration;

use tower_tenant_breaker::{CircuitBreakerRegistry, Dependency, OpenPeriod, Policy};

use crate::figure::Figure;

/// The places for probes, and those for all calls of a tenant.
const PLACES: u32 = 3;
const IN_FLIGHT: u32 = 8;
/// Where places get lost, calls to drop do not come by: after so many steps for each that is wanted, there is no more to see.
const STEPS: u64 = 100;

/// The dropped calls of one part.
#[derive(Clone, Copy, Debug, Default)]
struct Dropped {
    probes: u64,
    others: u64,
}

impl Dropped {
    fn all(self) -> u64 {
        self.probes + self.others
    }

    /// Whether there are so many, and half of them were probes.
    fn is_enough(self, calls: u64) -> bool {
        self.all() >= calls && self.probes >= calls / 2
    }
}

pub fn storm(calls: u64) -> Vec<Figure> {
    let quarter = calls.div_ceil(4);
    let parts = [
        through_the_service::drops(calls / 2),
        through_transitions::drops(quarter),
        on_two_threads::drops(quarter),
    ];
    let mut dropped = Dropped::default();
    for (part, _) in &parts {
        dropped.probes += part.probes;
        dropped.others += part.others;
    }
    let mut figures = vec![
        Figure::at_least("calls dropped in all", dropped.all(), calls),
        Figure::at_least(".. which were probes", dropped.probes, calls / 2),
    ];
    figures.extend(parts.into_iter().flat_map(|(_, figures)| figures));
    figures
}

fn dependency(policy: Policy) -> Dependency {
    let registry = CircuitBreakerRegistry::builder()
        .build()
        .expect("a registry");
    registry
        .dependency_with("search", policy)
        .expect("a dependency")
}

/// Circuits that stay as they are, whatever is dropped.
fn still() -> Policy {
    Policy::builder()
        .half_open_max_calls(PLACES)
        .max_in_flight(IN_FLIGHT)
        .abandoned_run(0)
        .build()
        .expect("a policy")
}

/// Three failures or cancelled calls in a row open the circuit, which a few good probes close again.
fn moving(success_threshold: u32, open_for: OpenPeriod) -> Policy {
    Policy::builder()
        .without_failure_rate()
        .without_latency()
        .consecutive_failures(3)
        .abandoned_run(3)
        .half_open_max_calls(PLACES)
        .success_threshold(success_threshold)
        // A probe that is lost is to be missed for good.
        .probe_lease(Duration::from_secs(86_400))
        .open_for(open_for)
        .max_in_flight(IN_FLIGHT)
        .build()
        .expect("a policy")
}

fn half_open(search: &Dependency, tenant: &str) {
    let circuit = search.circuit(tenant);
    circuit.open().expect("it has a circuit");
    circuit.half_open().expect("it is open");
}

fn free_places(search: &Dependency, tenant: &str) -> u32 {
    let mut held = Vec::new();
    // One more than there are is enough to see that there are too many.
    while held.len() <= IN_FLIGHT as usize
        && let Ok(permit) = search.acquire(tenant)
    {
        held.push(permit);
    }
    held.len() as u32
}
