//! What there is to be once a soak is over, and nobody calls.

use std::time::Duration;

use tower_tenant_breaker::{Dependency, Outcome};

use super::{IN_FLIGHT, KNOWN, PROBES, known};
use crate::figure::Figure;
use crate::rest::rest;

/// Longer than circuits take to go half-open in a recovery, and shorter than the lease of a probe that is lost.
const RECOVERY: Duration = Duration::from_secs(4);

pub fn all(dependencies: &[Dependency]) -> Vec<Figure> {
    let in_flight: u64 = dependencies
        .iter()
        .flat_map(Dependency::circuit_snapshots)
        .map(|circuit| circuit.in_flight.map_or(0, u64::from))
        .sum();
    let tenants: Vec<_> = (0..KNOWN).map(known).collect();
    let all = || {
        let pairs = |dependency| tenants.iter().map(move |tenant| (dependency, &**tenant));
        dependencies.iter().flat_map(pairs)
    };

    for (dependency, tenant) in all() {
        dependency.circuit(tenant).clear();
    }
    dependencies.iter().for_each(Dependency::begin_recovery);
    rest(RECOVERY);
    let may_not_probe = all()
        .filter(|(dependency, tenant)| places(dependency, tenant, 1) == 0)
        .count();

    dependencies.iter().for_each(Dependency::reset);
    let admitted = all()
        .filter(|(dependency, tenant)| places(dependency, tenant, 1) == 1)
        .count();
    let for_calls: u64 = all()
        .map(|(dependency, tenant)| places(dependency, tenant, IN_FLIGHT + 1))
        .sum();
    let for_probes: u64 = all()
        .map(|(dependency, tenant)| {
            let circuit = dependency.circuit(tenant);
            if circuit.open().is_err() || circuit.half_open().is_err() {
                return 0;
            }
            let places = places(dependency, tenant, IN_FLIGHT);
            circuit.reset();
            places
        })
        .sum();
    let circuits = all().count();
    let each = |places: u32| u64::from(places) * circuits as u64;
    vec![
        Figure::exactly("calls in flight when nobody calls", in_flight, 0),
        Figure::exactly(
            "known tenants whose circuit admits nobody after a recovery",
            may_not_probe,
            0,
        ),
        Figure::exactly(
            "circuits of known tenants that admit after a reset",
            admitted,
            circuits,
        ),
        Figure::exactly(
            "places for their calls, 64 each",
            for_calls,
            each(IN_FLIGHT),
        ),
        Figure::exactly("places for their probes, 3 each", for_probes, each(PROBES)),
    ]
}

/// How many calls are admitted at once, up to `most`; none of them leaves a trace.
fn places(dependency: &Dependency, tenant: &str, most: u32) -> u64 {
    let admitted = (0..most).map_while(|_| dependency.acquire(tenant).ok());
    let held: Vec<_> = admitted.collect();
    let places = held.len() as u64;
    for permit in held {
        permit.record(Outcome::Ignored);
    }
    places
}
